"""Hidden percentages, their rates and the lengths of their episodes, in histories of many kinds."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from shared.catalogue import packaged_catalogue
from shared.order import Order
from tests.unit.training.companies import simulated
from training.history.orders import price_history
from training.history.price_arrays import price_table
from training.learning.charge_tolerance import charge_tolerance
from training.learning.groundwork import fit_no_discount
from training.learning.hidden_discounts import HiddenEpisode, find_episodes
from training.simulation.company import Company, HiddenDiscounts, Ladder, Volume
from training.simulation.synthesis import draw_orders


def _episodes(orders: list[Order]) -> list[HiddenEpisode]:
    history = price_history(tuple(orders), packaged_catalogue())
    tolerance = charge_tolerance(history)
    none = fit_no_discount(history.units, np.abs(history.gap_e4) <= tolerance)
    return find_episodes(history, none, tolerance)[0]


def _injected(company: Company, count: int, seed: int) -> list[tuple[int, int, int]]:
    """Percentage, orders and days of each episode, oldest first; they lie a day or more apart."""
    drawn = draw_orders(company, price_table(packaged_catalogue()), count, seed)
    day = drawn.times.astype("datetime64[D]").astype(int)
    days, first = np.unique(day[drawn.hidden_bp > 0], return_index=True)
    percents = drawn.hidden_bp[drawn.hidden_bp > 0][first]
    breaks = np.flatnonzero(np.diff(days) > 1) + 1
    return [
        (int(some[0]), int(np.isin(day, mine).sum()), len(mine))
        for mine, some in zip(np.split(days, breaks), np.split(percents, breaks), strict=True)
    ]


HISTORIES = {
    "0.3 %": (Company(hidden=HiddenDiscounts(percents_bp=(30,), episodes=3)), 4_000),
    "0.37 % in cents": (
        Company(hidden=HiddenDiscounts(percents_bp=(37,), episodes=3), rounding="cents"), 4_000,
    ),
    "2 %, a step of the ladder": (
        Company(hidden=HiddenDiscounts(percents_bp=(200,), episodes=3)), 4_000,
    ),
    "0.37 and 0.4 and 1.25 %": (
        Company(hidden=HiddenDiscounts(percents_bp=(37, 40, 125), episodes=6), rounding="cents"),
        6_000,
    ),
    "one episode of a day": (
        Company(hidden=HiddenDiscounts(percents_bp=(80,), episodes=1, episode_days=(1, 1))), 1_000,
    ),
    "one episode of two weeks, most of the history": (
        Company(hidden=HiddenDiscounts(percents_bp=(55,), episodes=1, episode_days=(14, 14))),
        3_000,
    ),
    "20 orders a day": (
        Company(volume=Volume(orders_per_day=20),
                hidden=HiddenDiscounts(percents_bp=(70,), episodes=4)),
        2_000,
    ),
    "2,000 orders a day": (
        Company(volume=Volume(orders_per_day=2_000),
                hidden=HiddenDiscounts(percents_bp=(170,), episodes=2, episode_days=(1, 1))),
        14_000,
    ),
    "every other unit discounted": (
        Company(hidden=HiddenDiscounts(percents_bp=(100,), episodes=3), ladder=Ladder(rate=0.5)),
        4_000,
    ),
    "single precision, round the clock, 250 reps": (
        Company(volume=Volume(opens=0, closes=24), rounding="float32", reps=250,
               hidden=HiddenDiscounts(percents_bp=(101,), episodes=2)), 4_000,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HISTORIES)
def test_every_episode_is_found_with_its_percentage_its_orders_and_its_days(name: str) -> None:
    company, count = HISTORIES[name]
    found = _episodes(simulated(company, count, 7))
    injected = _injected(company, count, 7)
    assert [episode.discount_bp for episode in found] == [percent for percent, _, _ in injected]
    assert [episode.orders for episode in found] == pytest.approx(
        [of for _, of, _ in injected], rel=0.1
    )
    assert [episode.days for episode in found] == pytest.approx(
        [of for _, _, of in injected], abs=0.5
    )


def test_an_episode_may_begin_and_end_within_a_day() -> None:
    orders = simulated(Company(hidden=HiddenDiscounts(episodes=0)), 2_000, 9)
    begin = orders[700].ordered_at
    some = [
        replace(order, charged_e4=round(order.charged_e4 * 0.9912))
        if begin <= order.ordered_at < begin + timedelta(hours=3)
        else order
        for order in orders
    ]
    [episode] = _episodes(some)
    assert episode.discount_bp == 88
    assert episode.days == pytest.approx(3 / 24, abs=0.04)


@pytest.mark.parametrize("rounding", ["exact", "cents"])
def test_coincidences_that_come_all_the_time_are_no_episode(rounding: str) -> None:
    company = Company(hidden=HiddenDiscounts(episodes=0), rounding=rounding)  # type: ignore[arg-type]
    assert _episodes(simulated(company, 12_000, 3)) == []
