"""Which charts a report has, each with a sentence that says what to see in it."""

from dataclasses import dataclass

import numpy as np

from training.comparison.comparison import Comparison
from training.comparison.quality import calibrate
from training.report import charts, quality_charts
from training.report.content import Report


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing (SVG) and its caption."""

    svg: str
    caption: str


def draw_charts(report: Report) -> dict[str, Chart]:
    """Draw every chart that the report has data for, by name."""
    drawn = {"ladder": _ladder(report), "money": _money(report)}
    if report.comparison is not None and len(report.comparison.later.days):
        drawn |= _precision_recall(report.comparison)
        drawn["calibration"] = _calibration(report.comparison)
        drawn["scores"] = _scores(report.comparison)
        drawn["cost"] = _cost(report, report.comparison)
    if report.reps:
        drawn["reps"] = _reps(report)
    if report.incidents:
        drawn["incidents"] = _incidents(report)
    return drawn


def _precision_recall(comparison: Comparison) -> dict[str, Chart]:
    """Draw a chart for each injected typology."""
    later, old, new = comparison.later, comparison.champion, comparison.challenger
    drawn = {}
    for name, what, truth, column in (
        ("added_item", "Added items", later.added, "p_added"),
        ("hidden_discount", "Hidden discounts", later.hidden, "p_hidden"),
    ):
        if truth.any():
            svg = quality_charts.precision_recall(
                f"pr-{name}", truth, getattr(old, column), getattr(new, column)
            )
            caption = f"{what}: the nearer a line keeps to the upper right corner, the better."
            drawn[f"pr_{name}"] = Chart(svg, caption)
    return drawn


def _calibration(comparison: Comparison) -> Chart:
    later, old, new = comparison.later, comparison.champion, comparison.challenger
    fraud = later.added | later.hidden
    error = calibrate(new.probability, fraud).expected_error
    return Chart(
        quality_charts.calibration("calibration", fraud, old.probability, new.probability),
        "Compare the lines rather than each with the diagonal: injected frauds are more frequent "
        f"than real ones, which count as none. The challenger is off by {100 * error:.1f} "
        "percentage points on average (dots without a line: fewer than "
        f"{quality_charts.FIRM} orders).",
    )


def _scores(comparison: Comparison) -> Chart:
    later, old, new = comparison.later, comparison.champion, comparison.challenger
    fraud = later.added | later.hidden
    return Chart(
        quality_charts.score_distribution("scores", fraud, old.probability, new.probability),
        "Good scores crowd at both ends: injected frauds on the right, all else on the left.",
    )


def _cost(report: Report, comparison: Comparison) -> Chart:
    later, old, new = comparison.later, comparison.champion, comparison.challenger
    threshold, review_cost_e4 = report.policy.alert_probability, report.policy.review_cost_e4
    cheapest = int(np.argmin(quality_charts.costs(later, new, review_cost_e4)))
    return Chart(
        quality_charts.cost_curve(
            "cost", later, old, new, (threshold, review_cost_e4), report.currency
        ),
        f"Reviews plus injected losses that no alert saw, over the {len(later.days):,} later "
        f"orders: cheapest for the challenger at {100 * quality_charts.THRESHOLDS[cheapest]:.0f} "
        f"%, and the policy alerts from {100 * threshold:g} % on.",
    )


def _ladder(report: Report) -> Chart:
    bundle = report.learned.bundle
    undiscounted = sum(step.share for step in bundle.ladder if not step.discount_bp)
    return Chart(
        charts.ladder("ladder", report.champion.ladder, bundle.ladder),
        f"The discounts that reps give, as shares of units; {100 * undiscounted:.1f} % of units "
        "get none and are left out.",
    )


def _money(report: Report) -> Chart:
    unit = report.totals.unit
    return Chart(
        charts.money_over_time("money", report.totals, report.currency),
        f"Mean of a day in each {unit}: between list and charged lies what was given away, between "
        "charged and cost what was earned.",
    )


def _reps(report: Report) -> Chart:
    apart = sum(rep.apart for rep in report.reps)
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
