"""Orders as the rows of a Parquet file, with a column for each field.

The columns follow from the fields of the type, so a new field of orders has a column without a
change here. A field of a type that has no column fails at import.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from shared.order import Order
from training.history.revisions import Shared

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TIME = pa.timestamp("us", "UTC")
_KINDS = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_(), datetime: _TIME}


@dataclass(frozen=True, slots=True)
class _Column:
    """One field; a tuple of dataclasses has ``parts``, a column of lists for each field."""

    name: str
    kind: Any
    nullable: bool
    parts: tuple["_Column", ...] = ()
    item: Any = None


def _columns(owner: Any) -> tuple[_Column, ...]:
    """Return the columns of a dataclass, in the order of its fields.

    Raises:
        TypeError: a field has a type without a column.
    """
    hints = get_type_hints(owner)
    return tuple(_column(field.name, hints[field.name]) for field in fields(owner))


def _column(name: str, hint: Any) -> _Column:
    nullable = get_origin(hint) is UnionType and type(None) in get_args(hint)
    if nullable:
        (hint,) = (kind for kind in get_args(hint) if kind is not type(None))
    if hint in _KINDS:
        return _Column(name, _KINDS[hint], nullable)
    if get_origin(hint) is tuple and len(get_args(hint)) == 2 and is_dataclass(get_args(hint)[0]):
        item = get_args(hint)[0]
        parts = _columns(item)
        if not nullable and not any(part.parts or part.kind is _TIME for part in parts):
            return _Column(name, None, nullable, parts, item)
    raise TypeError(f"{name}: no column is known for {hint}")


@dataclass(frozen=True)
class OrderColumns[T: Order]:
    """Orders of a type as columns, written and read back."""

    order: type[T]

    def __post_init__(self) -> None:
        _ = self.schema  # fails now, not at night, where a field has no column

    @cached_property
    def _all(self) -> tuple[_Column, ...]:
        return _columns(self.order)

    @cached_property
    def schema(self) -> pa.Schema:
        """Return the columns, in the order of the fields; a list column is named ``field.part``."""
        return pa.schema([
            pa.field(f"{column.name}.{part.name}", pa.list_(part.kind), nullable=False)
            if part is not column
            else pa.field(column.name, column.kind, nullable=column.nullable)
            for column in self._all
            for part in column.parts or (column,)
        ])  # fmt: skip

    @cached_property
    def _repeated(self) -> list[str]:
        """Return the columns of few different values, which Parquet stores once each."""
        texts = [
            f"{column.name}.{part.name}.list.element" if part is not column else column.name
            for column in self._all
            for part in column.parts or (column,)
            if part.kind == pa.string()
        ]
        return [name for name in texts if name != "order_id"]

    def writer(self, file: Any) -> pq.ParquetWriter:
        """Return a writer whose bytes depend on nothing but the rows."""
        counts = [
            f"{column.name}.{part.name}.list.element"
            for column in self._all
            for part in column.parts
            if part.kind != pa.string()
        ]
        return pq.ParquetWriter(
            file,
            self.schema,
            compression="zstd",
            use_dictionary=[*self._repeated, *counts],
            store_schema=False,
            write_statistics=False,
        )

    def batch(self, orders: Sequence[T]) -> pa.RecordBatch:
        """Return orders as rows."""
        arrays = [array for column in self._all for array in _arrays(column, orders)]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def read(self, source: Any) -> Iterator[T]:
        """Yield the orders of a file, one row group at a time; they share what they repeat.

        Raises:
            pa.ArrowException: the file is not Parquet, or has other columns.
        """
        shared = Shared()
        with pq.ParquetFile(source, read_dictionary=self._repeated, pre_buffer=False) as file:
            if file.schema_arrow.names != self.schema.names:
                raise pa.ArrowInvalid("this release has other columns")
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                values = [self._values(column, table, shared) for column in self._all]
                yield from map(self.order, *values)

    def _values(self, column: _Column, table: pa.Table, shared: Shared) -> Iterable[Any]:
        if not column.parts:
            return _read(table.column(column.name).combine_chunks(), column, shared)
        lists = [
            table.column(f"{column.name}.{part.name}").combine_chunks() for part in column.parts
        ]
        read = [
            _read(values.flatten(), part, shared)
            for values, part in zip(lists, column.parts, strict=True)
        ]
        items = [shared.item(column.item, *values) for values in zip(*read, strict=True)]
        bounds = lists[0].offsets.to_pylist()
        return [tuple(items[first:end]) for first, end in pairwise(bounds)]


def _arrays(column: _Column, orders: Sequence[Any]) -> Iterator[pa.Array]:
    if column.parts:
        rows = [getattr(order, column.name) for order in orders]
        for part in column.parts:
            values = [[getattr(item, part.name) for item in items] for items in rows]
            yield pa.array(values, pa.list_(part.kind))
        return
    cells = [getattr(order, column.name) for order in orders]
    if column.kind == _TIME:
        cells = [None if time is None else (time - _EPOCH) // _MICROSECOND for time in cells]
    yield pa.array(cells, column.kind)


def _read(array: Any, column: _Column, shared: Shared) -> Iterable[Any]:
    if column.kind == _TIME:
        since: list[int | None] = array.cast(pa.int64()).to_pylist()
        return [None if time is None else _EPOCH + time * _MICROSECOND for time in since]
    if isinstance(array, pa.DictionaryArray):
        known = [shared.name(text) for text in array.dictionary.to_pylist()]
        return [None if place is None else known[place] for place in array.indices.to_pylist()]
    values: list[Any] = array.to_pylist()
    return values


ORDERS = OrderColumns(Order)
"""The rows of snapshots and of the files of days."""
