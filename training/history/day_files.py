"""Keeps a file for each day of the archive that is over, so that no night reads that day again.

``days/{hub}/{yyyy-MM-dd}.parquet`` in the container ``training`` holds every order of a day's files
in the order in which they were read. For each file it holds name, size and version, and what was
read beside the orders. If a file of the archive has not changed, its orders are taken from there. A
new or changed file is read, a file that has gone is left out, and then the day's file is written
again.
"""

import base64
import hashlib
import io
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from importlib.metadata import version as library_version
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from shared.containers import TRAINING
from shared.documents import Stored
from shared.order import Order
from training.history.order_columns import ORDERS
from training.ports import Blobs

DAYS = "days/"

OPEN_DAYS = timedelta(days=1)
"""Capture may still write files of today and of this long before. So these days are always read."""

ROW_GROUP = 50_000

READER = ("archive", "avro_files", "day_files", "file_pieces", "order_columns", "revisions")
"""The modules of this package that make orders of the archive's bytes."""

_READER, _FILES = b"sheriff.reader", b"sheriff.files"


class BadRecord(msgspec.Struct, frozen=True):
    """An event that is not an order: its file, its sequence number, and why it was refused."""

    file: str
    sequence_number: int
    code: str
    message: str


class FileRead(msgspec.Struct, frozen=True, rename={"smoke_orders": "marked"}):
    """The contents of one file of the archive, as counts.

    Attributes:
        name, size, version: of the file when it was listed.
        orders: how many were read.
        records: how many events the file has.
        smoke_orders: how many smoke orders it has, which are left out. It is stored as ``marked``.
        refused: events that are not an order, by code.
        broken: the file is not Avro, or breaks off.
        bad: the first events that are not an order.
    """

    name: str
    size: int
    version: str
    orders: int
    records: int
    smoke_orders: int
    refused: dict[str, int]
    broken: bool
    bad: tuple[BadRecord, ...]

    def is_of(self, file: Stored) -> bool:
        """Return whether the file is still as it was when it was read."""
        return (self.name, self.size, self.version) == (file.name, file.size, file.version)


@dataclass(frozen=True, slots=True)
class Part:
    """A file that was read, and its orders."""

    read: FileRead
    orders: Sequence[Order]


def encode_day(parts: Iterable[Part]) -> bytes:
    """Return the file of a day; the same parts give the same bytes."""
    kept = list(parts)
    orders = (order for part in kept for order in part.orders)
    buffer = io.BytesIO()
    with ORDERS.writer(buffer) as writer:
        while rows := list(islice(orders, ROW_GROUP)):
            writer.write_batch(ORDERS.batch(rows), row_group_size=ROW_GROUP)
        writer.add_key_value_metadata({_READER: reader_digest(), _FILES: _packed(kept)})
    return buffer.getvalue()


def _packed(parts: Sequence[Part]) -> bytes:
    return base64.b64encode(zlib.compress(msgspec.json.encode([part.read for part in parts])))


def decode_day(data: bytes) -> list[Part] | None:
    """Return the files of a day; None where another release wrote it, or where it is damaged."""
    try:
        metadata: dict[bytes, bytes] = pq.read_metadata(io.BytesIO(data)).metadata or {}
        if metadata.get(_READER) != reader_digest():
            return None
        packed = zlib.decompress(base64.b64decode(metadata[_FILES]))
        read = msgspec.json.decode(packed, type=list[FileRead])
        orders = list(ORDERS.read(io.BytesIO(data)))
    except (pa.ArrowException, OSError, KeyError, ValueError, zlib.error):
        return None
    if sum(file.orders for file in read) != len(orders):
        return None
    rows = iter(orders)
    return [Part(file, list(islice(rows, file.orders))) for file in read]


def names_customer(data: bytes, customer: str) -> bool:
    """Return whether a day holds a customer's orders; True also where it cannot be read."""
    parts = decode_day(data)
    if parts is None:
        return True
    return any(customer in bad.message for part in parts for bad in part.read.bad) or any(
        order.customer_id == customer for part in parts for order in part.orders
    )


@cache
def reader_digest() -> bytes:
    """Return the SHA-256 of the code that makes orders of the archive's bytes.

    A release with other code reads every day anew.
    """
    digest = hashlib.sha256()
    for library in ("fastavro", "msgspec"):
        digest.update(f"{library}=={library_version(library)}\n".encode())
    sources = sorted(Path(str(files("shared"))).glob("*.py"))
    here = Path(__file__).parent
    sources += [here / f"{name}.py" for name in READER]
    for path in sources:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest().encode()


def day_path(hub: str, day: date) -> str:
    """Return where the file of a day lies in the container `TRAINING`."""
    return f"{DAYS}{hub.casefold()}/{day.isoformat()}.parquet"


@dataclass(slots=True)
class DayFiles:
    """The files of a hub's days; ``now`` (aware UTC) says which days are over."""

    blobs: Blobs
    hub: str
    now: datetime
    _there: frozenset[str] | None = field(default=None)

    def covers(self, day: date) -> bool:
        """Return whether a day is over, so that its file may be kept."""
        return day < (self.now - OPEN_DAYS).date()

    def read(self, day: date) -> list[Part]:
        """Return what was kept of a day; empty where nothing usable was kept."""
        name = day_path(self.hub, day)
        if not self.covers(day) or name not in self._known():
            return []
        blob = self.blobs.read(TRAINING, name)
        return (decode_day(blob[0]) or []) if blob is not None else []

    def keep(self, day: date, parts: Iterable[Part]) -> None:
        """Write a day's file, in the place of an earlier one."""
        if self.covers(day):
            name = day_path(self.hub, day)
            self.blobs.write(TRAINING, name, encode_day(parts), None, replace=True)

    def keep_only(self, days: Mapping[date, Any]) -> None:
        """Delete the files of all other days, of which the archive holds nothing any more."""
        wanted = {day_path(self.hub, day) for day in days if self.covers(day)}
        for name in sorted(self._known() - wanted):
            self.blobs.delete(TRAINING, name)

    def _known(self) -> frozenset[str]:
        """Return the names of the hub's files, which are listed once."""
        if self._there is None:
            listed = self.blobs.list(TRAINING, f"{DAYS}{self.hub.casefold()}/")
            self._there = frozenset(blob.name for blob in listed)
        return self._there
