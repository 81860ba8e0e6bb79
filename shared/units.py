"""The list prices of the units of an order: one by one, or counted where there are many."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LISTED_UNITS = 200
"""The units of larger orders are counted and not listed, so that no work grows with their number.
Their discounts are described by a normal density."""


@dataclass(frozen=True, slots=True)
class ManyUnits:
    """More than `LISTED_UNITS` units, as the number of units of each list price (e4)."""

    counts: Mapping[int, int]
    units: int
    total_e4: int

    def __len__(self) -> int:
        """Return the number of units."""
        return self.units


UnitPrices = tuple[int, ...] | ManyUnits
"""The list price (e4) of every unit, descending."""


def unit_prices(lines: Sequence[tuple[int, int]]) -> UnitPrices:
    """Return the units of lines, each given as (list price e4, quantity).

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
    """Return what the units cost together at list price."""
    return prices.total_e4 if isinstance(prices, ManyUnits) else sum(prices)


def counted(prices: UnitPrices) -> Mapping[int, int]:
    """Return the number of units of each price, the dearest first."""
    return prices.counts if isinstance(prices, ManyUnits) else Counter(prices)


def distinct(prices: UnitPrices) -> Iterable[int]:
    """Return each price once, the dearest first."""
    return prices.counts if isinstance(prices, ManyUnits) else dict.fromkeys(prices)
