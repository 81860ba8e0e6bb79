"""The state of a partition's stream: what one batch hands to the next, and how it is stored."""

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

import msgspec

from shared.alert import version_1 as alert_of_version_1
from shared.episodes import EpisodeState, episode_from, episode_of_version_1
from shared.errors import ConfigurationError
from shared.formats import time_text
from shared.uses import RecentOrders

LEAST_LEVEL, LEVELS = 5, 48
"""`marked` keeps the latest event whose number is a multiple of 2^5, of 2^6, and so on."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

type Mark = tuple[int, datetime]
"""An event's sequence number, and when it entered the hub (aware UTC)."""


NOBODY = ""
"""The owner of an attempt that has ended."""

_Count = Annotated[int, msgspec.Meta(ge=0)]


class Arrival(enum.Enum):
    """The place of an event, relative to the last one that was committed."""

    NEXT = "next"
    SEEN = "seen"
    NEW_HUB = "new_hub"  # the number is known, but belonged to another event


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt at the events after the state's, of which no end is recorded.

    Attributes:
        owner: the process that makes it; `NOBODY` where it has ended but ``vanished`` still counts.
        at: when it began (aware UTC).
        alone: whether it is about the next order alone, and not about a batch.
        vanished: other processes, each once, that never returned from an attempt at this order
            alone.
    """

    owner: str
    at: datetime
    alone: bool = False
    vanished: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamState:
    """The state that one batch of a partition hands to the next. Storing it commits the batch.

    Attributes:
        sequence_number: number of the last event committed; -1 before the first.
        enqueued_at: when the latest of the committed events entered the hub (aware UTC).
        orders_scored: orders scored, each counted once.
        dead_lettered: events that became dead letters, each counted once.
        duplicates: events that repeated a scored order.
        stale: events with a lower revision than the one scored.
        attempt: the attempt on record, if there is one.
        episode: the belief in hidden discounts, and the open episode.
        held: by id, alert documents of orders that are no alerts yet, but may become alerts when
            an episode opens (`shared.episodes.Waiting`).
        recent: the latest orders. Do not change it; change a `copy`.
        marks: a few of the committed events (`marked`). They tell an event that comes again from
            an event of a new hub.
        hubs: how many times the hub was made anew.
        incident: id of the incident that the latest episode belongs to.
    """

    sequence_number: int = -1
    enqueued_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    orders_scored: _Count = 0
    dead_lettered: _Count = 0
    duplicates: _Count = 0
    stale: _Count = 0
    attempt: Attempt | None = None
    episode: EpisodeState = field(default_factory=EpisodeState)
    held: dict[str, dict[str, Any]] = field(default_factory=dict)
    recent: RecentOrders = field(default_factory=RecentOrders)
    marks: tuple[Mark, ...] = ()
    hubs: _Count = 0
    incident: str | None = None

    @property
    def attempts(self) -> int:
        """Return how many attempts at the next events have no known end.

        It is 0 for none, 1 for an attempt at a batch, and more for attempts at one order alone.
        """
        attempt = self.attempt
        if attempt is None:
            return 0
        return 1 + attempt.alone + len(attempt.vanished)

    def place(self, sequence_number: int, enqueued_at: datetime) -> Arrival:
        """Return where an event stands relative to this state."""
        return place(
            self.sequence_number, self.enqueued_at, sequence_number, enqueued_at, self.marks
        )

    def to_document(self, version: int = 2) -> dict[str, Any]:
        """Return the state ready for JSON, in version 2 or 1 of the schema.

        Version 1 is for a roll-out that may still go back. It holds what the release before reads
        and, under ``beside``, what that release does not keep.
        """
        if version == 1:
            return _as_version_1(self)
        return _as_version_2(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Read a stored state of either version; unknown fields are ignored.

        Raises:
            ConfigurationError: the document does not follow either schema.
        """
        try:
            if document.get("schema_version") == 1:
                return _from_version_1(cls, document)
            return _from_version_2(cls, document)
        except ValueError as error:
            raise ConfigurationError(f"state document cannot be read: {error}") from error


def place(
    last_sequence: int,
    last_enqueued_at: datetime | None,
    sequence_number: int,
    at: datetime,
    marks: Sequence[Mark] = (),
) -> Arrival:
    """Return where an event that entered the hub ``at`` a time stands after the last one.

    The numbers of a hub that was made anew start over. Its events have later times. If they have
    not, because the old hub's clock was ahead once, the marks tell: an event that comes again has
    the same time as before, and one from before the first mark is not later than that mark.
    """
    if last_enqueued_at is None or sequence_number > last_sequence:
        return Arrival.NEXT
    if at > last_enqueued_at or not _fits(marks, sequence_number, at):
        return Arrival.NEW_HUB
    return Arrival.SEEN


def _fits(marks: Sequence[Mark], sequence_number: int, at: datetime) -> bool:
    if not marks:
        return True
    first, first_at = marks[0]
    if sequence_number < first:
        return at <= first_at
    return all(at == time for number, time in marks if number == sequence_number)


def marked(marks: Sequence[Mark], events: Iterable[Mark]) -> tuple[Mark, ...]:
    """Return the marks after more events are committed.

    They are the first event of the hub and, for each power of two from 2^`LEAST_LEVEL` on, the
    latest event whose number is a multiple of it. So they are few and dense towards the end, and
    do not depend on how the stream is cut into batches.

    >>> from datetime import timedelta
    >>> events = [(number, _EPOCH + timedelta(seconds=number)) for number in range(3, 300)]
    >>> [number for number, _ in marked((), events)]
    [3, 256, 288]
    """
    first, latest = marks[:1], dict(marks[1:])
    for number, at in events:
        if not first:
            first = ((number, at),)
        elif number % (1 << LEAST_LEVEL) == 0:
            latest[number] = at
    kept: dict[int, datetime] = {}
    numbers = sorted(latest, reverse=True)
    for level in range(LEAST_LEVEL, LEVELS):
        step = 1 << level
        highest = next((number for number in numbers if number % step == 0), None)
        if highest is None:
            break
        kept[highest] = latest[highest]
    return (*first, *sorted(kept.items()))


_ADDED_LATER = {"held", "forgotten_until", "marks", "hubs", "incident"}
"""Fields that earlier releases of version 2 did not write."""


def _as_version_2(state: StreamState) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for name, value in msgspec.to_builtins(state, enc_hook=_fields_of).items():
        document |= value if name == "recent" else {name: value}
    if state.enqueued_at is not None:
        document["enqueued_at"] = time_text(state.enqueued_at)
    return document | {"schema_version": 2}


def _fields_of(recent: RecentOrders) -> dict[str, Any]:
    """Return the two fields that the latest orders are stored as."""
    return {"recent": recent.packed(), "forgotten_until": recent.forgotten_until}


class _Recent(msgspec.Struct):
    """The fields of `_fields_of`, as they are read."""

    recent: str
    forgotten_until: datetime | None = None
    schema_version: Literal[2] = 2


def _from_version_2[State: StreamState](kind: type[State], document: dict[str, Any]) -> State:
    stored = msgspec.convert(document, _Recent)
    recent = RecentOrders.unpacked(stored.recent, stored.forgotten_until)
    return _read(kind, document | {"episode": episode_from(document), "recent": recent})


def _read[State: StreamState](kind: type[State], known: dict[str, Any]) -> State:
    """Check a document whose episode and latest orders are read already.

    Raises:
        ValueError: a field is missing, or is not what it should be.
    """
    missing = {part.name for part in fields(StreamState)} - known.keys() - _ADDED_LATER
    if missing:
        raise ValueError(f"{', '.join(sorted(missing))} missing")
    return msgspec.convert(known, kind, dec_hook=lambda _, recent: recent)


class _OnlyInVersion1(msgspec.Struct):
    """The fields that the release before stored in another form, and those that this one adds."""

    attempts: _Count
    recent: str
    beside: dict[str, Any] | None = None


_MOST_ATTEMPTS = 2
"""After more attempts than this, the release before made an order a dead letter."""


def _as_version_1(state: StreamState) -> dict[str, Any]:
    beside = _as_version_2(state)
    # Fields that both releases read alike may be large, so they are stored once.
    held = {name: alert_of_version_1(alert) for name, alert in beside.pop("held").items()}
    beside["episode"].pop("waiting")
    attempts = 0 if state.attempt is None else 1 + state.attempt.alone
    return {
        "sequence_number": state.sequence_number,
        "orders_scored": state.orders_scored,
        "dead_lettered": state.dead_lettered,
        "duplicates": state.duplicates,
        "stale": state.stale,
        "enqueued_at": beside["enqueued_at"],
        "attempts": min(attempts, _MOST_ATTEMPTS),
        "episode": episode_of_version_1(state.episode),
        "held": held,
        "recent": state.recent.packed_as_version_1(),
        "schema_version": 1,
        "beside": beside,
    }


def _from_version_1[State: StreamState](kind: type[State], document: dict[str, Any]) -> State:
    stored, episode = msgspec.convert(document, _OnlyInVersion1), episode_from(document)
    old = _read(kind, document | {"attempt": None, "episode": episode, "recent": RecentOrders()})
    beside = stored.beside
    if beside is not None and beside.get("sequence_number") == old.sequence_number:
        # The release before has not written over it.
        whole = beside["episode"] | {"waiting": msgspec.to_builtins(episode.waiting)}
        return _from_version_2(kind, {**beside, "episode": whole, "held": old.held})
    last_at = old.enqueued_at
    # That release keeps no count of episodes and hubs: they go on from one that no earlier one
    # reached.
    counts = 0 if last_at is None else int(last_at.timestamp())
    return replace(
        old,
        attempt=Attempt(NOBODY, last_at or _EPOCH, stored.attempts > 1)
        if stored.attempts
        else None,
        episode=msgspec.structs.replace(episode, opened=counts),
        recent=RecentOrders.unpacked_from_version_1(stored.recent, last_at),
        hubs=counts,
    )
