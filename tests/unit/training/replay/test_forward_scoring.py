"""A history scored forward: each order is described by what came before it, and nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.catalogue import packaged_catalogue
from shared.model import packaged_bundle
from shared.order import Order, parse_order
from shared.policy import Policy
from shared.scoring import Scorer
from training.history.price_arrays import price_table
from training.replay.forward_scoring import walk
from training.simulation.company import AddedItems, Company
from training.simulation.order_bodies import order_bodies, order_ids
from training.simulation.synthesis import draw_orders


@pytest.fixture(scope="module")
def history() -> tuple[Order, ...]:
    company = Company(added=AddedItems(rate=0.2), reps=4)
    prices = price_table(packaged_catalogue())
    drawn = draw_orders(company, prices, 900, seed=4)
    return tuple(
        map(parse_order, order_bodies(drawn, prices, company, order_ids(drawn, ""), "USD"))
    )


@given(st.integers(0, 120), st.integers(1, 120))
@settings(max_examples=20, deadline=None)
def test_later_orders_change_no_earlier_feature(
    history: tuple[Order, ...], count: int, more: int
) -> None:
    scorer = Scorer(packaged_bundle(), packaged_catalogue(), Policy())
    before, profiles = walk(scorer, history[:count])
    after, _ = walk(scorer, history[: count + more])
    assert after[: len(before)] == before
    assert profiles.reps.total.orders == profiles.customers.total.orders == count


def test_an_order_is_described_by_the_earlier_orders_of_its_rep_and_customer(
    history: tuple[Order, ...],
) -> None:
    scorer = Scorer(packaged_bundle(), packaged_catalogue(), Policy())
    found, profiles = walk(scorer, history)
    last = found[-1]
    earlier, as_of = walk(scorer, history[: history.index(last.order)])
    rep, customer = last.order.rep_id, last.order.customer_id
    of_both = (*as_of.reps.shares(rep), *as_of.customers.shares(customer))
    shares = tuple(100 * share for share in of_both)
    assert last.features[-4:] == shares
    for table in (profiles.reps, profiles.customers):
        assert sum(profile.orders for profile in table.by_name.values()) == len(history)
    assert 0 < shares[0] < 100
    assert len(earlier) < len(found)
