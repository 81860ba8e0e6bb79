"""The simulator: what it draws is what its figures say, and its truth explains every charge."""

import csv
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local import services
from shared.catalogue import Catalogue, packaged_catalogue
from shared.errors import ConfigurationError, TransientError
from shared.order import Order, parse_order
from training import simulate
from training.console import run
from training.history.price_arrays import price_table, read_catalogue, repriced
from training.simulate import _by_partition
from training.simulation.company import AddedItems, Company, HiddenDiscounts, Ladder, Volume
from training.simulation.order_bodies import order_bodies, order_ids, truth_rows
from training.simulation.synthesis import charge, draw_orders

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


def test_shapes_are_those_measured_on_the_historical_table() -> None:
    orders = draw_orders(Company(), PRICES, 60_000, seed=3)
    units = np.bincount(orders.units.order)
    assert 4.0 < units.mean() < 4.2
    assert units.min() == 2
    assert 0.785 < (orders.units.discount == 0).mean() < 0.805
    assert np.count_nonzero(orders.units.added) / 60_000 == pytest.approx(0.046, rel=0.06)
    untouched = np.bincount(orders.units.order, orders.units.discount) == 0
    assert untouched.mean() == pytest.approx(0.40, abs=0.03)
    sold = np.bincount(orders.units.product[~orders.units.added], minlength=294)
    assert np.count_nonzero(sold) == 119


@given(
    ladder=st.lists(st.integers(1, 9_999), min_size=1, max_size=6, unique=True),
    hidden=st.integers(1, 500),
    cents=st.booleans(),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=30, deadline=None)
def test_a_charge_is_exactly_what_truth_and_unit_discounts_say(
    ladder: list[int], hidden: int, cents: bool, seed: int
) -> None:
    company = Company(
        ladder=Ladder(steps=tuple(ladder)),
        hidden=HiddenDiscounts(percents=(hidden,), episodes=1),
        rounding="cents" if cents else "exact",
    )
    orders = draw_orders(company, PRICES, 60, seed)
    for at in range(60):
        mine = orders.units.order == at
        total_e8 = sum(
            int(PRICES.list_e4[product, 0]) * (10_000 - int(discount))
            for product, discount in zip(
                orders.units.product[mine], orders.units.discount[mine], strict=True
            )
        )
        exact_e12 = total_e8 * (10_000 - int(orders.hidden[at]))
        tolerance_e4 = 50 if cents else 0.5
        assert abs(int(orders.charged_e4[at]) - exact_e12 / 1e8) <= tolerance_e4
        assert not cents or orders.charged_e4[at] % 100 == 0


def test_half_a_cent_is_rounded_up() -> None:
    one = np.array([10_050])
    none = np.zeros(1, dtype=np.int64)
    assert charge(one, none, none, "cents") == 10_100
    assert charge(one, none, none, "exact") == 10_050


def test_truth_names_the_added_item_and_its_percent() -> None:
    company = Company(
        added=AddedItems(rate=0.5, steps=(2_500,)), hidden=HiddenDiscounts(episodes=0)
    )
    orders = draw_orders(company, PRICES, 200, seed=5)
    ids = order_ids(orders, "t-")
    bodies = [json.loads(body) for body in order_bodies(orders, PRICES, company, ids, "USD")]
    for body, truth in zip(bodies, truth_rows(orders, PRICES, ids), strict=True):
        order_id, added, hidden, product_id, percent = truth
        assert order_id == body["order_id"]
        assert hidden == 0
        assert bool(product_id) == bool(percent) == bool(added)
        assert not added or product_id in {line["product_id"] for line in body["lines"]}
        assert percent in {"", "25"}


def test_a_hidden_run_covers_every_order_of_its_days_and_no_more_than_five() -> None:
    company = Company(volume=Volume(orders_per_day=20), hidden=HiddenDiscounts(rate=0.2))
    orders = draw_orders(company, PRICES, 8_000, seed=9)
    days = orders.times.astype("datetime64[D]").astype(int)
    hit = {int(day): set(orders.hidden[days == day].tolist()) for day in np.unique(days)}
    assert all(len(values) == 1 for values in hit.values())
    running = [values == {100} for _, values in sorted(hit.items())]
    episodes = [len(run) for run in "".join("x" if on else " " for on in running).split()]
    assert 1 <= min(episodes) <= max(episodes) <= 5
    assert sum(running) / len(running) == pytest.approx(0.2, abs=0.07)


def test_a_stream_can_be_free_of_fraud() -> None:
    company = Company(added=AddedItems(rate=0), hidden=HiddenDiscounts(rate=0))
    orders = draw_orders(company, PRICES, 500, seed=1)
    assert not orders.units.added.any()
    assert not orders.hidden.any()


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


def test_a_catalogue_that_is_not_repriced_keeps_every_digit() -> None:
    data = repriced(packaged_catalogue(), factor=1, spread=0, currency=None, seed=1)
    assert list(Catalogue.from_csv(data)) == list(packaged_catalogue())


def test_the_price_of_an_order_is_that_of_its_day(tmp_path: Path) -> None:
    header, *lines = (
        repriced(packaged_catalogue(), factor=1, spread=0, currency=None, seed=1)
        .decode()
        .splitlines()
    )
    doubled = [
        ",".join([*line.rsplit(",", 4)[:1], "8000", "4000", "USD", "2025-01-03T00:00:00Z"])
        for line in lines
        if "Road Bikes" in line
    ]
    catalogue = Catalogue.from_csv("\n".join([header, *lines, *doubled]).encode())
    company = Company(volume=Volume(start=date(2025, 1, 1), orders_per_day=50))
    prices = price_table(catalogue)
    orders = draw_orders(company, prices, 300, seed=2)
    bodies = order_bodies(orders, prices, company, order_ids(orders, ""), "USD")
    for order in map(parse_order, bodies):
        assert catalogue.price(order).list_total_e4 == order.list_e4


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


def test_a_market_refuses_figures_that_make_no_sense() -> None:
    with pytest.raises(ConfigurationError, match="opening hours"):
        Volume(opens=18, closes=8)
    with pytest.raises(ConfigurationError, match="seasons"):
        replace(Volume(), seasons=(1.0,))


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


async def test_a_hub_that_is_away_is_one_error_that_says_that_orders_are_missing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_bytes(b'{"rep_id": "rep-1"}\n')
    with pytest.raises(TransientError, match=r"^not everything was sent: ask the hub .*Error$"):
        await simulate.send(path, services.event_hub_connection(9), "orders")


def test_a_line_that_is_no_order_is_sent_as_it_is() -> None:
    lines = [b'{"rep_id": "rep-1"}\n', b"no order\n", b"\xff\n", b"\r\n"]
    queues = _by_partition(lines, 4)
    assert sorted(body for queue in queues.values() for body in queue) == sorted(
        [b'{"rep_id": "rep-1"}', b"no order", b"\xff", b""]
    )
