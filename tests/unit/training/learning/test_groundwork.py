"""What is known before any table: undiscounted units, rare products and added items."""

import numpy as np
import pytest

from shared.model import packaged_bundle
from tests.unit.training.learning.histories import a_history
from training.learning.groundwork import (
    added_item_rate,
    fit_no_discount,
    lay_groundwork,
    refit_no_discount,
)

PRICES = {f"p{at}": 100.0 + 7.31 * at for at in range(4)}


def test_the_chance_of_no_discount_is_read_off_orders_of_every_size() -> None:
    rng = np.random.default_rng(5)
    units = rng.integers(2, 9, size=40_000)
    undiscounted = rng.random(len(units)) < 0.93 * 0.85**units
    assert fit_no_discount(units, undiscounted) == pytest.approx(0.85, abs=0.01)
    assert fit_no_discount(units, undiscounted, hidden=0.07) == pytest.approx(0.85, abs=0.005)


def test_orders_charged_their_list_total_are_undiscounted() -> None:
    work = lay_groundwork(a_history(PRICES, [{"p0": 1}] * 4, [0, 2, -2, 50_000]))
    assert work.undiscounted.tolist() == [True, True, True, False]
    assert work.tolerance_e4 == 3.0
    assert work.common.all()


def test_a_catalogue_that_sells_evenly_says_nothing_of_added_items() -> None:
    baskets = [{f"p{at % 4}": 2} for at in range(400)]
    rate = added_item_rate(lay_groundwork(a_history(PRICES, baskets, [0] * 400)))
    assert rate.value == packaged_bundle().added_item_rate
    assert rate.reason == "the catalogue has no products that are rarely sold"


def test_added_items_are_counted_off_the_products_that_nobody_buys() -> None:
    """Two of four products are rare and each was added 10 times: 20 seen, as many unseen."""
    rare = [{"p0": 1, f"p{2 + at % 2}": 1} for at in range(20)]
    baskets = [{f"p{at % 2}": 2} for at in range(380)] + rare
    gaps = [0] * 380 + [500_000] * 20
    work = lay_groundwork(a_history(PRICES, baskets, gaps))
    assert added_item_rate(work) == (pytest.approx(40 / 400), "")
    # Without the added items, every unit was sold in full.
    assert refit_no_discount(work, 0.0) > work.p_no_discount - 1e-9
