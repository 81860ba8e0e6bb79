"""The hard scenarios: each changes what it says, and the truth still explains every charge."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from shared.catalogue import Catalogue, packaged_catalogue
from shared.errors import ConfigurationError
from shared.order import parse_order
from training.history.price_arrays import price_table, repriced_from
from training.simulation.company import Company, Drift, Generosity, Ladder, Promotion, Volume
from training.simulation.order_bodies import order_bodies, order_ids, truth_rows
from training.simulation.scenarios import (
    GENEROUS,
    NAMES,
    PROMOTED,
    PROMOTION_POINTS,
    make_scenarios,
)
from training.simulation.synthesis import SimulatedOrders, draw_orders

START = date(2025, 1, 1)
QUIET = Company(volume=Volume(start=START, orders_per_day=40))
PRICES = price_table(packaged_catalogue())
PROMOTION = Promotion(("Gloves", "Fenders"), 1_200, START + timedelta(days=5), 10)


def test_a_promotion_discounts_every_normal_unit_of_its_products_and_is_no_fraud() -> None:
    company = replace(QUIET, promotions=(PROMOTION,))
    orders = draw_orders(company, PRICES, 1_200, seed=3)
    units = orders.units
    promoted = np.isin(np.array(PRICES.subcategories)[units.product], PROMOTION.subcategories)
    days = _days(orders)[units.order]
    running = (days >= 5) & (days < 15)
    offered = promoted & running & ~units.added
    assert offered.sum() > 100
    assert units.discount[offered].min() == 1_200
    assert (units.discount[promoted & ~running & ~units.added] == 0).mean() > 0.7
    frauds = {
        order_id
        for order_id, added, hidden, *_ in truth_rows(orders, PRICES, order_ids(orders, ""))
        if added or hidden
    }
    planted = set(units.order[units.added].tolist()) | set(np.flatnonzero(orders.hidden).tolist())
    assert len(frauds) == len(planted)


def test_outside_its_days_a_promotion_changes_no_discount() -> None:
    plain = draw_orders(QUIET, PRICES, 1_200, seed=3)
    promoted = draw_orders(replace(QUIET, promotions=(PROMOTION,)), PRICES, 1_200, seed=3)
    outside = (_days(plain) < 5) | (_days(plain) >= 15)
    assert np.array_equal(plain.charged_e4[outside], promoted.charged_e4[outside])
    assert (promoted.charged_e4 <= plain.charged_e4).all()
    assert (promoted.charged_e4 < plain.charged_e4).any()


def test_a_generous_rep_discounts_by_a_ladder_of_their_own() -> None:
    company = replace(QUIET, reps=10, generosity=GENEROUS)
    orders = draw_orders(company, PRICES, 3_000, seed=5)
    normal = ~orders.units.added
    rep, discount = orders.rep[orders.units.order][normal], orders.units.discount[normal]
    generous, others = discount[rep < GENEROUS.reps], discount[rep >= GENEROUS.reps]
    assert (generous > 0).mean() == pytest.approx(GENEROUS.ladder.rate, abs=0.05)
    assert (others > 0).mean() == pytest.approx(0.2, abs=0.02)
    assert generous[generous > 0].mean() > 1.4 * others[others > 0].mean()


def test_a_drifting_ladder_starts_as_one_and_ends_as_the_other() -> None:
    towards = Ladder(steps=(300, 700), rate=0.6)
    company = replace(QUIET, drift=Drift(towards, START, 60))
    orders = draw_orders(company, PRICES, 4_000, seed=4)
    units = orders.units
    days = _days(orders)[units.order]
    new = np.isin(units.discount, towards.steps) & ~units.added
    shares = [new[(days >= first) & (days < first + 10)].mean() for first in (0, 25, 65)]
    assert shares == pytest.approx([0.6 * 5 / 60, 0.6 * 30 / 60, 0.6], abs=0.05)


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
                units.product[mine].tolist(), units.discount[mine].tolist(), strict=True
            )
        )
        paid_e4 = paid_e8 * (10_000 - int(orders.hidden[at])) / 1e8
        assert order.charged_e4 == pytest.approx(paid_e4, abs=0.5)
    assert 100 < moved < 300


def _list_e4(catalogue: Catalogue, product_id: str, at: datetime) -> int:
    product = catalogue.product(product_id, at)
    assert product is not None
    return product.list_e4


@pytest.mark.parametrize("name", NAMES)
def test_the_stream_begins_after_the_history_and_is_as_long_as_said(name: str) -> None:
    (scenario,) = make_scenarios([name], 900, 500, seed=2)
    prices = price_table(scenario.catalogue)
    history = draw_orders(scenario.history, prices, 900, seed=2)
    stream = draw_orders(scenario.stream, prices, 500, seed=3)
    assert history.times[-1] < np.datetime64(scenario.cut) <= stream.times[0]
    assert stream.times[-1].astype("datetime64[D]").astype(date) == scenario.last
    assert scenario.name == name


def test_scenarios_plant_what_their_names_say() -> None:
    scenarios = {one.name: one for one in make_scenarios(NAMES, 6_000, 3_000, seed=1)}
    streams = {
        name: draw_orders(one.stream, price_table(one.catalogue), 3_000, seed=2)
        for name, one in scenarios.items()
    }
    planted = {name: set(orders.hidden.tolist()) - {0} for name, orders in streams.items()}
    assert planted["hidden-0.5"] == {50}
    assert planted["hidden-1.7"] == {170}
    assert planted["base"] == {100}
    assert planted["hidden-unseen"] == {70}
    assert scenarios["hidden-unseen"].history == scenarios["base"].history
    assert planted["no-fraud"] == set()
    assert not streams["no-fraud"].units.added.any()
    assert {_hidden_days(streams[name]) for name in ("runs-1-day", "runs-2-weeks")} == {1, 14}
    assert _hidden_days(streams["many-runs"]) >= 4
    assert len(set(streams["250-reps"].rep.tolist())) == 250
    assert (streams["cents"].charged_e4 % 100 == 0).all()
    inside = streams["added-inside"].units
    assert set(inside.discount[inside.added].tolist()) <= set(Ladder().steps)
    (promotion,) = scenarios["promotion"].stream.promotions
    assert (promotion.subcategories, promotion.discount_bp) == (PROMOTED, PROMOTION_POINTS)
    assert scenarios["promotion"].history.promotions == ()
    decided = scenarios["added-inside-decided"]
    assert decided == replace(
        scenarios["added-inside"], name=decided.name, about=decided.about, decided=True
    )
    assert {name for name, one in scenarios.items() if one.decided} == {
        name for name in NAMES if name.endswith("-decided")
    }
    assert scenarios["promotion"].cut < promotion.first < promotion.end < scenarios["base"].last


@pytest.mark.parametrize(
    "make",
    [
        lambda: Drift(Ladder(), START, 0),
        lambda: Promotion(("Gloves",), 10_000, START, 5),
        lambda: Promotion(("Gloves",), 500, START, 0),
        lambda: Generosity(0, Ladder()),
        lambda: Company(reps=1, generosity=Generosity(2, Ladder())),
    ],
)
def test_figures_that_make_no_sense_are_refused(make: "type[Company]") -> None:
    with pytest.raises(ConfigurationError):
        make()


def test_a_promotion_of_products_that_are_not_sold_is_refused() -> None:
    company = replace(QUIET, promotions=(replace(PROMOTION, subcategories=("Anvils",)),))
    with pytest.raises(ConfigurationError, match="no product in subcategory Anvils"):
        draw_orders(company, PRICES, 10, seed=1)


def _days(orders: SimulatedOrders) -> np.ndarray:
    """Days since the start."""
    return (orders.times.astype("datetime64[D]") - np.datetime64(START)).astype(int)


def _hidden_days(orders: SimulatedOrders) -> int:
    return len(np.unique(orders.times[orders.hidden > 0].astype("datetime64[D]")))
