"""python -m infra.costs: what Sheriff needs and costs, from 1 to 10,000 orders a second.

    python -m infra.costs [--orders 1,100,10000] [--window SECONDS] [--markdown]

Arithmetic, not measurements of Azure: every assumption is a constant below, with its unit. Prices
are rounded list prices of the United States as of November 2026, in US dollars and without
reservations; put your own in their place. Every figure is for orders that come evenly, day and
night; an episode makes every order an alert.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

# --- assumptions: the work --------------------------------------------------------------------
ALERT_SHARE = 0.02  # of orders, while no hidden discount runs
EPISODE_HOURS = 24  # a month, in which every order is an alert
ORDER_KB, ALERT_KB = 0.5, 2.5  # measured: 406 bytes of JSON, 2.3 KB
SCORING_MS, ALERT_MS = 1.0, 2.0  # processor time: an order through host and scorer; its alert
BATCH_SECONDS = 0.15  # a batch with its reads, writes and checkpoint, when it is small
ALERT_RU, COMMIT_RU = 20.0, 75.0  # create an alert; read and replace a state document of 91 KB
BUSY = 0.6  # of an instance, on an ordinary day; in an episode it may be wholly busy
LARGEST_BATCH = 200  # orders: host.json
KEPT_MONTHS = 24  # alerts and archived orders
LOG_KB = 1.0  # a row of logs
BATCH_ROWS, ALERT_ROWS = 3, 1  # the host's span, ours and a line; the span of an alert
INSTANCE_ROWS = (
    1.63  # a second: 30 figures a minute, some 60 of the host, 8 reads of the data account
)
ALWAYS_READY = 2  # instances, of one processor and 2 GB
PARTITIONS = (4, 8, 16, 32)  # to choose from; 32 is the most of the Standard tier
MONTH_SECONDS = 730 * 3600

# --- assumptions: US dollars --------------------------------------------------------------------
TU_HOUR, CAPTURE_TU_HOUR, MILLION_EVENTS = 0.03, 0.10, 0.028
INSTANCE_SECOND, READY_SECOND, MILLION_RUNS = 0.000052, 0.000008, 0.40  # of 2 GB
AUTOSCALE_100RU_HOUR, DOCUMENT_GB_MONTH = 0.012, 0.25
BLOB_GB_MONTH, TEN_THOUSAND_WRITES = 0.023, 0.065
LOG_GB = 2.76
FIXED_MONTH = 60.0  # addresses and private endpoints, the trainer's two hours a night, alert rules


@dataclass(frozen=True, slots=True)
class Need:
    """What a rate of orders needs; ``batches`` and RU are a second."""

    orders: float
    throughput_units: int
    partitions: int
    instances: int
    instances_in_episode: int
    batches: float
    alert_ru: float
    alert_ru_in_episode: float
    commit_ru: float
    falls_behind: bool

    @property
    def log_gigabytes(self) -> float:
        """GB of logs on an ordinary day; requests to Cosmos DB and checkpoints are not logged."""
        return self._log_gigabytes(self.orders * ALERT_SHARE, self.instances)

    @property
    def log_gigabytes_in_episode(self) -> float:
        """GB of logs on a day on which every order is an alert."""
        return self._log_gigabytes(self.orders, self.instances_in_episode)

    def _log_gigabytes(self, alerts: float, instances: int) -> float:
        rows = self.batches * BATCH_ROWS + alerts * ALERT_ROWS + instances * INSTANCE_ROWS
        return rows * LOG_KB * 24 * 3600 / 1e6


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars a month, by what they are for."""

    hub: float
    functions: float
    documents: float
    blobs: float
    logs: float

    @property
    def total(self) -> float:
        """All of it, with what does not depend on the orders."""
        return self.hub + self.functions + self.documents + self.blobs + self.logs + FIXED_MONTH


def need(orders: float, window: float = 0.0, partitions: int | None = None) -> Need:
    """What so many orders a second need.

    Args:
        orders: more than 0.
        window: seconds that the host waits for a batch to fill (``maxWaitTime`` with
            ``minEventBatchSize``); 0 takes what is there.
        partitions: of the hub; None takes the fewest that do.
    """
    calm = math.ceil(orders * _order_ms(ALERT_SHARE) / 1000 / BUSY)
    episode = math.ceil(orders * _order_ms(1.0) / 1000)
    fewest = next((n for n in PARTITIONS if n >= max(calm, episode)), PARTITIONS[-1])
    partitions = partitions or fewest
    batches = _batches(orders, partitions, window)
    return Need(
        orders=orders,
        throughput_units=math.ceil(orders * max(1 / 1000, ORDER_KB / 1024)),
        partitions=partitions,
        instances=min(calm, partitions),
        instances_in_episode=min(episode, partitions),
        batches=batches,
        alert_ru=orders * ALERT_SHARE * ALERT_RU,
        alert_ru_in_episode=orders * ALERT_RU,
        commit_ru=batches * COMMIT_RU,
        falls_behind=episode > PARTITIONS[-1],
    )


def _order_ms(alerted: float) -> float:
    """Processor time (ms) of an order where this share of them are alerts."""
    return SCORING_MS + alerted * ALERT_MS


def _batches(orders: float, partitions: int, window: float) -> float:
    """Batches a second: as many as partitions can run, but no more than there are orders.

    However quick they are, a batch holds at most `LARGEST_BATCH` orders.
    """
    quickest = partitions / max(window, BATCH_SECONDS)
    return max(min(orders, quickest), orders / LARGEST_BATCH)


def cost(needed: Need) -> Cost:
    """What that costs in a month."""
    hours, orders = MONTH_SECONDS / 3600, needed.orders * MONTH_SECONDS
    episode = EPISODE_HOURS / hours
    alerts = orders * (ALERT_SHARE * (1 - episode) + episode)
    units = needed.throughput_units * hours
    instances = (1 - episode) * needed.instances + episode * needed.instances_in_episode
    ready = ALWAYS_READY * READY_SECOND * MONTH_SECONDS
    runs = needed.batches * MONTH_SECONDS
    return Cost(
        hub=units * (TU_HOUR + CAPTURE_TU_HOUR) + orders / 1e6 * MILLION_EVENTS,
        functions=instances * INSTANCE_SECOND * MONTH_SECONDS + ready + runs / 1e6 * MILLION_RUNS,
        documents=_autoscale(needed) + alerts * KEPT_MONTHS * ALERT_KB / 1e6 * DOCUMENT_GB_MONTH,
        blobs=orders * KEPT_MONTHS * ORDER_KB / 1e6 * BLOB_GB_MONTH
        + runs / 1e4 * TEN_THOUSAND_WRITES,
        logs=_month(needed.log_gigabytes, needed.log_gigabytes_in_episode) * LOG_GB,
    )


def _month(calm: float, episode: float) -> float:
    """What a month comes to: a day comes to ``calm``, one of an episode to ``episode``."""
    days, episodes = MONTH_SECONDS / (24 * 3600), EPISODE_HOURS / 24
    return calm * (days - episodes) + episode * episodes


def _autoscale(needed: Need) -> float:
    """Request units: each hour's highest, at least a tenth of what is allowed at most."""
    most = max(1000.0, needed.alert_ru_in_episode)
    calm = max(needed.alert_ru, most / 10)
    commits = max(1000.0 / 10, needed.commit_ru)
    hours = MONTH_SECONDS / 3600
    alerts = calm * (hours - EPISODE_HOURS) + most * EPISODE_HOURS
    return (alerts + commits * hours) / 100 * AUTOSCALE_100RU_HOUR


RATES = (1.0, 10.0, 100.0, 1_000.0, 5_000.0, 10_000.0)
_LEAST, _MOST = 0.001, 1e6  # orders a second: outside of them nothing here means anything
COLUMNS = (
    *("orders/s", "throughput units", "partitions", "instances", "RU/s alerts", "RU/s state"),
    "GB of logs a day",
    *("hub", "functions", "documents", "blobs", "logs", "all", "a million orders"),
)

NEEDS = (
    *("orders/s", "through-\nput units", "parti-\ntions", "instances"),
    *("alerts\nRU/s", "state\nRU/s", "logs\nGB/day"),
)
COSTS = (
    *("orders/s", "hub", "functions", "documents", "blobs", "logs", "all"),
    "a million\norders",
)


def table(rates: Sequence[float], window: float) -> list[str]:
    """Need and cost (US dollars a month) of each rate, one a row, as lines of Markdown.

    Where two figures are given, the second is that of an episode.
    """
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "--:|" * len(COLUMNS)]
    lines += ["| " + " | ".join(_cells(rate, window)) + " |" for rate in rates]
    return lines


def tables(rates: Sequence[float], window: float) -> tuple[Table, Table]:
    """The same as two tables that are narrow enough for a terminal, with their units."""
    needs = _titled("Needed", NEEDS)
    costs = _titled("US dollars a month; at the right, a million orders", COSTS)
    for rate in rates:
        cells = _cells(rate, window)
        needs.add_row(*cells[:7])
        costs.add_row(cells[0], *cells[7:])
    return needs, costs


def _titled(title: str, columns: Sequence[str]) -> Table:
    made = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right", no_wrap=True)
    return made


def _cells(rate: float, window: float) -> tuple[str, ...]:
    """A row of `COLUMNS`."""
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
    parser = argparse.ArgumentParser(
        prog="python -m infra.costs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--orders", type=_rates, default=RATES, help="a second (1 to 10,000)")
    parser.add_argument("--window", type=_window, default=0.0, help="seconds (%(default)s)")
    parser.add_argument("--markdown", action="store_true", help="one wide table, for a document")
    options = parser.parse_args(arguments)
    if options.markdown:
        print(*table(options.orders, options.window), sep="\n")
        return
    console = Console()
    console.print(*tables(options.orders, options.window), sep="\n")
    console.print("Where two figures are given, the second is that of an episode.")


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
