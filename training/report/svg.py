"""Draws one chart as SVG to stand in a page: narrow, so that it is legible on a phone.

Each chart has a figure of its own and changes no global setting of matplotlib; the same input gives
the same bytes. Text stays text, in the page's font. Colours are CSS variables of the page, so that
the champion and the challenger look alike in every chart, by day and by night. Where a page defines
no such variable, `COLOURS` applies: Okabe and Ito's colours, which colour-blind people can tell
apart.
"""

import io
import re
import warnings
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

COLOURS = {
    "ink": "#333333",
    "faint": "#b9b9b9",
    "champion": "#e69f00",
    "challenger": "#0072b2",
    "warning": "#d55e00",
    "third": "#009e73",
}
INKS = {name: f"#01020{at}" for at, name in enumerate(COLOURS, start=3)}
"""The colours to draw with. No chart has these otherwise, so that the finished text can be searched
for them and each replaced by the page's variable."""

WIDTH, HEIGHT = 400, 260
"""Size of a chart in the units of its own picture."""

_STYLE: Any = {  # matplotlib types every key
    "text.parse_math": False,  # a rep may be called anything, "$x$" too
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11.5,
    "text.color": INKS["ink"],
    "axes.edgecolor": INKS["faint"],
    "axes.labelcolor": INKS["ink"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": INKS["faint"],
    "grid.alpha": 0.35,
    "xtick.color": INKS["ink"],
    "ytick.color": INKS["ink"],
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

CHAMPION_LINE: dict[str, Any] = {"color": INKS["champion"], "linestyle": (0, (4, 1.5))}
CHALLENGER_LINE: dict[str, Any] = {"color": INKS["challenger"], "linestyle": "-"}


def draw_svg(name: str, draw: Callable[[Figure], None], height: float = HEIGHT) -> str:
    """Return the SVG of what ``draw`` puts on a new figure.

    ``name`` starts every id in the SVG, so that the ids of one page's charts differ.
    """
    with mpl.rc_context(_STYLE | {"svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the page's font draws the text, not this one
        figure = Figure(figsize=(WIDTH / 72, height / 72), layout="constrained")
        draw(figure)
        file = io.StringIO()
        no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=no_metadata)
    return _embeddable(file.getvalue(), name)


def _embeddable(svg: str, name: str) -> str:
    """Drop what only a separate SVG file needs, and use the page's colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r' version="1.1"', "", svg, count=1)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)
    for key, ink in INKS.items():
        svg = svg.replace(ink, f"var(--{key}, {COLOURS[key]})")
    return re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", svg).strip()


def add_axes(figure: Figure, x: str = "", y: str = "") -> Axes:
    """Add the figure's only axes, with their labels."""
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return axes


def add_legend(figure: Figure, axes: Axes, columns: int = 2) -> None:
    """Add a legend above the drawing, where it covers nothing."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=columns, columnspacing=1.2)


def show_shares(axis: Any) -> None:
    """Mark an axis from 0 to 1 in quarters, in percent."""
    axis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))


def show_percents(axis: Any, scale: float) -> None:
    """Mark an axis at round values, in percent; a value times ``scale`` is percent."""
    axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{scale * value:g} %"))


def show_counts(axis: Any) -> None:
    """Mark an axis with whole numbers."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def show_money(axis: Any) -> None:
    """Mark an axis with short amounts of money."""
    axis.set_major_formatter(FuncFormatter(short_number))


def short_number(value: float, _: Any = None) -> str:
    """Write a number for an axis.

    >>> short_number(1_500_000), short_number(25_000), short_number(40)
    ('1.5 M', '25 k', '40')
    """
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g} {letter}"
    return f"{value:g}"


def show_dates(axes: Axes) -> None:
    """Mark the horizontal axis with dates; its values are those of `to_axis_dates`."""
    locator = AutoDateLocator(minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def to_axis_dates(times: Sequence[date | datetime]) -> list[float]:
    """Return times as the numbers that matplotlib's date axis counts in."""
    return [float(date2num(time)) for time in times]  # type: ignore[no-untyped-call]


def name_rows(axes: Axes, places: Sequence[float], names: Sequence[str], bottom: float) -> None:
    """Name the rows of a horizontal chart, the first on top, without lines between them."""
    axes.set_yticks(places, names)
    axes.set_ylim(bottom, -0.6)
    axes.grid(visible=False, axis="y")
