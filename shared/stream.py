"""What a partition's stream remembers, and which of its orders are worth scoring.

The function and the backtest admit orders by the same `RecentOrders`, one order at a time; so
the result cannot depend on how a stream was cut into batches.
"""

import base64
import enum
import hashlib
import struct
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Self, cast

import msgspec

from shared.episodes import EPISODE_VERSION, EpisodeState
from shared.errors import ConfigurationError
from shared.notation import time_text, utc_time

RECENT_ORDERS = 2_000
"""Order ids a partition remembers.

A producer sends an order twice within seconds, and 2,000 orders are seconds even at full load;
more would only make every commit larger (10 bytes an order). Past it a duplicate is scored and
counted again but makes the same alert id, which the store refuses: no alert twice. A late lower
revision of a forgotten order is scored as if it were new.
"""

_ENTRY = struct.Struct(">QH")  # 64-bit hash of the order id, revision


class Admission(enum.Enum):
    """What becomes of an order that has arrived."""

    SCORE = "score"
    DUPLICATE = "duplicate"  # the same revision of the same order, sent again
    STALE = "stale"  # a lower revision than one that has been scored


class Arrival(enum.Enum):
    """Where an event stands, seen from the last one that was committed."""

    NEXT = "next"
    SEEN = "seen"
    NEW_HUB = "new_hub"  # sequence numbers have begun again, at a later time


class RecentOrders:
    """The highest revision scored of each of the last orders of a partition.

    >>> recent = RecentOrders()
    >>> [recent.admit("a", revision).value for revision in (0, 0, 2, 1)]
    ['score', 'duplicate', 'score', 'stale']
    """

    def __init__(self, revisions: dict[int, int] | None = None) -> None:
        self._revisions = revisions or {}  # by hash of the order id, the latest scored last

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RecentOrders) and self.packed() == other.packed()

    __hash__ = None  # type: ignore[assignment]  # changes as orders are remembered

    def judge(self, order_id: str, revision: int) -> Admission:
        """Whether an order is to be scored; remembers nothing."""
        scored = self._revisions.get(_hash(order_id), -1)
        if revision > scored:
            return Admission.SCORE
        return Admission.DUPLICATE if revision == scored else Admission.STALE

    def remember(self, order_id: str, revision: int) -> None:
        """Note an order as scored, at the cost of the oldest one when the memory is full."""
        key = _hash(order_id)
        self._revisions.pop(key, None)
        self._revisions[key] = revision
        if len(self._revisions) > RECENT_ORDERS:
            del self._revisions[next(iter(self._revisions))]

    def admit(self, order_id: str, revision: int) -> Admission:
        """Judge an order, and remember it if it is to be scored."""
        admission = self.judge(order_id, revision)
        if admission is Admission.SCORE:
            self.remember(order_id, revision)
        return admission

    def forget(self, order_id: str) -> None:
        """Drop an order that was set aside after all, so that sending it again scores it."""
        self._revisions.pop(_hash(order_id), None)

    def copy(self) -> "RecentOrders":
        """An independent copy."""
        return RecentOrders(dict(self._revisions))

    def packed(self) -> str:
        """Base64 of 10 bytes an order, the oldest first."""
        packed = b"".join(_ENTRY.pack(*entry) for entry in self._revisions.items())
        return base64.b64encode(packed).decode()

    @classmethod
    def unpacked(cls, text: str) -> Self:
        """The inverse of `packed`; ValueError for anything else."""
        try:
            return cls(dict(_ENTRY.iter_unpack(base64.b64decode(text, validate=True))))
        except struct.error as error:
            raise ValueError(f"not a whole number of orders: {error}") from error


@dataclass(frozen=True, slots=True)
class StreamState:
    """All that one batch of a partition hands to the next; its document is the batch's commit.

    Attributes:
        sequence_number: of the last event committed; -1 before the first.
        enqueued_at: when that event entered the hub (aware UTC).
        orders_scored: orders scored, each once.
        dead_lettered: events set aside, each once.
        duplicates: events that repeated a scored revision.
        stale: events with a lower revision than the one scored.
        attempts: runs begun on the events after this one that have not come back: 0 for none or
            unknown, 1 for a whole batch, more for an order on its own.
        episode: the belief about a running hidden discount, and the run that is open.
        held: by id, the alert documents of orders that are no alert yet and wait for a run to
            open (`shared.episodes.Waiting`).
        recent: the latest orders; treat it as frozen, change a `copy`.
    """

    sequence_number: int = -1
    enqueued_at: datetime | None = None
    orders_scored: int = 0
    dead_lettered: int = 0
    duplicates: int = 0
    stale: int = 0
    attempts: int = 0
    episode: EpisodeState = field(default_factory=EpisodeState)
    held: dict[str, dict[str, Any]] = field(default_factory=dict)
    recent: RecentOrders = field(default_factory=RecentOrders)

    def place(self, sequence_number: int, enqueued_at: datetime) -> Arrival:
        """Where an event stands relative to this state."""
        return place(self.sequence_number, self.enqueued_at, sequence_number, enqueued_at)

    def to_document(self) -> dict[str, Any]:
        """JSON-ready; `from_document` reads it back unchanged."""
        values = {name: getattr(self, name) for name in _CARRIED}
        enqueued_at = None if self.enqueued_at is None else time_text(self.enqueued_at)
        document = _Document(**values, enqueued_at=enqueued_at, recent=self.recent.packed())
        return cast(dict[str, Any], msgspec.to_builtins(document))

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Read a stored state; fields of the store's own are ignored.

        Raises:
            ConfigurationError: the document is not a state of this schema.
        """
        try:
            read = msgspec.convert(with_known_episode(document), _Document)
            return cls(
                **{name: getattr(read, name) for name in _CARRIED},
                enqueued_at=None if read.enqueued_at is None else utc_time(read.enqueued_at),
                recent=RecentOrders.unpacked(read.recent),
            )
        except ValueError as error:
            raise ConfigurationError(f"state document cannot be read: {error}") from error


def place(
    last_sequence: int, last_enqueued_at: datetime | None, sequence_number: int, at: datetime
) -> Arrival:
    """Where an event that entered the hub ``at`` a time stands after the last one (None: none)."""
    if last_enqueued_at is None or sequence_number > last_sequence:
        return Arrival.NEXT
    return Arrival.NEW_HUB if at > last_enqueued_at else Arrival.SEEN


def with_known_episode(document: dict[str, Any]) -> dict[str, Any]:
    """A state's document, with a new episode where the stored one is of another version."""
    episode = document.get("episode")
    if isinstance(episode, dict) and episode.get("schema_version") != EPISODE_VERSION:
        return document | {"episode": {}, "held": {}}
    return document


class _Document(msgspec.Struct):
    """A `StreamState` as it is stored."""

    sequence_number: int
    enqueued_at: str | None
    orders_scored: int
    dead_lettered: int
    duplicates: int
    stale: int
    attempts: int
    episode: EpisodeState
    recent: str
    held: dict[str, dict[str, Any]] = {}
    schema_version: Literal[1] = 1


_CARRIED = (
    "sequence_number",
    "orders_scored",
    "dead_lettered",
    "duplicates",
    "stale",
    "attempts",
    "episode",
    "held",
)  # stored just as they are


def _hash(order_id: str) -> int:
    # 64 bits: a false match, an order taken for a duplicate, once in 10^16 orders.
    return int.from_bytes(hashlib.blake2b(order_id.encode(), digest_size=8).digest())
