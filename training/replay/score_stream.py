"""Score orders in memory as the partitions of a hub would: the assessments alone, no documents."""

from collections.abc import Sequence
from itertools import batched

from shared.assessment import Assessment
from shared.episodes import EpisodeState
from shared.order import Order
from shared.partitions import partition_for_key
from shared.scoring import Scorer

CHUNK = 500
"""Orders scored at once."""


def score_stream(scorer: Scorer, orders: Sequence[Order], partitions: int) -> list[Assessment]:
    """Return the assessment of each order, in the order in which they are given.

    The orders must be in time order. Each goes to the partition of its rep, and every partition
    has a belief of its own about a hidden discount.

    Raises:
        OrderError: an order is in another currency than the catalogue's.
    """
    assessments: list[Assessment | None] = [None] * len(orders)
    for rows in _rows_by_partition(orders, partitions):
        state = EpisodeState()
        for chunk in batched(rows, CHUNK, strict=False):
            assessed, state = scorer.score_many([orders[row] for row in chunk], state)
            for row, assessment in zip(chunk, assessed, strict=True):
                assessments[row] = assessment
    return [assessment for assessment in assessments if assessment is not None]


def _rows_by_partition(orders: Sequence[Order], partitions: int) -> list[list[int]]:
    rows: dict[int, list[int]] = {}
    for row, order in enumerate(orders):
        rows.setdefault(partition_for_key(order.rep_id, partitions), []).append(row)
    return list(rows.values())
