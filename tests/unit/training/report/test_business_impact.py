"""What detection is worth: figures by hand."""

from typing import Any

import pytest

from shared.policy import Policy
from training.report.business_impact import AlertTally, business_impact, days_of, loss_a_day, tally


def alert(status: str = "open", *findings: tuple[str, float, float], **more: Any) -> dict[str, Any]:
    named = [
        {"typology": name, "probability": chance, "amount": amount}
        for name, chance, amount in findings
    ]
    return {"status": status, "findings": named, **more}


def incident(hours: int, amount: float, status: str = "closed") -> dict[str, Any]:
    day, hour = divmod(8 + hours, 24)
    return {
        "started_at": "2026-03-01T08:00:00.000000Z",
        "last_seen_at": f"2026-03-{1 + day:02d}T{hour:02d}:00:00.000000Z",
        "amount_lost": amount,
        "status": status,
    }


ALERTS = (
    alert("open", ("added_item", 0.9, 100.0), ("hidden_discount", 0.6, 10.0), incident_id="i"),
    alert("confirmed", ("added_item", 0.8, 50.0)),
    alert("dismissed", ("added_item", 0.7, 70.0)),
    alert("open", ("below_cost", 1.0, 40.0)),
    alert("open", ("added_item", 1.0, 999.0), superseded_by="o.1"),
)


def test_alerts_are_counted_once_and_superseded_ones_not() -> None:
    found = tally(iter(ALERTS))
    assert (found.alerts, found.open, found.confirmed, found.dismissed) == (4, 2, 1, 1)
    assert found.in_incidents == 1
    assert tally([]) == AlertTally()


def test_losses_are_expected_by_typology_and_the_dismissed_ones_are_none() -> None:
    losses = {one.typology: one for one in tally(ALERTS).losses}
    added = losses["added_item"]
    assert (added.alerts, added.confirmed, added.dismissed) == (3, 50.0, 70.0)
    assert added.expected == pytest.approx(0.9 * 100 + 0.8 * 50)
    assert losses["hidden_discount"].expected == pytest.approx(6.0)
    assert losses["below_cost"].expected == 40.0
    assert [one.typology for one in tally(ALERTS).losses] == [
        "added_item", "below_cost", "hidden_discount",
    ]  # fmt: skip


def test_findings_of_one_typology_in_an_alert_count_as_one_alert() -> None:
    (one,) = tally([alert("open", ("added_item", 0.5, 10.0), ("added_item", 0.5, 30.0))]).losses
    assert (one.alerts, one.expected) == (1, 20.0)


def test_the_return_weighs_frauds_alone_against_a_review_of_every_alert() -> None:
    found = business_impact(tally(ALERTS), (), 3.0, Policy(review_cost_e4=25_000))
    assert found.found == pytest.approx(136.0)
    assert found.confirmed == 50.0
    assert found.review_cost == 10.0
    assert found.times == pytest.approx(13.6)


def test_nothing_reviewed_has_no_return() -> None:
    assert business_impact(AlertTally(), (), 3.0, Policy()).times is None


def test_an_ended_incident_spares_what_it_would_have_taken_until_the_average_length() -> None:
    assert days_of(incident(36, 300.0)) == 1.5
    assert loss_a_day(incident(36, 300.0)) == 200.0
    found = business_impact(AlertTally(), (incident(36, 300.0),), 3.0, Policy())
    assert found.spared == pytest.approx(200.0 * 1.5)
    assert business_impact(AlertTally(), (incident(96, 300.0),), 3.0, Policy()).spared == 0.0


def test_an_incident_of_hours_is_taken_to_have_lasted_its_day() -> None:
    found = business_impact(AlertTally(), (incident(2, 300.0),), 3.0, Policy())
    assert found.spared == pytest.approx(300.0 * 2)


def test_an_open_incident_spares_nothing_and_says_what_a_day_of_it_costs() -> None:
    found = business_impact(AlertTally(), (incident(48, 300.0, "open"),), 3.0, Policy())
    assert (found.spared, found.a_day) == (0.0, 150.0)
