"""One file of all that a bundle is learned from: the same file gives the same bundle again.

Orders are the rows of a Parquet file, a column a field; analysts' decisions and the catalogue are
in its metadata. Equal contents are equal bytes, so the hash of a snapshot names what was learned
from, and a run that is repeated makes no second one.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import batched, pairwise
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from shared.decision import Decision, parse_decision
from shared.errors import ConfigurationError
from shared.order import Order
from training.console import progress
from training.orders_file import replacing
from training.revisions import Shared

ROW_GROUP = 50_000
"""Orders that are written, or read back, at once."""

_VERSION, _DECISIONS, _CATALOGUE = b"sheriff.snapshot", b"sheriff.decisions", b"sheriff.catalogue"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_SCHEMA = pa.schema([
    pa.field("order_id", pa.string(), nullable=False),
    pa.field("revision", pa.int32(), nullable=False),
    pa.field("ordered_at", pa.timestamp("us", "UTC"), nullable=False),
    pa.field("rep_id", pa.string(), nullable=False),
    pa.field("customer_id", pa.string(), nullable=False),
    pa.field("state", pa.string()),
    pa.field("currency", pa.string()),
    pa.field("charged_e4", pa.int64(), nullable=False),
    pa.field("list_e4", pa.int64()),
    pa.field("cost_e4", pa.int64()),
    pa.field("product_ids", pa.list_(pa.string()), nullable=False),
    pa.field("quantities", pa.list_(pa.int32()), nullable=False),
])  # fmt: skip
_REPEATED = ["rep_id", "customer_id", "state", "currency", "product_ids.list.element"]
"""Columns whose values are few: written, and read back, as places in a list of them."""

_FORMAT: dict[str, Any] = {
    "compression": "zstd",
    "use_dictionary": [*_REPEATED, "quantities.list.element"],
    "store_schema": False,
    "write_statistics": False,
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot on disk: its hash (SHA-256, lower-case hex), its size, and what it holds."""

    path: Path
    sha256: str
    bytes: int
    orders: int
    decisions: int

    @property
    def blob_name(self) -> str:
        """Where it lies in the container ``training``."""
        return f"snapshots/{self.sha256}.parquet"


@dataclass(frozen=True, slots=True)
class Thawed:
    """What a snapshot holds; ``catalogue`` is the file that the catalogue was read from."""

    orders: tuple[Order, ...]
    decisions: tuple[Decision, ...]
    catalogue: bytes


def freeze(
    path: Path, orders: Sequence[Order], decisions: Sequence[Decision] = (), catalogue: bytes = b""
) -> Snapshot:
    """Write a snapshot; the file appears whole or not at all.

    Args:
        path: where to.
        orders: in the order in which they will be learned from.
        decisions: what analysts decided, as far as it counts.
        catalogue: the catalogue's file; empty for the packaged one.
    """
    with replacing(path) as file, pq.ParquetWriter(file, _SCHEMA, **_FORMAT) as writer:
        for some in progress(batched(orders, ROW_GROUP, strict=False), "freezing a snapshot"):
            writer.write_batch(_batch(some), row_group_size=ROW_GROUP)
        writer.add_key_value_metadata({
            _VERSION: b"1",
            _DECISIONS: b"\n".join(msgspec.json.encode(decision) for decision in decisions),
            _CATALOGUE: catalogue,
        })  # fmt: skip
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Snapshot(path, sha256, path.stat().st_size, len(orders), len(decisions))


def _batch(orders: Sequence[Order]) -> pa.RecordBatch:
    columns: dict[str, list[Any]] = {
        name: [getattr(order, name) for order in orders]
        for name in _SCHEMA.names
        if name not in {"ordered_at", "product_ids", "quantities"}
    }
    columns["ordered_at"] = [(order.ordered_at - _EPOCH) // _MICROSECOND for order in orders]
    columns["product_ids"] = [[line.product_id for line in order.lines] for order in orders]
    columns["quantities"] = [[line.quantity for line in order.lines] for order in orders]
    arrays = [pa.array(columns[field.name], field.type) for field in _SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA)


def thaw(path: Path) -> Thawed:
    """Read a snapshot back: equal orders, equal decisions.

    Raises:
        ConfigurationError: the file is no snapshot.
    """
    try:
        metadata = pq.read_metadata(path).metadata or {}
        if metadata.get(_VERSION) != b"1":
            raise ConfigurationError(f"{path}: no snapshot of orders")
        with pq.ParquetFile(path, read_dictionary=_REPEATED, pre_buffer=False) as file:
            orders = tuple(progress(_orders(file), "reading the snapshot"))
    except pa.ArrowException as error:
        raise ConfigurationError(f"{path}: no snapshot of orders ({error})") from error
    decisions = tuple(parse_decision(line) for line in metadata[_DECISIONS].splitlines())
    return Thawed(orders, decisions, metadata[_CATALOGUE])


def _orders(file: pq.ParquetFile) -> Iterator[Order]:
    shared = Shared()
    for group in range(file.num_row_groups):
        yield from _rows(file.read_row_group(group), shared)


def _rows(table: pa.Table, shared: Shared) -> Iterator[Order]:
    columns = {name: table.column(name).combine_chunks() for name in table.column_names}
    times = columns["ordered_at"].cast(pa.int64()).to_pylist()
    products = _texts(columns["product_ids"].flatten(), shared)
    quantities = columns["quantities"].flatten().to_pylist()
    lines = [shared.line(*line) for line in zip(products, quantities, strict=True)]
    bounds = columns["product_ids"].offsets.to_pylist()
    yield from map(
        Order,
        columns["order_id"].to_pylist(),
        columns["revision"].to_pylist(),
        [_EPOCH + time * _MICROSECOND for time in times],
        _texts(columns["rep_id"], shared),
        _texts(columns["customer_id"], shared),
        [tuple(lines[first:end]) for first, end in pairwise(bounds)],
        columns["charged_e4"].to_pylist(),
        columns["list_e4"].to_pylist(),
        columns["cost_e4"].to_pylist(),
        _texts(columns["state"], shared),
        _texts(columns["currency"], shared),
    )


def _texts(column: Any, shared: Shared) -> Iterable[Any]:
    """The texts of a dictionary column (None where null), one copy of each."""
    chunk = column if isinstance(column, pa.DictionaryArray) else column.dictionary_encode()
    known = [shared.name(text) for text in chunk.dictionary.to_pylist()]
    return [None if place is None else known[place] for place in chunk.indices.to_pylist()]
