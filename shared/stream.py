"""What a partition's stream remembers between its batches, and the document that keeps it."""

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self, cast

import msgspec

from shared.alert import version_1 as alert_of_version_1
from shared.episodes import EpisodeState, episode_from, episode_of_version_1
from shared.errors import ConfigurationError
from shared.formats import time_text, utc_time
from shared.uses import RecentOrders

LEAST_LEVEL, LEVELS = 5, 48
"""`marked` keeps the latest event whose number is a multiple of 2^5, of 2^6, and so on."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

type Mark = tuple[int, datetime]
"""An event's sequence number, and when it entered the hub (aware UTC)."""


NOBODY = ""
"""No process."""


class Arrival(enum.Enum):
    """Where an event stands, seen from the last one that was committed."""

    NEXT = "next"
    SEEN = "seen"
    NEW_HUB = "new_hub"  # it is not the event that had this number


@dataclass(frozen=True, slots=True)
class Attempt:
    """A run on record: it has begun on the events after the state's, and nobody knows its end.

    Attributes:
        owner: the process that runs it; `NOBODY` where it has ended, and what vanished before it
            still counts.
        at: when it began (aware UTC).
        alone: it is about the next order on its own, not about a batch.
        vanished: other processes, each once, whose run on this order on its own never came back.
    """

    owner: str
    at: datetime
    alone: bool = False
    vanished: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamState:
    """All that one batch of a partition hands to the next; its document is the batch's commit.

    Attributes:
        sequence_number: of the last event committed; -1 before the first.
        enqueued_at: when the latest of the events committed entered the hub (aware UTC).
        orders_scored: orders scored, each once.
        dead_lettered: events set aside, each once.
        duplicates: events that repeated a scored order.
        stale: events with a lower revision than the one scored.
        attempt: the run on record; None where none is, or where it does not matter.
        episode: the belief about a running hidden discount, and the run that is open.
        held: by id, the alert documents of orders that are no alert yet and wait for a run to
            open (`shared.episodes.Waiting`).
        recent: the latest orders; treat it as frozen, change a `copy`.
        marks: a few events committed, the first one of the hub and later ones (`marked`): an event
            that comes again has the time it had.
        hubs: hubs made anew that the partition has seen.
        incident: id of the incident that the latest run belongs to.
    """

    sequence_number: int = -1
    enqueued_at: datetime | None = None
    orders_scored: int = 0
    dead_lettered: int = 0
    duplicates: int = 0
    stale: int = 0
    attempt: Attempt | None = None
    episode: EpisodeState = field(default_factory=EpisodeState)
    held: dict[str, dict[str, Any]] = field(default_factory=dict)
    recent: RecentOrders = field(default_factory=RecentOrders)
    marks: tuple[Mark, ...] = ()
    hubs: int = 0
    incident: str | None = None

    @property
    def attempts(self) -> int:
        """Runs on the events after this one that are not known to have ended: 0 for none, 1 for
        one on a batch, more for those on an order on its own."""
        attempt = self.attempt
        if attempt is None:
            return 0
        return 1 + attempt.alone + len(attempt.vanished)

    def place(self, sequence_number: int, enqueued_at: datetime) -> Arrival:
        """Where an event stands relative to this state."""
        return place(
            self.sequence_number, self.enqueued_at, sequence_number, enqueued_at, self.marks
        )

    def to_document(self, version: int = 2) -> dict[str, Any]:
        """JSON-ready, in the schema's version 2 or 1; `from_document` reads it back unchanged.

        Version 1 is for a roll-out that may still go back: it holds what the release before reads,
        and beside it what that release would leave out.
        """
        if version == 1:
            return _as_version_1(self)
        return cast(dict[str, Any], msgspec.to_builtins(_document_of(self)))

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Read a stored state of either version; fields that are not known are ignored.

        Raises:
            ConfigurationError: the document is not a state of these schemas.
        """
        try:
            if document.get("schema_version") == 1:
                return _from_version_1(cls, document)
            return _state_of(cls, document)
        except ValueError as error:
            raise ConfigurationError(f"state document cannot be read: {error}") from error


def place(
    last_sequence: int,
    last_enqueued_at: datetime | None,
    sequence_number: int,
    at: datetime,
    marks: Sequence[Mark] = (),
) -> Arrival:
    """Where an event that entered the hub ``at`` a time stands after the last one (None: none).

    A hub that was made anew counts from the start. Its events are told by their time, and, where
    that is no later (its clock was ahead once), by the marks: an event that comes again has the
    time that its number had, and one from before the first mark is no later than that.
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
    """The marks once more events are committed: the first event of the hub, and for each power of
    two from `LEAST_LEVEL` on the latest event whose number is a multiple of it.

    So there are few, they lie closer the later they are, and no cut of the stream changes them.

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


_Count = Annotated[int, msgspec.Meta(ge=0)]


class _Document(msgspec.Struct, kw_only=True):
    """A `StreamState` as it is stored."""

    sequence_number: int
    enqueued_at: str | None
    orders_scored: _Count
    dead_lettered: _Count
    duplicates: _Count
    stale: _Count
    attempt: Attempt | None
    episode: EpisodeState
    held: dict[str, dict[str, Any]] = {}
    recent: str
    forgotten_until: datetime | None = None
    marks: tuple[tuple[int, datetime], ...] = ()
    hubs: _Count = 0
    incident: str | None = None
    schema_version: Literal[2] = 2


_AS_THEY_ARE = (
    "sequence_number",
    "orders_scored",
    "dead_lettered",
    "duplicates",
    "stale",
    "attempt",
    "episode",
    "held",
    "marks",
    "hubs",
    "incident",
)  # stored just as they are


def _document_of(state: StreamState) -> _Document:
    return _Document(
        **{name: getattr(state, name) for name in _AS_THEY_ARE},
        enqueued_at=None if state.enqueued_at is None else time_text(state.enqueued_at),
        recent=state.recent.packed(),
        forgotten_until=state.recent.forgotten_until,
    )


def _state_of[State: StreamState](kind: type[State], document: dict[str, Any]) -> State:
    read = msgspec.convert(document | {"episode": episode_from(document)}, _Document)
    return kind(
        **{name: getattr(read, name) for name in _AS_THEY_ARE},
        enqueued_at=_time(read.enqueued_at),
        recent=RecentOrders.unpacked(read.recent, read.forgotten_until),
    )


class _DocumentOfVersion1(msgspec.Struct):
    """What the release before stored."""

    sequence_number: int
    enqueued_at: str | None
    orders_scored: _Count
    dead_lettered: _Count
    duplicates: _Count
    stale: _Count
    attempts: _Count
    episode: EpisodeState
    recent: str
    held: dict[str, dict[str, Any]] = {}
    beside: dict[str, Any] | None = None


_AS_BEFORE = ("sequence_number", "orders_scored", "dead_lettered", "duplicates", "stale", "held")

_MOST_ATTEMPTS = 2
"""The release before set an order aside past this many, whoever had died of what."""


def _as_version_1(state: StreamState) -> dict[str, Any]:
    whole = msgspec.to_builtins(_document_of(state))
    # What both releases read alike, and may be large, is there once.
    held = {name: alert_of_version_1(alert) for name, alert in whole.pop("held").items()}
    whole["episode"].pop("waiting")
    attempts = 0 if state.attempt is None else 1 + state.attempt.alone
    return {
        **{name: whole[name] for name in _AS_BEFORE if name != "held"},
        "enqueued_at": whole["enqueued_at"],
        "attempts": min(attempts, _MOST_ATTEMPTS),
        "episode": episode_of_version_1(state.episode),
        "held": held,
        "recent": state.recent.packed_as_version_1(),
        "schema_version": 1,
        "beside": whole,
    }


def _from_version_1[State: StreamState](kind: type[State], document: dict[str, Any]) -> State:
    read = msgspec.convert(document | {"episode": episode_from(document)}, _DocumentOfVersion1)
    beside = read.beside
    if beside is not None and beside.get("sequence_number") == read.sequence_number:
        # Nobody has written since this release did.
        episode = beside["episode"] | {"waiting": msgspec.to_builtins(read.episode.waiting)}
        return _state_of(kind, {**beside, "episode": episode, "held": read.held})
    last_at = _time(read.enqueued_at)
    # That release keeps no count of runs and hubs: they go on from one that no earlier one reached.
    counts = 0 if last_at is None else int(last_at.timestamp())
    attempt = Attempt(NOBODY, last_at or _EPOCH, read.attempts > 1) if read.attempts else None
    return kind(
        **{name: getattr(read, name) for name in _AS_BEFORE},
        enqueued_at=last_at,
        attempt=attempt,
        episode=msgspec.structs.replace(read.episode, opened=counts),
        recent=RecentOrders.unpacked_from_version_1(read.recent, last_at),
        hubs=counts,
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else utc_time(text)
