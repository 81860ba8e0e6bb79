"""The report's tables of the business: losses, money, frauds, reps, incidents and alerts.

Each function returns rows of texts, by the names that the template asks for.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.formats import utc_time
from training.report.business_impact import BusinessImpact, business_impact, days_of
from training.report.changes import step_name
from training.report.content import Report
from training.report.words import NOTHING, amount, count, minute, name_of, percent, span

REPS_SHOWN, ALERTS_SHOWN, INCIDENTS_SHOWN = 8, 10, 20


def loss_rows(report: Report) -> list[dict[str, str]]:
    """Return alerts and losses by typology, the largest expected loss first."""
    return [
        {
            "typology": name_of(loss.typology),
            "alerts": count(loss.alerts),
            "expected": amount(loss.expected),
            "confirmed": amount(loss.confirmed),
            "dismissed": amount(loss.dismissed),
        }
        for loss in report.alerts.losses
    ]


def business_rows(report: Report) -> list[dict[str, str]]:
    """Return losses found, losses prevented, cost and return, each with how it was computed."""
    days = report.learned.bundle.hidden_episode_days
    impact = business_impact(report.alerts, report.incidents, days, report.policy)
    rows = [
        ("Losses found", amount(impact.found), "estimated",
         "added items and hidden discounts: probability times amount of every alert that nobody "
         "dismissed"),
        ("of it confirmed", amount(impact.confirmed), "counted", "what analysts agreed with"),
        _prevented(report, impact.spared),
        ("Open incidents, a day", amount(impact.a_day), "counted",
         "what the open ones take until somebody stops the cause"),
        _review(report, impact),
        _return(impact),
    ]  # fmt: skip
    return [dict(zip(("what", "amount", "kind", "how"), row, strict=True)) for row in rows]


type _Row = tuple[str, str, str, str]


def _prevented(report: Report, spared: float) -> _Row:
    """Return what ended incidents would still have taken, where that can be estimated at all.

    The estimate needs the length of an episode. The packaged length says nothing about this
    company.
    """
    if "hidden_run_days" in report.learned.defaults:
        return (
            "Prevented", NOTHING, "unknown",
            "too few hidden discounts in the history to say how long one runs if nobody stops it",
        )  # fmt: skip
    days = report.learned.bundle.hidden_episode_days
    return (
        "Prevented", amount(spared), "a guess",
        f"what ended incidents would have taken had each run for {days:.1f} days, the average of "
        "the history; nobody knows how long they would have",
    )  # fmt: skip


def _review(report: Report, impact: BusinessImpact) -> _Row:
    each = amount(report.policy.review_cost_e4 / 1e4)
    return (
        "Cost of review", amount(impact.review_cost), "estimated",
        f"{report.alerts.alerts:,} alerts at {each} each if every one is looked at; "
        f"{report.alerts.in_incidents:,} belong to incidents, which can be looked at together",
    )  # fmt: skip


def _return(impact: BusinessImpact) -> _Row:
    times = "" if impact.times is None else f": {impact.times:,.1f} for each 1 spent"
    return (
        "Return", amount(impact.found - impact.review_cost), "estimated",
        f"losses found less the cost of review, without what was prevented{times}",
    )  # fmt: skip


def money_rows(report: Report) -> list[dict[str, str]]:
    """Return list, given away, charged, cost and earned over the whole window."""
    periods = report.totals.periods
    listed, charged, cost = (
        sum(getattr(period, name) for period in periods) / 1e4
        for name in ("list_e4", "charged_e4", "cost_e4")
    )
    rows = (
        ("List", listed, ""),
        ("Given away", listed - charged, _of(listed - charged, listed, "list")),
        ("Charged", charged, _of(charged, listed, "list")),
        ("Cost", cost, _of(cost, charged, "charged")),
        ("Earned", charged - cost, _of(charged - cost, charged, "charged")),
    )
    return [{"what": what, "amount": amount(value), "share": share} for what, value, share in rows]


def _of(part: float, whole: float, name: str) -> str:
    return f"{percent(part / whole)} of {name}" if whole else ""


def fraud_rows(report: Report) -> list[dict[str, str]]:
    """Return the challenger's discounts of added items and its hidden discounts."""
    bundle = report.learned.bundle
    tables = (("added_item", bundle.off_ladder), ("hidden_discount", bundle.hidden))
    return [
        {
            "what": name_of(typology),
            "percent": step_name(step.discount_bp),
            "share": percent(step.share),
            "orders": count(step.orders) if step.orders else NOTHING,
        }
        for typology, steps in tables
        for step in steps
    ]


def percent_rows(report: Report) -> list[dict[str, str]]:
    """Return the incidents by percentage, the largest loss first."""
    by_percent: dict[float, list[Mapping[str, Any]]] = {}
    for incident in report.incidents:
        by_percent.setdefault(incident["percent"], []).append(incident)
    ranked = sorted(by_percent.items(), key=lambda item: (-_lost(item[1]), item[0]))
    return [
        {
            "percent": f"{percentage:g} %",
            "incidents": count(len(incidents)),
            "open": count(sum(incident["status"] == "open" for incident in incidents)),
            "orders": count(sum(incident["orders_affected"] for incident in incidents)),
            "amount": amount(_lost(incidents)),
        }
        for percentage, incidents in ranked
    ]


def _lost(incidents: Sequence[Mapping[str, Any]]) -> float:
    return sum(float(incident["amount_lost"]) for incident in incidents)


def rep_rows(report: Report) -> list[dict[str, str | bool]]:
    """Return the reps who stand apart; if nobody does, those who discount the most."""
    apart = [rep for rep in report.reps if rep.apart]
    return [
        {
            "rep": rep.rep_id,
            "orders": count(rep.orders),
            "percent": f"{rep.percent:.2f} %",
            "interval": NOTHING
            if rep.interval is None
            else f"{rep.interval[0]:.2f} to {rep.interval[1]:.2f} %",
            "peers": f"{rep.peers_percent:.2f} %",
            "apart": rep.apart,
            "own": rep.rep_id in report.learned.bundle.rep_ladders,
        }
        for rep in (apart or report.reps)[:REPS_SHOWN]
    ]


def incident_rows(report: Report) -> list[dict[str, str | bool]]:
    """Return the incidents, the latest first."""
    latest = sorted(
        report.incidents, key=lambda incident: str(incident["started_at"]), reverse=True
    )
    return [
        {
            "id": incident["id"],
            "open": incident["status"] == "open",
            "message": incident["message"],
            "percent": f"{incident['percent']:g} %",
            "orders": count(incident["orders_affected"]),
            "amount": amount(incident["amount_lost"]),
            "noticed": span(_hours_until_detected(incident)),
            "ran": span(24 * days_of(incident)),
        }
        for incident in latest[:INCIDENTS_SHOWN]
    ]


def _hours_until_detected(incident: Mapping[str, Any]) -> float:
    waited = utc_time(incident["detected_at"]) - utc_time(incident["started_at"])
    return waited.total_seconds() / 3600


def alert_rows(report: Report) -> list[dict[str, Any]]:
    """Return the alerts with the highest expected loss, without any data of the customer."""
    return [
        {
            "order": alert["order_id"],
            "rep": alert["rep_id"],
            "time": minute(utc_time(alert["ordered_at"])),
            "loss": amount(alert["expected_loss"]),
            "probability": percent(alert["probability"]),
            "messages": [finding["message"] for finding in alert["findings"]],
        }
        for alert in report.top_alerts[:ALERTS_SHOWN]
    ]
