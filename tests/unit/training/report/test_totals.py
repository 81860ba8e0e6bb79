"""Money over time and discounts by rep: sums that add up, and nobody called apart by chance."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from shared.catalogue import packaged_catalogue
from shared.order import Order
from tests.unit.training.report.report_world import world
from training.history.orders import History, price_history
from training.report.totals import costs_e4, discount_by_rep, totals_by_period
from training.simulation.scenarios import GENEROUS


@pytest.fixture(scope="module")
def orders() -> list[Order]:
    return world(history=1_500, later=10).history


def priced(orders: list[Order]) -> History:
    return price_history(tuple(orders), packaged_catalogue())


def spread(orders: list[Order], days: int) -> list[Order]:
    """The same orders over so many days from a Wednesday on."""
    first, last = datetime(2025, 1, 1, 9, tzinfo=UTC), len(orders) - 1
    return [
        replace(order, ordered_at=first + timedelta(days=(days - 1) * at / last))
        for at, order in enumerate(orders)
    ]


@pytest.mark.parametrize(
    ("days", "unit", "periods"),
    [(1, "day", 1), (45, "day", 45), (46, "week", 7), (730, "month", 24)],
)
def test_the_span_decides_the_unit_and_periods_add_up(
    orders: list[Order], days: int, unit: str, periods: int
) -> None:
    history = priced(spread(orders, days))
    totals = totals_by_period(history)
    assert (totals.unit, len(totals.periods)) == (unit, periods)
    assert sum(one.orders for one in totals.periods) == len(orders)
    assert sum(one.days for one in totals.periods) == days
    for name in ("list_e4", "charged_e4"):
        assert sum(getattr(one, name) for one in totals.periods) == getattr(history, name).sum()
    assert sum(one.cost_e4 for one in totals.periods) == costs_e4(history).sum()


def test_a_period_without_orders_is_there_with_nothing_in_it(orders: list[Order]) -> None:
    totals = totals_by_period(priced(spread(orders[:2], 5)))
    assert [one.orders for one in totals.periods] == [1, 0, 0, 0, 1]
    assert totals.periods[2].charged_e4 == 0


def test_the_cost_of_an_order_is_the_catalogues(orders: list[Order]) -> None:
    catalogue, some = packaged_catalogue(), orders[:50]
    assert costs_e4(priced(some)).tolist() == [catalogue.price(one).cost_total_e4 for one in some]


def test_a_reps_percentage_and_the_peers_are_ratios_of_sums(orders: list[Order]) -> None:
    history = priced(orders)
    found = discount_by_rep(history)
    assert [one.percent for one in found] == sorted((one.percent for one in found), reverse=True)
    assert sum(one.orders for one in found) == len(orders)
    one = found[3]
    mine = np.array([order.rep_id == one.rep_id for order in history.orders])
    for rows, percent in ((mine, one.percent), (~mine, one.peers_percent)):
        expected = 100 * history.gap_e4[rows].sum() / history.list_e4[rows].sum()
        assert percent == pytest.approx(expected)
    assert one.interval is not None
    assert one.interval[0] < one.percent < one.interval[1]


def test_where_all_discount_alike_nobody_stands_apart(orders: list[Order]) -> None:
    rng = np.random.default_rng(1)
    for reps in (2, 10, 40):
        dealt = [replace(one, rep_id=f"r{rng.integers(reps)}") for one in orders]
        assert not any(one.apart for one in discount_by_rep(priced(dealt)))


def test_a_generous_rep_stands_apart_and_nobody_else() -> None:
    company = world("generous-rep", history=2_500, later=10)
    found = discount_by_rep(priced(company.history))
    assert GENEROUS.reps == 1
    assert [one.rep_id for one in found if one.apart] == ["rep-01"]


def test_a_rep_of_few_orders_and_one_without_peers_are_not_judged(orders: list[Order]) -> None:
    few = [replace(one, rep_id="new" if at < 10 else "old") for at, one in enumerate(orders)]
    alone = [replace(one, rep_id="only") for one in orders[:200]]
    judged = {
        one.rep_id: one for one in (*discount_by_rep(priced(few)), *discount_by_rep(priced(alone)))
    }
    assert judged["new"].interval is None
    assert judged["only"].interval is None
    assert not any(one.apart for one in judged.values())
