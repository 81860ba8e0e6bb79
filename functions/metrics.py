"""The metrics: each has a fixed name and at most one label, which has few values.

No label ever names an order, a rep or a customer. The workbook (`infra/workbook.json`) and the
alert rules ask for these names.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. A counter adds up, a gauge is the last value, a histogram has ``edges``.

    The edges are the bounds of the histogram's classes, in its unit. ``label`` is the name of the
    metric's label, if it has one.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    says: str
    label: str | None = None
    edges: tuple[float, ...] = ()


_MILLISECONDS = (1.0, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 60_000)
_SECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400)
_ORDERS = (1.0, 2, 5, 10, 20, 50, 100, 150, 200, 500, 1_000)
_UNITS = (1.0, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)

ORDERS_SCORED = Metric("sheriff.orders.scored", "counter", "{order}", "orders scored")
ORDERS_UNPRICED = Metric(
    "sheriff.orders.unpriced", "counter", "{order}",
    "scored orders with a product that the catalogue does not know",
)  # fmt: skip
DEAD_LETTERED = Metric(
    "sheriff.orders.dead_lettered", "counter", "{order}", "events set aside", "code"
)
ALERTS = Metric(
    "sheriff.alerts", "counter", "{alert}", "alerts, each once, by its likeliest typology",
    "typology",
)  # fmt: skip
BATCH_SIZE = Metric(
    "sheriff.batch.size", "histogram", "{event}", "events of a batch", edges=_ORDERS
)
SCORING_DURATION = Metric(
    "sheriff.scoring.duration", "histogram", "ms", "computing of a batch", edges=_MILLISECONDS
)
STORE_DURATION = Metric(
    "sheriff.store.duration", "histogram", "ms", "one call of a store, with its retries", "store",
    _MILLISECONDS,
)  # fmt: skip
REQUEST_UNITS = Metric(
    "sheriff.store.request_units", "histogram", "{RU}", "charge of one request", "store", _UNITS
)
LAG = Metric(
    "sheriff.lag", "histogram", "s",
    "age of the oldest and of the last event of a batch, at its end", "event", _SECONDS,
)  # fmt: skip
SHELF_FAILED = Metric(
    "sheriff.shelf.failed", "counter", "{look}",
    "looks for what serves that the store did not answer, or after which nothing could",
)  # fmt: skip
RETRIES = Metric("sheriff.retries", "counter", "{run}", "runs of a batch after its first one")
MODEL_AGE = Metric(
    "sheriff.model.age", "gauge", "s",
    "since the model that serves was promoted; a packaged one: since the process took it up",
    "version",
)  # fmt: skip
INCIDENTS_OPENED = Metric(
    "sheriff.incidents.opened", "counter", "{incident}", "incidents opened"
)  # fmt: skip
BELIEF = Metric(
    "sheriff.belief", "gauge", "1", "belief in a running hidden discount, 0-1", "partition"
)
RETRAIN_FAILED = Metric(
    "sheriff.retrain.failed",
    "counter",
    "{night}",
    "nights that failed, told at their end; 0 tells of one that did not",
)
SHADOW_ORDERS = Metric(
    "sheriff.shadow.orders", "counter", "{order}", "orders a challenger scored in shadow"
)
PARTITION_LAG = Metric(
    "sheriff.partition.lag", "gauge", "{event}", "events of a partition that are not committed",
    "partition",
)  # fmt: skip
PARTITION_STALLED = Metric(
    "sheriff.partition.stalled", "gauge", "1", "1 where a partition stands still, else 0",
    "partition",
)  # fmt: skip
HUB_ANEW = Metric(
    "sheriff.hub.anew", "gauge", "1", "1 since the hub was made anew until somebody acknowledges it"
)
FUSE = Metric("sheriff.fuse", "counter", "{batch}", "batches held back whole: the fault is ours")

METRICS = (
    ORDERS_SCORED, ORDERS_UNPRICED, DEAD_LETTERED, ALERTS, BATCH_SIZE, SCORING_DURATION,
    STORE_DURATION, REQUEST_UNITS, LAG, SHELF_FAILED, RETRIES, MODEL_AGE, INCIDENTS_OPENED, BELIEF,
    RETRAIN_FAILED, SHADOW_ORDERS, PARTITION_LAG, PARTITION_STALLED, HUB_ANEW, FUSE,
)  # fmt: skip
"""All metrics."""
