"""The report's charts, as SVG to stand in a page: narrow, so that a phone shows them legibly.

Each is drawn on a figure of its own, without state that charts share, and the same input gives the
same bytes. Text stays text, in the page's font. Colours are variables of the page, so that the
champion and the challenger look alike everywhere, by day and by night; those of `COLOURS` (Okabe
and Ito's, which the colour-blind tell apart) stand in where a page has none.
"""

import io
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from shared.arrays import Bools, Floats
from shared.formats import utc_time
from shared.ladder import DiscountShare
from training.comparison.comparison import LaterOrders, Scores
from training.comparison.quality import calibrate
from training.report.totals import Period, Periods, RepDiscount

COLOURS = {
    "ink": "#333333",
    "faint": "#b9b9b9",
    "champion": "#e69f00",
    "challenger": "#0072b2",
    "warning": "#d55e00",
    "third": "#009e73",
}
_MARKS = {name: f"#01020{at}" for at, name in enumerate(COLOURS, start=3)}
"""Stand-ins while drawing: colours that nothing else has, replaced in the finished text."""

WIDTH, HEIGHT = 400, 260
"""Of a chart, in the units of its own picture."""

ROW = 19
"""Height of a line of text and its bar."""

FIRM = 20
"""Orders of a bin below which its share of frauds is mostly chance: a dot without a line."""

SHOWN = 6
"""Reps shown at either end, and twice as many incidents."""

_STYLE: Any = {  # matplotlib types every key
    "text.parse_math": False,  # a rep may be called anything
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11.5,
    "text.color": _MARKS["ink"],
    "axes.edgecolor": _MARKS["faint"],
    "axes.labelcolor": _MARKS["ink"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _MARKS["faint"],
    "grid.alpha": 0.35,
    "xtick.color": _MARKS["ink"],
    "ytick.color": _MARKS["ink"],
    "xtick.major.size": 0,
    "xtick.major.pad": 6,
    "ytick.major.pad": 6,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 11.5,
    "legend.handlelength": 1.4,
    "lines.linewidth": 2.0,
}

_CHAMPION: dict[str, Any] = {"color": _MARKS["champion"], "linestyle": (0, (4, 1.5))}
_CHALLENGER: dict[str, Any] = {"color": _MARKS["challenger"], "linestyle": "-"}


def _svg(name: str, draw: Callable[[Figure], None], height: float = HEIGHT) -> str:
    """Draw on a new figure; ``name`` keeps the ids of one page's charts apart."""
    with mpl.rc_context(_STYLE | {"svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the page's font draws the text, not this one
        figure = Figure(figsize=(WIDTH / 72, height / 72), layout="constrained")
        draw(figure)
        file = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    return _embeddable(file.getvalue(), name)


def _embeddable(svg: str, name: str) -> str:
    """The drawing without what only a file of its own needs, in the page's colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r' version="1.1"', "", svg, count=1)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)
    for key, mark in _MARKS.items():
        svg = svg.replace(mark, f"var(--{key}, {COLOURS[key]})")
    return re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", svg).strip()


def _axes(figure: Figure, x: str = "", y: str = "") -> Axes:
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return axes


def _legend(figure: Figure, axes: Axes, columns: int = 2) -> None:
    """Above the drawing, where nothing is covered."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=columns, columnspacing=1.2)


def _percents(axis: Any) -> None:
    axis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))


def precision_recall(name: str, fraud: Bools, champion: Floats | None, challenger: Floats) -> str:
    """Precision over recall as the threshold falls; probabilities and truth one row an order."""

    def draw(figure: Figure) -> None:
        axes = _axes(figure, "share of frauds found", "share of alerts right")
        if champion is not None:
            _steps(axes, _precision_recall(champion, fraud), "champion", _CHAMPION)
        _steps(axes, _precision_recall(challenger, fraud), "challenger", _CHALLENGER)
        axes.set(xlim=(0, 1.01), ylim=(0, 1.03))
        _percents(axes.xaxis)
        _percents(axes.yaxis)
        _legend(figure, axes)

    return _svg(name, draw)


def _steps(axes: Axes, curve: tuple[Floats, Floats], label: str, style: dict[str, Any]) -> None:
    """Between two thresholds there is nothing: the area is the average precision."""
    axes.plot(*curve, drawstyle="steps-pre", label=label, **style)


def _precision_recall(probability: Floats, fraud: Bools) -> tuple[Floats, Floats]:
    """Recall and precision at each probability that occurs, thinned to what a chart can show."""
    ranking = np.argsort(-probability, kind="stable")
    last = np.append(np.flatnonzero(np.diff(probability[ranking])), len(ranking) - 1)
    found = np.cumsum(fraud[ranking])[last]
    recall, precision = found / max(int(fraud.sum()), 1), found / (last + 1)
    kept = np.unique(np.append(np.searchsorted(recall, np.linspace(0, 1, 200)), 0))
    kept = kept[kept < len(last)]
    return np.append(0.0, recall[kept]), np.append(precision[kept[:1]], precision[kept])


def calibration(name: str, fraud: Bools, champion: Floats | None, challenger: Floats) -> str:
    """The share of frauds among orders of a probability, and below how many orders those are."""

    def draw(figure: Figure) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.plot([0, 1], [0, 1], color=_MARKS["faint"], linewidth=1)
        models = [(challenger, "challenger", _CHALLENGER)]
        if champion is not None:
            models.insert(0, (champion, "champion", _CHAMPION))
        for at, (probability, label, style) in enumerate(models):
            bins = calibrate(probability, fraud).bins
            means = [one.mean_probability for one in bins]
            shares = [one.fraud_share for one in bins]
            firm = [one.orders >= FIRM for one in bins]
            upper.plot(
                np.array(means)[firm], np.array(shares)[firm], marker="o", markersize=5,
                label=label, **style,
            )  # fmt: skip
            upper.plot(means, shares, "o", markersize=3, color=style["color"], alpha=0.45)
            places = [one.low + 0.05 + 0.036 * (at - (len(models) - 1) / 2) for one in bins]
            counts = [one.orders for one in bins]
            lower.bar(places, counts, width=0.034, color=style["color"])
        upper.set_ylabel("really frauds")
        lower.set(yscale="log", ylabel="orders", xlabel="probability said", ylim=(0.7, None))
        lower.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        _percents(upper.xaxis)
        _percents(upper.yaxis)
        _legend(figure, upper)

    return _svg(name, draw, HEIGHT + 30)


def score_distribution(name: str, fraud: Bools, champion: Floats | None, challenger: Floats) -> str:
    """How many orders got which probability, on a logarithmic scale; planted frauds filled."""

    def draw(figure: Figure) -> None:
        axes = _axes(figure, "probability of a fraud", "orders")
        edges = np.linspace(0, 1, 21)
        axes.hist(
            challenger[fraud], edges.tolist(), color=_MARKS["challenger"], alpha=0.35,
            label="planted frauds (challenger)",
        )  # fmt: skip
        if champion is not None:
            counts = np.histogram(champion, edges)[0]
            axes.stairs(counts, edges, label="all (champion)", linewidth=1.5, **_CHAMPION)
        counts = np.histogram(challenger, edges)[0]
        axes.stairs(counts, edges, label="all (challenger)", linewidth=1.5, **_CHALLENGER)
        axes.set(yscale="log", xlim=(0, 1), ylim=(0.7, None))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        _percents(axes.xaxis)
        _legend(figure, axes)

    return _svg(name, draw)


THRESHOLDS = np.round(np.arange(0.02, 1.0, 0.02), 2)
"""Probabilities that the cost curve asks about."""


def costs(later: LaterOrders, scores: Scores, review_cost_e4: int) -> Floats:
    """What each of `THRESHOLDS` would have cost: reviews and planted loss not seen (currency)."""
    likelier = np.maximum(scores.p_added, scores.p_hidden)
    flagged = likelier >= THRESHOLDS[:, None]
    missed = np.where(flagged, 0, later.loss_e4).sum(axis=1)
    return np.asarray((flagged.sum(axis=1) * review_cost_e4 + missed) / 1e4)


def cost_curve(
    name: str,
    later: LaterOrders,
    champion: Scores | None,
    challenger: Scores,
    policy: tuple[float, int],
    currency: str,
) -> str:
    """Cost over the threshold for an alert; ``policy`` is that threshold and a review's cost."""

    def draw(figure: Figure) -> None:
        axes = _axes(figure, "alert from this probability on", currency)
        if champion is not None:
            cost = costs(later, champion, policy[1])
            axes.plot(THRESHOLDS, cost, label="champion", **_CHAMPION)
        axes.plot(
            THRESHOLDS, costs(later, challenger, policy[1]), label="challenger", **_CHALLENGER
        )
        axes.axvline(policy[0], color=_MARKS["ink"], linewidth=1, linestyle=":", label="policy")
        axes.set(xlim=(0, 1), ylim=(0, None))
        axes.yaxis.set_major_formatter(FuncFormatter(_short))
        _percents(axes.xaxis)
        _legend(figure, axes, columns=3)

    return _svg(name, draw)


def _short(value: float, _: Any = None) -> str:
    """A number for an axis.

    >>> _short(1_500_000), _short(25_000), _short(40)
    ('1.5 M', '25 k', '40')
    """
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g} {letter}"
    return f"{value:g}"


def money_over_time(name: str, totals: Periods, currency: str) -> str:
    """List, charged and cost as means a day, so that a period that is cut short looks no worse."""

    def draw(figure: Figure) -> None:
        axes = _axes(figure, "", f"{currency} a day")
        kept = _long_enough(totals)
        dates = [one.start for one in kept]
        for label, column, colour, line in (
            ("list", "list_e4", "ink", ":"),
            ("charged", "charged_e4", "challenger", "-"),
            ("cost", "cost_e4", "third", "--"),
        ):
            values = [getattr(one, column) / 1e4 / one.days for one in kept]
            marker = "o" if len(kept) < 3 else None
            axes.plot(
                _days(dates), values, label=label, color=_MARKS[colour], linestyle=line,
                marker=marker, linewidth=1.6,
            )  # fmt: skip
        axes.set_ylim(0, None)
        axes.yaxis.set_major_formatter(FuncFormatter(_short))
        _dates(axes)
        _legend(figure, axes, columns=3)

    return _svg(name, draw)


def _long_enough(totals: Periods) -> list[Period]:
    """The periods without a first and a last one that are cut short: their means mislead."""
    kept = [one for one in totals.periods if one.days]
    usual = max((one.days for one in kept), default=1)
    inner = [at for at, one in enumerate(kept) if 2 * one.days > usual]
    return kept[inner[0] : inner[-1] + 1] if len(inner) > 2 else kept


def _days(times: Sequence[date | datetime]) -> list[float]:
    return [float(date2num(time)) for time in times]  # type: ignore[no-untyped-call]


def _dates(axes: Axes) -> None:
    locator = AutoDateLocator(minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def rep_discounts(name: str, reps: Sequence[RepDiscount]) -> str:
    """The reps at both ends with their intervals, and all of them in one row of ticks."""
    many = len(reps) > 2 * SHOWN + 2
    shown = [*reps[:SHOWN], *reps[-SHOWN:]] if many else list(reps)

    def draw(figure: Figure) -> None:
        axes = _axes(figure, "percent of the list total given away")
        for row, one in enumerate(shown):
            y = row + (2 if many and row >= SHOWN else 0)
            colour = _MARKS["warning" if one.apart else "challenger"]
            if one.interval is not None:
                axes.plot(one.interval, [y, y], color=colour, linewidth=1.5, alpha=0.7)
            axes.plot([one.percent], [y], "D" if one.apart else "o", color=colour, markersize=5.5)
        places: list[float] = [
            row + (2 if many and row >= SHOWN else 0) for row in range(len(shown))
        ]
        labels = [_shortened(one.rep_id) for one in shown]
        if many:
            places.append(SHOWN + 0.5)
            labels.append(f"all {len(reps):,} reps")
            values = [one.percent for one in reps]
            axes.plot(
                values,
                [SHOWN + 0.5] * len(reps),
                "|",
                color=_MARKS["ink"],
                markersize=13,
                alpha=0.45,
            )
        axes.axvline(
            float(np.median([one.percent for one in reps])),
            color=_MARKS["ink"], linewidth=1, linestyle=":",
        )  # fmt: skip
        axes.set_yticks(places, labels)
        axes.set_ylim(max(places) + 0.7, -0.7)
        axes.grid(visible=False, axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))

    return _svg(name, draw, 60 + ROW * (len(shown) + (2 if many else 0)))


def _shortened(text: str, limit: int = 16) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"


def ladder(
    name: str, champion: Sequence[DiscountShare] | None, challenger: Sequence[DiscountShare]
) -> str:
    """Share of units with each discount; units with none, which are most, are left out."""
    shares = [
        {step.discount_bp: step.share for step in steps if step.discount_bp}
        for steps in (champion or (), challenger)
    ]
    points = sorted(shares[0].keys() | shares[1].keys())

    def draw(figure: Figure) -> None:
        axes = _axes(figure, "share of units")
        rows = np.arange(len(points))
        challenged = [shares[1].get(step, 0.0) for step in points]
        axes.barh(rows, challenged, height=0.6, color=_MARKS["challenger"], label="challenger")
        if champion is not None:
            had = [(row, shares[0][step]) for row, step in enumerate(points) if step in shares[0]]
            axes.plot(
                [share for _, share in had], [row for row, _ in had], "D",
                color=_MARKS["champion"], markeredgecolor=_MARKS["ink"], markeredgewidth=0.6,
                markersize=6, linestyle="", label="champion",
            )  # fmt: skip
        axes.set_yticks(rows, [f"{step / 100:g} %" for step in points])
        axes.set_ylim(len(points) - 0.4, -0.6)
        axes.set_xlim(0, None)
        axes.grid(visible=False, axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
        _legend(figure, axes)

    return _svg(name, draw, 85 + ROW * max(len(points), 2))


def incident_times(name: str, incidents: Sequence[Mapping[str, Any]]) -> str:
    """When each of the last incidents ran (bar) and when it was noticed (stroke)."""
    shown = sorted(incidents, key=lambda one: str(one["started_at"]))[-2 * SHOWN :]

    def draw(figure: Figure) -> None:
        axes = _axes(figure)
        for row, one in enumerate(shown):
            start, noticed, last = _days(
                [utc_time(one[key]) for key in ("started_at", "detected_at", "last_seen_at")]
            )
            colour = _MARKS["warning" if one["status"] == "open" else "challenger"]
            axes.plot([start, last], [row, row], color=colour, linewidth=9, solid_capstyle="butt")
            axes.plot([noticed], [row], "|", color=_MARKS["ink"], markersize=15)
        axes.set_yticks(range(len(shown)), [f"{one['percent']:g} %" for one in shown])
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.04)
        _dates(axes)

    return _svg(name, draw, 60 + ROW * max(len(shown), 2))
