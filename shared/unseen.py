"""Hidden percentages that no history knows: which of them an order's charge is an exact fit for.

A new hidden discount must be caught the day it starts, before any training has seen it. So every
order is also held against a grid of percentages, by the few choices of discounts that are likely
by themselves: none at all, or one step on one unit. Under such a choice the percentage follows from
the charge, :math:`h = 1 - charged / (list - discounts)`, and an order fits it when that is a whole
basis point as exactly as the charge is known. A normal order hits one of the grid by accident
only; the orders of a hidden discount keep hitting the same one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shared.units import counted, total_e4

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.arrays import Floats
    from shared.ladder import DiscountShare
    from shared.units import UnitPrices


SMALLEST, LARGEST = 20, 300
"""The grid, in basis points: 0.2 % to 3 %, both included."""

BLURRED = 0.25
"""An order whose rounding spans more basis points than this either way fits too many of them."""

TELLING = 3.0
"""A percentage must be able to make a charge this many times likelier to be worth looking for."""


class UnseenPercents:
    """The grid, for one ladder.

    Args:
        ladder: discounts of a normal unit, incl. none (0); shares sum to 1.
        tolerance_e4: how far a charge may be from its exact value.
        known: percentages (basis points) that the history knows; they are none of the grid's.
    """

    def __init__(
        self, ladder: Sequence[DiscountShare], tolerance_e4: float, known: Sequence[int]
    ) -> None:
        steps = [step for step in ladder if step.discount_bp]
        self._steps = np.array([step.discount_bp for step in steps], dtype=np.int64)
        self._shares = np.array([step.share for step in steps])
        self._none = sum(step.share for step in ladder if not step.discount_bp)
        self._tolerance = tolerance_e4
        self._known = frozenset(known)
        self.count = len(set(range(SMALLEST, LARGEST + 1)) - self._known)

    def fits(self, prices: UnitPrices, charged_e4: int, explained: float = 0.0) -> dict[int, float]:
        """The chance of the charge under each percentage it fits, 0-1; every other one is left out.

        Args:
            prices: list price (e4) of every unit.
            charged_e4: the total that was charged.
            explained: its chance without a hidden discount. Where no percentage could make it much
                likelier, none is looked for.
        """
        if self._none ** len(prices) < TELLING * explained:
            return {}
        listed = total_e4(prices)
        gap = listed - charged_e4
        if gap <= 0 or self._tolerance * 10_000 > BLURRED * charged_e4:
            return {}
        off_e8, chances = self._choices(prices)
        rest = listed - off_e8 / 1e4  # what the hidden percentage is taken off
        with np.errstate(divide="ignore", invalid="ignore"):
            exact = 1e4 * (1.0 - charged_e4 / rest)
            percents = np.rint(exact)
            close = np.abs(exact - percents) * charged_e4 <= self._tolerance * 1e4
        found = close & (percents >= SMALLEST) & (percents <= LARGEST)
        fits: dict[int, float] = {}
        for at in found.nonzero()[0].tolist():
            percent = int(percents[at])
            if percent not in self._known:
                fits[percent] = fits.get(percent, 0.0) + float(chances[at])
        return fits

    def _choices(self, prices: UnitPrices) -> tuple[Floats, Floats]:
        """Sum (e8) and chance of no discount, then of one step on one unit of each price."""
        units = counted(prices)
        none = self._none ** len(prices)
        each = none / self._none if self._none else 0.0
        off = np.multiply.outer(np.array(list(units), dtype=np.float64), self._steps).ravel()
        counts = np.array(list(units.values()), dtype=np.float64)
        chances = np.multiply.outer(each * counts, self._shares).ravel()
        return np.concatenate(([0.0], off)), np.concatenate(([none], chances))
