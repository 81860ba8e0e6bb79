"""The wide historical table becomes orders, or one error that says why not."""

import os
from pathlib import Path

import pytest

from shared.catalogue import packaged_catalogue
from shared.errors import ConfigurationError
from shared.order import Order, parse_order
from training import import_historical
from training.import_historical import read_table

HEADER = (
    "row,date,RepName,CustId,State,CableLock,Road750Black44,"
    "ItemCount,ListPrice,StandardCost,ChargedPrice"
)
LATE = "7,2014-01-30T00:00:00.000+0000,Ann Lee,41,Ohio,2,1,3,589.989990234,364.2746,560.99001"
EARLY = "9,2014-01-03T00:00:00.000+0000,Bo Ray,0,,0,1,1,539.99,343.6496,539.99"


def test_orders_come_by_date_with_their_row_as_id(tmp_path: Path) -> None:
    early, late = _read(tmp_path, HEADER, LATE, EARLY)
    assert (early.order_id, late.order_id) == ("row-9", "row-7")
    assert early.state is None
    assert late.ordered_at.isoformat() == "2014-01-30T12:00:00+00:00"
    assert [(line.product_id, line.quantity) for line in late.lines] == [
        ("CableLock", 2), ("Road750Black44", 1),
    ]  # fmt: skip
    assert (late.rep_id, late.customer_id, late.state) == ("Ann Lee", "41", "Ohio")


def test_single_precision_noise_is_rounded_to_four_decimals(tmp_path: Path) -> None:
    _, late = _read(tmp_path, HEADER, LATE, EARLY)
    assert (late.list_e4, late.cost_e4, late.charged_e4) == (5_899_900, 3_642_746, 5_609_900)


def test_orders_of_one_day_keep_the_order_of_their_rows(tmp_path: Path) -> None:
    orders = _read(tmp_path, HEADER, LATE.replace("7,", "10,", 1), LATE)
    assert [order.order_id for order in orders] == ["row-7", "row-10"]


def test_a_table_without_row_numbers_counts_its_rows(tmp_path: Path) -> None:
    lines = [line.partition(",")[2] for line in (HEADER, LATE, EARLY)]
    assert {order.order_id for order in _read(tmp_path, *lines)} == {"row-0", "row-1"}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            (HEADER.replace("CableLock", "Unicycle"), EARLY),
            "no products of the catalogue: Unicycle",
        ),
        ((HEADER.replace("RepName", "Age"), EARLY), "columns missing: RepName"),
        ((HEADER.replace("CableLock", "State"), EARLY), "columns repeated: State"),
        ((HEADER,), "no rows"),
        ((HEADER, EARLY.replace(",1,1,", ",1,3,")), "line 2 .* ItemCount is 3"),
        ((HEADER, LATE, EARLY.replace("2014-01-03", "2014-31-03")), "line 3 "),
        ((HEADER, EARLY.replace("539.99", "free")), "line 2 .*free"),
        ((HEADER, EARLY.replace("539.99", "nan")), "line 2 "),
        ((HEADER, EARLY.replace(",1,1,", ",0.5,1,")), "line 2 .*whole number"),
        ((HEADER, EARLY[:20]), "line 2 "),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_by_name(
    lines: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        _read(tmp_path, *lines)


@pytest.mark.reference
def test_every_row_of_the_published_sample_is_an_order_at_catalogue_prices(tmp_path: Path) -> None:
    shared = os.environ.get("SHERIFF_SHARED")
    if shared is None:
        pytest.skip("SHERIFF_SHARED is not set")
    out = tmp_path / "orders.jsonl"
    table = Path(shared, "data", "historical_data_sample.csv")
    import_historical.main([str(table), "--out", str(out)])
    orders = [parse_order(line) for line in out.read_bytes().splitlines()]
    assert len(orders) == 500
    assert [order.ordered_at for order in orders] == sorted(order.ordered_at for order in orders)
    for order in orders:
        assert order.list_e4 == pytest.approx(
            packaged_catalogue().price(order).list_total_e4, abs=5
        )


def _read(folder: Path, *lines: str) -> list[Order]:
    table = folder / "table.csv"
    table.write_text("\n".join([*lines, ""]))
    return [parse_order(body) for body in read_table(table, packaged_catalogue())]
