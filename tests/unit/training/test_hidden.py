"""Hidden percentages, their rates and the lengths of their runs, in histories of many kinds."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from shared.catalogue import packaged_catalogue
from shared.order import Order
from tests.unit.training.companies import simulated
from training.hidden import HiddenRun, find_runs
from training.history import price_history
from training.learn import charge_tolerance, fit_none
from training.market import HiddenDiscounts, Ladder, Market, Volume
from training.prices import price_table
from training.synthesis import draw_orders


def _runs(orders: list[Order]) -> list[HiddenRun]:
    history = price_history(tuple(orders), packaged_catalogue())
    tolerance = charge_tolerance(history)
    none = fit_none(history.units, np.abs(history.gap_e4) <= tolerance)
    return find_runs(history, none, tolerance)[0]


def _planted(market: Market, count: int, seed: int) -> list[tuple[int, int, int]]:
    """Percentage, orders and days of each run, oldest first; runs are at least a day apart."""
    drawn = draw_orders(market, price_table(packaged_catalogue()), count, seed)
    day = drawn.times.astype("datetime64[D]").astype(int)
    days, first = np.unique(day[drawn.hidden > 0], return_index=True)
    percents = drawn.hidden[drawn.hidden > 0][first]
    breaks = np.flatnonzero(np.diff(days) > 1) + 1
    return [
        (int(some[0]), int(np.isin(day, mine).sum()), len(mine))
        for mine, some in zip(np.split(days, breaks), np.split(percents, breaks), strict=True)
    ]


HISTORIES = {
    "0.3 %": (Market(hidden=HiddenDiscounts(percents=(30,), runs=3)), 4_000),
    "0.37 % in cents": (
        Market(hidden=HiddenDiscounts(percents=(37,), runs=3), rounding="cents"), 4_000,
    ),
    "2 %, a step of the ladder": (Market(hidden=HiddenDiscounts(percents=(200,), runs=3)), 4_000),
    "0.37 and 0.4 and 1.25 %": (
        Market(hidden=HiddenDiscounts(percents=(37, 40, 125), runs=6), rounding="cents"), 6_000,
    ),
    "one run of a day": (
        Market(hidden=HiddenDiscounts(percents=(80,), runs=1, run_days=(1, 1))), 1_000,
    ),
    "one run of two weeks, most of the history": (
        Market(hidden=HiddenDiscounts(percents=(55,), runs=1, run_days=(14, 14))), 3_000,
    ),
    "20 orders a day": (
        Market(volume=Volume(orders_per_day=20), hidden=HiddenDiscounts(percents=(70,), runs=4)),
        2_000,
    ),
    "2,000 orders a day": (
        Market(volume=Volume(orders_per_day=2_000),
               hidden=HiddenDiscounts(percents=(170,), runs=2, run_days=(1, 1))), 14_000,
    ),
    "every other unit discounted": (
        Market(hidden=HiddenDiscounts(percents=(100,), runs=3), ladder=Ladder(rate=0.5)), 4_000,
    ),
    "single precision, round the clock, 250 reps": (
        Market(volume=Volume(opens=0, closes=24), rounding="float32", reps=250,
               hidden=HiddenDiscounts(percents=(101,), runs=2)), 4_000,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HISTORIES)
def test_every_run_is_found_with_its_percentage_its_orders_and_its_days(name: str) -> None:
    market, count = HISTORIES[name]
    found = _runs(simulated(market, count, 7))
    planted = _planted(market, count, 7)
    assert [run.basis_points for run in found] == [percent for percent, _, _ in planted]
    assert [run.orders for run in found] == pytest.approx([of for _, of, _ in planted], rel=0.1)
    assert [run.days for run in found] == pytest.approx([of for _, _, of in planted], abs=0.5)


def test_a_run_may_begin_and_end_within_a_day() -> None:
    orders = simulated(Market(hidden=HiddenDiscounts(runs=0)), 2_000, 9)
    begin = orders[700].ordered_at
    some = [
        replace(order, charged_e4=round(order.charged_e4 * 0.9912))
        if begin <= order.ordered_at < begin + timedelta(hours=3)
        else order
        for order in orders
    ]
    [run] = _runs(some)
    assert run.basis_points == 88
    assert run.days == pytest.approx(3 / 24, abs=0.04)


@pytest.mark.parametrize("rounding", ["exact", "cents"])
def test_coincidences_that_come_all_the_time_are_no_run(rounding: str) -> None:
    market = Market(hidden=HiddenDiscounts(runs=0), rounding=rounding)  # type: ignore[arg-type]
    assert _runs(simulated(market, 12_000, 3)) == []
