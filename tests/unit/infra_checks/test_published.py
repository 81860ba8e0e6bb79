"""What the templates name is held against tables that Microsoft publishes."""

import re
from uuid import UUID

import pytest

from infra.checks import access
from infra.checks.access import ROLES_FILE, named_roles
from infra.checks.compiler import ROOT
from infra.checks.data import published
from infra.checks.private import REACHED
from infra.checks.published import log_categories, private_link, role_names

ROLES = (ROOT / ROLES_FILE).read_text(encoding="utf-8")
VARIABLES = re.findall(r"(?m)^var (\w+) = '([0-9a-f-]{36})'$", ROLES)
DOCUMENT = (ROOT / "docs" / "infrastructure.md").read_text(encoding="utf-8")
GRANTED = access.expected("workspace", "pipeline", "analysts")


def test_every_role_of_the_templates_is_published_under_the_name_of_its_variable() -> None:
    assert len(VARIABLES) >= 10
    assert list(named_roles({ROLES_FILE: ROLES})) == []


@pytest.mark.parametrize(("variable", "guid"), VARIABLES)
def test_one_wrong_digit_in_the_id_of_a_role_is_found(variable: str, guid: str) -> None:
    wrong = guid[:-1] + ("0" if guid[-1] != "0" else "7")
    found = list(named_roles({ROLES_FILE: ROLES.replace(guid, wrong)}))
    assert found == [f"{ROLES_FILE}: {variable}: nobody publishes a role {wrong}"]


def test_the_id_that_once_was_taken_for_key_vault_contributor_is_nobodys() -> None:
    assert "f25e0fa2-a7c8-4377-a976-54943a77a1f1" not in role_names()
    assert role_names()["f25e0fa2-a7c8-4377-a976-54943a77a395"] == "Key Vault Contributor"


def test_the_id_of_another_role_is_found() -> None:
    (one, first), (other, second), *_ = VARIABLES
    swapped = ROLES.replace(first, "FIRST").replace(second, first).replace("FIRST", second)
    assert list(named_roles({ROLES_FILE: swapped})) == [
        f"{ROLES_FILE}: {one} is the id of {role_names()[second]}",
        f"{ROLES_FILE}: {other} is the id of {role_names()[first]}",
    ]


def test_an_id_outside_of_its_variable_is_found() -> None:
    guid = VARIABLES[0][1]
    beside = f"{ROLES}\nvar roles = ['{guid}']\n"
    assert list(named_roles({ROLES_FILE: beside})) == [
        f"{ROLES_FILE}: an id of a role stands outside of its variable"
    ]
    elsewhere = {"infra/modules/app.bicep": f"var role = '{guid}'"}
    assert list(named_roles(elsewhere)) == [
        f"infra/modules/app.bicep: {guid} belongs into a variable of {ROLES_FILE}"
    ]


def test_every_role_that_is_expected_is_published() -> None:
    assert {one.role for one in GRANTED} <= set(role_names().values())


def test_the_document_says_exactly_who_may_do_what() -> None:
    rows = re.findall(
        r"(?m)^\| (\w+) \| ([^|]+) \| ([^|]+) \|$", DOCUMENT.partition("## The sw")[0]
    )
    written = {
        (holder, on.strip().replace("`", ""), role.strip())
        for holder, several, role in rows
        for on in several.split(", ")
        if holder != "identity"
    }
    assert written == {tuple(one) for one in GRANTED}


def test_ids_are_ids_and_none_stands_twice() -> None:
    table = published("built-in-roles")
    ids = [*table["roles"].values(), *table["cosmosDb"]["roles"].values()]
    assert [str(UUID(one)) for one in ids] == ids
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    "table", ["built-in-roles", "private-link", "log-categories", "flex-deprecations"]
)
def test_a_table_says_where_it_is_from_and_of_when(table: str) -> None:
    written = published(table)
    assert written["source"]
    assert written.get("date") or written["dates"].keys() == written["categories"].keys()


def test_every_group_that_has_an_endpoint_is_published_with_its_zones() -> None:
    for kind, groups in REACHED.items():
        assert all(private_link()[kind][group] for group in groups)


def test_a_name_within_another_zone_is_no_zone() -> None:
    """Records of an app's deployment (scm.) lie in the app's own zone."""
    assert private_link()["Microsoft.Web/sites"]["sites"] == ["privatelink.azurewebsites.net"]


def test_a_type_without_logs_has_no_category() -> None:
    assert log_categories("Microsoft.Network/routeTables") == set()
    assert "AppServiceAuthenticationLogs" in log_categories("Microsoft.Web/sites")
