"""Unseen hidden discounts: percentages that the history does not know but a charge fits exactly.

A new hidden discount must be caught on the day it starts, before any training has seen it. So each
order is also compared with a grid of percentages. Two kinds of unit discounts are tried, because
they are likely by themselves: no discount at all, and one ladder discount on one unit. Each of them
gives a percentage, :math:`h = 1 - charged / (list - discounts)`. The order fits it if that is a
whole number of basis points, as exactly as the charge is known. A normal order fits a percentage of
the grid only by accident, while the orders of a hidden discount keep fitting the same one.
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


SMALLEST_BP, LARGEST_BP = 20, 300
"""The ends of the grid: 0.2 % and 3 %, both included."""

BLURRED = 0.25
"""An order is left out if rounding moves its percentage by more basis points than this."""

TELLING = 3.0
"""The grid is tried only if a percentage could make the charge this many times likelier."""


class UnseenPercents:
    """The grid of percentages, for one ladder.

    Args:
        ladder: discounts of a normal unit, none (0) included; shares sum to 1.
        tolerance_e4: how far a charge may be from its exact value.
        known_bp: percentages that the history knows; they are left out of the grid.
    """

    def __init__(
        self, ladder: Sequence[DiscountShare], tolerance_e4: float, known_bp: Sequence[int]
    ) -> None:
        steps = [step for step in ladder if step.discount_bp]
        self._ladder_bp = np.array([step.discount_bp for step in steps], dtype=np.int64)
        self._shares = np.array([step.share for step in steps])
        self._p_no_discount = sum(step.share for step in ladder if not step.discount_bp)
        self._tolerance = tolerance_e4
        self._known_bp = frozenset(known_bp)
        self.count = len(set(range(SMALLEST_BP, LARGEST_BP + 1)) - self._known_bp)

    def fits(self, prices: UnitPrices, charged_e4: int, explained: float = 0.0) -> dict[int, float]:
        """Return the chance (0-1) of the charge under each percentage (basis points) that it fits.

        Args:
            prices: list price (e4) of every unit.
            charged_e4: the total that was charged.
            explained: chance of the charge without a hidden discount. The grid is not tried where
                no percentage could make the charge much likelier.
        """
        if self._p_no_discount ** len(prices) < TELLING * explained:
            return {}
        listed = total_e4(prices)
        gap = listed - charged_e4
        if gap <= 0 or self._tolerance * 10_000 > BLURRED * charged_e4:
            return {}
        off_e8, chances = self._choices(prices)
        rest = listed - off_e8 / 1e4  # what the hidden percentage is taken off
        with np.errstate(divide="ignore", invalid="ignore"):
            exact = 1e4 * (1.0 - charged_e4 / rest)
            whole_bp = np.rint(exact)
            close = np.abs(exact - whole_bp) * charged_e4 <= self._tolerance * 1e4
        fitting = close & (whole_bp >= SMALLEST_BP) & (whole_bp <= LARGEST_BP)
        fits: dict[int, float] = {}
        for at in fitting.nonzero()[0].tolist():
            hidden_bp = int(whole_bp[at])
            if hidden_bp not in self._known_bp:
                fits[hidden_bp] = fits.get(hidden_bp, 0.0) + float(chances[at])
        return fits

    def _choices(self, prices: UnitPrices) -> tuple[Floats, Floats]:
        """Return sum (e8) and chance of no discount, then of each single discount on one unit."""
        units = counted(prices)
        p_no_discount = self._p_no_discount ** len(prices)
        each = p_no_discount / self._p_no_discount if self._p_no_discount else 0.0
        off = np.multiply.outer(np.array(list(units), dtype=np.float64), self._ladder_bp).ravel()
        counts = np.array(list(units.values()), dtype=np.float64)
        chances = np.multiply.outer(each * counts, self._shares).ravel()
        return np.concatenate(([0.0], off)), np.concatenate(([p_no_discount], chances))
