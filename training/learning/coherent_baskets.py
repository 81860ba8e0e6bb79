"""Orders in which every item belongs, whatever was charged: what the ladder is read off.

An item that a rep added and took off again must not pass for a step of the ladder, nor for the
rep's generosity. The charge cannot be asked: it is what is to be learned. The basket can.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shared.arrays import Bools
from shared.baskets import Baskets
from shared.model import BasketTable
from training.history.orders import History

SAMPLE = 2_000
"""Orders to which an item is added to see how often it would go unnoticed: within 2 % of all."""


@dataclass(frozen=True, slots=True)
class CoherentOrders:
    """Orders in which no item looks added, one flag an order of the history; and how many of them
    have an added item all the same, by expectation."""

    orders: Bools
    added: float


def find_coherent(
    history: History, baskets: BasketTable, chosen: Bools, most_units: int, added_rate: float
) -> CoherentOrders:
    """The fitting ones of the chosen orders of up to ``most_units`` units.

    An item looks added where that is likelier than not before the charge is looked at:
    ``added_rate`` is the chance (0-1) that an order has an added item.
    """
    known = Baskets(baskets, len(history.prices.product_ids))
    highest = (1 - added_rate) / max(added_rate, 1e-9)

    def fits(basket: Mapping[str, int]) -> bool:
        return max(known.added_odds(basket).values()) < highest

    looked_at = np.flatnonzero(chosen & (history.units <= most_units))
    baskets_of = [_basket(history, at) for at in looked_at.tolist()]
    fitting = np.zeros(len(chosen), dtype=bool)
    fitting[looked_at] = [fits(basket) for basket in baskets_of]
    smaller = [
        basket
        for basket, units in zip(baskets_of, history.units[looked_at].tolist(), strict=True)
        if units < most_units
    ]
    sample = smaller[:: max(len(smaller) // SAMPLE, 1)]
    names = history.prices.product_ids
    unnoticed = [
        fits({**basket, name: basket.get(name, 0) + 1})
        for at, basket in enumerate(sample)
        for name in [names[at * 7_919 % len(names)]]  # a large prime: every product in turn
    ]
    missed = float(np.mean(unnoticed)) if unnoticed else 1.0
    return CoherentOrders(fitting, added_rate * missed * len(smaller))


def _basket(history: History, at: int) -> dict[str, int]:
    return {line.product_id: line.quantity for line in history.orders[at].lines}
