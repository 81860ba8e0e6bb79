"""What may be asked of the alerts, and what is refused."""

import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.alert_query import AlertQuery, QueryError, parse_query, statement


def alert(n: int) -> dict[str, Any]:
    return {"id": f"o-{n}.0", "scored_at": "2026-03-01T12:00:00.000000Z", "_etag": "x"}


def test_without_parameters_the_newest_alerts_are_asked_for() -> None:
    text, parameters = statement(parse_query({}))
    assert text == "SELECT TOP 51 * FROM c ORDER BY c.scored_at DESC, c.id ASC"
    assert parameters == []


def test_every_filter_becomes_a_condition_and_values_travel_apart() -> None:
    text, parameters = statement(
        parse_query(
            {"rep_id": "O'Hara", "typology": "added_item", "from": "2026-03-01T13:00:00+01:00"}
        )
    )
    assert text == (
        "SELECT TOP 51 * FROM c WHERE c.rep_id = @rep_id"
        " AND ARRAY_CONTAINS(c.findings, {'typology': @typology}, true)"
        " AND c.scored_at >= @scored_from ORDER BY c.scored_at DESC, c.id ASC"
    )
    assert {one["name"]: one["value"] for one in parameters} == {
        "@rep_id": "O'Hara",
        "@typology": "added_item",
        "@scored_from": "2026-03-01T12:00:00.000000Z",
    }


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"rep": "x"}, "rep is no parameter; there are rep_id, status, typology, incident_id,"),
        ({"rep_id": ""}, "rep_id has 0 characters, expected 1 to 64"),
        ({"rep_id": "x" * 65}, "rep_id has 65 characters, expected 1 to 64"),
        ({"status": "OPEN"}, "status is 'OPEN', expected one of open, confirmed, dismissed"),
        ({"typology": "fraud"}, "typology is 'fraud', expected one of reused_id,"),
        ({"from": "2026-03-01T12:00:00"}, "from is '2026-03-01T12:00:00', expected an RFC 3339"),
        ({"to": "soon"}, "to is 'soon', expected an RFC 3339"),
        ({"limit": "0"}, "limit is '0', expected a whole number 1 to 200"),
        ({"limit": "201"}, "limit is '201', expected a whole number 1 to 200"),
        ({"limit": "99999"}, "limit is '99999', expected a whole number 1 to 200"),
        ({"limit": "ten"}, "limit is 'ten', expected a whole number 1 to 200"),
        ({"cursor": ""}, "cursor is none that this API gave out"),
        ({"cursor": "W10"}, "cursor is none that this API gave out"),
        ({"cursor": "A" * 4000}, "cursor is none that this API gave out"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(parameters: dict[str, str], message: str) -> None:
    with pytest.raises(QueryError) as refused:
        parse_query(parameters)
    assert str(refused.value).startswith(message)
    assert refused.value.parameter in parameters


def test_a_plus_sign_that_was_not_escaped_is_understood() -> None:
    assert parse_query({"to": "2026-03-01T12:00:00 00:00"}).scored_to == (
        "2026-03-01T12:00:00.000000Z"
    )


@settings(deadline=None)
@given(st.text(string.printable, max_size=500))
def test_a_made_up_cursor_never_does_more_than_be_refused(cursor: str) -> None:
    try:
        position = parse_query({"cursor": cursor}).after
    except QueryError:
        return
    assert position is not None


def test_a_page_hides_the_stores_own_fields_and_leads_to_the_next() -> None:
    page = AlertQuery(limit=2).page([alert(3), alert(2), alert(1)])
    assert [one["id"] for one in page["alerts"]] == ["o-3.0", "o-2.0"]
    assert page["alerts"][0].keys() == {"id", "scored_at"}
    following = parse_query({"cursor": page["next"]})
    assert following.after == ("2026-03-01T12:00:00.000000Z", "o-2.0")
    assert "c.id > @after_id" in statement(following)[0]


def test_the_last_page_leads_nowhere() -> None:
    assert AlertQuery(limit=2).page([alert(2), alert(1)])["next"] is None
    assert AlertQuery(limit=2).page([]) == {"alerts": [], "next": None}
