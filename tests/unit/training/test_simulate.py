"""The simulator: what it draws is what its figures say, and its truth explains every charge."""

import csv
from datetime import date
from pathlib import Path

import pytest

from shared.catalogue import packaged_catalogue
from shared.errors import ConfigurationError
from shared.order import Order, parse_order
from training import simulate
from training.console import run
from training.history.price_arrays import price_table, read_catalogue
from training.simulate import _by_partition

PRICES = price_table(packaged_catalogue())


def test_the_same_flags_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        simulate.main(_flags(tmp_path / name, "--orders", "400", "--seed", "7"))
    simulate.main(_flags(tmp_path / "other", "--orders", "400", "--seed", "8"))
    first, second, other = (
        (tmp_path / f"{name}.jsonl").read_bytes() for name in ("first", "second", "other")
    )
    assert first == second
    assert first != other
    assert (tmp_path / "first.csv").read_bytes() == (tmp_path / "second.csv").read_bytes()


def test_every_order_keeps_the_contract_and_comes_in_time_order(tmp_path: Path) -> None:
    simulate.main(_flags(tmp_path / "o", "--orders", "500", "--reps", "250", "--float32"))
    orders = _orders(tmp_path / "o.jsonl")
    assert len({order.order_id for order in orders}) == 500
    assert [order.ordered_at for order in orders] == sorted(order.ordered_at for order in orders)
    assert {order.rep_id for order in orders} <= {f"rep-{n:03d}" for n in range(1, 251)}
    assert all(8 <= order.ordered_at.hour < 18 for order in orders)


def test_repriced_catalogues_load_and_price_the_orders_they_came_with(tmp_path: Path) -> None:
    catalogue_file = tmp_path / "catalogue.csv"
    simulate.main([
        *_flags(tmp_path / "o", "--orders", "100", "--price-factor", "1.3"),
        *("--price-spread", "0.2", "--currency", "EUR", "--catalogue-out", str(catalogue_file)),
    ])  # fmt: skip
    catalogue = read_catalogue(catalogue_file)
    assert catalogue.currency == "EUR"
    for order in _orders(tmp_path / "o.jsonl"):
        assert catalogue.price(order).list_total_e4 == order.list_e4


def test_flags_describe_promotions_generous_reps_drifts_and_new_prices(tmp_path: Path) -> None:
    catalogue_file = tmp_path / "catalogue.csv"
    simulate.main([
        *_flags(tmp_path / "o", "--orders", "300", "--discount-rate", "0", "--added-rate", "0"),
        *("--episodes", "0", "--reps", "3", "--generous-reps", "1", "--generous-rate", "1"),
        *("--promotion", "Gloves, Fenders", "--promotion-percent", "7.5"),
        *("--drift-ladder", "4", "--drift-start", "2025-01-02", "--drift-days", "1"),
        *("--drift-rate", "0.5", "--prices-from", "2025-01-02", "--price-factor", "2"),
        *("--catalogue-out", str(catalogue_file)),
    ])  # fmt: skip
    catalogue = read_catalogue(catalogue_file)
    discounted = dict.fromkeys(("rep-1", "rep-2", "rep-3"), 0)
    for order in _orders(tmp_path / "o.jsonl"):
        assert catalogue.price(order).list_total_e4 == order.list_e4
        discounted[order.rep_id] += order.charged_e4 < (order.list_e4 or 0)
    assert discounted["rep-1"] > 1.5 * discounted["rep-2"] > 20
    assert min(p.valid_from.date() for p in catalogue) < date(2025, 1, 2)
    assert max(p.valid_from.date() for p in catalogue) == date(2025, 1, 2)


@pytest.mark.parametrize(
    "flags",
    [
        ("--ladder", "1,x"),
        ("--ladder", "1,1"),
        ("--ladder", "1.234"),
        ("--ladder-shares", "0.5"),
        ("--added-percents", "120"),
        ("--hidden-rate", "1.5"),
        ("--episode-days", "5-1"),
        ("--reps", "0"),
        ("--orders", "0"),
        ("--price-factor", "1.2"),
        ("--promotion", "Anvils"),
        ("--promotion", "Gloves", "--promotion-percent", "5,6"),
        ("--generous-reps", "31"),
        ("--drift-ladder", "1,x"),
        ("--prices-from", "2025-01-02", "--currency", "EUR"),
        ("--catalogue", "no-such-file.csv"),
    ],
)
def test_bad_figures_end_in_one_line_and_code_two(
    flags: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        run(simulate.main, [*_flags(tmp_path / "o", "--orders", "10"), *flags])
    assert end.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "o.jsonl").exists()


def test_sending_without_a_hub_fails_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ORDERS_HUB", raising=False)
    with pytest.raises(ConfigurationError, match="ORDERS_HUB"):
        simulate.main(_flags(tmp_path / "o", "--orders", "10", "--send"))
    assert not (tmp_path / "o.jsonl").exists()


def _flags(stem: Path, *flags: str) -> list[str]:
    return [*flags, "--out", f"{stem}.jsonl", "--truth", f"{stem}.csv"]


def _orders(path: Path) -> list[Order]:
    return [parse_order(line) for line in path.read_bytes().splitlines()]


def test_the_truth_file_has_the_columns_of_the_contract(tmp_path: Path) -> None:
    simulate.main(_flags(tmp_path / "o", "--orders", "50"))
    with (tmp_path / "o.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["order_id", "added_item", "hidden_discount", "product_id", "percent"]
    assert len(rows) == 51


def test_a_line_that_is_no_order_is_sent_as_it_is() -> None:
    lines = [b'{"rep_id": "rep-1"}\n', b"no order\n", b"\xff\n", b"\r\n"]
    queues = _by_partition(lines, 4)
    assert sorted(body for queue in queues.values() for body in queue) == sorted(
        [b'{"rep_id": "rep-1"}', b"no order", b"\xff", b""]
    )
