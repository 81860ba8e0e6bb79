"""Decodes the Avro files that Event Hubs Capture writes: each event becomes an order or is refused.

https://learn.microsoft.com/azure/event-hubs/event-hubs-capture-overview
"""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import fastavro

from shared.documents import Stored
from shared.errors import ConfigurationError, OrderError, SheriffError
from shared.order import Order, parse_order
from shared.smoke_orders import is_smoke_order
from training.history.day_files import BadRecord, FileRead, Part
from training.history.revisions import Shared

MOST_KEPT = 1_000
"""Bad records kept in full, of all files and of each day; all are counted."""


def read_file(file: Stored, content: io.RawIOBase, shared: Shared) -> Part:
    """Decode a file as far as it can be read; its orders share what they repeat.

    Raises:
        SheriffError: the store failed while the content was fetched.
    """
    events = _Events(file, shared)
    broken = False
    try:
        for record in fastavro.reader(io.BufferedReader(content, 1 << 16)):
            events.take(record)
    except SheriffError:  # of the store
        raise
    except Exception:  # noqa: BLE001 - a decoder may raise anything on garbage
        broken = True
    return events.part(broken=broken)


def without(content: bytes, dropped: Callable[[bytes], bool]) -> tuple[bytes, int]:
    """Return a file without the events whose body is to be dropped, and how many were dropped.

    Raises:
        ConfigurationError: the file is not Avro, or breaks off.
    """
    try:
        reader = fastavro.reader(io.BytesIO(content))
        records: list[Any] = list(reader)
        kept = [record for record in records if not dropped(record["Body"] or b"")]
        codec = reader.metadata.get("avro.codec", "null")
        written = io.BytesIO()
        fastavro.writer(written, reader.writer_schema or {}, kept, codec=codec)
    except Exception as error:
        raise ConfigurationError(f"not a file of the archive ({type(error).__name__})") from error
    return written.getvalue(), len(records) - len(kept)


@dataclass(slots=True)
class _Events:
    """The results of reading a file so far."""

    file: Stored
    shared: Shared
    orders: list[Order] = field(default_factory=list)
    records: int = 0
    smoke_orders: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    bad: list[BadRecord] = field(default_factory=list)

    def take(self, record: Any) -> None:
        """Take in the next event: an order, a smoke order, or neither."""
        self.records += 1
        try:
            order = parse_order(record["Body"] or b"")
        except OrderError as error:
            self._refuse(int(record["SequenceNumber"]), error)
            return
        if is_smoke_order(order):
            self.smoke_orders += 1
        else:
            self.orders.append(self.shared.compact(order))

    def _refuse(self, sequence_number: int, error: OrderError) -> None:
        self.refused[error.code] = self.refused.get(error.code, 0) + 1
        if len(self.bad) < MOST_KEPT:
            bad = BadRecord(self.file.name, sequence_number, error.code, error.message)
            self.bad.append(bad)

    def part(self, *, broken: bool) -> Part:
        """Return all of it; ``broken``: the file is not Avro, or breaks off."""
        read = FileRead(
            name=self.file.name,
            size=self.file.size,
            version=self.file.version,
            orders=len(self.orders),
            records=self.records,
            smoke_orders=self.smoke_orders,
            refused=self.refused,
            broken=broken,
            bad=tuple(self.bad),
        )
        return Part(read, self.orders)
