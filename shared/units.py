"""The list prices of an order's units, one by one or, where there are many, counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LISTED_UNITS = 200
"""Orders of more units are not listed at all: their discounts are a normal density around none.
The units of such an order are counted, so that no work grows with their number."""


@dataclass(frozen=True, slots=True)
class ManyUnits:
    """More than `LISTED_UNITS` units: how many there are of each list price (e4)."""

    counts: Mapping[int, int]
    units: int
    total_e4: int

    def __len__(self) -> int:
        """How many units there are."""
        return self.units


UnitPrices = tuple[int, ...] | ManyUnits
"""The list price (e4) of every unit, descending."""


def unit_prices(lines: Sequence[tuple[int, int]]) -> UnitPrices:
    """The units of some (list price e4, quantity).

    >>> unit_prices([(100, 2), (300, 1)])
    (300, 100, 100)
    """
    units = 0
    for _, quantity in lines:
        units += quantity
    if units > LISTED_UNITS:
        counts: dict[int, int] = {}
        for price, quantity in sorted(lines, reverse=True):
            counts[price] = counts.get(price, 0) + quantity
        return ManyUnits(counts, units, sum(price * number for price, number in lines))
    prices = [price for price, quantity in lines for price in [price] * quantity]
    prices.sort(reverse=True)
    return tuple(prices)


def total_e4(prices: UnitPrices) -> int:
    """What the units cost together at list price."""
    return prices.total_e4 if isinstance(prices, ManyUnits) else sum(prices)


def counted(prices: UnitPrices) -> Mapping[int, int]:
    """How many units there are of each price, the dearest first."""
    return prices.counts if isinstance(prices, ManyUnits) else Counter(prices)


def distinct(prices: UnitPrices) -> Iterable[int]:
    """Each price once, the dearest first."""
    return prices.counts if isinstance(prices, ManyUnits) else dict.fromkeys(prices)
