"""Measures on one stream how soon episodes open, and how often one opens without a cause."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import batched

import msgspec
import numpy as np

from shared.episodes import EpisodeState
from shared.formats import alert_id
from shared.model import ModelBundle
from shared.order import Order, parse_order
from shared.partitions import partition_for_key
from shared.policy import Policy
from shared.scoring import Scorer
from training.comparison.quality import Delay, hidden_episodes, measure_delay
from training.console import progress
from training.evaluation.incident_quality import LEAST
from training.evaluation.incident_streams import Task, planned
from training.evaluation.trials import Stream
from training.simulation.scenarios import Scenario

CHUNK = 2_000
"""Orders scored at a time, of all partitions together."""


@dataclass(frozen=True, slots=True)
class IncidentBenchmark:
    """The result of one stream, spread over some number of partitions.

    Attributes:
        stream: its name.
        partitions: of the hub.
        orders: that were scored.
        delay: until an injected episode opened in a partition, over the episodes that have
            `LEAST` orders there.
        false_openings: episodes that opened with an order outside of every injected episode.
        clean_orders: orders outside of every injected episode.
    """

    stream: str
    partitions: int
    orders: int
    delay: Delay
    false_openings: int
    clean_orders: int

    @property
    def false_per_million(self) -> float | None:
        """Return the false openings per million clean orders."""
        return 1e6 * self.false_openings / self.clean_orders if self.clean_orders else None


def measure(task: Task, bundle: bytes) -> IncidentBenchmark:
    """Draw the stream of a task and score it with a bundle, given as its JSON."""
    scenario, stream = planned(task)
    model = msgspec.json.decode(bundle, type=ModelBundle)
    return openings(model, scenario, stream, task.partitions)


def openings(
    bundle: ModelBundle, scenario: Scenario, stream: Stream, partitions: int
) -> IncidentBenchmark:
    """Score a stream, and compare the episodes that open with those that were injected."""
    scorer = Scorer(bundle, scenario.catalogue, Policy())
    states = [EpisodeState() for _ in range(partitions)]
    opened = np.zeros(len(stream.ids), dtype=bool)
    partition = np.zeros(len(stream.ids), dtype=np.int64)
    bodies = progress(stream.bodies(), f"{scenario.name}, {partitions} partitions", len(opened))
    for chunk in batched(enumerate(map(parse_order, bodies)), CHUNK, strict=False):
        for number, numbered in _by_partition(chunk, partitions).items():
            rows = [row for row, _ in numbered]
            orders = [order for _, order in numbered]
            partition[rows] = number
            opened[rows], states[number] = _opened(scorer, orders, states[number])
    episodes = hidden_episodes(stream.drawn.hidden_bp)
    return IncidentBenchmark(
        stream=scenario.name,
        partitions=partitions,
        orders=len(opened),
        delay=measure_delay(episodes, partition, opened, stream.drawn.times, LEAST),
        false_openings=int((opened & (episodes == 0)).sum()),
        clean_orders=int((episodes == 0).sum()),
    )


def _by_partition(
    rows: Sequence[tuple[int, Order]], partitions: int
) -> dict[int, list[tuple[int, Order]]]:
    by_partition: dict[int, list[tuple[int, Order]]] = {}
    for row, order in rows:
        number = partition_for_key(order.rep_id, partitions)
        by_partition.setdefault(number, []).append((row, order))
    return by_partition


def _opened(
    scorer: Scorer, orders: list[Order], state: EpisodeState
) -> tuple[list[bool], EpisodeState]:
    """Return for each order whether an episode opened with it."""
    assessments, state = scorer.score_many(orders, state)
    names = [alert_id(order.order_id, order.revision) for order in orders]
    return [
        any(episode.opened_by == name for episode in assessment.episodes)
        for name, assessment in zip(names, assessments, strict=True)
    ], state
