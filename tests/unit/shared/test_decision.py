"""An analyst's decision: what is read, and one clear error for what is none."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.decision import parse_decision
from shared.errors import ConfigurationError
from tests.schemas import violations

FIELDS: dict[str, Any] = {
    "id": "o-1.0.2026-03-05",
    "schema_version": 1,
    "order_id": "o-1",
    "revision": 2,
    "rep_id": "Annie Corns",
    "decision": "dismissed",
    "typology": "added_item",
    "decided_by": "analyst@example.com",
    "decided_at": "2026-03-05T10:00:00+01:00",
}


def test_a_decision_is_read_and_fields_of_the_store_are_ignored() -> None:
    found = parse_decision(json.dumps(FIELDS | {"_etag": "x"}).encode())
    assert (found.order_id, found.revision, found.decision) == ("o-1", 2, "dismissed")
    assert found.at == datetime(2026, 3, 5, 9, tzinfo=UTC)
    assert violations("decision", FIELDS) == []


def test_revision_and_typology_may_be_left_out() -> None:
    fields = {name: FIELDS[name] for name in FIELDS if name not in {"revision", "typology", "id"}}
    found = parse_decision(json.dumps(fields).encode())
    assert (found.revision, found.typology) == (0, None)
    assert violations("decision", fields) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"decision": "maybe"}, "decision: Invalid enum value 'maybe'"),
        ({"typology": "below_cost"}, "typology: Invalid enum value"),
        ({"decided_at": "2026-03-05T10:00:00"}, "decided_at: expected an RFC 3339 time"),
        ({"decided_at": 7}, "decided_at: Expected `str`"),
        ({"order_id": "a b"}, "order_id: Expected `str` matching regex"),
        ({"revision": -1}, "revision: Expected `int` >= 0"),
        ({"schema_version": 3}, "schema_version: Invalid enum value 3"),
    ],
)
def test_what_is_no_decision_is_refused_by_field(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says.replace("(", r"\(")):
        parse_decision(json.dumps(FIELDS | change).encode())


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"null"])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(ConfigurationError):
        parse_decision(body)
