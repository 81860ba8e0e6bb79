"""What the report says in words and tables: rows of texts, ready for the page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.model import packaged_bundle
from shared.notation import shortened, utc_time
from training.changes import Change, changes, step_name
from training.worth import days_of, worth

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from shared.model import ModelBundle
    from training.comparison import Comparison, Difference
    from training.report import Report

NOTHING = "\N{EN DASH}"

NAMES = {
    "added_item": "Added item",
    "hidden_discount": "Hidden discount",
    "unexplained_gap": "Unexplained gap",
    "below_cost": "Below cost",
    "overcharge": "Overcharge",
    "price_tampering": "Price tampering",
    "unknown_rep": "Unknown rep",
    "unknown_product": "Unknown product",
}
"""Typologies as people read them."""

REPS_SHOWN, ALERTS_SHOWN, INCIDENTS_SHOWN = 8, 10, 20


def amount(value: float) -> str:
    """Money of the currency: whole from a hundred on, to the cent below.

    >>> amount(1234.56), amount(12.3), amount(-0.001)
    ('1,235', '12.30', '0')
    """
    cents = round(value, 2)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{cents:,.2f}" if cents else "0"


def count(value: int) -> str:
    """A number of things."""
    return f"{value:,}"


def percent(share: float | None, digits: int = 1) -> str:
    """A share (0-1) in percent.

    >>> percent(0.9312), percent(None) == NOTHING
    ('93.1 %', True)
    """
    return NOTHING if share is None else f"{100 * share:.{digits}f} %"


def minute(time: datetime) -> str:
    """A time (aware UTC), to the minute."""
    return f"{time:%Y-%m-%d %H:%M}"


def name_of(typology: str) -> str:
    """A typology in words."""
    return NAMES.get(typology, typology)


@dataclass(frozen=True, slots=True)
class Headline:
    """What was decided: a word, its meaning in a sentence, and why."""

    outcome: str
    sentence: str
    reasons: tuple[str, ...]


def headline(report: Report) -> Headline:
    """The top line."""
    new, old = (_called(bundle) for bundle in (report.learned.bundle, report.champion))
    sentences = {
        "promoted": f"{new} scores every order from now on, in place of {old}.",
        "refused": f"{new} does not serve: {old} goes on scoring every order.",
        "shadow": f"{new} is neither better nor worse than {old}: it scores beside it and alerts "
        "nobody.",
    }
    outcome = report.verdict.outcome
    sentence = sentences.get(outcome, f"{new}: {outcome}.")
    return Headline(outcome, sentence, report.verdict.reasons[:3])


def _called(bundle: ModelBundle) -> str:
    packaged = bundle.version == packaged_bundle().version
    return "the packaged bundle" if packaged else bundle.version


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """A figure of the top line, what it is, and what to hold it against."""

    label: str
    value: str
    note: str
    alarming: bool = False


def key_figures(report: Report) -> tuple[KeyFigure, ...]:
    """The figures at the top: two of detection where there was a comparison, four of business."""
    business = worth(
        report.alerts, report.incidents, report.learned.bundle.hidden_run_days, report.policy
    )
    running = sum(one["status"] == "open" for one in report.incidents)
    drifted = sum(one.alarm for one in report.drift)
    times = "" if business.times is None else f", {business.times:,.1f} times the cost of review"
    return (
        *_detection(report.comparison),
        KeyFigure(
            "Losses found", f"{amount(business.found)} {report.currency}", f"expected{times}"
        ),
        KeyFigure(
            "Open alerts", count(report.alerts.open), f"of {report.alerts.alerts:,} in the window"
        ),
        KeyFigure(
            "Open incidents",
            count(running),
            f"taking {amount(business.a_day)} {report.currency} a day" if running else
            f"{len(report.incidents):,} in all",
            alarming=running > 0,
        ),
        KeyFigure(
            "Drift",
            f"{drifted} of {len(report.drift)}" if report.drift else NOTHING,
            _drift_note(report),
            alarming=drifted > 0 or (report.alert_rate is not None and report.alert_rate.alarm),
        ),
    )  # fmt: skip


def _drift_note(report: Report) -> str:
    if not report.drift:
        return "not measured"
    also = report.alert_rate is not None and report.alert_rate.alarm
    return "features of orders have changed" + (", and so has the rate of alerts" if also else "")


def _detection(comparison: Comparison | None) -> tuple[KeyFigure, ...]:
    if comparison is None:
        return ()
    found = []
    for typology, figures in comparison.challenger_figures.items():
        before = comparison.champion_figures.get(typology)
        note = f"{figures.found:,} of {figures.planted:,} planted"
        if before is not None and before.recall is not None:
            note += f"; champion {percent(before.recall)}"
        found.append(KeyFigure(f"{name_of(typology)}s found", percent(figures.recall), note))
    return tuple(found)


def change_rows(report: Report) -> tuple[Change, ...]:
    """What changed between champion and challenger."""
    return changes(report.champion, report.learned.bundle)


def quality_rows(report: Report) -> list[dict[str, Any]]:
    """One row a typology and measure: champion, challenger, difference with its interval."""
    comparison = report.comparison
    if comparison is None:
        return []
    rows = []
    for typology, figures in comparison.challenger_figures.items():
        old = comparison.champion_figures[typology]
        parts = (
            ("found (recall)", comparison.recall.get(typology)),
            ("ranking (average precision)", comparison.average_precision.get(typology)),
        )
        rows.append({
            "typology": name_of(typology),
            "measure": "alerts that are right (precision)",
            "champion": percent(old.precision),
            "challenger": percent(figures.precision),
            "difference": _points(old.precision, figures.precision),
            "interval": "",
        })  # fmt: skip
        rows[-1:] = [
            *(_difference_row(typology, what, one, 100.0) for what, one in parts if one),
            rows[-1],
        ]
    others = (
        ("Charges", "log-likelihood of a charge", comparison.log_likelihood),
        ("Decisions", "log-likelihood of analysts' decisions", comparison.decisions),
        ("Blind sample", "log-likelihood of decisions without an alert", comparison.blind),
    )
    rows += [_difference_row(table, what, one, 1.0) for table, what, one in others if one]
    return rows


def _points(old: float | None, new: float | None) -> str:
    return NOTHING if old is None or new is None else _signed(100 * (new - old), 1)


def _signed(value: float, digits: int) -> str:
    """A difference with its sign; what rounds to nothing has a plus.

    >>> _signed(-0.04, 1), _signed(-0.06, 1)
    ('+0.0', '-0.1')
    """
    return f"{round(value, digits) + 0.0:+.{digits}f}"


def _difference_row(typology: str, what: str, one: Difference, scale: float) -> dict[str, Any]:
    """A measured difference; shares in percent, log-likelihoods (scale 1) in nats."""

    def value(number: float | None) -> str:
        if scale == 1.0:
            return NOTHING if number is None or math.isnan(number) else f"{number:.4f}"
        return percent(number)

    digits = 4 if scale == 1.0 else 1
    low, high = one.interval or (math.nan, math.nan)
    return {
        "typology": name_of(typology),
        "measure": what,
        "champion": value(one.champion),
        "challenger": value(one.challenger),
        "difference": NOTHING
        if one.difference is None
        else _signed(scale * one.difference, digits),
        "interval": ""
        if one.interval is None
        else f"{_signed(scale * low, digits)} to {_signed(scale * high, digits)}",
    }


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
    days = report.learned.bundle.hidden_run_days
    found = worth(report.alerts, report.incidents, days, policy)
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
    days = report.learned.bundle.hidden_run_days
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
            "percent": step_name(step.basis_points),
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
            "noticed": _span(_hours(one)),
            "ran": _span(24 * days_of(one)),
        }
        for one in latest[:INCIDENTS_SHOWN]
    ]


def _hours(incident: Mapping[str, Any]) -> float:
    waited = utc_time(incident["detected_at"]) - utc_time(incident["started_at"])
    return waited.total_seconds() / 3600


def _span(hours: float) -> str:
    """A length of time in words.

    >>> _span(0), _span(0.5), _span(5), _span(50)
    ('at once', '30 minutes', '5.0 hours', '2.1 days')
    """
    if hours < 1 / 60:
        return "at once"
    if hours < 1:
        return f"{60 * hours:.0f} minutes"
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.1f} days"


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


def shadow_rows(report: Report) -> list[dict[str, str]]:
    """What the last challenger did beside the champion."""
    if report.shadow is None:
        return []
    names = {
        "orders": "orders scored by both",
        "champion_alerts": "alerts of the champion",
        "challenger_alerts": "alerts of the challenger, which nobody saw",
        "both": "alerts of both",
    }
    return [
        {"what": words, "count": count(report.shadow[key])}
        for key, words in names.items()
        if key in report.shadow
    ]


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
