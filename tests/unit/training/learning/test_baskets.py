"""What is bought together is credited to what brought it along."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest

from shared.baskets import Baskets
from shared.model import BasketTable
from shared.order import Order, OrderLine
from training.learning.baskets import learn_baskets

NONE = 0.8
FAMILIES = {"road": ("lock", "rack"), "touring": ("gloves", "fender")}


def order_of(at: int, products: Sequence[str]) -> Order:
    lines = tuple(OrderLine(name, products.count(name)) for name in sorted(set(products)))
    return Order(f"o-{at}", 0, datetime(2026, 1, 1, tzinfo=UTC), "rep", "customer", lines, 0)


def baskets(count: int, seed: int, odd_rate: float = 0.0) -> tuple[list[Order], list[bool]]:
    """Bikes with one or two accessories of their own; a third of the orders hold both bikes.

    A part of the orders gets an odd product on top, and is then never undiscounted.
    """
    rng = np.random.default_rng(seed)
    orders, undiscounted = [], []
    for at in range(count):
        both = rng.random() < 1 / 3
        bikes = list(FAMILIES) if both else [list(FAMILIES)[int(rng.integers(2))]]
        products = list(bikes)
        for bike in bikes:
            products += rng.choice(FAMILIES[bike], int(rng.integers(1, 3))).tolist()
        odd = rng.random() < odd_rate
        if odd:
            products.append(f"odd-{rng.integers(20)}")
        orders.append(order_of(at, products))
        undiscounted.append(not odd and rng.random() < NONE ** len(products))
    return orders, undiscounted


@pytest.fixture(scope="module")
def table() -> BasketTable:
    orders, undiscounted = baskets(6000, seed=3, odd_rate=0.05)
    return learn_baskets(orders, undiscounted, NONE)


def test_accessories_are_credited_to_their_own_bike(table: BasketTable) -> None:
    """Though every third order holds both bikes, so that the other one is often there too."""
    assert table.companions["road"]["lock"] > 0.3
    assert table.companions["road"].get("gloves", 0.0) < 0.02
    assert table.companions["touring"].get("rack", 0.0) < 0.02


def test_an_accessory_without_its_bike_stands_out(table: BasketTable) -> None:
    found = Baskets(table, 100).added_odds({"touring": 1, "gloves": 1, "rack": 1})
    assert found["rack"] > 20 * found["gloves"]


def test_items_that_are_only_ever_discounted_do_not_count_as_innocent(table: BasketTable) -> None:
    """Each odd product stands in about 15 orders, 0.0025 of all, and none is undiscounted."""
    assert all(table.alone[f"odd-{n}"] < 0.0008 for n in range(20))


def test_items_bought_by_themselves_at_full_price_do_count_as_innocent() -> None:
    orders, undiscounted = baskets(3000, seed=4)
    rng = np.random.default_rng(5)
    alone = [order_of(10_000 + at, ["helmet"]) for at in range(300)]
    full_price = [bool(rng.random() < NONE) for _ in alone]
    table = learn_baskets([*orders, *alone], [*undiscounted, *full_price], NONE)
    assert table.alone["helmet"] == pytest.approx(300 / 3300, rel=0.1)


def test_a_product_of_few_lines_is_not_credited_to_whatever_stood_beside_it(
    table: BasketTable,
) -> None:
    brought = [rates.get("odd-3", 0.0) for rates in table.companions.values()]
    assert max(brought) < 0.01


def test_an_empty_history_knows_nothing() -> None:
    assert learn_baskets([], [], NONE) == BasketTable()


def test_learning_does_not_depend_on_the_order_of_the_orders() -> None:
    orders, undiscounted = baskets(400, seed=6)
    forward = learn_baskets(orders, undiscounted, NONE)
    backward = learn_baskets(orders[::-1], undiscounted[::-1], NONE)
    assert forward.companions["road"]["lock"] == pytest.approx(
        backward.companions["road"]["lock"], rel=1e-3
    )
