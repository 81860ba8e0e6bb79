"""Finds the files that Capture wrote for a hub, without listing the whole archive.

A file's name says from which namespace, hub and partition it was captured, and when its window
began: ``namespace/hub/partition/yyyy/MM/dd/HH/mm/ss.avro``. So only the folders of the days in
question are listed.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from shared.containers import ARCHIVE
from training.ports import Blobs, Stored

"""The blob container that Capture writes to."""

_NAME = re.compile(r"[^/]+/[^/]+/[^/]+/(?P<time>\d{4}/\d\d/\d\d/\d\d/\d\d/\d\d)\.avro")
_PART = re.compile(r"\d\d(?:\d\d)?")
_DAY_DEPTH = 3


@dataclass(frozen=True, slots=True)
class Window:
    """A file, and when its window began."""

    began: datetime
    file: Stored


@dataclass(frozen=True, slots=True)
class Captured:
    """The files that hold what was captured between two times.

    Attributes:
        files: by the time they began (ties: by name).
        days: by day (UTC), every file of each day that any of ``files`` lies in.
    """

    files: tuple[Stored, ...]
    days: dict[date, tuple[Stored, ...]]


def list_captured(blobs: Blobs, hub: str, since: datetime, now: datetime) -> Captured:
    """Return the files of a hub that hold events from ``since`` until ``now``.

    A window is named by its beginning. So the last file of each partition before ``since`` may
    reach beyond it, and counts too, however old it is.

    Args:
        blobs: the store with the archive's container.
        hub: the event hub; every namespace's hub of that name counts.
        since: aware UTC.
        now: files that begin later are left to the next run.

    Raises:
        TransientError: the store failed.
    """
    since, now = since.astimezone(UTC), now.astimezone(UTC)
    listed: list[Window] = []
    chosen: set[str] = set()
    for folder in _partitions(blobs, hub):
        windows = _windows(_within(blobs, folder, (), since.date(), now.date()))
        if not any(window.began < since for window in windows):
            windows = [*_windows(_last_before(blobs, folder, (), since.date())), *windows]
        listed += windows
        earlier = [window for window in windows if window.began < since]
        chosen |= {window.file.name for window in earlier[-1:]}
        chosen |= {window.file.name for window in windows if since <= window.began <= now}
    listed.sort(key=lambda window: (window.began, window.file.name))
    by_day = groupby(listed, key=lambda window: window.began.date())
    days = {day: tuple(window.file for window in windows) for day, windows in by_day}
    return Captured(
        files=tuple(window.file for window in listed if window.file.name in chosen),
        days={
            day: files for day, files in days.items() if any(file.name in chosen for file in files)
        },
    )


def _partitions(blobs: Blobs, hub: str) -> Iterator[str]:
    """Yield the folders of a hub's partitions, of all namespaces."""
    for namespace in blobs.folders(ARCHIVE):
        for folder in blobs.folders(ARCHIVE, namespace):
            if folder.split("/")[-2].casefold() == hub.casefold():
                yield from blobs.folders(ARCHIVE, folder)


def _within(
    blobs: Blobs, above: str, parts: tuple[int, ...], first: date, last: date
) -> Iterator[Stored]:
    """Yield the blobs of a folder's days from ``first`` to ``last``.

    ``parts`` are the year and month that the folder stands for, if it does. A folder that lies
    wholly within the time is listed at once.
    """
    for folder, inner in _folders(blobs, above, parts):
        start, end = _span(inner)
        if end < first or start > last:
            continue
        if len(inner) == _DAY_DEPTH or (first <= start and end <= last):
            yield from blobs.list(ARCHIVE, folder)
        else:
            yield from _within(blobs, folder, inner, first, last)


def _last_before(blobs: Blobs, above: str, parts: tuple[int, ...], day: date) -> Sequence[Stored]:
    """Return the blobs of the latest day before this one that has any windows."""
    for folder, inner in reversed(_folders(blobs, above, parts)):
        if _span(inner)[0] >= day:
            continue
        files = (
            blobs.list(ARCHIVE, folder)
            if len(inner) == _DAY_DEPTH
            else _last_before(blobs, folder, inner, day)
        )
        if _windows(files):
            return files
    return ()


def _folders(blobs: Blobs, above: str, parts: tuple[int, ...]) -> list[tuple[str, tuple[int, ...]]]:
    """Return the folders right below a folder that stand for a year, month or day, in order."""
    folders = []
    for folder in blobs.folders(ARCHIVE, above):
        name = folder.split("/")[-2]
        inner = (*parts, int(name)) if _PART.fullmatch(name) else ()
        if inner and len(name) == (2 if parts else 4) and _exists(inner):
            folders.append((folder, inner))
    return folders


def _exists(parts: tuple[int, ...]) -> bool:
    year, month, day = (*parts, 1, 1)[:_DAY_DEPTH]
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _span(parts: tuple[int, ...]) -> tuple[date, date]:
    """Return the first and last day of a year, month or day."""
    year, month, day = (*parts, 1, 1)[:_DAY_DEPTH]
    start = date(year, month, day)
    if len(parts) == 1:
        return start, date(year, 12, 31)
    if len(parts) == 2:
        after = date(year + month // 12, month % 12 + 1, 1) if year < date.max.year else date.max
        return start, after - timedelta(days=1)
    return start, start


def _windows(files: Iterable[Stored]) -> list[Window]:
    """Return the files that are windows, by time."""
    windows = [
        Window(began, file)
        for file in files
        if (match := _NAME.fullmatch(file.name)) and (began := _began(match["time"]))
    ]
    return sorted(windows, key=lambda window: window.began)


def _began(text: str) -> datetime | None:
    """Parse when a window began; None for a time that does not exist."""
    try:
        return datetime.strptime(text, "%Y/%m/%d/%H/%M/%S").replace(tzinfo=UTC)
    except ValueError:
        return None
