"""Added items show in the products that customers hardly ever buy."""

import numpy as np
import pytest

from tests.unit.training.learning.histories import a_history
from training.history.orders import History
from training.learning.added_items import deep_discounts, find_rare
from training.learning.ladder_learning import StepCounts

PRICES = {f"p{at}": 100.0 + 7.31 * at for at in range(10)}
RARE = ("p6", "p7", "p8", "p9")


def sold(extra: list[dict[str, int]], gaps: list[int]) -> History:
    """300 orders of two common products at list price, and some more."""
    common = [{f"p{at % 6}": 1, f"p{(at + 1) % 6}": 1} for at in range(300)]
    return a_history(PRICES, common + extra, [0] * 300 + gaps)


def added(count: int, discount_bp: int) -> tuple[list[dict[str, int]], list[int]]:
    """Orders with one rare unit at a discount."""
    names = [RARE[at % 4] for at in range(count)]
    gaps = [round(PRICES[name] * discount_bp) for name in names]
    return [{"p0": 1, name: 1} for name in names], gaps


def test_products_that_sell_evenly_few_are_rare_and_stand_for_the_whole_catalogue() -> None:
    history = sold(*added(40, 3_000))
    rare = find_rare(history, np.abs(history.gap_e4) <= 3, 0.8)
    assert [name for name, flag in zip(PRICES, rare.rare, strict=True) if flag] == list(RARE)
    assert rare.added == 1.0  # none of the orders that hold one was at list price
    assert rare.scale == 2.5
    assert rare.added_orders(np.ones(340, dtype=bool)) == pytest.approx(100)


def test_rare_products_sold_at_list_price_are_innocent() -> None:
    baskets, gaps = added(40, 3_000)
    history = sold(baskets, gaps[:20] + [0] * 20)
    assert find_rare(history, np.abs(history.gap_e4) <= 3, 1.0).added == pytest.approx(0.5)


def test_the_discounts_of_rare_items_are_those_of_all_added_items() -> None:
    (first, first_gaps), (second, second_gaps) = added(30, 3_000), added(10, 5_500)
    history = sold(first + second, first_gaps + second_gaps)
    rare = find_rare(history, np.abs(history.gap_e4) <= 3, 0.8)
    ladder = StepCounts(np.array([200]), np.array([0.05]))
    deep = deep_discounts(history, rare, ladder, 3.0)
    assert deep.steps_bp.tolist() == [3_000, 5_500]
    assert deep.counts == pytest.approx([30, 10], rel=0.05)
