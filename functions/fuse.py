"""Hold a batch back if scoring fails on many orders: then the fault is ours, not the orders'."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from functions.batch import OrderName
from functions.condition import Conditions
from shared.errors import TransientError
from shared.stream_key import StreamKey

logger = logging.getLogger(__name__)

FUSE_EVENTS, FUSE_SHARE = 10, 0.2
"""If a batch has this many events, and scoring fails on more than this share of them, then the
fault is ours and not the orders'. Nothing is set aside, and the batch waits until we have mended
it."""


class FuseError(TransientError):
    """Too many orders of a batch failed in scoring: nothing of it is set aside."""


@dataclass(slots=True)
class Fuse:
    """Counts the orders of one batch that fail in scoring, over all its commits.

    Attributes:
        conditions: remembers that a fuse has blown, until the partition moves again.
        key: the partition.
        now: the time (aware UTC).
        events: how many events of the batch are scored.
        one_by_one: each order is scored and committed on its own.
        failed: the orders that failed so far.
    """

    conditions: Conditions
    key: StreamKey
    now: Callable[[], datetime]
    events: int
    one_by_one: bool
    failed: frozenset[OrderName] = frozenset()

    def check(self, failed: frozenset[OrderName]) -> None:
        """Add the orders that fail now, and pass unless so many fail that the fault must be ours.

        Once the fuse has blown, no order that is scored on its own is set aside either.

        Raises:
            FuseError: the batch waits.
        """
        self.failed |= failed
        many = self.events >= FUSE_EVENTS and len(self.failed) > FUSE_SHARE * self.events
        blown = self.key.partition_id in self.conditions.fuses
        if not many and not (failed and self.one_by_one and blown):
            return
        why = f"scoring fails on {len(self.failed)} orders in a batch of {self.events}"
        if not blown:
            logger.error("%s: %s: the fault is ours, so nothing is set aside", self.key, why)
        self.conditions.note_fuse(self.key.partition_id, self.now(), why)
        raise FuseError(f"{self.key}: {why}: a fault of ours, the batch waits")
