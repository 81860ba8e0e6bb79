"""What stops a deployment, on answers of what-if made by hand, and on reports of noise."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.pipelines.what_if import FILLED_IN, PROTECTED, UnreadableError, main, stops

RECORDED = json.loads(Path(__file__).with_name("recorded_noise.json").read_text())
"""Noise that people reported in public, in the form in which Azure CLI 2.91 prints an answer."""

ROOT = Path(__file__).parents[3]
GROUP = "/subscriptions/0/resourceGroups/rg-sheriff-dev/providers/"
ALERTS = "Microsoft.DocumentDB/databaseAccounts/c/sqlDatabases/sheriff/containers/alerts"


def change(resource: str, kind: str, *delta: dict[str, Any]) -> dict[str, Any]:
    return {"resourceId": GROUP + resource, "changeType": kind, "delta": list(delta)}


def prop(path: str, kind: str = "Modify", *children: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"path": path, "propertyChangeType": kind, "children": list(children)} | more


def answer(*changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"status": "Succeeded", "changes": list(changes)} | more


def names(*changes: dict[str, Any]) -> list[str]:
    return [stop.name for stop in stops(answer(*changes))]


def test_creating_and_plain_changes_go_on() -> None:
    assert names(
        change("Microsoft.Web/sites/app", "Create"),
        change("Microsoft.Web/sites/desk", "Modify", prop("properties.httpsOnly"), prop("tags.a")),
        change("Microsoft.Web/serverfarms/plan", "NoChange"),
        change(ALERTS, "Deploy"),
    ) == []  # fmt: skip


def test_a_delete_stops_it_by_name() -> None:
    assert names(change(ALERTS, "Delete")) == [f"{ALERTS}:delete"]


@pytest.mark.parametrize(
    "path",
    ["properties.resource.partitionKey.paths", "sku", "sku.name", "properties.partitionCount"],
)
def test_what_cannot_be_changed_in_place_stops_it(path: str) -> None:
    assert names(change(ALERTS, "Modify", prop(path))) == [f"{ALERTS}:{path}"]


def test_a_change_is_found_however_deep_it_lies() -> None:
    inner = prop("partitionKey", "Modify", prop("paths", "Array", prop("0")))
    outer = prop("properties", "Modify", prop("resource", "Modify", inner))
    found = names(change(ALERTS, "Modify", outer))
    assert found == [f"{ALERTS}:properties.resource.partitionKey.paths.0"]


def test_more_throughput_units_go_on_and_fewer_stop_it() -> None:
    hubs = "Microsoft.EventHub/namespaces/n"
    more = prop("sku", "Modify", prop("capacity", before=2, after=4))
    fewer = prop("sku", "Modify", prop("capacity", before=12, after=2))
    assert names(change(hubs, "Modify", more)) == []
    assert names(change(hubs, "Modify", fewer)) == [f"{hubs}:sku.capacity"]
    assert names(change(hubs, "Modify", prop("sku", "Modify", prop("tier")))) == [
        f"{hubs}:sku.tier"
    ]


@pytest.mark.parametrize("sku", ["sku", "sku.capacity"])
@pytest.mark.parametrize(
    ("before", "after", "stop"),
    [(12, 12, False), (12.0, 12, False), (40, 40, False), (None, 2, False), (2, 12, False),
     (12, 11, True), (12.0, 11, True), (12, None, True), (2, 1, True)],
)  # fmt: skip
def test_a_capacity_at_its_limit_that_stays_is_no_dead_end_and_lowering_still_stops(
    sku: str, before: float | None, after: float | None, stop: bool
) -> None:
    """At auto-inflate's limit the templates keep what is there: N stays N."""
    hubs = "Microsoft.EventHub/namespaces/n"
    one = prop("capacity" if sku == "sku" else sku, before=before, after=after)
    delta = prop("sku", "Modify", one) if sku == "sku" else one
    assert names(change(hubs, "Modify", delta)) == [f"{hubs}:sku.capacity"] * stop


@pytest.mark.parametrize("one", RECORDED, ids=[one["source"].split(":")[0] for one in RECORDED])
def test_noise_that_was_reported_stops_nothing_and_what_is_not_known_for_noise_does(
    one: dict[str, Any],
) -> None:
    assert bool(list(stops(one["answer"]))) is one["stops"], one["source"]


def test_noise_that_was_passed_over_is_named_with_its_source(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(tmp_path, json.dumps(RECORDED[0]["answer"])) == 0
    said = capsys.readouterr().out
    place = "Microsoft.OperationalInsights/workspaces/myWorkspace:properties.sku"
    assert f"passed over: {place}.lastSkuUpdate: the service fills it in (Azure/arm-temp" in said
    assert f"passed over: {place}.name: both are the same but for the case of letters" in said


@pytest.mark.parametrize(("before", "after"), [(None, []), ([], None), ({}, None), ("", None)])
def test_nothing_and_empty_are_the_same(before: Any, after: Any) -> None:
    found = change(ALERTS, "Modify", prop("capabilities", "Delete", before=before, after=after))
    assert names(found) == []


@pytest.mark.parametrize(("before", "after"), [(None, [1]), ([1], None), ("a", "b"), (1, None)])
def test_nothing_and_something_are_not(before: Any, after: Any) -> None:
    found = change(ALERTS, "Modify", prop("capabilities", "Delete", before=before, after=after))
    assert names(found) == [f"{ALERTS}:capabilities"]


def test_no_property_that_the_templates_give_is_passed_over() -> None:
    """Were it given, what-if would show its end as noise."""
    given = {
        (resource["type"].casefold(), path)
        for environment in ("dev", "test", "prod")
        for resource in snapshot(environment)
        for path in paths(resource)
    }
    assert ("microsoft.storage/storageaccounts", "sku.name") in given
    assert [one for one in FILLED_IN if (one[0].casefold(), one[1]) in given] == []


def snapshot(environment: str) -> list[dict[str, Any]]:
    file = ROOT / "infra" / "environments" / f"{environment}.snapshot.json"
    return list(json.loads(file.read_text())["predictedResources"])


def paths(node: Any, above: str = "") -> Iterator[str]:
    """The path of every property of a resource."""
    if isinstance(node, dict):
        for name, inner in node.items():
            yield above + name
            yield from paths(inner, f"{above}{name}.")


def test_what_would_have_no_effect_is_passed_over() -> None:
    assert names(change(ALERTS, "Modify", prop("sku", "NoEffect"))) == []


@given(st.sampled_from(sorted(PROTECTED)), st.lists(st.sampled_from(["a", "properties", "0"])))
def test_every_protected_property_stops_it_at_any_depth(name: str, above: list[str]) -> None:
    nested = prop(name)
    for outer in above:
        nested = prop(outer, "Modify", nested)
    [stop] = stops(answer(change(ALERTS, "Modify", nested)))
    assert stop.reason == PROTECTED[name]


@pytest.mark.parametrize(
    "found",
    [
        [],
        None,
        {"changes": {}},
        {"changes": []},
        {"changes": [{}], "status": "Succeeded"},
        {"changes": [{"resourceId": None, "changeType": "Create"}], "status": "Succeeded"},
        {"changes": [], "status": "Failed", "error": {"message": "no"}},
    ],
)
def test_another_answer_or_a_failure_is_refused(found: Any) -> None:
    with pytest.raises(UnreadableError):
        list(stops(found))


def ended(tmp_path: Path, text: str, *options: str) -> int:
    file = tmp_path / "what-if.json"
    file.write_text(text)
    return main([str(file), *options])


def test_it_ends_well_or_not_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = json.dumps(answer(change(ALERTS, "Delete"), change(ALERTS, "Modify", prop("sku"))))
    assert ended(tmp_path, bad) == 1
    said = capsys.readouterr().out
    assert f"type=error]{ALERTS}:delete: the resource would be deleted" in said
    assert ended(tmp_path, bad, "--accept", f"{ALERTS}:delete") == 1
    assert ended(tmp_path, bad, "--accept", f"{ALERTS}:delete, {ALERTS}:sku") == 0
    assert ended(tmp_path, json.dumps(answer()), "--accept", "none") == 0
    assert ended(tmp_path, "no JSON") == 2


def test_what_could_not_be_looked_at_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = change("Microsoft.Authorization/roleAssignments/r", "Unsupported")
    short = {"code": "NestedDeploymentShortCircuited", "message": "roles"}
    assert ended(tmp_path, json.dumps(answer(unknown, diagnostics=[short]))) == 0
    said = capsys.readouterr().out
    assert "not looked at: Microsoft.Authorization/roleAssignments/r" in said
    assert "not looked at: NestedDeploymentShortCircuited: roles" in said
