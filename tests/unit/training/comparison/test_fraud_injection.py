"""Frauds injected into real orders: exact, repeatable, and nothing else is touched."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalogue import packaged_catalogue
from shared.order import Order
from tests.unit.training.companies import simulated
from training.comparison.fraud_injection import (
    ENOUGH_ADDED,
    UNTOLD_ADDED_BP,
    UNTOLD_HIDDEN_BP,
    Percents,
    inject_frauds,
)
from training.simulation.company import Company

CATALOGUE = packaged_catalogue()
PERCENTS = Percents(added_bp=(3_300,), hidden_bp=(77,))


@pytest.fixture(scope="module")
def orders() -> list[Order]:
    return simulated(Company(), 600, 3)


def units(order: Order) -> dict[str, int]:
    return {line.product_id: line.quantity for line in order.lines}


def test_every_injected_fraud_takes_just_what_it_says(orders: list[Order]) -> None:
    injected = inject_frauds(orders, CATALOGUE, PERCENTS, 1, 5)
    later = injected.later
    row = 0
    for round_ in injected.rounds:
        for real, order in zip(orders, round_, strict=True):
            list_total = CATALOGUE.price(order).list_total_e4
            honest = real.charged_e4 + list_total - CATALOGUE.price(real).list_total_e4
            assert honest - order.charged_e4 == later.loss_e4[row]
            extra = sum(units(order).values()) - sum(units(real).values())
            assert extra == int(later.added[row])
            untouched = not later.added[row] and not later.hidden[row]
            assert (order == real) == untouched or later.loss_e4[row] == 0
            row += 1
    assert row == len(later.days)


def test_recorded_totals_go_along_so_that_nothing_else_gives_the_fraud_away(
    orders: list[Order],
) -> None:
    for order in inject_frauds(orders, CATALOGUE, PERCENTS, 1, 5).rounds[0]:
        assert order.list_e4 == CATALOGUE.price(order).list_total_e4


def test_frauds_are_injected_into_few_orders_until_there_are_enough(orders: list[Order]) -> None:
    few, many = (inject_frauds(some, CATALOGUE, PERCENTS, 1, 1) for some in (orders, orders * 10))
    assert len(few.rounds) > len(many.rounds)
    assert few.later.added.sum() > 0.8 * ENOUGH_ADDED
    assert len(few.later.real_days) == len(orders)


def test_half_of_what_is_injected_is_known_to_no_model(orders: list[Order]) -> None:
    """33 % and a hidden 0.77 % are told to a model; neither is among the untold discounts."""
    injected = inject_frauds(orders, CATALOGUE, PERCENTS, 1, 5)
    assert PERCENTS.added_bp[0] not in UNTOLD_ADDED_BP
    assert PERCENTS.hidden_bp[0] not in UNTOLD_HIDDEN_BP
    told, hidden = 0, 0
    rows = iter(injected.later.hidden.tolist())
    for each in injected.rounds:
        for real, order in zip(orders, each, strict=True):
            if next(rows) and units(order) == units(real):
                discount_bp = round(10_000 * (1 - order.charged_e4 / real.charged_e4))
                hidden += 1
                told += discount_bp == PERCENTS.hidden_bp[0]
    assert 0.3 < told / hidden < 0.7


def test_charges_stay_whole_cents_where_they_were(orders: list[Order]) -> None:
    cents = [
        Order(
            **{**{n: getattr(o, n) for n in o.__slots__}, "charged_e4": o.charged_e4 // 100 * 100}
        )
        for o in orders
    ]
    for round_ in inject_frauds(cents, CATALOGUE, PERCENTS, 100, 2).rounds:
        assert all(order.charged_e4 % 100 == 0 for order in round_)


@given(seed=st.integers(0, 2**32 - 1))
def test_the_same_seed_plants_the_same(seed: int) -> None:
    orders = simulated(Company(), 30, 3)
    first, second = (inject_frauds(orders, CATALOGUE, PERCENTS, 1, seed) for _ in range(2))
    assert first.rounds == second.rounds
    assert np.array_equal(first.later.loss_e4, second.later.loss_e4)
