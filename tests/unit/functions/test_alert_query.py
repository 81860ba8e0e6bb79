"""What may be asked of the alerts, and what is refused."""

import base64
import json
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


@pytest.mark.parametrize(
    "text",
    [
        "00019999", "00011111", "0001", "0201", "0000", "0" * 5000, "9" * 5000, "0001" + "9" * 6,
        "1" * 4301, "", "-1", "+5", " 5", "5 ", "5\n", "1e2", "1_0", "0x10", "5.0", "\u0661",
        "\uff15", "\u00b2", "\ud800", "\x00",
    ],
)  # fmt: skip
def test_a_number_is_plain_digits_within_its_bounds_or_one_clear_refusal(text: str) -> None:
    with pytest.raises(QueryError, match="expected a whole number 1 to 200") as refused:
        parse_query({"limit": text})
    assert refused.value.parameter == "limit"
    assert len(str(refused.value)) < 150


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("001", 1), ("050", 50), ("200", 200)])
def test_a_number_within_its_bounds_is_what_its_digits_say(text: str, number: int) -> None:
    assert parse_query({"limit": text}).limit == number


@settings(deadline=None)
@given(st.text(st.characters(categories=("Nd", "No", "Zs", "Sm", "Pd")), max_size=12))
def test_no_text_of_digits_passes_the_largest_page_or_fails_otherwise(text: str) -> None:
    try:
        limit = parse_query({"limit": text}).limit
    except QueryError:
        return
    assert 1 <= limit <= 200
    assert statement(AlertQuery(limit=limit))[0].startswith(f"SELECT TOP {limit + 1} * ")


def cursor_of(position: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        cursor_of(["2026-01-01T00:00:00.000000Z"]),
        cursor_of({"a": 1}),
        cursor_of([1, 2]),
        cursor_of(["2026-01-01T00:00:00.000000Z", "\ud800"]),
        cursor_of(["2026-01-01T00:00:00.000000Z", "x" * 500]),
        cursor_of(["2026-01-01T00:00:00Z", "x"]),
        cursor_of(["9" * 5000, "x"]),
        cursor_of(["x" * 10**6, "y"]),
        "\u00e9", "\ud800", "\x00", "=", "====", "a" * 10**5, "AA",
        base64.b64encode(b"[" * 300).decode(),
    ],
)  # fmt: skip
def test_a_cursor_of_somebody_elses_is_refused_in_one_line(cursor: str) -> None:
    with pytest.raises(QueryError, match=r"^cursor is none that this API gave out$"):
        parse_query({"cursor": cursor})


@pytest.mark.parametrize("alert_id", ["x", "", "'; DROP", "\u00e4" * 40])
def test_a_cursor_may_name_any_id_for_it_travels_as_a_value(alert_id: str) -> None:
    query = parse_query({"cursor": cursor_of(["2026-01-01T00:00:00.000000Z", alert_id])})
    text, values = statement(query)
    assert {"name": "@after_id", "value": alert_id} in values
    assert "DROP" not in text


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
