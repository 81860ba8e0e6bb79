"""Whether what is there differs from what is wanted."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.pipelines.wanted import main, step

APPROVAL = {
    "id": 3,
    "type": {"id": "8c6f20a7-a545-4486-9777-f762fafe0d4d", "name": "Approval"},
    "settings": {
        "approvers": [{"id": "a", "displayName": "Somebody"}],
        "executionOrder": "anyOrder",
        "minRequiredApprovers": 1,
        "requesterCannotBeApprover": True,
    },
}
"""As the service lists it: with fields of its own, and its ids in small letters."""

LOCK = {"id": 4, "type": {"id": "2ef31ad6-baa0-403a-8b45-2cbc9b4e5563"}, "settings": None}


def wanted(approver: str) -> dict[str, Any]:
    settings = {"approvers": [{"id": approver}], "minRequiredApprovers": 1}
    return {"type": {"id": "8C6F20A7-A545-4486-9777-F762FAFE0D4D"}, "settings": settings}


@pytest.mark.parametrize(
    ("there", "approver", "told"),
    [
        ([], "a", "create"),
        ([LOCK], "a", "create"),
        ([LOCK, APPROVAL], "a", "keep"),
        ([LOCK, APPROVAL], "b", "update 3"),
    ],
)
def test_a_check_is_made_kept_or_changed(there: list[Any], approver: str, told: str) -> None:
    assert step("check", {"value": there}, wanted(approver)) == told


def test_a_check_without_settings_is_kept() -> None:
    lock = {"type": {"id": "2EF31AD6-BAA0-403A-8B45-2CBC9B4E5563"}, "settings": {}}
    assert step("check", {"value": [LOCK]}, lock) == "keep"


def test_another_task_is_another_check() -> None:
    def task(number: str) -> dict[str, Any]:
        return {"id": 1, "type": {"id": "t"}, "settings": {"definitionRef": {"id": number}}}

    assert step("check", {"value": [task("business hours")]}, task("branch")) == "create"


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"a": {"b": 1, "more": 2}, "c": [{"d": 1, "e": 2}]}, "keep"),
        ({"a": {"b": 2}, "c": [{"d": 1}]}, "update"),
        ({"a": {"b": 1}, "c": [{"d": 1}, {"d": 2}]}, "update"),
        ({"a": {"b": 1}, "c": []}, "update"),
        ({"a": None}, "update"),
        ({}, "update"),
    ],
)
def test_an_object_is_kept_if_it_has_what_is_wanted(found: dict[str, Any], told: str) -> None:
    assert step("object", found, {"a": {"b": 1}, "c": [{"d": 1}]}) == told


def test_it_prints_the_step_or_what_it_cannot_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there, want = tmp_path / "there.json", tmp_path / "wanted.json"
    there.write_text(json.dumps({"value": []}))
    want.write_text(json.dumps(wanted("a")))
    assert main("check", str(there), str(want)) == 0
    assert capsys.readouterr().out == "create\n"
    there.write_text("null")
    assert main("check", str(there), str(want)) == 1
    assert "wanted.py: " in capsys.readouterr().err
