"""The append-only log of one partition: in memory, and on disk if it has a path.

A record is a header (length, CRC-32 and time) and the message as consumers get it. An event's
offset is the position of its record, so nobody mistakes an offset for a sequence number.

When `append` returns, the operating system has the bytes: they survive a sudden end of this
process, but not a loss of power.
"""

import errno
import logging
import os
import struct
import zlib
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from infra.local.eventhubs.messages import Message, stamp

_HEADER = struct.Struct(">IIQ")  # length of the message, its CRC-32, enqueued time in ms

_logger = logging.getLogger(__name__)


class Event(NamedTuple):
    sequence: int
    offset: int
    enqueued_ms: int  # since 1970-01-01 UTC
    wire: bytes


class PartitionLog:
    """Events in the order of their sequence numbers; it forgets the oldest beyond `retain`.

    It forgets only in memory: the file keeps every event until it is deleted.
    """

    def __init__(self, path: Path | None = None, retain: int = 1_000_000) -> None:
        self._retain = retain
        self._events: list[Event] = []
        self.first_sequence = 0
        self.end_offset = 0  # where the next record will start, in bytes
        self._file: int | None = None
        if path is not None:
            self._load(path)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            _cut(self._file, path, self.end_offset)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @property
    def next_sequence(self) -> int:
        return self.first_sequence + len(self._events)

    @property
    def last(self) -> Event | None:
        return self._events[-1] if self._events else None

    def event(self, sequence: int) -> Event:
        """Return an event; `first_sequence` <= `sequence` < `next_sequence`."""
        return self._events[sequence - self.first_sequence]

    def slice(self, start: int, end: int) -> list[Event]:
        """Return the events with sequence numbers from `start` (included) to `end` (not)."""
        return self._events[start - self.first_sequence : end - self.first_sequence]

    def find_offset(self, offset: int) -> int:
        """Return the sequence number of the first event at or after `offset`."""
        return self.first_sequence + bisect_left(self._events, offset, key=lambda e: e.offset)

    def find_time(self, enqueued_ms: int) -> int:
        """Return the sequence number of the first event enqueued at or after `enqueued_ms`."""
        return self.first_sequence + bisect_left(
            self._events, enqueued_ms, key=lambda e: e.enqueued_ms
        )

    def append(self, messages: Sequence[Message], now_ms: int) -> None:
        """Store all of `messages` in order, or none if the disk refuses them (OSError).

        The times in a partition never go back, even if the machine's clock does.
        """
        if self._events:
            now_ms = max(now_ms, self._events[-1].enqueued_ms)
        sequence, offset = self.next_sequence, self.end_offset
        events = []
        for message in messages:
            wire = stamp(message, sequence, offset, now_ms)
            events.append(Event(sequence, offset, now_ms, wire))
            sequence += 1
            offset += _HEADER.size + len(wire)
        if self._file is not None:
            self._write(self._file, events)
        self.end_offset = offset
        self._events += events
        self._forget_oldest()

    def _write(self, file: int, events: Sequence[Event]) -> None:
        data = b"".join(
            part
            for event in events
            for part in (
                _HEADER.pack(len(event.wire), zlib.crc32(event.wire), event.enqueued_ms),
                event.wire,
            )
        )
        if os.write(file, data) < len(data):
            os.ftruncate(file, self.end_offset)
            raise OSError(errno.ENOSPC, "no space left for the event log")

    def _load(self, path: Path) -> None:
        if not path.exists():
            return
        with path.open("rb") as file:
            while len(header := file.read(_HEADER.size)) == _HEADER.size:
                length, checksum, enqueued_ms = _HEADER.unpack(header)
                wire = file.read(length)
                if len(wire) < length or zlib.crc32(wire) != checksum or not wire:
                    break
                self._events.append(Event(self.next_sequence, self.end_offset, enqueued_ms, wire))
                self.end_offset += _HEADER.size + length
                self._forget_oldest()

    def _forget_oldest(self) -> None:
        """Above the limit, forget down to three quarters of it, so that forgetting stays rare."""
        if len(self._events) > self._retain:
            kept = max(1, self._retain * 3 // 4)
            self.first_sequence += len(self._events) - kept
            del self._events[:-kept]


def _cut(file: int, path: Path, end: int) -> None:
    """Drop the half record that a killed process left: records after it could not be read."""
    torn = os.fstat(file).st_size - end
    if torn:
        _logger.warning("%s: dropped a torn record of %d bytes at byte %d", path, torn, end)
        os.ftruncate(file, end)
