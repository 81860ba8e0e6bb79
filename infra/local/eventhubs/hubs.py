"""Event hubs, their partitions and consumer groups, and which readers are admitted."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from infra.local.eventhubs.frames import RefusedError
from infra.local.eventhubs.log import PartitionLog
from shared.partitions import partition_for_key

DEFAULT_GROUP = "$default"
_MAX_READERS = 5  # without an epoch, per partition and consumer group

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_SELECTOR = re.compile(
    r"amqp\.annotation\.x-opt-(offset|sequence-number|enqueued-time)\s*+(>=?)\s*+'?([^'\s]*+)'?\s*+"
)


@dataclass(frozen=True)
class HubSpec:
    """The settings of a hub; every hub also has the consumer group $Default."""

    name: str
    partitions: int = 4
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in (self.name, *self.groups):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not a name: letters, digits, '.', '_' and '-'")
        if not 1 <= self.partitions <= 32:
            raise ValueError(f"{self.name} must have 1 to 32 partitions, not {self.partitions}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `name[:partitions[:group,group]]`; ValueError says what is wrong."""
        name, _, rest = text.partition(":")
        count, _, groups = rest.partition(":")
        if count and not count.isdecimal():
            raise ValueError(f"{count!r} in {text!r} is not a number of partitions")
        names = tuple(group for group in groups.split(",") if group)
        return cls(name, int(count) if count else cls.partitions, names)


class Consumer(Protocol):
    """A link that reads a partition."""

    group: str
    epoch: int | None

    def wake(self) -> None:
        """Look again: there may be new events to deliver."""

    def disconnect(self, reason: RefusedError) -> None: ...


class Partition:
    """A log and the consumers that read it."""

    def __init__(self, partition_id: str, log: PartitionLog) -> None:
        self.id = partition_id
        self.log = log
        self._consumers: list[Consumer] = []

    def wake(self) -> None:
        for consumer in self._consumers:
            consumer.wake()

    def admit(self, newcomer: Consumer) -> None:
        """Let `newcomer` read, and disconnect the consumers with a lower epoch.

        Of two consumers with the same epoch, the newest wins: a checkpoint store gives every
        client epoch 0, and load balancing needs a new owner to take over. Raises RefusedError if
        another consumer has a higher epoch, or if there are too many consumers.
        """
        rivals = [consumer for consumer in self._consumers if consumer.group == newcomer.group]
        epochs = [rival.epoch for rival in rivals if rival.epoch is not None]
        if epochs and (newcomer.epoch is None or newcomer.epoch < max(epochs)):
            raise RefusedError(
                "amqp:link:stolen",
                f"A receiver with a higher epoch '{max(epochs)}' already exists; a new receiver"
                f" {_with(newcomer.epoch)} cannot be created.",
            )
        if newcomer.epoch is None and len(rivals) >= _MAX_READERS:
            raise RefusedError(
                "amqp:resource-limit-exceeded",
                f"There are already {_MAX_READERS} receivers without an epoch on partition"
                f" {self.id} in consumer group {newcomer.group}.",
            )
        if newcomer.epoch is not None:
            for rival in rivals:
                self._steal(rival, newcomer.epoch)
        self._consumers.append(newcomer)

    def _steal(self, consumer: Consumer, epoch: int) -> None:
        self._consumers.remove(consumer)
        consumer.disconnect(
            RefusedError(
                "amqp:link:stolen",
                f"New receiver {_with(epoch)} is created hence current receiver"
                f" {_with(consumer.epoch)} is getting disconnected.",
            )
        )

    def dismiss(self, consumer: Consumer) -> None:
        if consumer in self._consumers:
            self._consumers.remove(consumer)

    def start_sequence(self, selector: str | None) -> int:
        """Return the sequence number of the first event that a consumer gets.

        Raises RefusedError for a place beyond the end, as the service does. Otherwise a checkpoint
        of an older log would silently skip all events until its offset is passed.
        """
        if selector is None:
            return self.log.first_sequence
        match = _SELECTOR.fullmatch(selector)
        if not match:
            raise _bad_argument(f"The filter {selector!r} is not supported.")
        kind, operator, value = match.groups()
        if value == "@latest":
            return self.log.next_sequence
        try:
            place = int(value)
        except ValueError:
            raise _bad_argument(f"The supplied {kind} '{value}' is invalid.") from None
        after = operator == ">"
        if kind == "enqueued-time":
            return self.log.find_time(place + after)
        self._refuse_beyond_end(kind, place)
        if kind == "offset":
            return self.log.find_offset(place + after)
        return max(place + after, self.log.first_sequence)

    def _refuse_beyond_end(self, kind: str, place: int) -> None:
        last = self.log.last
        if kind == "offset":
            end = limit = last.offset if last else -1
        else:
            end = self.log.next_sequence - 1
            limit = end + 1  # the next event; an empty partition has only that place
        if place > limit:
            raise _bad_argument(
                f"The supplied {kind.replace('-', ' ')} '{place}' is invalid."
                f" The last {kind.replace('-', ' ')} in the system is '{end}'."
            )


def _with(epoch: int | None) -> str:
    return "without an epoch" if epoch is None else f"with epoch '{epoch}'"


def _bad_argument(description: str) -> RefusedError:
    return RefusedError("com.microsoft:argument-error", description)


class Hub:
    """An event hub with its partitions; `created_ms` is when it was made, in ms since 1970.

    With a directory, this is when its logs began: a restart keeps the time, and a hub whose logs
    were deleted is a new hub.
    """

    def __init__(self, spec: HubSpec, created_ms: int, directory: Path | None, retain: int) -> None:
        self.name = spec.name
        self.created_ms = _created(spec.name, created_ms, directory)
        self._groups = {DEFAULT_GROUP, *(group.lower() for group in spec.groups)}
        self.partitions = [
            Partition(str(number), PartitionLog(_log_path(directory, spec.name, number), retain))
            for number in range(spec.partitions)
        ]
        self._turn = 0

    def close(self) -> None:
        for partition in self.partitions:
            partition.log.close()

    def partition(self, partition_id: str) -> Partition | None:
        return next((p for p in self.partitions if p.id == partition_id), None)

    def route(self, key: str | None) -> Partition:
        """Return the key's partition; without a key, take the partitions in turn."""
        if key is not None:
            return self.partitions[partition_for_key(key, len(self.partitions))]
        self._turn = (self._turn + 1) % len(self.partitions)
        return self.partitions[self._turn]

    def require_group(self, group: str) -> str:
        """Return the group's name in lower case; raise RefusedError if the hub does not have it."""
        if group.lower() not in self._groups:
            raise not_found(f"{self.name}/consumergroups/{group}")
        return group.lower()


def _created(hub: str, now_ms: int, directory: Path | None) -> int:
    """Return when the hub was made: a file beside its logs says so; a new hub gets the file.

    An earlier version wrote no such file: then the oldest log's file time counts.
    """
    if directory is None:
        return now_ms
    file = directory / f"{hub.lower()}.created"
    logs = [path for path in directory.iterdir() if _log_name(hub).fullmatch(path.name)]
    if logs and file.exists():
        text = file.read_text(encoding="ascii", errors="replace").strip()
        if text.isascii() and text.isdecimal() and len(text) < 16:
            return int(text)
        raise ValueError(f"{file} holds {text[:40]!r}, expected milliseconds since 1970")
    made = min((int(path.stat().st_mtime * 1000) for path in logs), default=now_ms)
    written = file.with_suffix(".created.new")
    written.write_text(f"{made}\n", encoding="ascii")
    written.replace(file)
    return made


def _log_name(hub: str) -> re.Pattern[str]:
    return re.compile(re.escape(hub.lower()) + r"\.(\d+)\.log")


def _log_path(directory: Path | None, hub: str, partition: int) -> Path | None:
    return None if directory is None else directory / f"{hub.lower()}.{partition}.log"


def refuse_fewer_partitions(spec: HubSpec, directory: Path) -> None:
    """Raise ValueError if there are logs of more partitions than `spec` names."""
    name = _log_name(spec.name)
    kept = [int(match[1]) for path in directory.iterdir() if (match := name.fullmatch(path.name))]
    if kept and max(kept) >= spec.partitions:
        raise ValueError(
            f"{directory} holds {max(kept) + 1} partitions of {spec.name}, not {spec.partitions}"
        )


def not_found(entity: str) -> RefusedError:
    return RefusedError("amqp:not-found", f"The messaging entity '{entity}' could not be found.")
