"""Which discounts are given, found in the gaps of small orders."""

import numpy as np
import pytest

from training.learning.ladder_learning import (
    DEEPEST,
    SmallOrders,
    explanations,
    find_steps,
    grid_discounts,
    share_steps,
)

TOLERANCE_E4 = 3.0


def small_orders(count: int, shares: dict[int, float], seed: int) -> SmallOrders:
    """Orders of two units at scattered prices, each unit with a discount by chance."""
    rng = np.random.default_rng(seed)
    prices = rng.integers(500_000, 40_000_000, size=(count, 2))
    steps = np.array([0, *shares])
    weights = [1 - sum(shares.values()), *shares.values()]
    given = rng.choice(steps, size=(count, 2), p=weights)
    gaps = np.rint((prices * given).sum(axis=1) / 10_000).astype(np.int64)
    return SmallOrders(prices, gaps, np.arange(count))


def test_a_gap_is_explained_by_every_whole_basis_point_within_the_tolerance() -> None:
    prices, gaps = np.array([1_000_000, 1_000_000, 20_000]), np.array([15_000, 15_050, 300])
    order, step_bp = grid_discounts(prices, gaps, 3.0)
    rows = list(zip(order.tolist(), step_bp.tolist(), strict=True))
    # 150 bp of 100; 150.5 bp is none; 3 of 20,000 are 1.5 bp: 148.5 to 151.5 fit 300 of 20,000.
    assert rows == [(0, 150), (2, 149), (2, 150), (2, 151)]


def test_a_gap_deeper_than_any_discount_has_no_explanation() -> None:
    order, _ = grid_discounts(np.array([1_000_000]), np.array([995_000]), 3.0)
    assert not len(order)
    assert DEEPEST == 9_500


def test_the_steps_that_were_given_are_found_and_no_others() -> None:
    found = find_steps([small_orders(3_000, {150: 0.05, 500: 0.1, 1_250: 0.05}, 1)], 3.0, 20.0)
    assert found.steps_bp.tolist() == [150, 500, 1_250]


def test_orders_without_a_gap_show_no_step() -> None:
    assert not len(find_steps([small_orders(50, {}, 1)], TOLERANCE_E4, 1.0).steps_bp)
    assert not len(find_steps([], TOLERANCE_E4, 1.0).steps_bp)


def test_two_discounts_in_one_order_are_shared_among_their_steps() -> None:
    group = small_orders(6_000, {150: 0.05, 500: 0.3}, 2)
    shares = share_steps([group], np.array([150, 500]), 0.65, TOLERANCE_E4)
    assert shares.counts / group.prices_e4.size == pytest.approx([0.05, 0.3], rel=0.06)


def test_every_choice_of_one_or_two_discounts_that_makes_the_gap_is_an_explanation() -> None:
    """500 of 10,000 and 2,000 of 20,000: 5 % and 10 %, or 25 % of the first, or 12.5 %."""
    group = SmallOrders(np.array([[10_000, 20_000]]), np.array([2_500]), np.array([0]))
    rows = zip(*explanations(group, np.array([500, 1_000, 1_250, 2_500]), 0.5), strict=True)
    assert sorted((int(o), int(first), int(second)) for o, first, second in rows) == [
        (0, 1, 2),  # 5 % of the first and 10 % of the second
        (0, 3, 0),  # 12.5 % of the second
        (0, 4, 0),  # 25 % of the first
    ]
