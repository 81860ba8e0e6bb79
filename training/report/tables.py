"""The report's tables of business, money, reps, incidents, alerts and data: rows of texts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from shared.formats import shortened, utc_time
from training.report.business_impact import business_impact, days_of
from training.report.changes import step_name
from training.report.words import NOTHING, amount, count, minute, name_of, percent, span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.report.content import Report


REPS_SHOWN, ALERTS_SHOWN, INCIDENTS_SHOWN = 8, 10, 20


def loss_rows(report: Report) -> list[dict[str, str]]:
    """Alerts and losses by typology, the costliest first."""
    return [
        {
            "typology": name_of(one.typology),
            "alerts": count(one.alerts),
            "expected": amount(one.expected),
            "confirmed": amount(one.confirmed),
            "dismissed": amount(one.dismissed),
        }
        for one in report.alerts.losses
    ]


def business_rows(report: Report) -> list[dict[str, str]]:
    """Found, prevented, cost and return, each with how it was arrived at."""
    policy = report.policy
    days = report.learned.bundle.hidden_episode_days
    found = business_impact(report.alerts, report.incidents, days, policy)
    each = amount(policy.review_cost_e4 / 1e4)
    inside = report.alerts.in_incidents
    rows = [
        ("Losses found", amount(found.found), "estimated",
         "added items and hidden discounts: probability times amount of every alert that nobody "
         "dismissed"),
        ("of it confirmed", amount(found.confirmed), "counted", "what analysts agreed with"),
        _prevented(report, found.spared),
        ("Open incidents, a day", amount(found.a_day), "counted",
         "what the open ones take until somebody stops the cause"),
        ("Cost of review", amount(found.review_cost), "estimated",
         f"{report.alerts.alerts:,} alerts at {each} each if every one is looked at; {inside:,} "
         "belong to incidents, which can be looked at together"),
        ("Return", amount(found.found - found.review_cost), "estimated",
         "losses found less the cost of review, without what was prevented"
         + ("" if found.times is None else f": {found.times:,.1f} for each 1 spent")),
    ]  # fmt: skip
    return [dict(zip(("what", "amount", "kind", "how"), row, strict=True)) for row in rows]


def _prevented(report: Report, spared: float) -> tuple[str, str, str, str]:
    """A guess needs to know how long runs last; the packaged length is no knowledge."""
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


def money_rows(report: Report) -> list[dict[str, str]]:
    """The whole window: list, given away, charged, cost, earned."""
    periods = report.totals.periods
    listed, charged, cost = (
        sum(getattr(one, name) for one in periods) / 1e4
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
    """The challenger's discounts of added items and its hidden percentages."""
    bundle = report.learned.bundle
    tables = (("Added item", bundle.off_ladder), ("Hidden discount", bundle.hidden))
    return [
        {
            "what": what,
            "percent": step_name(step.discount_bp),
            "share": percent(step.share),
            "orders": count(step.orders) if step.orders else NOTHING,
        }
        for what, steps in tables
        for step in steps
    ]


def percent_rows(report: Report) -> list[dict[str, str]]:
    """Incidents by percentage, the costliest first."""
    by_percent: dict[float, list[Mapping[str, Any]]] = {}
    for one in report.incidents:
        by_percent.setdefault(one["percent"], []).append(one)
    rows = [
        (sum(one["amount_lost"] for one in some), points, some)
        for points, some in by_percent.items()
    ]
    return [
        {
            "percent": f"{points:g} %",
            "incidents": count(len(some)),
            "open": count(sum(one["status"] == "open" for one in some)),
            "orders": count(sum(one["orders_affected"] for one in some)),
            "amount": amount(lost),
        }
        for lost, points, some in sorted(rows, key=lambda row: (-row[0], row[1]))
    ]


def rep_rows(report: Report) -> list[dict[str, str | bool]]:
    """Those who stand apart, else the deepest; the chart shows the others."""
    apart = [one for one in report.reps if one.apart]
    return [
        {
            "rep": one.rep_id,
            "orders": count(one.orders),
            "percent": f"{one.percent:.2f} %",
            "interval": NOTHING
            if one.interval is None
            else f"{one.interval[0]:.2f} to {one.interval[1]:.2f} %",
            "peers": f"{one.peers_percent:.2f} %",
            "apart": one.apart,
            "own": one.rep_id in report.learned.bundle.rep_ladders,
        }
        for one in (apart or report.reps)[:REPS_SHOWN]
    ]


def incident_rows(report: Report) -> list[dict[str, str | bool]]:
    """The latest incidents first."""
    latest = sorted(report.incidents, key=lambda one: str(one["started_at"]), reverse=True)
    return [
        {
            "id": one["id"],
            "open": one["status"] == "open",
            "message": one["message"],
            "percent": f"{one['percent']:g} %",
            "orders": count(one["orders_affected"]),
            "amount": amount(one["amount_lost"]),
            "noticed": span(_hours(one)),
            "ran": span(24 * days_of(one)),
        }
        for one in latest[:INCIDENTS_SHOWN]
    ]


def _hours(incident: Mapping[str, Any]) -> float:
    waited = utc_time(incident["detected_at"]) - utc_time(incident["started_at"])
    return waited.total_seconds() / 3600


def alert_rows(report: Report) -> list[dict[str, Any]]:
    """The costliest alerts, without anything of the customer's."""
    return [
        {
            "order": one["order_id"],
            "rep": one["rep_id"],
            "time": minute(utc_time(one["ordered_at"])),
            "loss": amount(one["expected_loss"]),
            "probability": percent(one["probability"]),
            "messages": [finding["message"] for finding in one["findings"]],
        }
        for one in report.top_alerts[:ALERTS_SHOWN]
    ]


def intake_rows(report: Report) -> list[dict[str, str]]:
    """What came in and what did not become a score or an order to learn from."""
    data, states = report.data, report.states
    unpriced = report.learned.figures.get("orders_unpriced", 0)
    rows = [
        ("Orders in the snapshot", count(data.orders), ""),
        ("Not orders", count(sum((data.refused or {}).values())), _codes(data.refused or {})),
        ("Sent twice", count(data.duplicates), "counted once"),
        ("Replaced by a higher revision", count(data.superseded), "the highest counts"),
        ("Not priced by the catalogue", count(int(unpriced)), "not learned from"),
        ("Archive files unread", count(len(data.bad_files)), ", ".join(data.bad_files[:3])),
    ]
    if states:
        rows += [
            (f"Stream: {what}", count(sum(int(one[key]) for one in states)), note)
            for what, key, note in (
                ("scored", "orders_scored", f"over {len(states)} partitions, since they began"),
                ("set aside", "dead_lettered", "dead letters, which can be sent again"),
                ("repeated", "duplicates", "scored once"),
                ("came too late", "stale", "a higher revision was scored"),
            )
        ]
    return [dict(zip(("what", "count", "note"), row, strict=True)) for row in rows]


def _codes(refused: Mapping[str, int]) -> str:
    ranked = sorted(refused.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{shortened(code)} {found:,}" for code, found in ranked)


def drift_rows(report: Report) -> list[dict[str, Any]]:
    """Every feature, the furthest drifted first."""
    ranked = sorted(report.drift, key=lambda one: (-(one.psi or 0.0), one.name))
    return [
        {
            "name": one.name.replace("_", " "),
            "before": _plain(one.before),
            "now": _plain(one.now),
            "psi": NOTHING if one.psi is None else f"{one.psi:.3f}",
            "limit": one.note if one.limit is None else f"{one.limit:.3f}",
            "alarm": one.alarm,
        }
        for one in ranked
    ]


def _plain(value: float) -> str:
    return NOTHING if math.isnan(value) else f"{value:,.2f}".rstrip("0").rstrip(".")


def moments(report: Report) -> list[tuple[str, str]]:
    """How the run came to be, in pairs of what and which."""
    data, bundle = report.data, report.learned.bundle
    pairs = [
        ("Made", f"{minute(report.made_at)} UTC"),
        ("Orders from", f"{minute(data.first)} UTC"),
        ("to", f"{minute(data.last)} UTC"),
        ("Learned from", f"{bundle.trained_orders:,} orders"),
        ("Challenger", bundle.version),
        ("Champion until now", report.champion.version),
        ("Policy", report.policy.version),
        ("SHA-256 of the snapshot", data.sha256),
    ]
    if data.later_from is not None:
        pairs.insert(4, ("Judged on orders from", f"{minute(data.later_from)} UTC"))
    return pairs
