"""Habits of reps: shares of earlier orders, drawn to the company's mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.habits import MEAN_ORDERS, NO_HABITS, RepHabit, RepHabits


def test_before_the_first_order_nothing_is_known() -> None:
    assert NO_HABITS.shares("anybody") == (0.0, 0.0)


def test_a_new_rep_is_an_average_one() -> None:
    habits = RepHabits(RepHabit(200, 120, 10.0), {"A": RepHabit(200, 120, 10.0)})
    assert habits.shares("B") == pytest.approx((0.6, 0.05))


def test_many_orders_outweigh_the_mean() -> None:
    own = RepHabit(980, 980, 0.0)
    shares = RepHabits(RepHabit(9_800, 4_900, 98.0), {"A": own}).shares("A")
    assert shares == pytest.approx(((980 + MEAN_ORDERS / 2) / 1000, MEAN_ORDERS * 0.01 / 1000))


@given(st.lists(st.tuples(st.sampled_from("AB"), st.booleans(), st.floats(0, 1)), min_size=1))
def test_shares_are_shares(orders: list[tuple[str, bool, float]]) -> None:
    total, by_rep = RepHabit(), dict[str, RepHabit]()
    for rep, discounted, suspected in orders:
        total = total.plus(discounted=discounted, suspected=suspected)
        by_rep[rep] = by_rep.get(rep, RepHabit()).plus(discounted=discounted, suspected=suspected)
    for rep in "ABC":
        assert all(0 <= share <= 1 + 1e-9 for share in RepHabits(total, by_rep).shares(rep))
