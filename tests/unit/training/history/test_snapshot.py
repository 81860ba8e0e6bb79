"""A snapshot gives back what was frozen, and equal contents are equal bytes."""

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.decision import Decision
from shared.errors import ConfigurationError
from shared.order import Order, OrderLine
from tests.orders import an_order
from training.history import snapshot
from training.history.snapshot import freeze, thaw

_MONEY = st.integers(0, 10**13)
_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=8)
_LINE = st.builds(OrderLine, st.sampled_from(["Bike", "Helm", "Ünlü 車"]), st.integers(1, 200_000))
_ORDER = st.builds(
    Order,
    order_id=st.text("abc0.-_", min_size=1, max_size=8),
    revision=st.integers(0, 9_999),
    ordered_at=st.datetimes(timezones=st.just(UTC)),
    rep_id=_TEXT,
    customer_id=_TEXT,
    lines=st.lists(_LINE, min_size=1, max_size=4).map(tuple),
    charged_e4=_MONEY,
    list_e4=st.none() | _MONEY,
    cost_e4=st.none() | _MONEY,
    state=st.none() | st.text(st.characters(codec="utf-8"), max_size=5),
    currency=st.none() | st.just("USD"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("snapshots")


@settings(deadline=None)  # the first file takes most of a second
@given(orders=st.lists(_ORDER, max_size=7), rows=st.integers(1, 4))
def test_equal_orders_come_back_in_their_order(
    folder: Path, orders: list[Order], rows: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot, "ROW_GROUP", rows)
        frozen = freeze(folder / "o.parquet", orders)
        found = thaw(frozen.path).orders
    assert found == tuple(orders)
    assert all(order.ordered_at.tzinfo is UTC for order in found)
    assert frozen.orders == len(orders)


def test_equal_contents_are_equal_bytes_whatever_they_are_made_of(folder: Path) -> None:
    orders = [an_order(order_id=f"o-{number}", revision=number % 3) for number in range(2_000)]
    first = freeze(folder / "first.parquet", orders)
    again = freeze(folder / "again.parquet", thaw(first.path).orders)
    assert again.sha256 == first.sha256
    assert first.sha256 == hashlib.sha256(first.path.read_bytes()).hexdigest()
    assert first.blob_name == f"snapshots/{first.sha256}.parquet"
    fewer = freeze(folder / "fewer.parquet", orders[:-1])
    assert fewer.sha256 != first.sha256


def test_decisions_and_the_catalogue_are_part_of_the_snapshot_and_of_its_hash(
    folder: Path,
) -> None:
    decision = Decision("o-1", "rep ü", "confirmed", "analyst", "2026-03-02T10:00:00+01:00")
    other = msgspec.structs.replace(decision, decision="dismissed", typology="added_item")
    catalogue = b"product_id,name\r\n\xc3\xbc,\n"
    frozen = freeze(folder / "d.parquet", [an_order()], [decision, other], catalogue)
    found = thaw(frozen.path)
    assert found.decisions == (decision, other)
    assert found.catalogue == catalogue
    assert (frozen.decisions, frozen.bytes) == (2, frozen.path.stat().st_size)
    assert freeze(folder / "e.parquet", [an_order()], [decision]).sha256 != frozen.sha256


def test_a_snapshot_is_written_and_read_in_row_groups(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "ROW_GROUP", 100)
    frozen = freeze(folder / "g.parquet", [an_order(order_id=f"o-{n}") for n in range(250)])
    metadata = pq.read_metadata(frozen.path)
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [
        100, 100, 50,
    ]  # fmt: skip


def test_thawed_orders_share_what_they_repeat(folder: Path) -> None:
    frozen = freeze(folder / "s.parquet", [an_order(order_id="a"), an_order(order_id="b")])
    one, other = thaw(frozen.path).orders
    assert one.rep_id is other.rep_id
    assert one.lines[0] is other.lines[0]


def test_a_time_in_another_zone_is_the_same_moment(folder: Path) -> None:
    east = datetime(2026, 1, 1, 3, tzinfo=timezone(timedelta(hours=2)))
    order = an_order(ordered_at=east.isoformat())
    assert thaw(freeze(folder / "z.parquet", [order]).path).orders == (order,)


def test_a_file_that_is_no_snapshot_is_refused(folder: Path) -> None:
    garbage = folder / "garbage.parquet"
    garbage.write_bytes(b"PAR1 but not really")
    with pytest.raises(ConfigurationError, match="not a snapshot"):
        thaw(garbage)
    other = folder / "other.parquet"
    pq.write_table(pa.table({"order_id": ["o-1"]}), other)
    with pytest.raises(ConfigurationError, match="not a snapshot"):
        thaw(other)
