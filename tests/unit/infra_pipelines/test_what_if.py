"""What stops a deployment, on answers of what-if made by hand."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.pipelines.what_if import PROTECTED, UnreadableError, main, stops

GROUP = "/subscriptions/0/resourceGroups/rg-sheriff-dev/providers/"
ALERTS = "Microsoft.DocumentDB/databaseAccounts/c/sqlDatabases/sheriff/containers/alerts"


def change(resource: str, kind: str, *delta: dict[str, Any]) -> dict[str, Any]:
    return {"resourceId": GROUP + resource, "changeType": kind, "delta": list(delta)}


def prop(path: str, kind: str = "Modify", *children: dict[str, Any]) -> dict[str, Any]:
    return {"path": path, "propertyChangeType": kind, "children": list(children)}


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


def test_throughput_units_that_auto_inflate_raised_do_not_stop_it() -> None:
    hubs = "Microsoft.EventHub/namespaces/n"
    assert names(change(hubs, "Modify", prop("sku", "Modify", prop("capacity")))) == []
    assert names(change(hubs, "Modify", prop("sku", "Modify", prop("tier")))) == [
        f"{hubs}:sku.tier"
    ]


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
