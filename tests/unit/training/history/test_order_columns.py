"""Orders as rows of a Parquet file: every field has its column, or the release does not start."""

import io
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.order import Order
from tests.orders import an_order
from training.history.order_columns import ORDERS, OrderColumns


def written(orders: list[Order]) -> bytes:
    buffer = io.BytesIO()
    with ORDERS.writer(buffer) as writer:
        writer.write_batch(ORDERS.batch(orders))
    return buffer.getvalue()


def test_orders_come_back_equal_and_share_what_they_repeat() -> None:
    orders = [an_order(order_id=f"o-{number}", list_price=400) for number in range(3)]
    read = list(ORDERS.read(io.BytesIO(written(orders))))
    assert read == orders
    assert read[0].rep_id is read[1].rep_id
    assert read[0].lines[0] is read[2].lines[0]


def test_the_columns_are_named_by_the_fields_and_the_fields_of_lines() -> None:
    names = ORDERS.schema.names
    assert {"order_id", "charged_e4", "lines.product_id", "lines.quantity"} <= set(names)
    assert "lines" not in names


def test_a_file_with_other_columns_is_refused() -> None:
    buffer = io.BytesIO()
    rows = pa.Table.from_batches([ORDERS.batch([an_order()])])
    pq.write_table(rows.append_column("later_field", pa.array([1])), buffer)
    with pytest.raises(pa.ArrowInvalid, match="other columns"):
        list(ORDERS.read(io.BytesIO(buffer.getvalue())))


def test_a_field_that_no_column_is_known_for_fails_before_any_order_is_written() -> None:
    @dataclass(frozen=True, slots=True)
    class Odd(Order):
        tags: dict[str, str] | None = None

    with pytest.raises(TypeError, match="tags"):
        OrderColumns(Odd)
