"""python -m infra.costs: what Sheriff needs and costs, from 1 to 10,000 orders a second.

    python -m infra.costs [--orders 1,100,10000] [--window SECONDS] [--markdown]
    python -m infra.costs --environments [--markdown]

The second prints a month of dev, test and prod as they are set up: what the committed snapshots say
(`infra/environments/*.snapshot.json`), at the rates of `ENVIRONMENTS`.

Arithmetic, not measurements of Azure: every assumption is a constant below, with its unit. Prices
are rounded list prices of the United States as of November 2026, in US dollars and without
reservations; put your own in their place. Every figure is for orders that come evenly, day and
night; an episode makes every order an alert.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from shared.containers import ALERTS, STATE

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
ENVIRONMENTS = {"dev": (0.01, 0.25), "test": (0.1, 0.5), "prod": (10.0, 2.0)}
"""Of each environment: orders a second, hours that a night takes."""
OTHER_INSTANCES = 3  # that log, too: of the looks at the hub, of the desk, of the trainer
LEAST_SECONDS = 1.0  # of an instance that are billed, however short its work is

# --- assumptions: US dollars --------------------------------------------------------------------
TU_HOUR, CAPTURE_TU_HOUR, MILLION_EVENTS = 0.03, 0.10, 0.028
INSTANCE_SECOND, READY_SECOND, MILLION_RUNS = 0.000052, 0.000008, 0.40  # of 2 GB
AUTOSCALE_100RU_HOUR, DOCUMENT_GB_MONTH = 0.012, 0.25
BLOB_GB_MONTH, TEN_THOUSAND_WRITES = 0.023, 0.065
LOG_GB = 2.76
MILLION_RU, BACKUP_GB_MONTH = 0.25, 0.20  # of a serverless account; of a backup of 30 days
REPLICATED_GB_MONTH = {"Standard_LRS": 0.018, "Standard_ZRS": 0.023, "Standard_GZRS": 0.041}
ENDPOINT_HOUR, ZONE_MONTH = 0.01, 0.50  # of the private network
FREQUENT_RULE, RULE, METRIC_RULE = 1.50, 0.50, 0.10  # a month: looks every 5 minutes, or less often
WEB_TEST = 0.0006  # one call of the availability test
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
    rest: float

    @property
    def total(self) -> float:
        """All of it; ``rest`` is what does not depend on the orders."""
        return self.hub + self.functions + self.documents + self.blobs + self.logs + self.rest


@dataclass(frozen=True, slots=True)
class Setup:
    """What is paid for although no order comes, and how long things are kept.

    ``autoscaled`` are the most RU/s of `alerts`, `state` and each further container; empty means
    serverless. ``log_cap`` is in GB a day, ``others`` counts instances that only log.
    """

    units: int = 1
    ready: int = ALWAYS_READY
    autoscaled: tuple[float, ...] = (1000.0, 1000.0)
    alert_months: float = KEPT_MONTHS
    order_months: float = KEPT_MONTHS
    document_gb: float = DOCUMENT_GB_MONTH
    blob_gb: float = BLOB_GB_MONTH
    log_cap: float = math.inf
    others: int = 0
    rest: float = FIXED_MONTH


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


def cost(needed: Need, setup: Setup = Setup()) -> Cost:
    """What that costs in a month."""
    hours, orders = MONTH_SECONDS / 3600, needed.orders * MONTH_SECONDS
    episode = EPISODE_HOURS / hours
    alerts = orders * (ALERT_SHARE * (1 - episode) + episode)
    units = max(needed.throughput_units, setup.units) * hours
    instances = (1 - episode) * needed.instances + episode * needed.instances_in_episode
    busy = min(1.0, needed.batches * LEAST_SECONDS) * MONTH_SECONDS
    ready = setup.ready * READY_SECOND * MONTH_SECONDS
    runs = needed.batches * MONTH_SECONDS
    request_units = _autoscale(needed, setup) if setup.autoscaled else _serverless(needed, alerts)
    return Cost(
        hub=units * (TU_HOUR + CAPTURE_TU_HOUR) + orders / 1e6 * MILLION_EVENTS,
        functions=instances * INSTANCE_SECOND * busy + ready + runs / 1e6 * MILLION_RUNS,
        documents=request_units + alerts * setup.alert_months * ALERT_KB / 1e6 * setup.document_gb,
        blobs=orders * setup.order_months * ORDER_KB / 1e6 * setup.blob_gb
        + runs / 1e4 * TEN_THOUSAND_WRITES,
        logs=_logs(needed, setup) * LOG_GB,
        rest=setup.rest,
    )


def _logs(needed: Need, setup: Setup) -> float:
    """GB of logs a month; no day has more than its cap."""
    others = setup.others * INSTANCE_ROWS * LOG_KB * 24 * 3600 / 1e6
    calm = min(setup.log_cap, needed.log_gigabytes + others)
    episode = min(setup.log_cap, needed.log_gigabytes_in_episode + others)
    days, episodes = MONTH_SECONDS / (24 * 3600), EPISODE_HOURS / 24
    return calm * (days - episodes) + episode * episodes


def _serverless(needed: Need, alerts: float) -> float:
    """Request units that were used, of ``alerts`` a month and of every commit."""
    used = alerts * ALERT_RU + needed.commit_ru * MONTH_SECONDS
    return used / 1e6 * MILLION_RU


def _autoscale(needed: Need, setup: Setup) -> float:
    """Request units: each hour's highest, at least a tenth of what is allowed at most."""
    alerts_most, state_most, *others = setup.autoscaled
    most = max(alerts_most, needed.alert_ru_in_episode)
    calm = max(needed.alert_ru, most / 10)
    episode = max(needed.alert_ru_in_episode, most / 10)
    commits = max(state_most / 10, needed.commit_ru)
    hours = MONTH_SECONDS / 3600
    alerts = calm * (hours - EPISODE_HOURS) + episode * EPISODE_HOURS
    return (alerts + (commits + sum(others) / 10) * hours) / 100 * AUTOSCALE_100RU_HOUR


# --- the environments ---------------------------------------------------------------------------
SNAPSHOTS = Path(__file__).with_name("environments")


def environment(name: str) -> tuple[Need, Setup]:
    """What an environment needs at its rate, and how it is set up by its snapshot."""
    text = (SNAPSHOTS / f"{name}.snapshot.json").read_text(encoding="utf-8")
    resources = json.loads(text)["predictedResources"]

    def of(kind: str) -> list[Any]:
        return [one for one in resources if one["type"] == f"Microsoft.{kind}"]

    orders, night_hours = ENVIRONMENTS[name]
    [hub] = of("EventHub/namespaces/eventhubs")
    [namespace] = of("EventHub/namespaces")
    [account] = of("DocumentDB/databaseAccounts")
    [archive] = of("Storage/storageAccounts/managementPolicies")
    [data] = [one for one in of("Storage/storageAccounts") if one["name"].startswith("stdata")]
    [workspace] = of("OperationalInsights/workspaces")
    scales = [
        one["properties"]["functionAppConfig"]["scaleAndConcurrency"] for one in of("Web/sites")
    ]
    documents = {
        one["name"].rpartition("/")[2]: one["properties"]
        for one in of("DocumentDB/databaseAccounts/sqlDatabases/containers")
    }
    backup = account["properties"]["backupPolicy"]["continuousModeProperties"]["tier"]
    setup = Setup(
        units=namespace["sku"]["capacity"],
        ready=sum(one["instanceCount"] for scale in scales for one in scale["alwaysReady"]),
        autoscaled=_autoscaled(documents),
        alert_months=documents[ALERTS]["resource"]["defaultTtl"] / MONTH_SECONDS,
        order_months=_archived_days(archive) * 24 * 3600 / MONTH_SECONDS,
        document_gb=DOCUMENT_GB_MONTH + (BACKUP_GB_MONTH if backup == "Continuous30Days" else 0),
        blob_gb=REPLICATED_GB_MONTH[data["sku"]["name"]],
        log_cap=workspace["properties"]["workspaceCapping"]["dailyQuotaGb"],
        others=OTHER_INSTANCES,
        rest=_night(scales, night_hours) + _looks(of("Insights/webtests"))
        + len(of("Network/privateEndpoints")) * ENDPOINT_HOUR * MONTH_SECONDS / 3600
        + len(of("Network/privateDnsZones")) * ZONE_MONTH
        + sum(_rule(one) for one in of("Insights/scheduledQueryRules"))
        + len(of("Insights/metricAlerts")) * METRIC_RULE,
    )  # fmt: skip
    return need(orders, partitions=hub["properties"]["partitionCount"]), setup


def _autoscaled(documents: Mapping[str, Any]) -> tuple[float, ...]:
    """The most RU/s of each container, `alerts` and `state` first; none where it is serverless."""
    first = (ALERTS, STATE)
    order = (*first, *(name for name in documents if name not in first))
    scaled = [documents[name]["options"].get("autoscaleSettings") for name in order]
    return tuple(float(one["maxThroughput"]) for one in scaled if one)


def _archived_days(policy: Mapping[str, Any]) -> float:
    """After how many days the rule deletes captured orders."""
    rules = policy["properties"]["policy"]["rules"]
    [actions] = [one["definition"]["actions"] for one in rules if one["name"] == "orders-archive"]
    return float(actions["baseBlob"]["delete"]["daysAfterModificationGreaterThan"])


def _night(scales: Sequence[Mapping[str, Any]], hours: float) -> float:
    """The nights of a month, on the largest instance: that is the trainer's."""
    memory = max(scale["instanceMemoryMB"] for scale in scales)
    nights: float = MONTH_SECONDS / (24 * 3600)
    return nights * hours * 3600 * INSTANCE_SECOND * (float(memory) / 2048)


def _looks(tests: Sequence[Mapping[str, Any]]) -> float:
    """What looks by the clock: at the hub every minute, at the night every ten, from outside.

    The trainer's instance has twice the memory and costs twice as much.
    """
    calls: float = sum(
        len(one["properties"]["Locations"]) * MONTH_SECONDS / one["properties"]["Frequency"]
        for one in tests
    )
    seconds = (MONTH_SECONDS / 60 + MONTH_SECONDS / 600 * 2 + calls) * LEAST_SECONDS
    return seconds * INSTANCE_SECOND + calls * WEB_TEST


def _rule(rule: Mapping[str, Any]) -> float:
    """A month of a rule on logs, by how often it looks."""
    return FREQUENT_RULE if rule["properties"]["evaluationFrequency"] == "PT5M" else RULE


RATES = (1.0, 10.0, 100.0, 1_000.0, 5_000.0, 10_000.0)
_LEAST, _MOST = 0.001, 1e6  # orders a second: outside of them nothing here means anything
COLUMNS = (
    *("orders/s", "throughput units", "partitions", "instances", "RU/s alerts", "RU/s state"),
    "GB of logs a day",
    *("hub", "functions", "documents", "blobs", "logs", "all", "a million orders"),
)

ENVIRONMENT_COLUMNS = (
    *("environment", "orders/s", "GB of logs a day", "hub", "functions", "documents"),
    *("blobs", "logs", "rest", "all"),
)

ENVIRONMENT_HEADS = (
    *("", "orders/s", "logs\nGB/day", "hub", "func-\ntions", "docu-\nments"),
    *("blobs", "logs", "rest", "all"),
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


def environment_table() -> list[str]:
    """A month of each environment in US dollars, one a row, as lines of Markdown."""
    lines = [
        "| " + " | ".join(ENVIRONMENT_COLUMNS) + " |",
        "|---|" + "--:|" * (len(ENVIRONMENT_COLUMNS) - 1),
    ]
    lines += ["| " + " | ".join(_environment_cells(name)) + " |" for name in ENVIRONMENTS]
    return lines


def _environment_cells(name: str) -> tuple[str, ...]:
    """A row of `ENVIRONMENT_COLUMNS`."""
    needed, setup = environment(name)
    paid = cost(needed, setup)
    parts = (paid.hub, paid.functions, paid.documents, paid.blobs, paid.logs, paid.rest, paid.total)
    daily = _logs(needed, setup) * 24 * 3600 / MONTH_SECONDS
    return (
        *(name, f"{needed.orders:g}", _gigabytes(daily)),
        *(f"{part:,.0f}" for part in parts),
    )


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
    parser.add_argument("--environments", action="store_true", help="a month of dev, test and prod")
    options = parser.parse_args(arguments)
    if options.environments:
        _print_environments(markdown=options.markdown)
        return
    if options.markdown:
        print(*table(options.orders, options.window), sep="\n")
        return
    console = Console()
    console.print(*tables(options.orders, options.window), sep="\n")
    console.print("Where two figures are given, the second is that of an episode.")


def _print_environments(*, markdown: bool) -> None:
    if markdown:
        print(*environment_table(), sep="\n")
        return
    shown = _titled("US dollars a month", ENVIRONMENT_HEADS)
    for name in ENVIRONMENTS:
        shown.add_row(*_environment_cells(name))
    Console().print(shown)


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
