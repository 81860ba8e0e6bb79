"""The rows of the report's tables, from values that can be added up by hand."""

from tests.unit.training.report.report_parts import alert, incident, rep, small_report
from training.learning.learned import Learned
from training.report.tables import (
    ALERTS_SHOWN,
    alert_rows,
    business_rows,
    fraud_rows,
    incident_rows,
    loss_rows,
    money_rows,
    percent_rows,
    rep_rows,
)
from training.report.words import NOTHING


def test_money_is_listed_given_away_charged_spent_and_earned() -> None:
    assert [(row["what"], row["amount"], row["share"]) for row in money_rows(small_report())] == [
        ("List", "1,000", ""),
        ("Given away", "100", "10.0 % of list"),
        ("Charged", "900", "90.0 % of list"),
        ("Cost", "600", "66.7 % of charged"),
        ("Earned", "300", "33.3 % of charged"),
    ]


def test_losses_are_named_in_words_and_summed_by_status() -> None:
    assert loss_rows(small_report()) == [
        {"typology": "Added item", "alerts": "3", "expected": "180", "confirmed": "100",
         "dismissed": "100"}
    ]  # fmt: skip


def test_the_return_is_what_was_found_less_what_every_review_costs() -> None:
    """Two alerts that nobody dismissed hold 90 each; three reviews cost 10 each."""
    rows = {row["what"]: row for row in business_rows(small_report())}
    assert rows["Losses found"]["amount"] == "180"
    assert rows["of it confirmed"]["amount"] == "100"
    assert rows["Cost of review"]["amount"] == "30.00"
    assert rows["Return"]["amount"] == "150"
    assert rows["Return"]["how"].endswith("6.0 for each 1 spent")


def test_what_was_prevented_is_guessed_only_from_episodes_that_were_seen() -> None:
    ended = (incident(1, 1.5, 300.0),)  # 1.5 days at 200 a day, of 3 days on average
    known = small_report(incidents=ended)
    unknown = small_report(
        incidents=ended,
        learned=Learned(known.learned.bundle, {}, {"hidden_run_days": "1 runs seen"}),
    )
    assert {row["what"]: row["amount"] for row in business_rows(known)}["Prevented"] == "300"
    assert {row["what"]: row["amount"] for row in business_rows(unknown)}["Prevented"] == NOTHING


def test_discounts_of_frauds_have_their_orders_where_there_are_any() -> None:
    rows = [(row["what"], row["percent"], row["orders"]) for row in fraud_rows(small_report())]
    assert rows == [
        ("Added item", "30 %", "30"),
        ("Added item", "50 %", NOTHING),
        ("Hidden discount", "1.5 %", "12"),
    ]


def test_incidents_are_summed_by_percentage_the_largest_loss_first() -> None:
    incidents = (incident(1, 0.5, 10.0), incident(2, 1.5, 40.0, "open"), incident(3, 0.5, 20.0))
    assert percent_rows(small_report(incidents=incidents)) == [
        {"percent": "1.5 %", "incidents": "1", "open": "1", "orders": "20", "amount": "40.00"},
        {"percent": "0.5 %", "incidents": "2", "open": "0", "orders": "40", "amount": "30.00"},
    ]


def test_incidents_are_listed_the_latest_first_with_how_soon_they_were_noticed() -> None:
    rows = incident_rows(small_report(incidents=(incident(1, 0.5, 10.0), incident(4, 0.5, 1.0))))
    assert [row["id"] for row in rows] == ["i-4", "i-1"]
    assert (rows[0]["noticed"], rows[0]["ran"]) == ("30 minutes", "36.0 hours")


def test_the_reps_who_stand_apart_are_shown_and_without_any_those_who_discount_most() -> None:
    reps = (rep("Ann", 9.0), rep("Bob", 7.0, apart=True), rep("Cid", 5.0))
    assert [row["rep"] for row in rep_rows(small_report(reps=reps))] == ["Bob"]
    assert [row["rep"] for row in rep_rows(small_report(reps=(reps[0], reps[2])))] == [
        "Ann", "Cid",
    ]  # fmt: skip


def test_alerts_are_shown_without_their_customer() -> None:
    rows = alert_rows(small_report(top_alerts=tuple(alert(number) for number in range(30))))
    assert len(rows) == ALERTS_SHOWN
    assert rows[0]["messages"] == ["A lock."]
    assert rows[0]["time"] == "2026-03-01 08:30"
    assert "customer-7" not in str(rows)
