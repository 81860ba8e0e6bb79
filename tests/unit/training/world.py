"""The nightly run's outside, made of dictionaries: blobs with versions and leases, and documents.

A store that is to fail is given an error in ``failing``, by the name of what is asked of it.
"""

import io
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any

import fastavro

from infra.local.eventhubs.capture_files import SCHEMA, enqueued_text
from shared.decision import Decision
from shared.documents import Stored
from shared.errors import LeaseHeld, TransientError, WriteConflict
from training.ports import ReadDecisions


class KilledError(Exception):
    """The process died."""


@dataclass
class FakeLease:
    """A lease that is lost once no ``checks_left`` are left (None: it is held for good)."""

    checks_left: int | None = None

    def check(self) -> None:
        if self.checks_left == 0:
            raise TransientError("the lease is lost")
        if self.checks_left is not None:
            self.checks_left -= 1


@dataclass
class FakeBlobs:
    """`training.ports.Blobs` by container and name.

    ``reads``, ``writes`` and ``lists`` say what was asked;
    ``most_at_once`` is the most ranges that were being read at the same time. The process dies
    instead of a write: once no ``writes_left`` are left (None: it lives), or after a write whose
    ``container/name`` matches the pattern ``last_write``.
    """

    blobs: dict[tuple[str, str], tuple[bytes, str]] = field(default_factory=dict)
    failing: dict[str, Exception] = field(default_factory=dict)
    leases: dict[tuple[str, str], FakeLease] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    most_at_once: int = 0
    writes_left: int | None = None
    last_write: str | None = None
    _writings: int = 0
    _reading: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __deepcopy__(self, memo: dict[int, Any]) -> "FakeBlobs":
        return FakeBlobs(blobs=dict(self.blobs), writes=list(self.writes))

    def read(self, container: str, name: str) -> tuple[bytes, str] | None:
        self._asked("read")
        self.reads.append(name)
        return self.blobs.get((container, name))

    def read_range(self, container: str, name: str, start: int, length: int) -> bytes | None:
        with self._lock:
            self._asked("read_range")
            self.reads.append(name)
            self._reading += 1
            self.most_at_once = max(self.most_at_once, self._reading)
        found = self.blobs.get((container, name))
        with self._lock:
            self._reading -= 1
        return None if found is None else found[0][start : start + length]

    def write(
        self,
        container: str,
        name: str,
        data: bytes | IO[bytes],
        version: str | None,
        *,
        replace: bool = False,
    ) -> str:
        self._asked("write")
        if self.writes_left == 0:
            raise KilledError
        known = self.blobs.get((container, name))
        if not replace and (known and known[1]) != version:
            raise WriteConflict(f"{container}/{name}")
        self._writings += 1
        content = data if isinstance(data, bytes) else data.read()
        self.blobs[container, name] = content, f"v{self._writings}"
        self.writes.append(f"{container}/{name}")
        if self.writes_left is not None:
            self.writes_left -= 1
        if self.last_write is not None and re.fullmatch(self.last_write, self.writes[-1]):
            self.writes_left = 0
        return f"v{self._writings}"

    def revive(self) -> None:
        """Start a new process, which lives."""
        self.writes_left = self.last_write = None

    def list(self, container: str, prefix: str = "") -> Sequence[Stored]:
        self._asked("list")
        self.lists.append(f"{container}/{prefix}")
        return [
            Stored(name, len(data), version)
            for (where, name), (data, version) in sorted(self.blobs.items())
            if where == container and name.startswith(prefix)
        ]

    def folders(self, container: str, prefix: str = "") -> Sequence[str]:
        self._asked("list")
        self.lists.append(f"{container}/{prefix}")
        rests = [
            name.removeprefix(prefix)
            for where, name in self.blobs
            if where == container and name.startswith(prefix)
        ]
        return sorted({f"{prefix}{rest.split('/')[0]}/" for rest in rests if "/" in rest})

    def delete(self, container: str, name: str) -> None:
        self._asked("delete")
        self.blobs.pop((container, name), None)

    @contextmanager
    def lease(self, container: str, name: str, seconds: int = 30) -> Iterator[FakeLease]:
        self._asked("lease")
        if (container, name) in self.leases:
            raise LeaseHeld(name)
        held = self.leases[container, name] = FakeLease()
        try:
            yield held
        finally:
            del self.leases[container, name]

    def put(self, container: str, name: str, data: bytes) -> None:
        """Something that lies there before the test begins."""
        self.blobs[container, name] = data, "v0"

    def content(self, container: str, name: str) -> bytes:
        """What lies there; KeyError where nothing does."""
        return self.blobs[container, name][0]

    def _asked(self, what: str) -> None:
        if what in self.failing:
            raise self.failing[what]


@dataclass
class FakeDocuments:
    """`training.ports.Documents` with what a test puts there."""

    made: list[Decision] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    stored_alerts: list[dict[str, Any]] = field(default_factory=list)
    stored_incidents: list[dict[str, Any]] = field(default_factory=list)
    stored_states: list[dict[str, Any]] = field(default_factory=list)
    stored_shadows: list[dict[str, Any]] = field(default_factory=list)
    failing: dict[str, Exception] = field(default_factory=dict)

    def decisions(self, until: datetime) -> ReadDecisions:
        self._asked("decisions")
        made = sorted((one for one in self.made if one.at <= until), key=lambda one: one.at)
        return ReadDecisions(tuple(made), dict(self.refused))

    def alerts(self, since: str | None, limit: int) -> list[dict[str, Any]]:
        self._asked("alerts")
        found = [one for one in self.stored_alerts if since is None or one["scored_at"] >= since]
        return sorted(found, key=lambda one: -one["expected_loss"])[:limit]

    def incidents(self) -> list[dict[str, Any]]:
        self._asked("incidents")
        return sorted(self.stored_incidents, key=lambda one: one["started_at"], reverse=True)

    def states(self) -> list[dict[str, Any]]:
        self._asked("states")
        return sorted(self.stored_states, key=lambda one: one["id"])

    def shadows(self, version: str) -> list[dict[str, Any]]:
        self._asked("shadows")
        return [one for one in self.stored_shadows if one["version"] == version]

    def _asked(self, what: str) -> None:
        if what in self.failing:
            raise self.failing[what]


def capture_name(
    at: datetime, partition: int = 0, hub: str = "orders", namespace: str = "local"
) -> str:
    """The name of a window that begins at a time."""
    return f"{namespace}/{hub}/{partition}/{at.astimezone(UTC):%Y/%m/%d/%H/%M/%S}.avro"


def capture_file(bodies: Iterable[bytes | None], first: int = 0) -> bytes:
    """Capture's Avro file of some events; ``first`` is the sequence number of the first one."""
    records = [
        {
            "SequenceNumber": number,
            "Offset": str(number * 100),
            "EnqueuedTimeUtc": enqueued_text(0),
            "SystemProperties": {},
            "Properties": {},
            "Body": body,
        }
        for number, body in enumerate(bodies, start=first)
    ]
    buffer = io.BytesIO()
    fastavro.writer(buffer, SCHEMA, records)
    return buffer.getvalue()


@dataclass
class FakeRecording:
    """`training.ports.Recording`, which remembers what was said."""

    registered: dict[str, dict[int, str]]
    parameters_said: dict[str, object] = field(default_factory=dict)
    metrics_said: dict[str, float] = field(default_factory=dict)
    tags_said: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, bytes] = field(default_factory=dict)
    children: dict[str, "FakeRecording"] = field(default_factory=dict)

    def parameters(self, values: Mapping[str, object]) -> None:
        self.parameters_said |= values

    def metrics(self, values: Mapping[str, float | None]) -> None:
        self.metrics_said |= {k: v for k, v in values.items() if v is not None}

    def tags(self, values: Mapping[str, str]) -> None:
        self.tags_said |= values

    def artifact(self, name: str, data: bytes) -> None:
        self.artifacts[name] = data

    @contextmanager
    def child(self, name: str) -> Iterator["FakeRecording"]:
        yield self.children.setdefault(name, FakeRecording(self.registered))

    def model(
        self,
        name: str,
        bundle: bytes,
        version: str,
        example: Sequence[dict[str, Any]],
        catalogue: bytes | None = None,
    ) -> int:
        numbers = self.registered.setdefault(name, {})
        for number, known in numbers.items():
            if known == version:
                return number
        numbers[len(numbers) + 1] = version
        return len(numbers)


@dataclass
class FakeRecord:
    """`training.ports.Record` of dictionaries; ``under_way`` are the runs that have not ended."""

    runs: dict[str, FakeRecording] = field(default_factory=dict)
    registered: dict[str, dict[int, str]] = field(default_factory=dict)
    aliases: dict[tuple[str, str], int] = field(default_factory=dict)
    version_tags: dict[tuple[str, int], dict[str, str]] = field(default_factory=dict)
    failing: Exception | None = None
    begun: list[str] = field(default_factory=list)
    under_way: set[str] = field(default_factory=set)

    @contextmanager
    def run(self, version: str) -> Iterator[FakeRecording]:
        if self.failing:
            raise self.failing
        self.begun.append(version)
        self.under_way.add(version)
        yield self.runs.setdefault(version, FakeRecording(self.registered))
        self.under_way.remove(version)

    def end_abandoned(self) -> None:
        self.under_way.clear()

    def number_of(self, name: str, bundle_version: str) -> int | None:
        numbers = self.registered.get(name, {}).items()
        return next((n for n, known in numbers if known == bundle_version), None)

    def bundle_version_of(self, name: str, number: int) -> str | None:
        return self.registered.get(name, {}).get(number)

    def point(self, name: str, alias: str, number: int) -> None:
        self.aliases[name, alias] = number

    def pointed(self, name: str, alias: str) -> int | None:
        return self.aliases.get((name, alias))

    def clear(self, name: str, alias: str) -> None:
        self.aliases.pop((name, alias), None)

    def tag(self, name: str, number: int, **tags: str) -> None:
        self.version_tags.setdefault((name, number), {}).update(tags)

    def repair(self, name: str, champion: str) -> bool:
        number = self.number_of(name, champion)
        if number is None or self.pointed(name, "champion") == number:
            return False
        self.point(name, "champion", number)
        return True
