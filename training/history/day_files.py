"""A file for each day of the archive that is over, so that no night reads its windows again.

``days/{hub}/{yyyy-MM-dd}.parquet`` in the container ``training`` holds the orders of a day's files,
every one that came, in the order in which they were read, and for each file its name, size and
version and what was read in it beside the orders. So each file of the archive that is still as it
was is as good as read; one that is new or was written anew is read, one that has gone is left out,
and the day is kept anew.
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
from shared.order import Order
from training.history.order_columns import ORDERS
from training.ports import Blobs, Stored

DAYS = "days/"

OPEN_DAYS = timedelta(days=1)
"""Today, and this long before it, windows may still come: those days are read from the archive."""

ROW_GROUP = 50_000

READER = ("archive", "avro_files", "day_files", "file_pieces", "order_columns", "revisions")
"""The modules of this room that make orders of the archive's bytes."""

_READER, _FILES = b"sheriff.reader", b"sheriff.files"


class BadRecord(msgspec.Struct, frozen=True):
    """An event that is no order: in which file, under which sequence number, and why."""

    file: str
    sequence_number: int
    code: str
    message: str


class FileRead(msgspec.Struct, frozen=True):
    """What one file of the archive held.

    Attributes:
        name, size, version: of the file when it was listed.
        orders: that were read in it.
        records: events in it.
        marked: orders that tried a deployment out, which are left out.
        refused: events that are no order, by code.
        broken: it is not Avro, or breaks off.
        bad: the first events that are no order.
    """

    name: str
    size: int
    version: str
    orders: int
    records: int
    marked: int
    refused: dict[str, int]
    broken: bool
    bad: tuple[BadRecord, ...]

    def is_of(self, file: Stored) -> bool:
        """Whether the file is still as it was read."""
        return (self.name, self.size, self.version) == (file.name, file.size, file.version)


@dataclass(frozen=True, slots=True)
class Part:
    """A file that was read, and its orders."""

    read: FileRead
    orders: Sequence[Order]


def encode_day(parts: Iterable[Part]) -> bytes:
    """The file of a day; the same parts give the same bytes."""
    kept = list(parts)
    orders = (order for part in kept for order in part.orders)
    buffer = io.BytesIO()
    with ORDERS.writer(buffer) as writer:
        while some := list(islice(orders, ROW_GROUP)):
            writer.write_batch(ORDERS.batch(some), row_group_size=ROW_GROUP)
        writer.add_key_value_metadata({_READER: reader_digest(), _FILES: _packed(kept)})
    return buffer.getvalue()


def _packed(parts: Sequence[Part]) -> bytes:
    return base64.b64encode(zlib.compress(msgspec.json.encode([part.read for part in parts])))


def decode_day(data: bytes) -> list[Part] | None:
    """The files of a day; None where it was read by another release, or is not whole."""
    try:
        metadata: dict[bytes, bytes] = pq.read_metadata(io.BytesIO(data)).metadata or {}
        if metadata.get(_READER) != reader_digest():
            return None
        packed = zlib.decompress(base64.b64decode(metadata[_FILES]))
        read = msgspec.json.decode(packed, type=list[FileRead])
        orders = list(ORDERS.read(io.BytesIO(data)))
    except (pa.ArrowException, OSError, KeyError, ValueError, zlib.error):
        return None
    if sum(one.orders for one in read) != len(orders):
        return None
    rows = iter(orders)
    return [Part(one, list(islice(rows, one.orders))) for one in read]


def names_customer(data: bytes, customer: str) -> bool:
    """Whether a day holds a customer's orders; one that cannot be read may."""
    parts = decode_day(data)
    if parts is None:
        return True
    return any(customer in bad.message for part in parts for bad in part.read.bad) or any(
        order.customer_id == customer for part in parts for order in part.orders
    )


@cache
def reader_digest() -> bytes:
    """SHA-256 of all that makes orders of the archive's bytes: another release reads anew."""
    found = hashlib.sha256()
    for library in ("fastavro", "msgspec"):
        found.update(f"{library}=={library_version(library)}\n".encode())
    sources = sorted(Path(str(files("shared"))).glob("*.py"))
    here = Path(__file__).parent
    sources += [here / f"{name}.py" for name in READER]
    for path in sources:
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest().encode()


def day_path(hub: str, day: date) -> str:
    """Where the file of a day lies in the container `TRAINING`."""
    return f"{DAYS}{hub.casefold()}/{day.isoformat()}.parquet"


@dataclass(slots=True)
class DayFiles:
    """The files of a hub's days; ``now`` (aware UTC) says which days are over."""

    blobs: Blobs
    hub: str
    now: datetime
    _there: frozenset[str] | None = field(default=None)

    def covers(self, day: date) -> bool:
        """Whether a day is over, so that a file is kept of it."""
        return day < (self.now - OPEN_DAYS).date()

    def read(self, day: date) -> list[Part]:
        """What was kept of a day; nothing where no file of it is of use."""
        name = day_path(self.hub, day)
        if not self.covers(day) or name not in self._known():
            return []
        found = self.blobs.read(TRAINING, name)
        return (decode_day(found[0]) or []) if found is not None else []

    def keep(self, day: date, parts: Iterable[Part]) -> None:
        """Put a day's file in the place of the one before."""
        if self.covers(day):
            name = day_path(self.hub, day)
            self.blobs.write(TRAINING, name, encode_day(parts), None, replace=True)

    def keep_only(self, days: Mapping[date, Any]) -> None:
        """Delete the files of all other days: the archive has nothing of them any more."""
        wanted = {day_path(self.hub, day) for day in days if self.covers(day)}
        for name in sorted(self._known() - wanted):
            self.blobs.delete(TRAINING, name)

    def _known(self) -> frozenset[str]:
        """Their names, listed once."""
        if self._there is None:
            listed = self.blobs.list(TRAINING, f"{DAYS}{self.hub.casefold()}/")
            self._there = frozenset(blob.name for blob in listed)
        return self._there
