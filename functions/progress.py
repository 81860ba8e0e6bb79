"""How far a hub's partitions are read, which stand still, and whether the hub is another one.

Pure: what is known, what the state documents say and what the hub says come in, what is known now
goes out. The trigger itself cannot tell a hub that was made anew: it waits for the sequence number
after its checkpoint, and everything before that is passed over without an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from shared.formats import time_text

STANDS_STILL = timedelta(minutes=5)
"""A partition that is behind and does not move for so long stands still. Longer than any run of a
batch with its waits, than a partition takes to change hands (40 s), and than a reader that lost its
connection may hear nothing (60 s)."""

SAME_TIME = timedelta(seconds=1)
"""Two created times that differ by less are one."""


@dataclass(frozen=True, slots=True)
class PartitionSeen:
    """What the hub says of a partition; a partition that never had an event ends at -1."""

    partition_id: str
    first_sequence_number: int
    last_sequence_number: int
    last_enqueued_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HubSeen:
    """What the hub says of itself; times are aware UTC."""

    created_at: datetime
    partitions: tuple[PartitionSeen, ...]


@dataclass(frozen=True, slots=True)
class Committed:
    """How far a state document says that a partition is done; ``enqueued_at`` is aware UTC.

    ``attempts`` are the runs that are on record and never came back.
    """

    partition_id: str
    sequence_number: int
    enqueued_at: datetime | None = None
    attempts: int = 0


class Anew(msgspec.Struct, frozen=True):
    """The hub was made anew while state and checkpoints stayed: when that was noticed, and how."""

    noticed_at: datetime
    created_at: datetime
    why: str


class Partition(msgspec.Struct, frozen=True):
    """A partition at the last look.

    ``behind_events`` wait to be committed. ``behind_seconds`` is by how much the newest event is
    younger than the last committed one, in the hub's time. ``since`` is the first look at which it
    was behind at this ``sequence_number``; None where nothing waits.
    """

    sequence_number: int
    behind_events: int = 0
    behind_seconds: float | None = None
    since: datetime | None = None
    attempts: int = 0


class Watch(msgspec.Struct, frozen=True):
    """What is known of a hub, as it is kept. ``acknowledged`` is the created time of the hub whose
    making somebody knows of."""

    created_at: datetime
    seen_at: datetime
    partitions: dict[str, Partition]
    made_anew: Anew | None = None
    acknowledged: datetime | None = None
    kind: Literal["hub"] = "hub"
    schema_version: int = 1  # of whoever wrote it: a later one is read as far as it is known

    @property
    def stalled(self) -> tuple[str, ...]:
        """The partitions that stood still at the last look."""
        return tuple(
            partition
            for partition, one in self.partitions.items()
            if one.since is not None and self.seen_at - one.since >= STANDS_STILL
        )


def looked(
    known: Watch | None, committed: Sequence[Committed], hub: HubSeen, now: datetime
) -> Watch:
    """What is known after a look. ``committed`` was read before the hub was asked: so a partition
    that moves meanwhile is never ahead of its hub."""
    states = {one.partition_id: one for one in committed}
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
    """Somebody knows that this hub is a new one, and has done what the runbook says."""
    return msgspec.structs.replace(watch, made_anew=None, acknowledged=watch.created_at)


def _same(one: datetime, other: datetime) -> bool:
    return abs(one - other) < SAME_TIME


def _made_anew(known: Watch | None, states: Mapping[str, Committed], hub: HubSeen) -> str | None:
    """Why this is not the hub that the state documents are about; None where it is."""
    if known is not None and not _same(known.created_at, hub.created_at):
        before, after = time_text(known.created_at), time_text(hub.created_at)
        return f"the hub was created at {before} when it was looked at last, now at {after}"
    for seen in hub.partitions:
        state = states.get(seen.partition_id)
        if state is not None and (why := _of_another(state, seen, hub)):
            return why
    return None


def _of_another(state: Committed, seen: PartitionSeen, hub: HubSeen) -> str | None:
    """Why a state document is about another hub than this one; None where it may be this one's."""
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
    """The first look at which a partition was behind where it is now."""
    before = known.partitions.get(partition_id) if known else None
    if known is None or before is None or not _same(known.created_at, hub.created_at):
        return now
    still = before.sequence_number == done and before.since is not None
    return before.since if still and before.since is not None else now


def to_document(watch: Watch) -> dict[str, Any]:
    """A watch as it is stored; times are texts."""
    document: dict[str, Any] = msgspec.to_builtins(watch)
    return document


def from_document(document: Mapping[str, Any]) -> Watch | None:
    """The watch that was stored; None where it is none, or one of a form that is not known.

    Fields that a later release adds are passed over.
    """
    try:
        return msgspec.convert(dict(document), Watch)
    except msgspec.ValidationError:
        return None
