"""Reads the archive that Event Hubs Capture keeps: every order ever sent, in Avro files.

A file is named by the namespace, hub and partition it was captured from and by the time its window
began. Pieces of files are fetched by several threads, a few ahead of the one place where they are
decoded, in the files' order: so what is read depends on nothing but the files, and no more than a
few pieces are in memory, however large the files are.
"""

import io
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import fastavro

from shared.errors import ConfigurationError, OrderError, SheriffError
from shared.marked import is_marked
from shared.order import Order, parse_order
from training.console import progress
from training.ports import Blobs, Stored
from training.revisions import LatestOrders

ARCHIVE = "orders-archive"
"""The blob container that Capture writes to."""

PIECE_BYTES = 8 << 20
"""Most bytes fetched at once; Capture's files have up to 500 MB, most of them far fewer."""

MOST_KEPT = 1_000
"""Bad records kept in full; all are counted."""

_NAME = re.compile(
    r"(?P<folder>[^/]+/(?P<hub>[^/]+)/[^/]+)/(?P<time>\d{4}/\d\d/\d\d/\d\d/\d\d/\d\d)\.avro"
)


@dataclass(frozen=True, slots=True)
class BadRecord:
    """An event that is no order: in which file, under which sequence number, and why."""

    file: str
    sequence_number: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Archived:
    """What the archive holds, each order at its highest revision.

    Attributes:
        orders: by time; those of one time in the order of the files.
        files: the names of the files that were read, in their order.
        bytes: of all of them.
        records: events in them.
        duplicates: orders that came again in the same revision.
        superseded: revisions that a higher one took the place of.
        marked: orders that tried a deployment out (`shared.marked`), which are left out.
        refused: events that are no order, by code.
        bad_files: files that are not Avro or break off; what came before the break is read.
        bad: the first `MOST_KEPT` events that are no order.
    """

    orders: tuple[Order, ...]
    files: tuple[str, ...]
    bytes: int
    records: int
    duplicates: int
    superseded: int
    marked: int
    refused: dict[str, int]
    bad_files: tuple[str, ...]
    bad: tuple[BadRecord, ...]


def read_archive(
    blobs: Blobs, hub: str, since: datetime, now: datetime, workers: int = 4
) -> Archived:
    """Read the orders of a hub that were captured from ``since`` until ``now``.

    Whole files are read, so some orders may be older; the same file may hold orders of any age.

    Args:
        blobs: the store with the container `ARCHIVE`.
        hub: the event hub; every namespace's hub of that name counts.
        since: aware UTC.
        now: files that begin later are left to the next run.
        workers: pieces that are fetched at the same time.

    Raises:
        TransientError: the store failed.
    """
    files = select_files(blobs.list(ARCHIVE), hub, since, now)
    reading = _Reading()
    with ThreadPoolExecutor(workers) as threads:
        pieces = _fetched(blobs, files, threads, workers)
        by_file = groupby(pieces, key=lambda piece: piece[0])
        for file, parts in progress(by_file, "reading the archive", len(files)):
            reading.read(file.name, _Joined(data for _, data in parts))
    return reading.found(files)


def select_files(
    stored: Iterable[Stored], hub: str, since: datetime, now: datetime
) -> tuple[Stored, ...]:
    """The files of a hub that hold events from ``since`` on, by time (ties: by name).

    A window is named by its beginning, so the last file before ``since`` of each partition may
    reach beyond it: that one is read, too.
    """
    by_folder: dict[str, list[tuple[datetime, Stored]]] = {}
    for file in stored:
        match = _NAME.fullmatch(file.name)
        began = _began(match["time"]) if match else None
        if match and began and match["hub"].casefold() == hub.casefold() and began <= now:
            by_folder.setdefault(match["folder"], []).append((began, file))
    chosen: list[tuple[datetime, Stored]] = []
    for files in by_folder.values():
        files.sort(key=lambda one: one[0])
        later = sum(began >= since for began, _ in files)
        chosen += files[-(later + 1) :]
    return tuple(file for _, file in sorted(chosen, key=lambda one: (one[0], one[1].name)))


def _began(text: str) -> datetime | None:
    """When a window began; None for a time that does not exist."""
    try:
        return datetime.strptime(text, "%Y/%m/%d/%H/%M/%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _fetched(
    blobs: Blobs, files: Iterable[Stored], threads: ThreadPoolExecutor, ahead: int
) -> Iterator[tuple[Stored, bytes]]:
    """The pieces of all files, in order; never more than ``ahead`` are fetched or waiting."""
    waiting: deque[tuple[Stored, Future[bytes | None]]] = deque()
    try:
        for file in files:
            for start in range(0, max(file.size, 1), PIECE_BYTES):
                if len(waiting) == ahead:
                    yield _next(waiting)
                length = min(PIECE_BYTES, file.size - start)
                work = threads.submit(_fetch, blobs, file, start, length)
                waiting.append((file, work))
        while waiting:
            yield _next(waiting)
    finally:
        for _, work in waiting:
            work.cancel()


def _next(waiting: deque[tuple[Stored, Future[bytes | None]]]) -> tuple[Stored, bytes]:
    file, work = waiting.popleft()
    # A file that has gone since it was listed is as good as an empty one, which is not Avro.
    return file, work.result() or b""


def _fetch(blobs: Blobs, file: Stored, start: int, length: int) -> bytes | None:
    return blobs.read_range(ARCHIVE, file.name, start, length) if length else b""


class _Joined(io.RawIOBase):
    """Pieces as one file to read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def without(content: bytes, dropped: Callable[[bytes], bool]) -> tuple[bytes, int]:
    """A file of the archive without the events whose body is to be dropped, and how many were.

    Raises:
        ConfigurationError: the file is not Avro, or breaks off.
    """
    try:
        reader = fastavro.reader(io.BytesIO(content))
        records: list[Any] = list(reader)
        kept = [one for one in records if not dropped(one["Body"] or b"")]
        codec = reader.metadata.get("avro.codec", "null")
        written = io.BytesIO()
        fastavro.writer(written, reader.writer_schema or {}, kept, codec=codec)
    except Exception as error:
        raise ConfigurationError(f"no file of the archive ({type(error).__name__})") from error
    return written.getvalue(), len(records) - len(kept)


@dataclass(slots=True)
class _Reading:
    """What has been read so far."""

    latest: LatestOrders = field(default_factory=LatestOrders)
    records: int = 0
    marked: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    bad_files: list[str] = field(default_factory=list)
    bad: list[BadRecord] = field(default_factory=list)

    def read(self, name: str, content: io.RawIOBase) -> None:
        """Take in the next file, as far as it can be read."""
        try:
            for record in fastavro.reader(io.BufferedReader(content, 1 << 16)):
                self._take(name, record)
        except SheriffError:  # of the store
            raise
        except Exception:  # noqa: BLE001 - there is no end to what a decoder raises on garbage
            self.bad_files.append(name)

    def _take(self, name: str, record: Any) -> None:
        sequence_number, body = int(record["SequenceNumber"]), record["Body"]
        self.records += 1
        try:
            order = parse_order(body or b"")
        except OrderError as error:
            self.refused[error.code] = self.refused.get(error.code, 0) + 1
            if len(self.bad) < MOST_KEPT:
                self.bad.append(BadRecord(name, sequence_number, error.code, error.message))
            return
        if is_marked(order):
            self.marked += 1
        else:
            self.latest.add(order)

    def found(self, files: tuple[Stored, ...]) -> Archived:
        return Archived(
            orders=self.latest.in_time_order(),
            files=tuple(file.name for file in files),
            bytes=sum(file.size for file in files),
            records=self.records,
            duplicates=self.latest.duplicates,
            superseded=self.latest.superseded,
            marked=self.marked,
            refused=self.refused,
            bad_files=tuple(self.bad_files),
            bad=tuple(self.bad),
        )
