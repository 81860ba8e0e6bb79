"""The pipeline may assign what the templates assign, and no more: the condition on its right.

The condition is evaluated as "Azure role assignment condition format and syntax" says.
"""

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from infra.checks import bicep
from infra.checks.access import ASSIGNMENT
from infra.checks.compiler import ROOT
from infra.checks.deployment import Deployment
from infra.checks.published import role_names
from infra.pipelines.condition import ConditionError, condition, identities, main, roles_of

ROLES = ROOT / "infra/modules/roles.bicep"
TEMPLATES = ROLES.read_text(encoding="utf-8")
STRANGER = "99999999-9999-4999-8999-999999999999"
NOBODY_YET = "88888888-8888-4888-8888-888888888888"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"  # "Azure built-in roles"
_TERM = re.compile(r"@(Request|Resource)\[[^\]:]+:(\w+)\] ForAnyOfAnyValues:(\w+) \{([^}]*)\}")
_ACTION = re.compile(r"ActionMatches\{'([^']+)'\}")
_LISTED = re.compile(r"reference\('[^']+', '[\d-]+'\)\.principalId")


class Assigned(NamedTuple):
    """One role for one principal, as a request for an assignment says it."""

    role: str
    kind: str
    principal: str


def allows(text: str, action: str, one: Assigned) -> bool:
    """Whether a condition lets an action (`write` or `delete`) on an assignment pass."""
    values = {"RoleDefinitionId": one.role, "PrincipalType": one.kind, "PrincipalId": one.principal}

    def term(found: re.Match[str]) -> str:
        source, attribute, operator, listed = found.groups()
        assert operator in {"GuidEquals", "StringEqualsIgnoreCase"}
        assert listed.strip(), "an empty list is no condition"
        # What is asked for is in the request of a write, and in the resource of a delete.
        given = source == {"write": "Request", "delete": "Resource"}[action]
        among = [each.strip(" '").casefold() for each in listed.split(",")]
        return str(given and values[attribute].casefold() in among)

    said = _TERM.sub(term, text)
    said = _ACTION.sub(lambda found: str(found[1] == f"{ASSIGNMENT}/{action}"), said)
    for azure, python in (("!", " not "), ("AND", "and"), ("OR", "or")):
        said = said.replace(azure, python)
    assert re.fullmatch(r"(?:True|False|not|and|or|[() ])+", said), said
    return bool(eval(said))  # six words, as the line before says


def made_up(expression: str) -> str:
    """An object id for an identity that only Azure knows."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, expression.strip("[]")))


def assigned(deployment: Deployment) -> Iterator[Assigned]:
    """Every role of Azure's own that a deployment assigns."""
    for one in deployment.of(ASSIGNMENT):
        principal = str(one.at("properties.principalId"))
        yield Assigned(
            str(one.at("properties.roleDefinitionId")).rsplit("/", 1)[-1],
            one.at("properties.principalType"),
            made_up(principal) if principal.startswith("[") else principal,
        )


def narrow(deployment: Deployment) -> str:
    """The condition that bootstrap makes after a deployment."""
    listed = _LISTED.findall(str(deployment.outputs["grantedPrincipalIds"]))
    outputs = {"GRANTEDprincipalIds": {"value": {made_up(one): made_up(one) for one in listed}}}
    known = identities(outputs, None)
    assert len(known) == len(listed) >= 4
    return condition(TEMPLATES, known, *principals(deployment))


def principals(deployment: Deployment) -> tuple[str, str]:
    """Who the analysts and the pipeline are."""
    given = deployment.given
    return given["analystGroupId"] or NOBODY_YET, given["pipelinePrincipalId"] or NOBODY_YET


@pytest.mark.compiler
def test_whatever_the_templates_assign_in_any_combination_is_let_in_and_no_stranger() -> None:
    seen: set[str] = set()
    for deployment in bicep.deployments():
        before = condition(TEMPLATES, [], *principals(deployment))
        after = narrow(deployment)
        for one in assigned(deployment):
            seen.add(one.role)
            assert allows(before, "write", one), one
            assert allows(after, "write", one), one
            assert allows(after, "delete", one), one
            for kind in ("ServicePrincipal", "User", "Group", "ForeignGroup", "Device"):
                stranger = Assigned(one.role, kind, STRANGER)
                assert allows(before, "write", stranger) is (kind == "ServicePrincipal")
                assert not allows(after, "write", stranger)
            for text in (before, after):
                assert not allows(text, "write", one._replace(role=OWNER))
                assert not allows(text, "delete", one._replace(role=OWNER))
    assert len(seen) >= 9


@pytest.mark.compiler
def test_pipeline_and_analysts_may_get_only_the_roles_that_the_templates_give_them() -> None:
    deployments = bicep.deployments()
    every = {one for each in deployments for one in assigned(each)}
    [named] = {
        (one.given["analystGroupId"], one.given["pipelinePrincipalId"])
        for one in deployments
        if one.given["analystGroupId"] and one.given["pipelinePrincipalId"]
    }
    known = [one.principal for one in every if one.principal not in named]
    after = condition(TEMPLATES, known, *named)
    for principal in named:
        theirs = {one.role for one in every if one.principal == principal}
        assert theirs
        for role in {one.role for one in every}:
            kind = "ServicePrincipal" if principal == named[1] else "Group"
            found = allows(after, "write", Assigned(role, kind, principal))
            assert found is (role in theirs), (role, principal)


def test_the_pipeline_cannot_make_itself_an_owner_of_blobs_once_identities_are_known() -> None:
    [blob_owner] = [
        role for role, name in role_names().items() if name == "Storage Blob Data Owner"
    ]
    asked = Assigned(blob_owner, "ServicePrincipal", "pipeline")
    assert allows(condition(TEMPLATES, [], "analysts", "pipeline"), "write", asked)
    assert not allows(condition(TEMPLATES, ["scorer"], "analysts", "pipeline"), "write", asked)


@pytest.mark.parametrize("outputs", [None, {}])
def test_a_deployment_that_failed_does_not_let_in_more(outputs: object) -> None:
    there = {"condition": condition(TEMPLATES, ["b", "a"], "analysts", "pipeline")}
    assert identities(outputs, there) == ["a", "b"]


@pytest.mark.parametrize("there", [None, {}, {"condition": None}])
def test_before_the_first_deployment_nobody_is_known(there: object) -> None:
    assert identities(None, there) == []
    assert identities(None, {"condition": condition(TEMPLATES, [], "a", "p")}) == []


@pytest.mark.parametrize("value", [None, {}, [], ""])
def test_outputs_without_the_identities_are_refused_and_not_taken_for_none(value: object) -> None:
    with pytest.raises(ConditionError, match="no output grantedPrincipalIds"):
        identities({"grantedPrincipalIds": {"value": value}, "other": {"value": 1}}, None)


def test_without_a_role_there_is_no_condition(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in (("roles", "var a = 'b'"), ("outputs", "null"), ("there", "null")):
        (tmp_path / name).write_text(text)
    files = [str(tmp_path / one) for one in ("roles", "outputs", "there")]
    assert main([*files, "analysts", "pipeline"]) == 1
    assert "names no role" in capsys.readouterr().err
    (tmp_path / "outputs").write_text(json.dumps({"x": {"value": "y"}}))
    assert main([str(ROLES), *files[1:], "analysts", "pipeline"]) == 1


def test_roles_of_cosmos_db_are_not_roles_of_azure() -> None:
    """The pipeline has some of both."""
    assert len(roles_of(TEMPLATES, "pipelinePrincipalId")) == 3
    assert not [one for one in roles_of(TEMPLATES, "analystGroupId") if one.startswith("00000000")]
