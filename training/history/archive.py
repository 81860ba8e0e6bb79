"""Reads the archive that Event Hubs Capture keeps: every order ever sent, at its highest revision.

What was read of days that are over is kept in a file for each day (`training.history.day_files`),
so that no night reads and decodes those days again.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby

import msgspec

from shared.documents import Stored
from shared.order import Order
from training.console import progress
from training.history.avro_files import MOST_KEPT, read_file
from training.history.captured_files import Captured, list_captured
from training.history.day_files import BadRecord, DayFiles, Part
from training.history.file_pieces import Joined, fetched
from training.history.revisions import LatestOrders, Shared
from training.ports import Blobs


@dataclass(frozen=True, slots=True)
class Archived:
    """The contents of the archive, each order at its highest revision.

    Attributes:
        orders: by time; orders of one time in the order of the files.
        files: the names of the files that were read, in their order.
        bytes: of all files.
        records: events in the files.
        duplicates: orders that came again in the same revision.
        superseded: revisions that a higher one took the place of.
        smoke_orders: how many smoke orders (`shared.smoke_orders`) there are; they are left out.
        refused: events that are not an order, by code.
        bad_files: files that are not Avro or break off; what came before the break is read.
        bad: the first `MOST_KEPT` events that are not an order.
    """

    orders: tuple[Order, ...]
    files: tuple[str, ...]
    bytes: int
    records: int
    duplicates: int
    superseded: int
    smoke_orders: int
    refused: dict[str, int]
    bad_files: tuple[str, ...]
    bad: tuple[BadRecord, ...]


def read_archive(
    blobs: Blobs, hub: str, since: datetime, now: datetime, workers: int = 4
) -> Archived:
    """Read the orders of a hub that were captured from ``since`` until ``now``.

    Whole files are read, so some orders may be older. A file may hold orders of any age.

    Args:
        blobs: the store with the archive's container.
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

    The result is the same, whatever was kept before.

    Args:
        blobs: the store with the archive's container.
        captured: the files.
        kept: the files of days; None to use and to keep none.
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
    return reading.archived(captured.files)


@dataclass(slots=True)
class _Reading:
    """The results of reading so far; ``chosen`` are the names of the files that count."""

    chosen: set[str]
    shared: Shared = field(default_factory=Shared)
    latest: LatestOrders = field(default_factory=LatestOrders)
    records: int = 0
    smoke_orders: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    bad_files: list[str] = field(default_factory=list)
    bad: list[BadRecord] = field(default_factory=list)

    def take(self, part: Part) -> None:
        """Take in the next file."""
        read = part.read
        self.records += read.records
        self.smoke_orders += read.smoke_orders
        for code, count in read.refused.items():
            self.refused[code] = self.refused.get(code, 0) + count
        if read.broken:
            self.bad_files.append(read.name)
        self.bad += read.bad[: MOST_KEPT - len(self.bad)]
        for order in part.orders:
            self.latest.add(order)

    def archived(self, files: tuple[Stored, ...]) -> Archived:
        """Return all of it."""
        return Archived(
            orders=self.latest.in_time_order(),
            files=tuple(file.name for file in files),
            bytes=sum(file.size for file in files),
            records=self.records,
            duplicates=self.latest.duplicates,
            superseded=self.latest.superseded,
            smoke_orders=self.smoke_orders,
            refused=self.refused,
            bad_files=tuple(self.bad_files),
            bad=tuple(self.bad),
        )


@dataclass(frozen=True, slots=True)
class _Day:
    """All files of a day, in their order."""

    blobs: Blobs
    day: date
    files: tuple[Stored, ...]
    threads: ThreadPoolExecutor
    workers: int
    kept: DayFiles | None

    def read(self, reading: _Reading) -> None:
        """Take in the files that count: from what was kept of the day, or else from the archive.

        If the day has changed, its file is written again. Files that do not count now stay in it.
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
        keeping = self.kept if self.kept is not None and self.kept.covers(self.day) else None
        parts: list[Part] = []
        for part in self._parts(fresh, wanted, reading.shared):
            if part.read.name in reading.chosen:
                reading.take(part)
            if keeping is not None:
                parts.append(part)
        if keeping is not None and (wanted or fresh.keys() != known.keys()):
            keeping.keep(self.day, _with_fewer_bad(parts))

    def _parts(
        self, fresh: dict[str, Part], wanted: list[Stored], shared: Shared
    ) -> Iterator[Part]:
        """Yield the files that were kept and the wanted ones, in the order of the day's files."""
        read = self._from_archive(wanted, shared)
        names = {file.name for file in wanted}
        for file in self.files:
            if file.name in fresh:
                yield fresh[file.name]
            elif file.name in names:
                yield next(read)

    def _from_archive(self, files: list[Stored], shared: Shared) -> Iterator[Part]:
        pieces = fetched(self.blobs, files, self.threads, self.workers)
        for file, of_file in groupby(pieces, key=lambda piece: piece[0]):
            yield read_file(file, Joined(data for _, data in of_file), shared)


def _with_fewer_bad(parts: list[Part]) -> Iterator[Part]:
    """Yield the same files with the first `MOST_KEPT` bad records of the day."""
    room = MOST_KEPT
    for part in parts:
        bad = part.read.bad[:room]
        room -= len(bad)
        yield Part(msgspec.structs.replace(part.read, bad=bad), part.orders)
