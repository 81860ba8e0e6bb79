"""Honest discounts: the ladder, a rep with an own one, one that drifts, and promotions."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from shared.catalogue import packaged_catalogue
from shared.errors import ConfigurationError
from training.history.price_arrays import price_table
from training.simulation.company import Company, Drift, Ladder, Promotion, Volume
from training.simulation.order_bodies import order_ids, truth_rows
from training.simulation.scenarios import GENEROUS
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
    assert units.discount_bp[offered].min() == 1_200
    assert (units.discount_bp[promoted & ~running & ~units.added] == 0).mean() > 0.7
    frauds = {
        order_id
        for order_id, added, hidden, *_ in truth_rows(orders, PRICES, order_ids(orders, ""))
        if added or hidden
    }
    injected = set(units.order[units.added].tolist()) | set(
        np.flatnonzero(orders.hidden_bp).tolist()
    )
    assert len(frauds) == len(injected)


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
    rep, discount = orders.rep[orders.units.order][normal], orders.units.discount_bp[normal]
    generous, others = discount[rep < GENEROUS.reps], discount[rep >= GENEROUS.reps]
    assert (generous > 0).mean() == pytest.approx(GENEROUS.ladder.rate, abs=0.05)
    assert (others > 0).mean() == pytest.approx(0.2, abs=0.02)
    assert generous[generous > 0].mean() > 1.4 * others[others > 0].mean()


def test_a_drifting_ladder_starts_as_one_and_ends_as_the_other() -> None:
    towards = Ladder(steps_bp=(300, 700), rate=0.6)
    company = replace(QUIET, drift=Drift(towards, START, 60))
    orders = draw_orders(company, PRICES, 4_000, seed=4)
    units = orders.units
    days = _days(orders)[units.order]
    new = np.isin(units.discount_bp, towards.steps_bp) & ~units.added
    shares = [new[(days >= first) & (days < first + 10)].mean() for first in (0, 25, 65)]
    assert shares == pytest.approx([0.6 * 5 / 60, 0.6 * 30 / 60, 0.6], abs=0.05)


def test_a_promotion_of_products_that_are_not_sold_is_refused() -> None:
    company = replace(QUIET, promotions=(replace(PROMOTION, subcategories=("Anvils",)),))
    with pytest.raises(ConfigurationError, match="no product in subcategory Anvils"):
        draw_orders(company, PRICES, 10, seed=1)


def _days(orders: SimulatedOrders) -> np.ndarray:
    """Days since the start."""
    return (orders.times.astype("datetime64[D]") - np.datetime64(START)).astype(int)
