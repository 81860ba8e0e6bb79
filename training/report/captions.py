"""Which charts a report has, each with a sentence that says what to see in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.comparison.quality import calibrate
from training.report import charts

if TYPE_CHECKING:
    from training.comparison.comparison import Comparison
    from training.report.page import Report


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing (SVG) and its caption."""

    svg: str
    caption: str


def draw_charts(report: Report) -> dict[str, Chart]:
    """Every chart that there is something for, by name."""
    found = {"ladder": _ladder(report), "money": _money(report)}
    if report.comparison is not None and len(report.comparison.later.days):
        found |= _quality(report, report.comparison)
    if report.reps:
        found["reps"] = _reps(report)
    if report.incidents:
        found["incidents"] = _incidents(report)
    return found


def _quality(report: Report, comparison: Comparison) -> dict[str, Chart]:
    later, old, new = comparison.later, comparison.champion, comparison.challenger
    fraud = later.added | later.hidden
    found = {}
    for name, what, truth, column in (
        ("added_item", "Added items", later.added, "p_added"),
        ("hidden_discount", "Hidden discounts", later.hidden, "p_hidden"),
    ):
        if truth.any():
            svg = charts.precision_recall(
                f"pr-{name}", truth, getattr(old, column), getattr(new, column)
            )
            caption = f"{what}: the nearer a line keeps to the upper right corner, the better."
            found[f"pr_{name}"] = Chart(svg, caption)
    error = calibrate(new.probability, fraud).expected_error
    found["calibration"] = Chart(
        charts.calibration("calibration", fraud, old.probability, new.probability),
        "Compare the lines rather than each with the diagonal: planted frauds are more frequent "
        f"than real ones, which count as none. The challenger is off by {100 * error:.1f} "
        f"percentage points on average (dots without a line: fewer than {charts.FIRM} orders).",
    )
    found["scores"] = Chart(
        charts.score_distribution("scores", fraud, old.probability, new.probability),
        "Good scores crowd at both ends: planted frauds on the right, all else on the left.",
    )
    policy = report.policy.alert_probability, report.policy.review_cost_e4
    best = charts.THRESHOLDS[int(np.argmin(charts.costs(later, new, policy[1])))]
    found["cost"] = Chart(
        charts.cost_curve("cost", later, old, new, policy, report.currency),
        f"Reviews plus planted losses that no alert saw, over the {len(later.days):,} later "
        f"orders: cheapest for the challenger at {100 * best:.0f} %, and the policy alerts from "
        f"{100 * policy[0]:g} % on.",
    )
    return found


def _ladder(report: Report) -> Chart:
    bundle = report.learned.bundle
    none = sum(step.share for step in bundle.ladder if not step.discount_bp)
    return Chart(
        charts.ladder("ladder", report.champion.ladder, bundle.ladder),
        f"The discounts that reps give, as shares of units; {100 * none:.1f} % of units get none "
        "and are left out.",
    )


def _money(report: Report) -> Chart:
    unit = report.totals.unit
    return Chart(
        charts.money_over_time("money", report.totals, report.currency),
        f"Mean of a day in each {unit}: between list and charged lies what was given away, between "
        "charged and cost what was earned.",
    )


def _reps(report: Report) -> Chart:
    apart = sum(one.apart for one in report.reps)
    said = f"{apart} stand{'s' if apart == 1 else ''} apart" if apart else "nobody stands apart"
    return Chart(
        charts.rep_discounts("reps", report.reps),
        f"Discounts with 95 % intervals around the median (dotted): {said} beyond chance"
        f"{' (diamonds)' if apart else ''}.",
    )


def _incidents(report: Report) -> Chart:
    return Chart(
        charts.incident_times("incidents", report.incidents),
        "Bars say when an incident ran (open ones in red), strokes when it was noticed; times are "
        "UTC.",
    )
