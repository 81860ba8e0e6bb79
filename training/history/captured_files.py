"""Which files Capture wrote for a hub, found day by day rather than by listing the whole archive.

A file is named by the namespace, hub and partition it was captured from and by the time its window
began: ``namespace/hub/partition/yyyy/MM/dd/HH/mm/ss.avro``. Folders outside the time that is asked
for are never looked into.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from shared.containers import ARCHIVE
from shared.documents import Stored
from training.ports import Blobs

"""The blob container that Capture writes to."""

_NAME = re.compile(r"[^/]+/[^/]+/[^/]+/(?P<time>\d{4}/\d\d/\d\d/\d\d/\d\d/\d\d)\.avro")
_PART = re.compile(r"\d\d(?:\d\d)?")
_DAY_DEPTH = 3


@dataclass(frozen=True, slots=True)
class Window:
    """A file and when it began."""

    began: datetime
    file: Stored


@dataclass(frozen=True, slots=True)
class Captured:
    """The files that hold what was captured in a time.

    Attributes:
        files: by the time they began (ties: by name).
        days: every file of each day that ``files`` lie in, in the same order; by day (UTC).
    """

    files: tuple[Stored, ...]
    days: dict[date, tuple[Stored, ...]]


def list_captured(blobs: Blobs, hub: str, since: datetime, now: datetime) -> Captured:
    """The files of a hub that hold events from ``since`` until ``now``.

    A window is named by its beginning, so the last file before ``since`` of each partition may
    reach beyond it: that one counts, too, however old it is.

    Args:
        blobs: the store with the container `ARCHIVE`.
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
    """The folders of a hub's partitions, of all namespaces."""
    for namespace in blobs.folders(ARCHIVE):
        for folder in blobs.folders(ARCHIVE, namespace):
            if folder.split("/")[-2].casefold() == hub.casefold():
                yield from blobs.folders(ARCHIVE, folder)


def _within(
    blobs: Blobs, above: str, parts: tuple[int, ...], first: date, last: date
) -> Iterator[Stored]:
    """The blobs of a folder's days from ``first`` to ``last``.

    ``parts`` are the year and month that the folder stands for, as far as it does. What lies wholly
    within is listed at once.
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
    """The blobs of the latest day before this one that has any windows."""
    for folder, inner in reversed(_folders(blobs, above, parts)):
        if _span(inner)[0] >= day:
            continue
        found = (
            blobs.list(ARCHIVE, folder)
            if len(inner) == _DAY_DEPTH
            else _last_before(blobs, folder, inner, day)
        )
        if _windows(found):
            return found
    return ()


def _folders(blobs: Blobs, above: str, parts: tuple[int, ...]) -> list[tuple[str, tuple[int, ...]]]:
    """The folders of times right below a folder, in their order; others are nobody's windows."""
    found = []
    for folder in blobs.folders(ARCHIVE, above):
        name = folder.split("/")[-2]
        inner = (*parts, int(name)) if _PART.fullmatch(name) else ()
        if inner and len(name) == (2 if parts else 4) and _exists(inner):
            found.append((folder, inner))
    return found


def _exists(parts: tuple[int, ...]) -> bool:
    year, month, day = (*parts, 1, 1)[:_DAY_DEPTH]
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _span(parts: tuple[int, ...]) -> tuple[date, date]:
    """The first and last day of a year, month or day."""
    year, month, day = (*parts, 1, 1)[:_DAY_DEPTH]
    start = date(year, month, day)
    if len(parts) == 1:
        return start, date(year, 12, 31)
    if len(parts) == 2:
        after = date(year + month // 12, month % 12 + 1, 1) if year < date.max.year else date.max
        return start, after - timedelta(days=1)
    return start, start


def _windows(files: Iterable[Stored]) -> list[Window]:
    """The files that are windows, by time."""
    found = [
        Window(began, file)
        for file in files
        if (match := _NAME.fullmatch(file.name)) and (began := _began(match["time"]))
    ]
    return sorted(found, key=lambda window: window.began)


def _began(text: str) -> datetime | None:
    """When a window began; None for a time that does not exist."""
    try:
        return datetime.strptime(text, "%Y/%m/%d/%H/%M/%S").replace(tzinfo=UTC)
    except ValueError:
        return None
