"""python -m infra.costs: what Sheriff needs and costs, from 1 to 10,000 orders a second.

    python -m infra.costs [--orders 1,100,10000] [--window SECONDS] [--markdown]
    python -m infra.costs --environments [--markdown]

The second form prints a month of dev, test and prod as the committed snapshots set them up.

The figures are calculated, not measured in Azure. `infra/cost_model.py` and
`infra/environment_costs.py` hold every assumption and price: put your own in their place.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from infra.cost_model import DAY_SECONDS, MONTH_SECONDS, cost, month_log_gigabytes, need
from infra.environment_costs import ENVIRONMENTS, environment

RATES = (1.0, 10.0, 100.0, 1_000.0, 5_000.0, 10_000.0)
_LEAST, _MOST = 0.001, 1e6  # orders a second; outside of this range the figures mean nothing

COLUMNS = (
    *("orders/s", "throughput units", "partitions", "instances", "RU/s alerts", "RU/s state"),
    "GB of logs a day",
    *("hub", "functions", "documents", "blobs", "logs", "all", "a million orders"),
)
ENVIRONMENT_COLUMNS = (
    *("environment", "orders/s", "GB of logs a day", "hub", "functions", "documents"),
    *("blobs", "logs", "rest", "all"),
)

# The same columns, broken so that a terminal of 80 columns has room for them.
ENVIRONMENT_HEADS = (
    *("", "orders/s", "logs\nGB/day", "hub", "func-\ntions", "docu-\nments"),
    *("blobs", "logs", "rest", "all"),
)
NEED_HEADS = (
    *("orders/s", "through-\nput units", "parti-\ntions", "instances"),
    *("alerts\nRU/s", "state\nRU/s", "logs\nGB/day"),
)
COST_HEADS = (
    *("orders/s", "hub", "functions", "documents", "blobs", "logs", "all"),
    "a million\norders",
)


def table(rates: Sequence[float], window: float) -> list[str]:
    """Return need and cost (US dollars a month) of each rate, one a row, as lines of Markdown.

    Where a cell has two figures, the second holds during an episode.
    """
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "--:|" * len(COLUMNS)]
    lines += ["| " + " | ".join(_cells(rate, window)) + " |" for rate in rates]
    return lines


def environment_table() -> list[str]:
    """Return a month of each environment in US dollars, one a row, as lines of Markdown."""
    lines = [
        "| " + " | ".join(ENVIRONMENT_COLUMNS) + " |",
        "|---|" + "--:|" * (len(ENVIRONMENT_COLUMNS) - 1),
    ]
    lines += ["| " + " | ".join(_environment_cells(name)) + " |" for name in ENVIRONMENTS]
    return lines


def _environment_cells(name: str) -> tuple[str, ...]:
    """Return a row of `ENVIRONMENT_COLUMNS`."""
    needed, setup = environment(name)
    paid = cost(needed, setup)
    parts = (paid.hub, paid.functions, paid.documents, paid.blobs, paid.logs, paid.rest, paid.total)
    daily = month_log_gigabytes(needed, setup) * DAY_SECONDS / MONTH_SECONDS
    return (
        *(name, f"{needed.orders:g}", _gigabytes(daily)),
        *(f"{part:,.0f}" for part in parts),
    )


def tables(rates: Sequence[float], window: float) -> tuple[Table, Table]:
    """Return need and cost as two tables with units, narrow enough for a terminal."""
    needs = _titled("Needed", NEED_HEADS)
    costs = _titled("US dollars a month; at the right, a million orders", COST_HEADS)
    for rate in rates:
        cells = _cells(rate, window)
        needs.add_row(*cells[:7])
        costs.add_row(cells[0], *cells[7:])
    return needs, costs


def _titled(title: str, heads: Sequence[str]) -> Table:
    titled = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for head in heads:
        titled.add_column(head, justify="right", no_wrap=True)
    return titled


def _cells(rate: float, window: float) -> tuple[str, ...]:
    """Return a row of `COLUMNS`."""
    needed = need(rate, window)
    paid = cost(needed)
    parts = (paid.hub, paid.functions, paid.documents, paid.blobs, paid.logs, paid.total)
    behind = " (falls behind)" if needed.falls_behind else ""
    return (
        f"{rate:,.0f}" if rate >= 1 else f"{rate:g}",
        f"{needed.throughput_units}",
        f"{needed.partitions}",
        f"{needed.instances}, {needed.instances_in_episode}{behind}",
        f"{needed.alert_ru:,.0f}, {needed.alert_ru_in_episode:,.0f}",
        f"{needed.commit_ru:,.0f}",
        f"{_gigabytes(needed.log_gigabytes)}, {_gigabytes(needed.log_gigabytes_in_episode)}",
        *(f"{part:,.0f}" for part in parts),
        f"{paid.total / (rate * MONTH_SECONDS / 1e6):,.2f}",
    )


def _gigabytes(size: float) -> str:
    return f"{size:,.0f}" if size >= 10 else f"{size:.1f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    options = _parser().parse_args(arguments)
    if options.environments:
        _print_environments(markdown=options.markdown)
        return
    if options.markdown:
        print(*table(options.orders, options.window), sep="\n")
        return
    console = Console()
    console.print(*tables(options.orders, options.window), sep="\n")
    console.print("Where a cell has two figures, the second holds during an episode.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.costs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--orders", type=_rates, default=RATES, help="a second (1 to 10,000)")
    parser.add_argument("--window", type=_window, default=0.0, help="seconds (%(default)s)")
    parser.add_argument("--markdown", action="store_true", help="one wide table, for a document")
    parser.add_argument("--environments", action="store_true", help="a month of dev, test and prod")
    return parser


def _print_environments(*, markdown: bool) -> None:
    if markdown:
        print(*environment_table(), sep="\n")
        return
    months = _titled("US dollars a month", ENVIRONMENT_HEADS)
    for name in ENVIRONMENTS:
        months.add_row(*_environment_cells(name))
    Console().print(months)


def _rates(text: str) -> tuple[float, ...]:
    try:
        rates = tuple(float(part) for part in text.split(","))
    except ValueError:
        rates = ()
    if not rates or not all(_LEAST <= rate <= _MOST for rate in rates):
        raise argparse.ArgumentTypeError(
            f"{text}: expected numbers {_LEAST} to {_MOST:,.0f}, commas between them"
        )
    return rates


def _window(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text}: expected seconds, 0 to 3600")
    return seconds


if __name__ == "__main__":
    main()
