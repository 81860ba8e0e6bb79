"""Computes what a rate of orders needs in Azure, and what that costs a month.

This is arithmetic, not a measurement of Azure. Every assumption is a constant below, with its unit.
Prices are rounded list prices of the United States as of November 2026, in US dollars and without
reservations: put your own in their place. All figures assume that orders come evenly, day and
night. During an episode every order gets an alert.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# --- assumptions: the work --------------------------------------------------------------------
ALERT_SHARE = 0.02  # the share of orders with an alert, outside episodes
EPISODE_HOURS = 24  # hours a month in which every order gets an alert
ORDER_KB, ALERT_KB = 0.5, 2.5  # measured: 406 bytes of JSON, 2.3 KB
SCORING_MS, ALERT_MS = 1.0, 2.0  # processor time: an order through host and scorer; its alert
BATCH_SECONDS = 0.15  # a small batch with its reads, writes and checkpoint
ALERT_RU, COMMIT_RU = 20.0, 75.0  # create an alert; read and replace a state document of 91 KB
BUSY = 0.6  # the share of an instance's time on an ordinary day; in an episode it may be all of it
LARGEST_BATCH = 200  # orders in a batch, by host.json
KEPT_MONTHS = 24  # months that alerts and archived orders are kept
LOG_KB = 1.0  # the size of a row of logs
BATCH_ROWS, ALERT_ROWS = 3, 1  # the host's span, our span and a line; the span of an alert
INSTANCE_ROWS = (
    1.63  # a second: 30 metrics a minute, some 60 rows of the host, 8 of the data account
)
ALWAYS_READY = 2  # instances with one processor and 2 GB
PARTITIONS = (4, 8, 16, 32)  # to choose from; the Standard tier allows at most 32
DAY_SECONDS = 24 * 3600
MONTH_SECONDS = 730 * 3600
LEAST_SECONDS = 1.0  # the fewest seconds of an instance that are billed

# --- assumptions: US dollars --------------------------------------------------------------------
TU_HOUR, CAPTURE_TU_HOUR, MILLION_EVENTS = 0.03, 0.10, 0.028
INSTANCE_SECOND, READY_SECOND, MILLION_RUNS = 0.000052, 0.000008, 0.40  # of an instance with 2 GB
AUTOSCALE_100RU_HOUR, DOCUMENT_GB_MONTH = 0.012, 0.25
BLOB_GB_MONTH, TEN_THOUSAND_WRITES = 0.023, 0.065
LOG_GB = 2.76
MILLION_RU = 0.25  # in a serverless account
FIXED_MONTH = 60.0  # addresses and private endpoints, the trainer's two hours a night, alert rules


@dataclass(frozen=True, slots=True)
class Need:
    """The needs of a rate of orders; ``batches`` and RU are per second."""

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
        """GB of logs on a day on which every order gets an alert."""
        return self._log_gigabytes(self.orders, self.instances_in_episode)

    def _log_gigabytes(self, alerts: float, instances: int) -> float:
        rows = self.batches * BATCH_ROWS + alerts * ALERT_ROWS + instances * INSTANCE_ROWS
        return rows * LOG_KB * DAY_SECONDS / 1e6


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
        """The sum; ``rest`` is the part that does not depend on the orders."""
        return self.hub + self.functions + self.documents + self.blobs + self.logs + self.rest


@dataclass(frozen=True, slots=True)
class Setup:
    """The parts that are paid for even without orders, and how long data are kept.

    ``autoscaled`` holds the highest RU/s of `alerts`, `state` and each further container; empty
    means serverless. ``log_cap`` is in GB a day. ``others`` counts instances that only log.
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
    """Return what a rate of orders needs.

    Args:
        orders: a second, more than 0.
        window: seconds that the host waits for a batch to fill (``maxWaitTime`` with
            ``minEventBatchSize``); at 0 it takes what is there.
        partitions: of the hub; None takes the fewest that are enough.
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


def _order_ms(alert_share: float) -> float:
    """Return the processor time (ms) of an order where this share of orders get an alert."""
    return SCORING_MS + alert_share * ALERT_MS


def _batches(orders: float, partitions: int, window: float) -> float:
    """Return the batches a second: as many as partitions can run, but at most one an order.

    A batch holds at most `LARGEST_BATCH` orders, so there are at least orders / `LARGEST_BATCH`.
    """
    quickest = partitions / max(window, BATCH_SECONDS)
    return max(min(orders, quickest), orders / LARGEST_BATCH)


def cost(needed: Need, setup: Setup = Setup()) -> Cost:
    """Return what a need costs in a month."""
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
        logs=month_log_gigabytes(needed, setup) * LOG_GB,
        rest=setup.rest,
    )


def month_log_gigabytes(needed: Need, setup: Setup) -> float:
    """Return the GB of logs a month; no day has more than the cap."""
    others = setup.others * INSTANCE_ROWS * LOG_KB * DAY_SECONDS / 1e6
    calm = min(setup.log_cap, needed.log_gigabytes + others)
    episode = min(setup.log_cap, needed.log_gigabytes_in_episode + others)
    days, episodes = MONTH_SECONDS / DAY_SECONDS, EPISODE_HOURS / 24
    return calm * (days - episodes) + episode * episodes


def _serverless(needed: Need, alerts: float) -> float:
    """Return the price of the request units used by a month's ``alerts`` and by every commit."""
    used = alerts * ALERT_RU + needed.commit_ru * MONTH_SECONDS
    return used / 1e6 * MILLION_RU


def _autoscale(needed: Need, setup: Setup) -> float:
    """Return the price of autoscaled request units.

    Azure bills the highest RU/s of each hour, and at least a tenth of the allowed maximum.
    """
    alerts_most, state_most, *others = setup.autoscaled
    most = max(alerts_most, needed.alert_ru_in_episode)
    calm = max(needed.alert_ru, most / 10)
    episode = max(needed.alert_ru_in_episode, most / 10)
    commits = max(state_most / 10, needed.commit_ru)
    hours = MONTH_SECONDS / 3600
    alerts = calm * (hours - EPISODE_HOURS) + episode * EPISODE_HOURS
    return (alerts + (commits + sum(others) / 10) * hours) / 100 * AUTOSCALE_100RU_HOUR
