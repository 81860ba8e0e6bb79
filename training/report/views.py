"""The beginning of the report: what was decided, what changed, and how well frauds are found."""

import math
from dataclasses import dataclass
from typing import Any

from shared.model import ModelBundle, packaged_bundle
from training.comparison.comparison import Comparison, Difference
from training.report.business_impact import business_impact
from training.report.changes import Change, changes
from training.report.content import Report
from training.report.words import NOTHING, amount, count, name_of, percent, signed


@dataclass(frozen=True, slots=True)
class Headline:
    """The decision: a word, its meaning in a sentence, and the reasons."""

    outcome: str
    sentence: str
    reasons: tuple[str, ...]


def headline(report: Report) -> Headline:
    """Return the top line."""
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
    """A figure of the top line, what it is, and what to compare it with."""

    label: str
    value: str
    note: str
    alarming: bool = False


def key_figures(report: Report) -> tuple[KeyFigure, ...]:
    """Return the figures at the top: four of the business, and two of detection if compared."""
    days = report.learned.bundle.hidden_episode_days
    impact = business_impact(report.alerts, report.incidents, days, report.policy)
    times = "" if impact.times is None else f", {impact.times:,.1f} times the cost of review"
    waiting, alerts = report.alerts.open, report.alerts.alerts
    return (
        *_detection(report.comparison),
        KeyFigure("Losses found", f"{amount(impact.found)} {report.currency}", f"expected{times}"),
        KeyFigure("Open alerts", count(waiting), f"of {alerts:,} in the window"),
        _open_incidents(report, impact.a_day),
        _drift(report),
    )


def _detection(comparison: Comparison | None) -> tuple[KeyFigure, ...]:
    if comparison is None:
        return ()
    key_figures = []
    for typology, figures in comparison.challenger_figures.items():
        before = comparison.champion_figures.get(typology)
        note = f"{figures.found:,} of {figures.injected:,} injected"
        if before is not None and before.recall is not None:
            note += f"; champion {percent(before.recall)}"
        label = f"{name_of(typology)}s found"
        key_figures.append(KeyFigure(label, percent(figures.recall), note))
    return tuple(key_figures)


def _open_incidents(report: Report, loss_a_day: float) -> KeyFigure:
    running = sum(incident["status"] == "open" for incident in report.incidents)
    if running:
        note = f"taking {amount(loss_a_day)} {report.currency} a day"
    else:
        note = f"{len(report.incidents):,} in all"
    return KeyFigure("Open incidents", count(running), note, alarming=running > 0)


def _drift(report: Report) -> KeyFigure:
    rate_alarm = report.alert_rate is not None and report.alert_rate.alarm
    if not report.drift:
        return KeyFigure("Drift", NOTHING, "not measured", alarming=rate_alarm)
    drifted = sum(feature.alarm for feature in report.drift)
    note = "features of orders have changed" + ("; the rate of alerts has" if rate_alarm else "")
    value = f"{drifted} of {len(report.drift)}"
    return KeyFigure("Drift", value, note, alarming=drifted > 0 or rate_alarm)


def change_rows(report: Report) -> tuple[Change, ...]:
    """Return what changed between champion and challenger."""
    return changes(report.champion, report.learned.bundle)


def quality_rows(report: Report) -> list[dict[str, Any]]:
    """Return a row for each typology and measure: both models, and the difference.

    The difference has its interval, where one was computed.
    """
    comparison = report.comparison
    if comparison is None:
        return []
    rows = []
    for typology in comparison.challenger_figures:
        rows += _typology_rows(comparison, typology)
    others = (
        ("Charges", "log-likelihood of a charge", comparison.log_likelihood),
        ("Decisions", "log-likelihood of analysts' decisions", comparison.decisions),
        ("Blind sample", "log-likelihood of decisions without an alert", comparison.blind),
    )
    return rows + [
        _difference_row(table, measure, difference, nats=True)
        for table, measure, difference in others
        if difference
    ]


def _typology_rows(comparison: Comparison, typology: str) -> list[dict[str, Any]]:
    old, new = comparison.champion_figures[typology], comparison.challenger_figures[typology]
    measures = (
        ("found (recall)", comparison.recall.get(typology)),
        ("ranking (average precision)", comparison.average_precision.get(typology)),
    )
    precision = {
        "typology": name_of(typology),
        "measure": "alerts that are right (precision)",
        "champion": percent(old.precision),
        "challenger": percent(new.precision),
        "difference": _points(old.precision, new.precision),
        "interval": "",
    }
    return [
        *(
            _difference_row(name_of(typology), measure, difference)
            for measure, difference in measures
            if difference
        ),
        precision,
    ]


def _points(old: float | None, new: float | None) -> str:
    return NOTHING if old is None or new is None else signed(100 * (new - old), 1)


def _difference_row(
    table: str, measure: str, difference: Difference, *, nats: bool = False
) -> dict[str, Any]:
    """Return a row of texts; shares are in percent, log-likelihoods in ``nats``."""
    scale, digits = (1.0, 4) if nats else (100.0, 1)

    def value(number: float | None) -> str:
        if nats:
            return NOTHING if number is None or math.isnan(number) else f"{number:.4f}"
        return percent(number)

    apart, interval = difference.difference, ""
    if difference.interval is not None:
        interval = " to ".join(signed(scale * end, digits) for end in difference.interval)
    return {
        "typology": table,
        "measure": measure,
        "champion": value(difference.champion),
        "challenger": value(difference.challenger),
        "difference": NOTHING if apart is None else signed(scale * apart, digits),
        "interval": interval,
    }


def shadow_rows(report: Report) -> list[dict[str, str]]:
    """Return what the last challenger did beside the champion."""
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
