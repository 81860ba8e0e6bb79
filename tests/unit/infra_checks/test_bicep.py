"""Our policies on what the templates come to, in every environment and combination."""

import json
import re

import pytest

from infra.checks import access, bicep, names, parameters
from infra.checks.bicep import problems, read_files
from infra.checks.compiler import ROOT
from infra.checks.deployment import Deployment
from infra.checks.hardening import SITE, settings
from infra.checks.private import ENDPOINT, NETWORK, ZONE

pytestmark = pytest.mark.compiler

DOCUMENT = (ROOT / "docs" / "infrastructure.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def deployments() -> list[Deployment]:
    return bicep.deployments()


def test_nothing_is_wrong_with_the_templates() -> None:
    assert list(problems({})) == []


def test_every_combination_is_evaluated(deployments: list[Deployment]) -> None:
    evaluated = [{name: each.given[name] for name in parameters.SWITCHES} for each in deployments]
    assert all(one in evaluated for one in parameters.pairs())
    assert all(each.resources for each in deployments)


def test_a_private_network_brings_endpoints_and_names_and_takes_public_access_away(
    deployments: list[Deployment],
) -> None:
    for deployment in deployments:
        private = deployment.given["privateNetwork"]
        assert bool(deployment.of(ENDPOINT)) is private
        assert bool(deployment.of(NETWORK)) is private
        ours = private and not deployment.given["dnsZonesGroupId"]
        assert bool(deployment.of(ZONE)) is bool(ours)
        reached = [one for one in deployment.resources if one.at("properties.publicNetworkAccess")]
        assert len(reached) >= 10


def test_three_apps_of_one_code_base_differ_by_role_plan_and_settings(
    deployments: list[Deployment],
) -> None:
    for deployment in deployments:
        sites = {settings(one)["SHERIFF_ROLE"]: one for one in deployment.of(SITE)}
        assert set(sites) == {"scorer", "trainer", "desk"}
        assert len({one.at("properties.serverFarmId") for one in sites.values()}) == 3
        assert "RETRAIN_SCHEDULE" in settings(sites["trainer"])
        assert "EventHubConnection__fullyQualifiedNamespace" in settings(sites["scorer"])
        assert "EventHubConnection__fullyQualifiedNamespace" not in settings(sites["desk"])


def test_the_scorer_never_writes_models_and_the_desk_neither_reads_them() -> None:
    granted = access.expected("workspace")
    assert {one.role for one in granted if (one.holder, one.on) == ("scorer", "blobs models")} == {
        "Storage Blob Data Reader"
    }
    assert not [one for one in granted if one.holder == "desk" and one.on.startswith("blobs")]


def test_the_document_says_who_may_do_what() -> None:
    rows = set(re.findall(r"(?m)^\| (\w+) \| ([^|]+) \| ([^|]+) \|$", DOCUMENT))
    granted = access.expected("workspace", "pipeline")
    written = {
        (holder, on.strip().replace("`", ""), role.strip())
        for holder, several, role in rows
        for on in several.split(", ")
    }
    assert {tuple(one) for one in granted} <= written


def test_the_trigger_files_that_settings_are_read_from_are_there() -> None:
    assert set(names._TRIGGERS.values()) <= read_files({}).keys()


def test_what_the_linter_finds_is_an_error() -> None:
    rules = json.loads(read_files({})["infra/bicepconfig.json"])["analyzers"]["core"]["rules"]
    errors = {name for name, rule in rules.items() if rule["level"] == "error"}
    assert {
        "no-unused-params",
        "outputs-should-not-contain-secrets",
        "use-parent-property",
        "use-user-defined-types",
    } <= errors
