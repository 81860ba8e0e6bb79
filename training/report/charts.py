"""The report's charts of the business: money, reps, the ladder and incidents, each as SVG."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from shared.formats import utc_time
from shared.ladder import DiscountShare
from training.report.svg import (
    INKS,
    add_axes,
    add_legend,
    draw_svg,
    name_rows,
    show_dates,
    show_money,
    show_percents,
    to_axis_dates,
)
from training.report.totals import Period, Periods, RepDiscount

ROW = 19
"""Height of a line of text and its bar."""

SHOWN = 6
"""Reps shown at either end; twice as many incidents are shown."""


def money_over_time(name: str, totals: Periods, currency: str) -> str:
    """Draw list, charged and cost as means a day, so that short periods compare with long ones."""

    def draw(figure: Figure) -> None:
        axes = add_axes(figure, "", f"{currency} a day")
        periods = _long_enough(totals)
        dates = to_axis_dates([period.start for period in periods])
        for label, column, colour, line in (
            ("list", "list_e4", "ink", ":"),
            ("charged", "charged_e4", "challenger", "-"),
            ("cost", "cost_e4", "third", "--"),
        ):
            means = [getattr(period, column) / 1e4 / period.days for period in periods]
            axes.plot(
                dates, means, label=label, color=INKS[colour], linestyle=line,
                marker="o" if len(periods) < 3 else None, linewidth=1.6,
            )  # fmt: skip
        axes.set_ylim(0, None)
        show_money(axes.yaxis)
        show_dates(axes)
        add_legend(figure, axes, columns=3)

    return draw_svg(name, draw)


def _long_enough(totals: Periods) -> list[Period]:
    """Leave out a first and a last period that are cut short: their means mislead."""
    covered = [period for period in totals.periods if period.days]
    usual = max((period.days for period in covered), default=1)
    whole = [at for at, period in enumerate(covered) if 2 * period.days > usual]
    return covered[whole[0] : whole[-1] + 1] if len(whole) > 2 else covered


def rep_discounts(name: str, reps: Sequence[RepDiscount]) -> str:
    """Draw the reps at both ends with their intervals, and all reps in one row of ticks."""
    many = len(reps) > 2 * SHOWN + 2
    shown = [*reps[:SHOWN], *reps[-SHOWN:]] if many else list(reps)
    rows = [float(at + (2 if many and at >= SHOWN else 0)) for at in range(len(shown))]

    def draw(figure: Figure) -> None:
        axes = add_axes(figure, "percent of the list total given away")
        places, names = rows, [_shortened(rep.rep_id) for rep in shown]
        for y, rep in zip(rows, shown, strict=True):
            _draw_rep(axes, y, rep)
        if many:
            places, names = [*rows, SHOWN + 0.5], [*names, f"all {len(reps):,} reps"]
            _draw_all_reps(axes, SHOWN + 0.5, reps)
        median = float(np.median([rep.percent for rep in reps]))
        axes.axvline(median, color=INKS["ink"], linewidth=1, linestyle=":")
        axes.set_yticks(places, names)
        axes.set_ylim(max(places) + 0.7, -0.7)
        axes.grid(visible=False, axis="y")
        show_percents(axes.xaxis, 1)

    return draw_svg(name, draw, 60 + ROW * (len(shown) + (2 if many else 0)))


def _draw_rep(axes: Axes, y: float, rep: RepDiscount) -> None:
    colour = INKS["warning" if rep.apart else "challenger"]
    if rep.interval is not None:
        axes.plot(rep.interval, [y, y], color=colour, linewidth=1.5, alpha=0.7)
    axes.plot([rep.percent], [y], "D" if rep.apart else "o", color=colour, markersize=5.5)


def _draw_all_reps(axes: Axes, y: float, reps: Sequence[RepDiscount]) -> None:
    percents = [rep.percent for rep in reps]
    axes.plot(percents, [y] * len(reps), "|", color=INKS["ink"], markersize=13, alpha=0.45)


def _shortened(text: str, limit: int = 16) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"


def ladder(
    name: str, champion: Sequence[DiscountShare] | None, challenger: Sequence[DiscountShare]
) -> str:
    """Draw the share of units with each discount.

    Units without a discount are left out: they are most, and would flatten all other bars.
    """
    old, new = (
        {step.discount_bp: step.share for step in steps if step.discount_bp}
        for steps in (champion or (), challenger)
    )
    steps_bp = sorted(old.keys() | new.keys())

    def draw(figure: Figure) -> None:
        axes = add_axes(figure, "share of units")
        rows = np.arange(len(steps_bp))
        shares = [new.get(step, 0.0) for step in steps_bp]
        axes.barh(rows, shares, height=0.6, color=INKS["challenger"], label="challenger")
        if champion is not None:
            _mark_champion(axes, [(row, old[bp]) for row, bp in enumerate(steps_bp) if bp in old])
        names = [f"{step / 100:g} %" for step in steps_bp]
        name_rows(axes, rows.tolist(), names, len(steps_bp) - 0.4)
        axes.set_xlim(0, None)
        show_percents(axes.xaxis, 100)
        add_legend(figure, axes)

    return draw_svg(name, draw, 85 + ROW * max(len(steps_bp), 2))


def _mark_champion(axes: Axes, shares: Sequence[tuple[int, float]]) -> None:
    """Mark the champion's shares, given as pairs of row and share, with diamonds."""
    axes.plot(
        [share for _, share in shares], [row for row, _ in shares], "D",
        color=INKS["champion"], markeredgecolor=INKS["ink"], markeredgewidth=0.6,
        markersize=6, linestyle="", label="champion",
    )  # fmt: skip


def incident_times(name: str, incidents: Sequence[Mapping[str, Any]]) -> str:
    """Draw when each of the latest incidents ran (bar) and when it was detected (stroke)."""
    shown = sorted(incidents, key=lambda incident: str(incident["started_at"]))[-2 * SHOWN :]

    def draw(figure: Figure) -> None:
        axes = add_axes(figure)
        for row, incident in enumerate(shown):
            times = [incident[key] for key in ("started_at", "detected_at", "last_seen_at")]
            start, detected, last = to_axis_dates([utc_time(time) for time in times])
            colour = INKS["warning" if incident["status"] == "open" else "challenger"]
            axes.plot([start, last], [row, row], color=colour, linewidth=9, solid_capstyle="butt")
            axes.plot([detected], [row], "|", color=INKS["ink"], markersize=15)
        names = [f"{incident['percent']:g} %" for incident in shown]
        name_rows(axes, range(len(shown)), names, len(shown) - 0.4)
        axes.margins(x=0.04)
        show_dates(axes)

    return draw_svg(name, draw, 60 + ROW * max(len(shown), 2))
