"""Sums of unit discounts, the likeliest of them listed and the rest kept as moments."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]


class Moments(NamedTuple):
    """Probability, and first and second moment of sums (e8), not divided by that probability."""

    mass: float
    first: float
    second: float

    def plus(self, other: Moments) -> Moments:
        """Those of either of two disjoint sets of choices."""
        return Moments(*(a + b for a, b in zip(self, other, strict=True)))

    def minus(self, other: Moments) -> Moments:
        """Those of a set of choices less a part of it."""
        return Moments(*(a - b for a, b in zip(self, other, strict=True)))

    def times(self, other: Moments) -> Moments:
        """Those of the sums of two independent sets of choices."""
        return Moments(
            self.mass * other.mass,
            self.first * other.mass + self.mass * other.first,
            self.second * other.mass + 2 * self.first * other.first + self.mass * other.second,
        )


NOTHING = Moments(0.0, 0.0, 0.0)
NEGLIGIBLE = 1e-9
"""Less probability than this is rounding error, not choices that were dropped."""


@dataclass(frozen=True, slots=True)
class SumTable:
    """The likeliest sums of the ladder discounts of some units.

    ``sums`` (e8) ascend without repeats, ``probabilities`` belong to them, ``cumulative`` has one
    more entry and starts at 0. ``unlisted`` are the moments of the choices that were dropped, and
    ``listed`` those of the sums that were kept (None where nothing was dropped).
    """

    sums: Ints
    probabilities: Floats
    cumulative: Floats
    unlisted: Moments
    listed: Moments | None

    def likeliest(self, limit: int) -> SumTable:
        """The same table with no more than ``limit`` sums listed."""
        if len(self.sums) <= limit:
            return self
        sums, probabilities, dropped = _likeliest(self.sums, self.probabilities, limit)
        return table_of(sums, probabilities, self.unlisted.plus(dropped))


def table_of(sums: Ints, probabilities: Floats, unlisted: Moments) -> SumTable:
    """A table of sums that ascend without repeats."""
    cumulative = np.concatenate(([0.0], np.cumsum(probabilities)))
    listed = moments(sums, probabilities) if unlisted.mass > NEGLIGIBLE else None
    return SumTable(sums, probabilities, cumulative, unlisted, listed)


def _likeliest(sums: Ints, probabilities: Floats, limit: int) -> tuple[Ints, Floats, Moments]:
    """The ``limit`` likeliest sums in the order they had, and the moments of the others."""
    surplus = len(sums) - limit
    by_chance = np.argpartition(probabilities, surplus)
    dropped, kept = by_chance[:surplus], np.sort(by_chance[surplus:])
    return sums[kept], probabilities[kept], moments(sums[dropped], probabilities[dropped])


def moments(sums: Ints, probabilities: Floats) -> Moments:
    """Moments of listed sums."""
    values = sums.astype(np.float64)
    weighted = probabilities * values
    return Moments(float(probabilities.sum()), float(weighted.sum()), float(weighted @ values))


def dropped_density(
    first: SumTable, second: SumTable, targets: Ints, tolerance: Ints
) -> Floats | float:
    """The probability of each target from the choices that neither table lists.

    They become a normal density with the mean and variance that they really have.

    Args:
        first: sums of some units.
        second: sums of the other units.
        targets: sums of all of them (e8).
        tolerance: how far from each target still counts (e8).
    """
    if first.listed is None and second.listed is None:
        return 0.0
    listed = first.listed or moments(first.sums, first.probabilities)
    also = second.listed or moments(second.sums, second.probabilities)
    everything = first.unlisted.plus(listed).times(second.unlisted.plus(also))
    unlisted = everything.minus(listed.times(also))
    mean = unlisted.first / unlisted.mass
    deviation = math.sqrt(max(unlisted.second / unlisted.mass - mean**2, 1.0))
    z = (targets - mean) / deviation
    density: Floats = np.exp(-0.5 * z * z) / (deviation * math.sqrt(2 * math.pi))
    return unlisted.mass * density * (2 * tolerance + 1)
