"""Who moves a pointer by hand is recorded."""

import base64
import json

import pytest

from training.models.mover import mover
from training.stores import object_id


def test_on_a_machine_of_ones_own_the_login_name_is_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ann")
    assert mover({"SHERIFF_LOCAL": "on"}) == "ann"


def token(claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"head.{body}.signature"


def test_in_azure_the_object_id_of_the_identity_is_recorded() -> None:
    assert object_id(token({"oid": "1f2e-3d", "name": "Ann"})) == "1f2e-3d"
    for other in (token({}), token([]), token({"oid": 7}), "", "a.b.c", "no token"):
        assert object_id(other) is None


def test_an_account_without_a_name_is_recorded_by_its_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nameless() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nameless)
    monkeypatch.setattr("os.getuid", lambda: 1234)
    assert mover({"SHERIFF_LOCAL": "on"}) == "1234"
