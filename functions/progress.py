"""Decide how far a hub's partitions are read, which stand still, and whether the hub is new: pure.

The trigger itself cannot notice that a hub was made anew. It waits for the sequence number after
its checkpoint, and skips everything before that without an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from shared.formats import time_text

STANDS_STILL = timedelta(minutes=5)
"""A partition that is behind and does not move for so long stands still.

It is longer than a batch takes with all its waits, longer than a partition takes to change hands
(40 s), and longer than a reader that lost its connection may hear nothing (60 s).
"""

SAME_TIME = timedelta(seconds=1)
"""Two created times that differ by less are the same."""


@dataclass(frozen=True, slots=True)
class PartitionSeen:
    """A partition as the hub describes it; one that never had an event ends at -1."""

    partition_id: str
    first_sequence_number: int
    last_sequence_number: int
    last_enqueued_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HubSeen:
    """A hub as it describes itself; times are aware UTC."""

    created_at: datetime
    partitions: tuple[PartitionSeen, ...]


@dataclass(frozen=True, slots=True)
class Committed:
    """The last event that is done, by a partition's state document; ``enqueued_at`` is aware UTC.

    ``attempts`` counts the attempts that are on record and never came back.
    """

    partition_id: str
    sequence_number: int
    enqueued_at: datetime | None = None
    attempts: int = 0


class Anew(msgspec.Struct, frozen=True):
    """Notes that the hub was made anew while the state and the checkpoints stayed."""

    noticed_at: datetime
    created_at: datetime
    why: str


class Partition(msgspec.Struct, frozen=True):
    """A partition at the last look.

    ``behind_events`` wait to be committed. The newest event is ``behind_seconds`` younger than the
    last committed one, in the hub's time. ``since`` is the first look at which the partition was
    behind at this ``sequence_number``; None where nothing waits.
    """

    sequence_number: int
    behind_events: int = 0
    behind_seconds: float | None = None
    since: datetime | None = None
    attempts: int = 0


class Watch(msgspec.Struct, frozen=True):
    """The state of a hub, as known after a look.

    ``acknowledged`` is the created time of a new hub that an operator knows about.
    """

    created_at: datetime
    seen_at: datetime
    partitions: dict[str, Partition]
    made_anew: Anew | None = None
    acknowledged: datetime | None = None
    kind: Literal["hub"] = "hub"
    schema_version: int = 1  # of the release that wrote it; fields of a later one are ignored

    @property
    def stalled(self) -> tuple[str, ...]:
        """The partitions that stood still at the last look."""
        return tuple(
            name
            for name, partition in self.partitions.items()
            if partition.since is not None and self.seen_at - partition.since >= STANDS_STILL
        )


def looked(
    known: Watch | None, committed: Sequence[Committed], hub: HubSeen, now: datetime
) -> Watch:
    """Return what is known after a look.

    Args:
        known: what was known before.
        committed: read before the hub, so that a partition that moves is never ahead of its hub.
        hub: the hub.
        now: the time of the look (aware UTC).
    """
    states = {state.partition_id: state for state in committed}
    partitions = {
        seen.partition_id: _partition(known, states.get(seen.partition_id), seen, hub, now)
        for seen in hub.partitions
    }
    acknowledged = known.acknowledged if known else None
    anew = known.made_anew if known else None
    if anew is None or not _same(anew.created_at, hub.created_at):
        why = _made_anew(known, states, hub)
        excused = acknowledged is not None and _same(acknowledged, hub.created_at)
        anew = Anew(now, hub.created_at, why) if why and not excused else None
    return Watch(hub.created_at, now, partitions, anew, acknowledged)


def acknowledge(watch: Watch) -> Watch:
    """Return the watch after an operator has acknowledged that the hub is new."""
    return msgspec.structs.replace(watch, made_anew=None, acknowledged=watch.created_at)


def _same(first: datetime, second: datetime) -> bool:
    return abs(first - second) < SAME_TIME


def _made_anew(known: Watch | None, states: Mapping[str, Committed], hub: HubSeen) -> str | None:
    """Return why the state documents are about another hub; None if they are about this one."""
    if known is not None and not _same(known.created_at, hub.created_at):
        before, after = time_text(known.created_at), time_text(hub.created_at)
        return f"the hub was created at {before} when it was looked at last, now at {after}"
    for seen in hub.partitions:
        state = states.get(seen.partition_id)
        if state is not None and (why := _of_another(state, seen, hub)):
            return why
    return None


def _of_another(state: Committed, seen: PartitionSeen, hub: HubSeen) -> str | None:
    """Return why a state document is about another hub; None if it may be about this one."""
    where = f"partition {seen.partition_id}"
    if seen.last_sequence_number < state.sequence_number:
        return (
            f"{where} is committed up to sequence number {state.sequence_number}, and the hub's "
            f"last one is {seen.last_sequence_number}"
        )
    if state.enqueued_at is not None and state.enqueued_at < hub.created_at - SAME_TIME:
        return (
            f"{where} is committed up to {time_text(state.enqueued_at)}, and the hub was created "
            f"at {time_text(hub.created_at)}"
        )
    return None


def _partition(
    known: Watch | None,
    state: Committed | None,
    seen: PartitionSeen,
    hub: HubSeen,
    now: datetime,
) -> Partition:
    if state is not None and _of_another(state, seen, hub):
        state = Committed(seen.partition_id, -1, None, state.attempts)  # none of it is done
    done = -1 if state is None else state.sequence_number
    behind = max(0, seen.last_sequence_number - max(done, seen.first_sequence_number - 1))
    seconds = None
    if behind and state is not None and state.enqueued_at and seen.last_enqueued_at:
        seconds = max(0.0, (seen.last_enqueued_at - state.enqueued_at).total_seconds())
    return Partition(
        sequence_number=done,
        behind_events=behind,
        behind_seconds=seconds,
        since=_since(known, seen.partition_id, done, hub, now) if behind else None,
        attempts=0 if state is None else state.attempts,
    )


def _since(
    known: Watch | None, partition_id: str, done: int, hub: HubSeen, now: datetime
) -> datetime:
    """Return the first look that found the partition behind, and at the place where it is now."""
    before = known.partitions.get(partition_id) if known else None
    if known is None or before is None or not _same(known.created_at, hub.created_at):
        return now
    still = before.sequence_number == done and before.since is not None
    return before.since if still and before.since is not None else now


def to_document(watch: Watch) -> dict[str, Any]:
    """Return a watch as it is stored; times are texts."""
    document: dict[str, Any] = msgspec.to_builtins(watch)
    return document


def from_document(document: Mapping[str, Any]) -> Watch | None:
    """Return the watch that was stored; None if the document cannot be read as one.

    Fields that a later release adds are ignored.
    """
    try:
        return msgspec.convert(dict(document), Watch)
    except msgspec.ValidationError:
        return None
