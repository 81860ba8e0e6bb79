"""What the report says first: what was decided, what changed, and how well frauds are found."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.model import packaged_bundle
from training.report.business_impact import business_impact
from training.report.changes import Change, changes
from training.report.words import NOTHING, amount, count, name_of, percent, signed

if TYPE_CHECKING:
    from shared.model import ModelBundle
    from training.comparison.comparison import Comparison, Difference
    from training.report.content import Report


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
    business = business_impact(
        report.alerts, report.incidents, report.learned.bundle.hidden_episode_days, report.policy
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
    return "features of orders have changed" + ("; the rate of alerts has" if also else "")


def _detection(comparison: Comparison | None) -> tuple[KeyFigure, ...]:
    if comparison is None:
        return ()
    found = []
    for typology, figures in comparison.challenger_figures.items():
        before = comparison.champion_figures.get(typology)
        note = f"{figures.found:,} of {figures.injected:,} planted"
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
    return NOTHING if old is None or new is None else signed(100 * (new - old), 1)


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
        "difference": NOTHING if one.difference is None else signed(scale * one.difference, digits),
        "interval": ""
        if one.interval is None
        else f"{signed(scale * low, digits)} to {signed(scale * high, digits)}",
    }


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
