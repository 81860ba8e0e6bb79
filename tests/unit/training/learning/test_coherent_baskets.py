"""An order is coherent where no item looks added, whatever was charged."""

import numpy as np
import pytest

from shared.model import BasketTable
from tests.unit.training.learning.histories import a_history
from training.learning.coherent_baskets import find_coherent

PRICES = {"bike": 900.0, "lock": 25.0, "odd": 40.0}
BASKETS = BasketTable(
    orders=1_000, companions={"bike": {"lock": 0.9}}, alone={"bike": 0.9, "lock": 0.01}
)


def test_an_item_that_nothing_brings_along_makes_an_order_incoherent() -> None:
    history = a_history(
        PRICES,
        [{"bike": 1, "lock": 1}, {"bike": 1, "odd": 1}, {"bike": 1, "lock": 4}, {"bike": 1}],
        [0, 0, 0, 0],
    )
    chosen = np.array([True, True, True, False])
    coherent = find_coherent(history, BASKETS, chosen, most_units=4, added_rate=0.05)
    assert coherent.orders.tolist() == [True, False, False, False]


def test_added_items_that_are_usual_beside_a_bike_go_unnoticed() -> None:
    """Of the three products only the odd one is noticed beside a bike."""
    history = a_history(PRICES, [{"bike": 1}] * 300, [0] * 300)
    everyone = np.ones(300, dtype=bool)
    coherent = find_coherent(history, BASKETS, everyone, most_units=4, added_rate=0.1)
    assert coherent.added == pytest.approx(0.1 * 300 * 2 / 3, abs=0.5)
