"""What is drawn is what the company's figures say, and the truth explains every charge."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.catalogue import Catalogue, packaged_catalogue
from shared.order import parse_order
from training.history.price_arrays import price_table, repriced, repriced_from
from training.simulation.company import AddedItems, Company, HiddenDiscounts, Ladder, Volume
from training.simulation.order_bodies import order_bodies, order_ids
from training.simulation.synthesis import charge, draw_orders

PRICES = price_table(packaged_catalogue())
QUIET = Company(volume=Volume(start=date(2025, 1, 1), orders_per_day=40))


def test_shapes_are_those_measured_on_the_historical_table() -> None:
    orders = draw_orders(Company(), PRICES, 60_000, seed=3)
    units = np.bincount(orders.units.order)
    assert 4.0 < units.mean() < 4.2
    assert units.min() == 2
    assert 0.785 < (orders.units.discount_bp == 0).mean() < 0.805
    assert np.count_nonzero(orders.units.added) / 60_000 == pytest.approx(0.046, rel=0.06)
    untouched = np.bincount(orders.units.order, orders.units.discount_bp) == 0
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
        ladder=Ladder(steps_bp=tuple(ladder)),
        hidden=HiddenDiscounts(percents_bp=(hidden,), episodes=1),
        rounding="cents" if cents else "exact",
    )
    orders = draw_orders(company, PRICES, 60, seed)
    for at in range(60):
        mine = orders.units.order == at
        total_e8 = sum(
            int(PRICES.list_e4[product, 0]) * (10_000 - int(discount))
            for product, discount in zip(
                orders.units.product[mine], orders.units.discount_bp[mine], strict=True
            )
        )
        exact_e12 = total_e8 * (10_000 - int(orders.hidden_bp[at]))
        tolerance_e4 = 50 if cents else 0.5
        assert abs(int(orders.charged_e4[at]) - exact_e12 / 1e8) <= tolerance_e4
        assert not cents or orders.charged_e4[at] % 100 == 0


def test_half_a_cent_is_rounded_up() -> None:
    one = np.array([10_050])
    none = np.zeros(1, dtype=np.int64)
    assert charge(one, none, none, "cents") == 10_100
    assert charge(one, none, none, "exact") == 10_050


def test_a_hidden_run_covers_every_order_of_its_days_and_no_more_than_five() -> None:
    company = Company(volume=Volume(orders_per_day=20), hidden=HiddenDiscounts(rate=0.2))
    orders = draw_orders(company, PRICES, 8_000, seed=9)
    days = orders.times.astype("datetime64[D]").astype(int)
    hit = {int(day): set(orders.hidden_bp[days == day].tolist()) for day in np.unique(days)}
    assert all(len(values) == 1 for values in hit.values())
    running = [values == {100} for _, values in sorted(hit.items())]
    episodes = [len(run) for run in "".join("x" if on else " " for on in running).split()]
    assert 1 <= min(episodes) <= max(episodes) <= 5
    assert sum(running) / len(running) == pytest.approx(0.2, abs=0.07)


def test_a_stream_can_be_free_of_fraud() -> None:
    company = Company(added=AddedItems(rate=0), hidden=HiddenDiscounts(rate=0))
    orders = draw_orders(company, PRICES, 500, seed=1)
    assert not orders.units.added.any()
    assert not orders.hidden_bp.any()


def test_the_price_of_an_order_is_that_of_its_day() -> None:
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


def test_new_prices_hold_from_their_day_on_and_the_truth_still_explains_the_charges() -> None:
    since = datetime(2025, 1, 6, tzinfo=UTC)
    data = repriced_from(packaged_catalogue(), since, factor=1.1, spread=0.2, seed=1)
    catalogue = Catalogue.from_csv(data)
    prices = price_table(catalogue)
    orders = draw_orders(QUIET, prices, 400, seed=6)
    bodies = order_bodies(orders, prices, QUIET, order_ids(orders, ""), "USD")
    units, moved = orders.units, 0
    for at, order in enumerate(map(parse_order, bodies)):
        old = packaged_catalogue().price(order).list_total_e4
        assert catalogue.price(order).list_total_e4 == order.list_e4
        assert order.ordered_at >= since or old == order.list_e4
        moved += old != order.list_e4
        mine = units.order == at
        paid_e8 = sum(
            _list_e4(catalogue, prices.product_ids[product], order.ordered_at) * (10_000 - discount)
            for product, discount in zip(
                units.product[mine].tolist(), units.discount_bp[mine].tolist(), strict=True
            )
        )
        paid_e4 = paid_e8 * (10_000 - int(orders.hidden_bp[at])) / 1e8
        assert order.charged_e4 == pytest.approx(paid_e4, abs=0.5)
    assert 100 < moved < 300


def _list_e4(catalogue: Catalogue, product_id: str, at: datetime) -> int:
    product = catalogue.product(product_id, at)
    assert product is not None
    return product.list_e4
