import json
import re

import pytest

from infra.checks import access, alarms, names, vocabulary
from infra.checks.bicep import every_deployment, problems, read_files
from infra.checks.deployment import Deployment
from infra.checks.mutants import ROOT

DOCUMENT = (ROOT / "docs" / "infrastructure.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def deployments() -> list[Deployment]:
    return list(every_deployment(read_files({})))


def test_nothing_is_wrong_with_the_templates() -> None:
    assert list(problems({})) == []


def test_both_positions_of_every_switch_are_looked_at(deployments: list[Deployment]) -> None:
    for switch in ("privateNetwork", "lockData", "zoneRedundant"):
        assert {one.given[switch] for one in deployments} == {True, False}
    for either in ("mlflowTrackingUri", "pipelinePrincipalId", "deskClientId"):
        assert {bool(one.given[either]) for one in deployments} == {True, False}


def test_the_scorer_never_writes_models_and_the_desk_neither_reads_them() -> None:
    granted = access.EXPECTED | access.WITH_WORKSPACE
    assert {one.role for one in granted if (one.holder, one.on) == ("scorer", "blobs models")} == {
        "Storage Blob Data Reader"
    }
    assert not [one for one in granted if one.holder == "desk" and one.on.startswith("blobs")]


def test_no_role_is_given_on_a_group_or_by_owners_of_everything(
    deployments: list[Deployment],
) -> None:
    for deployment in deployments:
        for grant in access.grants(deployment):
            assert "whole" not in grant.on
            assert grant.role not in {"Owner", "Contributor"}


def test_the_document_says_who_may_do_what() -> None:
    rows = set(re.findall(r"(?m)^\| (\w+) \| ([^|]+) \| ([^|]+) \|$", DOCUMENT))
    granted = access.EXPECTED | access.WITH_WORKSPACE | access.WITH_PIPELINE | access.WITH_BOTH
    written = {
        (holder, on.strip().replace("`", ""), role.strip())
        for holder, several, role in rows
        for on in several.split(", ")
    }
    assert {tuple(one) for one in granted} <= written


def test_the_vocabulary_is_what_the_templates_write(deployments: list[Deployment]) -> None:
    written = json.loads(vocabulary.FILE.read_text(encoding="utf-8"))
    assert vocabulary.used(deployments) == written


def test_every_metric_that_an_alert_asks_for_is_one_of_ours() -> None:
    asked = {part for parts in alarms.QUERY_ALERTS.values() for part in parts}
    assert {one for one in asked if one.startswith("sheriff.")} <= alarms.METRICS


def test_the_trigger_files_that_settings_are_read_from_are_there() -> None:
    assert set(names._TRIGGERS.values()) <= read_files({}).keys()


def test_the_linter_of_the_pipeline_is_configured() -> None:
    rules = json.loads(read_files({})["infra/bicepconfig.json"])["analyzers"]["core"]["rules"]
    errors = {name for name, rule in rules.items() if rule["level"] == "error"}
    assert {
        "no-unused-params",
        "outputs-should-not-contain-secrets",
        "use-parent-property",
    } <= errors
