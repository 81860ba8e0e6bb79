"""Profiles of reps and customers: shares of earlier orders, drawn to the company's mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.profiles import (
    FEWEST_ORDERS,
    MEAN_ORDERS,
    MOST_CUSTOMERS,
    MOST_REPS,
    NO_PROFILES,
    Profile,
    Profiles,
    ProfileTable,
)


def test_before_the_first_order_nothing_is_known() -> None:
    assert NO_PROFILES.reps.shares("anybody") == (0.0, 0.0)
    assert NO_PROFILES.customers.shares("anybody") == (0.0, 0.0)


def test_a_new_rep_is_an_average_one() -> None:
    profiles = ProfileTable(Profile(200, 120, 10.0), {"A": Profile(200, 120, 10.0)})
    assert profiles.shares("B") == pytest.approx((0.6, 0.05))


def test_many_orders_outweigh_the_mean() -> None:
    own = Profile(980, 980, 0.0)
    shares = ProfileTable(Profile(9_800, 4_900, 98.0), {"A": own}).shares("A")
    assert shares == pytest.approx(((980 + MEAN_ORDERS / 2) / 1000, MEAN_ORDERS * 0.01 / 1000))


def test_somebody_with_hardly_any_orders_is_an_average_one() -> None:
    few, some = Profile(FEWEST_ORDERS - 1, 2, 1.0), Profile(FEWEST_ORDERS, 3, 1.0)
    table = ProfileTable(Profile(200, 120, 10.0), {"few": few, "some": some})
    assert table.shares("few") == table.shares("nobody")
    assert table.shares("some") > table.shares("nobody")


def test_a_bundle_remembers_the_most_frequent_reps_and_customers() -> None:
    customers = {f"c-{n}": Profile(n) for n in range(MOST_CUSTOMERS + 50)}
    reps = {f"r-{n}": Profile(n) for n in range(MOST_REPS + 70)}
    kept = Profiles(ProfileTable(Profile(9), reps), ProfileTable(Profile(10_000), customers)).kept()
    assert (len(kept.reps.by_name), len(kept.customers.by_name)) == (MOST_REPS, MOST_CUSTOMERS)
    assert min(profile.orders for profile in kept.reps.by_name.values()) == 70
    assert min(profile.orders for profile in kept.customers.by_name.values()) == 50
    assert (kept.reps.total, kept.customers.total) == (Profile(9), Profile(10_000))


def test_customers_without_habits_take_no_room() -> None:
    table = ProfileTable(Profile(9), {"a": Profile(1), "b": Profile(FEWEST_ORDERS)})
    assert set(table.most_frequent(10).by_name) == {"b"}


@given(st.lists(st.tuples(st.sampled_from("AB"), st.booleans(), st.floats(0, 1)), min_size=1))
def test_shares_are_shares(orders: list[tuple[str, bool, float]]) -> None:
    total, by_rep = Profile(), dict[str, Profile]()
    for rep, discounted, suspected in orders:
        total = total.plus(discounted=discounted, suspected=suspected)
        by_rep[rep] = by_rep.get(rep, Profile()).plus(discounted=discounted, suspected=suspected)
    for rep in "ABC":
        assert all(0 <= share <= 1 + 1e-9 for share in ProfileTable(total, by_rep).shares(rep))
