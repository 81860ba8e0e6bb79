"""Sums of unit discounts, the likeliest of them listed and the rest kept as moments."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
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
        return Moments(self.mass + other.mass, self.first + other.first, self.second + other.second)

    def minus(self, other: Moments) -> Moments:
        """Those of a set of choices less a part of it."""
        return Moments(self.mass - other.mass, self.first - other.first, self.second - other.second)

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
    ``listed`` those of the sums that were kept.
    """

    sums: Ints
    probabilities: Floats
    cumulative: Floats
    unlisted: Moments
    listed: Moments

    @property
    def complete(self) -> bool:
        """Whether every choice is listed."""
        return self.unlisted.mass <= NEGLIGIBLE

    @property
    def nbytes(self) -> int:
        """Roughly how much memory it takes."""
        return 3 * self.sums.nbytes + 500

    def matched(self, other: SumTable, targets: Ints, tolerance: Ints) -> Floats:
        """The probability of each target within its tolerance as a sum from both tables.

        What the tables do not list counts as `dropped_density`.
        """
        end = other.sums.searchsorted(max((targets + tolerance).tolist(), default=0), "right")
        wanted = targets[:, None] - other.sums[:end]
        margin = tolerance[:, None]
        low = self.sums.searchsorted(wanted - margin, "left")
        high = self.sums.searchsorted(wanted + margin, "right")
        listed: Floats = (self.cumulative[high] - self.cumulative[low]) @ other.probabilities[:end]
        return listed + dropped_density(self, other, targets, tolerance)

    def with_unit(self, discounts: Ints, shares: Floats) -> SumTable:
        """The table with one more unit that has one of some discounts (e8); every sum is listed."""
        sums, probabilities = _merged(
            np.add.outer(discounts, self.sums).ravel(),
            np.multiply.outer(shares, self.probabilities).ravel(),
        )
        return table_of(sums, probabilities, NOTHING)

    def up_to(self, highest: int) -> SumTable:
        """The same table without the sums above ``highest``, which are forgotten altogether."""
        end = int(self.sums.searchsorted(highest, "right"))
        if end == len(self.sums):
            return self
        return table_of(self.sums[:end], self.probabilities[:end], self.unlisted)

    def likeliest(self, limit: int) -> SumTable:
        """The same table with no more than ``limit`` sums listed."""
        surplus = len(self.sums) - limit
        if surplus <= 0:
            return self
        kept = np.sort(self.probabilities.argpartition(surplus)[surplus:])
        listed = moments(self.sums[kept], self.probabilities[kept])
        unlisted = self.unlisted.plus(self.listed.minus(listed))
        return _table(self.sums[kept], self.probabilities[kept], unlisted, listed)


def table_of(sums: Ints, probabilities: Floats, unlisted: Moments) -> SumTable:
    """A table of sums that ascend without repeats."""
    return _table(sums, probabilities, unlisted, moments(sums, probabilities))


def _table(sums: Ints, probabilities: Floats, unlisted: Moments, listed: Moments) -> SumTable:
    cumulative = np.zeros(len(sums) + 1)
    probabilities.cumsum(out=cumulative[1:])
    return SumTable(sums, probabilities, cumulative, unlisted, listed)


def moments(sums: Ints, probabilities: Floats) -> Moments:
    """Moments of listed sums."""
    values = sums.astype(np.float64)
    weighted = probabilities * values
    return Moments(float(probabilities.sum()), float(weighted.sum()), float(weighted @ values))


NO_UNITS = table_of(np.zeros(1, np.int64), np.ones(1), NOTHING)
"""The only sum of no units is nothing."""


@dataclass(frozen=True, slots=True)
class SuspectTable:
    """Every sum of some units, each of them in turn off the ladder.

    ``sums`` (e8) ascend; ``cumulative[i, k]`` is the probability of all sums before the ``i``-th
    with all units on the ladder (``k`` is 0) or with one unit of the ``k``-th price off it.
    """

    sums: Ints
    cumulative: Floats

    @property
    def nbytes(self) -> int:
        """Roughly how much memory it takes."""
        return self.sums.nbytes + self.cumulative.nbytes + 500

    def matched(self, other: SumTable, targets: Ints, tolerance: Ints) -> Floats:
        """The probability of each target under each hypothesis (rows) as a sum from both tables."""
        end = other.sums.searchsorted(max((targets + tolerance).tolist()), "right")
        wanted = targets[:, None] - other.sums[:end]
        margin = tolerance[:, None]
        low = self.sums.searchsorted(wanted - margin, "left")
        high = self.sums.searchsorted(wanted + margin, "right")
        found: Floats = other.probabilities[:end] @ (self.cumulative[high] - self.cumulative[low])
        return found.T


def suspect_table(ladder: SumTable, off_ladder: list[SumTable]) -> SuspectTable:
    """Complete tables of the same units as one, the one with all on the ladder first."""
    tables = [ladder, *off_ladder]
    sums = np.concatenate([table.sums for table in tables])
    order = sums.argsort()
    at = np.repeat(np.arange(len(tables)), [len(table.sums) for table in tables])
    probabilities = np.zeros((len(sums) + 1, len(tables)))
    probabilities[np.arange(1, len(sums) + 1), at[order]] = np.concatenate(
        [table.probabilities for table in tables]
    )[order]
    return SuspectTable(sums[order], probabilities.cumsum(axis=0))


def combined(first: SumTable, second: SumTable, limit: int, highest: int) -> SumTable:
    """The likeliest sums of two sets of units taken together.

    Args:
        first: sums of some units.
        second: sums of the others.
        limit: how many sums may be listed.
        highest: sums above it (e8) are forgotten.
    """
    first, second = first.up_to(highest), second.up_to(highest)
    one, other = likeliest_pairs(len(first.sums), len(second.sums), limit)
    one, other = _ranked(first)[one], _ranked(second)[other]
    sums = first.sums[one] + second.sums[other]
    probabilities = first.probabilities[one] * second.probabilities[other]
    low_enough = sums <= highest
    beyond = moments(sums[~low_enough], probabilities[~low_enough])
    sums, probabilities = sums[low_enough], probabilities[low_enough]
    surplus = len(sums) - limit
    if surplus > 0:
        kept = probabilities.argpartition(surplus)[surplus:]
        sums, probabilities = sums[kept], probabilities[kept]
    sums, probabilities = _merged(sums, probabilities)
    listed = moments(sums, probabilities)
    everything = first.unlisted.plus(first.listed).times(second.unlisted.plus(second.listed))
    return _table(sums, probabilities, everything.minus(beyond).minus(listed), listed)


def likeliest_pairs(first: int, second: int, limit: int) -> tuple[Ints, Ints]:
    """Ranks in two descending lists among which the ``limit`` largest products are.

    The product at ranks (i, j) has (i + 1) (j + 1) - 1 others that are no smaller, so where that
    is ``limit`` or more it can be left out.

    >>> [pair.tolist() for pair in likeliest_pairs(2, 9, 4)]
    [[0, 0, 0, 0, 1, 1], [0, 1, 2, 3, 0, 1]]
    """
    one, other, starts = _all_pairs(limit)
    end = starts[min(first, limit)]
    inside = other[:end] < second
    return one[:end][inside], other[:end][inside]


@lru_cache(maxsize=512)
def _all_pairs(limit: int) -> tuple[Ints, Ints, list[int]]:
    """The pairs of two lists of any length, and where those of each first rank start."""
    counts = limit // np.arange(1, limit + 1)
    starts = np.concatenate(([0], np.cumsum(counts)))
    one = np.repeat(np.arange(limit), counts)
    return one, np.arange(starts[-1]) - starts[one], starts.tolist()


def _ranked(table: SumTable) -> Ints:
    """Where the sums of a table are, the likeliest first."""
    return (-table.probabilities).argsort()


def _merged(sums: Ints, probabilities: Floats) -> tuple[Ints, Floats]:
    """Sums in ascending order, equal ones as one."""
    order = sums.argsort()
    sums, probabilities = sums[order], probabilities[order]
    new = np.ones(len(sums), dtype=bool)
    np.not_equal(sums[1:], sums[:-1], out=new[1:])
    starts = np.flatnonzero(new)
    return sums[starts], np.add.reduceat(probabilities, starts)


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
    if first.complete and second.complete:
        return 0.0
    everything = first.unlisted.plus(first.listed).times(second.unlisted.plus(second.listed))
    unlisted = everything.minus(first.listed.times(second.listed))
    mean = unlisted.first / unlisted.mass
    deviation = math.sqrt(max(unlisted.second / unlisted.mass - mean**2, 1.0))
    z = (targets - mean) / deviation
    density: Floats = np.exp(-0.5 * z * z) / (deviation * math.sqrt(2 * math.pi))
    return unlisted.mass * density * (2 * tolerance + 1)
