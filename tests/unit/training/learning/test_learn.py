"""What is learned from unlabelled orders is what the simulator was told."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from shared.catalogue import COLUMNS, Catalogue, packaged_catalogue
from shared.errors import ConfigurationError
from shared.ladder import DiscountShare
from shared.model import ModelBundle, packaged_bundle
from shared.order import Order, OrderLine
from tests.unit.training.companies import simulated
from training.history.price_arrays import price_table, repriced
from training.learning.learn import learn
from training.learning.learned import Learned
from training.simulation.company import (
    AddedItems,
    Baskets,
    Company,
    Family,
    HiddenDiscounts,
    Ladder,
    Volume,
)
from training.simulation.synthesis import draw_orders

ELSEWHERE = Catalogue.from_csv(
    repriced(packaged_catalogue(), factor=1.17, spread=0.2, currency="EUR", seed=3)
)
"""Nobody's prices: every product's own."""


def _percents(table: Sequence[DiscountShare]) -> set[int]:
    return {discount.discount_bp for discount in table}


@pytest.fixture(scope="module")
def default() -> Learned:
    """Learned from 15,000 orders of the default company."""
    orders = simulated(Company(), 15_000, 11)
    return learn(orders, packaged_catalogue(), "default")


def test_the_default_company_is_recovered(default: Learned) -> None:
    bundle = default.bundle
    assert set(default.defaults) <= {"hidden_run_days"}  # 15,000 orders may hold too few runs
    assert _percents(bundle.ladder) == {0, 100, 150, 200, 500, 800, 1000, 1500, 2000}
    assert _percents(bundle.off_ladder) == {1000, 2000, 3000, 5000, 8000}
    assert _percents(bundle.hidden) == {100}
    assert bundle.ladder[0].share == pytest.approx(0.8, abs=0.01)
    for step in bundle.ladder[1:]:
        assert step.share == pytest.approx(0.025, rel=0.15)
    for deep in bundle.off_ladder:
        assert deep.share == pytest.approx(0.2, rel=0.4)
    assert bundle.added_item_rate == pytest.approx(0.046, rel=0.15)


def test_shares_of_a_table_sum_to_one_and_name_the_orders_behind_them(default: Learned) -> None:
    for table in (default.bundle.ladder, default.bundle.off_ladder, default.bundle.hidden):
        assert sum(step.share for step in table) == pytest.approx(1)
        assert all(step.orders > 0 for step in table)


def test_another_company_in_whole_cents_at_other_prices_is_recovered() -> None:
    company = Company(
        volume=Volume(start=date(2024, 3, 1), orders_per_day=90),
        ladder=Ladder(steps_bp=(300, 450, 600, 1200), shares=(0.4, 0.3, 0.2, 0.1), rate=0.3),
        added=AddedItems(rate=0.08, steps_bp=(2500, 4000, 6000)),
        hidden=HiddenDiscounts(percents_bp=(70,), rate=0.08),
        reps=240,
        rounding="cents",
    )
    learned = learn(simulated(company, 15_000, 21, ELSEWHERE), ELSEWHERE, "elsewhere")
    bundle = learned.bundle
    assert learned.defaults == {}
    assert [step.discount_bp for step in bundle.ladder] == [0, 300, 450, 600, 1200]
    shares = [step.share / (1 - bundle.ladder[0].share) for step in bundle.ladder[1:]]
    assert shares == pytest.approx([0.4, 0.3, 0.2, 0.1], rel=0.12)
    assert bundle.ladder[0].share == pytest.approx(0.7, abs=0.015)
    assert _percents(bundle.off_ladder) == {2500, 4000, 6000}
    assert _percents(bundle.hidden) == {70}
    assert bundle.added_item_rate == pytest.approx(0.08, rel=0.15)
    assert bundle.charge_tolerance_e4 == pytest.approx(50, abs=1)
    assert len(bundle.reps) == 240


@pytest.mark.parametrize("rounding", ["cents", "float32"])
def test_the_rate_of_a_hidden_discount_is_the_share_of_orders_under_it(rounding: str) -> None:
    company = Company(hidden=HiddenDiscounts(percents_bp=(35,), rate=0.1), rounding=rounding)  # type: ignore[arg-type]
    prices = price_table(packaged_catalogue())
    truth = float((draw_orders(company, prices, 10_000, 31).hidden_bp > 0).mean())
    orders = simulated(company, 10_000, 31)
    bundle = learn(orders, packaged_catalogue(), "v").bundle
    assert _percents(bundle.hidden) == {35}
    assert bundle.hidden_discount_rate == pytest.approx(truth, rel=0.15)


def test_where_every_product_sells_evenly_none_is_rare_and_the_ladder_is_learned() -> None:
    names = [f"{kind}{n}" for kind, count in (("bike", 9), ("lock", 6)) for n in range(count)]
    rows = "".join(
        f"{name},{name},{name[:4]},{name[:4]},{300 + 97.31 * at:.2f},1,USD,2014-01-01T00:00:00Z\n"
        for at, name in enumerate(names)
    )
    catalogue = Catalogue.from_csv(f"{','.join(COLUMNS)}\n{rows}".encode())
    family = Family("all", 1.0, ("bike",), ("lock",))
    company = Company(baskets=Baskets(families=(family,)))
    learned = learn(simulated(company, 6_000, 7, catalogue), catalogue, "v")
    assert learned.figures["products_rare"] == 0
    assert {"added_item_rate", "off_ladder"} <= set(learned.defaults)
    assert _percents(learned.bundle.ladder) == {0, *Ladder().steps_bp}


def test_a_history_without_fraud_leaves_both_rates_next_to_nothing() -> None:
    company = Company(added=AddedItems(rate=0), hidden=HiddenDiscounts(rate=0))
    learned = learn(simulated(company, 6_000, 41), packaged_catalogue(), "v")
    bundle = learned.bundle
    assert bundle.added_item_rate < 0.001
    assert (
        bundle.hidden_discount_rate <= 0.5 * bundle.hidden_episode_days / 30
    )  # half a run, not seen
    assert bundle.hidden_unseen_share == 0.5  # the packaged percentages must keep a chance
    assert bundle.off_ladder == packaged_bundle().off_ladder
    assert bundle.hidden == packaged_bundle().hidden
    assert set(learned.defaults) == {"off_ladder", "hidden", "hidden_run_days"}
    assert _percents(bundle.ladder) == {0, *Ladder().steps_bp}


def test_slow_products_that_customers_buy_are_not_taken_for_added_items() -> None:
    company = Company(added=AddedItems(rate=0.046))
    orders = simulated(company, 12_000, 51)
    slow = _slow_sellers(orders)
    bundle = learn(slow, packaged_catalogue(), "v").bundle
    assert bundle.added_item_rate == pytest.approx(0.046, rel=0.25)


def _slow_sellers(orders: list[Order]) -> list[Order]:
    """Every hundredth order sells a bottle cage instead: innocent, at list price."""
    cage, lock = OrderLine("MountainBottleCage", 1), OrderLine("CableLock", 1)
    return [
        replace(order, lines=(lock, cage), charged_e4=349_900) if at % 100 == 7 else order
        for at, order in enumerate(orders)
    ]


def test_a_short_history_keeps_the_packaged_tables_and_says_so() -> None:
    orders = simulated(Company(), 50, 61)
    learned = learn(orders, packaged_catalogue(), "short")
    assert learned.bundle.ladder == packaged_bundle().ladder
    assert learned.bundle.reps == {order.rep_id for order in orders}
    assert "all" in learned.defaults


def test_a_few_hundred_orders_are_enough_for_the_common_steps() -> None:
    orders = simulated(Company(), 900, 71)
    bundle: ModelBundle = learn(orders, packaged_catalogue(), "v").bundle
    wrong = _percents(bundle.ladder) - {0, *Ladder().steps_bp}
    assert wrong == set()
    assert len(bundle.ladder) >= 7


def test_orders_of_another_catalogue_cannot_be_learned_from() -> None:
    orders = simulated(Company(), 10, 81, ELSEWHERE)
    with pytest.raises(
        ConfigurationError, match="the catalogue does not know the products of any order"
    ):
        learn(orders, packaged_catalogue(), "v")
