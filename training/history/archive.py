"""Reads the archive that Event Hubs Capture keeps: every order ever sent, in Avro files.

Pieces of files are fetched by several threads, a few ahead of the one place where they are decoded,
in the files' order: so what is read depends on nothing but the files, and no more than a few pieces
are in memory, however large the files are. What was read of days that are over is kept
(`training.history.day_files`), and read from there.
"""

import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Any

import fastavro
import msgspec

from shared.containers import ARCHIVE
from shared.documents import Stored
from shared.errors import ConfigurationError, OrderError, SheriffError
from shared.order import Order, parse_order
from shared.smoke_orders import is_smoke_order
from training.console import progress
from training.history.captured_files import Captured, list_captured
from training.history.day_files import BadRecord, DayFiles, FileRead, Part
from training.history.revisions import LatestOrders, Shared
from training.ports import Blobs

PIECE_BYTES = 8 << 20
"""Most bytes fetched at once; Capture's files have up to 500 MB, most of them far fewer."""

MOST_KEPT = 1_000
"""Bad records kept in full, of all files and of each day; all are counted."""


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
        marked: orders that tried a deployment out (`shared.smoke_orders`), which are left out.
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
    return read_captured(blobs, list_captured(blobs, hub, since, now), None, workers)


def read_captured(
    blobs: Blobs, captured: Captured, kept: DayFiles | None, workers: int = 4
) -> Archived:
    """Read files of the archive, and keep what was read of days that are over.

    What is returned is the same, whatever was kept.

    Args:
        blobs: the store with the container `ARCHIVE`.
        captured: the files.
        kept: the files of days; None for none, and to keep none.
        workers: pieces that are fetched at the same time.

    Raises:
        TransientError: the store failed.
    """
    reading = _Reading({file.name for file in captured.files})
    with ThreadPoolExecutor(workers) as threads:
        days = progress(captured.days.items(), "reading the archive", len(captured.days))
        for day, files in days:
            _Day(blobs, day, files, threads, workers, kept).read(reading)
    if kept is not None:
        kept.keep_only(captured.days)
    return reading.found(captured.files)


@dataclass(frozen=True, slots=True)
class _Day:
    """All files of a day, in their order."""

    blobs: Blobs
    day: date
    files: tuple[Stored, ...]
    threads: ThreadPoolExecutor
    workers: int
    kept: DayFiles | None

    def read(self, reading: "_Reading") -> None:
        """Take in those that were chosen, from what was kept of the day or else from the archive.

        What was kept of files that are not chosen now stays.
        """
        known = {} if self.kept is None else {p.read.name: p for p in self.kept.read(self.day)}
        fresh = {
            file.name: part
            for file in self.files
            if (part := known.get(file.name)) is not None and part.read.is_of(file)
        }
        wanted = [
            file for file in self.files if file.name in reading.chosen and file.name not in fresh
        ]
        keeping = self.kept is not None and self.kept.covers(self.day)
        parts: list[Part] = []
        bad = 0
        read = self._from_archive(wanted, reading.shared)
        for file in self.files:
            chosen = file.name in reading.chosen
            part = fresh.get(file.name) or (next(read) if chosen else None)
            if part is None:
                continue
            if chosen:
                reading.take(part)
            if keeping:
                parts.append(_with_fewer(part, MOST_KEPT - bad))
                bad += len(parts[-1].read.bad)
        if keeping and self.kept is not None and (wanted or fresh.keys() != known.keys()):
            self.kept.keep(self.day, parts)

    def _from_archive(self, files: list[Stored], shared: Shared) -> Iterator[Part]:
        pieces = _fetched(self.blobs, files, self.threads, self.workers)
        for file, parts in groupby(pieces, key=lambda piece: piece[0]):
            yield _read_file(file, _Joined(data for _, data in parts), shared)


def _with_fewer(part: Part, most: int) -> Part:
    """The same with no more bad records than there is room for."""
    if len(part.read.bad) <= most:
        return part
    return Part(msgspec.structs.replace(part.read, bad=part.read.bad[:most]), part.orders)


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


def _read_file(file: Stored, content: io.RawIOBase, shared: Shared) -> Part:
    """What a file holds, as far as it can be read."""
    found = _Found(file, shared)
    broken = False
    try:
        for record in fastavro.reader(io.BufferedReader(content, 1 << 16)):
            found.take(record)
    except SheriffError:  # of the store
        raise
    except Exception:  # noqa: BLE001 - there is no end to what a decoder raises on garbage
        broken = True
    read = FileRead(
        name=file.name,
        size=file.size,
        version=file.version,
        orders=len(found.orders),
        records=found.records,
        marked=found.marked,
        refused=found.refused,
        broken=broken,
        bad=tuple(found.bad),
    )
    return Part(read, found.orders)


@dataclass(slots=True)
class _Found:
    """What has been read of a file so far."""

    file: Stored
    shared: Shared
    orders: list[Order] = field(default_factory=list)
    records: int = 0
    marked: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    bad: list[BadRecord] = field(default_factory=list)

    def take(self, record: Any) -> None:
        """Take in the next event."""
        sequence_number, body = int(record["SequenceNumber"]), record["Body"]
        self.records += 1
        try:
            order = parse_order(body or b"")
        except OrderError as error:
            self.refused[error.code] = self.refused.get(error.code, 0) + 1
            if len(self.bad) < MOST_KEPT:
                bad = BadRecord(self.file.name, sequence_number, error.code, error.message)
                self.bad.append(bad)
            return
        if is_smoke_order(order):
            self.marked += 1
        else:
            self.orders.append(self.shared.compact(order))


@dataclass(slots=True)
class _Reading:
    """What has been read of all files so far; ``chosen`` are the names of those that count."""

    chosen: set[str]
    shared: Shared = field(default_factory=Shared)
    latest: LatestOrders = field(default_factory=LatestOrders)
    records: int = 0
    marked: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    bad_files: list[str] = field(default_factory=list)
    bad: list[BadRecord] = field(default_factory=list)

    def take(self, part: Part) -> None:
        """Take in the next file."""
        read = part.read
        self.records += read.records
        self.marked += read.marked
        for code, count in read.refused.items():
            self.refused[code] = self.refused.get(code, 0) + count
        if read.broken:
            self.bad_files.append(read.name)
        self.bad += read.bad[: MOST_KEPT - len(self.bad)]
        for order in part.orders:
            self.latest.add(order)

    def found(self, files: tuple[Stored, ...]) -> Archived:
        """All of it."""
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
