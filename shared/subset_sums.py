"""Sums of unit discounts, the likeliest of them listed and the rest kept as moments."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.arrays import Floats, Ints


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

    def power(self, count: int) -> Moments:
        """Those of the sums of ``count`` (0 or more) independent sets of such choices.

        >>> Moments(1.0, 2.0, 5.0).power(3) == Moments(1.0, 6.0, 39.0)
        True
        """
        if not count:
            return Moments(1.0, 0.0, 0.0)
        half = self.power(count // 2)
        both = half.times(half)
        return both.times(self) if count % 2 else both


NOTHING = Moments(0.0, 0.0, 0.0)
BEYOND = np.iinfo(np.int64).max
"""More than any sum."""

NEGLIGIBLE = 1e-9
"""Less probability than this is rounding error, not choices that were dropped."""


class Windows(NamedTuple):
    """Sums (e8) that count as found: from ``low`` to ``high``, element by element, incl. both.

    ``highest`` is the largest of ``high``.
    """

    low: Ints
    high: Ints
    highest: int

    def less(self, taken: Ints) -> Windows:
        """What is left to find once some was taken (any shape), one row of it after the other."""
        low = (self.low - taken[..., None]).ravel()
        high = (self.high - taken[..., None]).ravel()
        return Windows(low, high, int(high.max()))


@dataclass(frozen=True, slots=True)
class SumTable:
    """The likeliest sums of the ladder discounts of some units.

    ``sums`` (e8) ascend without repeats, ``probabilities`` belong to them, ``cumulative`` has one
    more entry and starts at 0. ``unlisted`` are the moments of the choices that were dropped.
    """

    sums: Ints
    probabilities: Floats
    cumulative: Floats
    unlisted: Moments

    @property
    def complete(self) -> bool:
        """Whether every choice is listed."""
        return self.unlisted.mass <= NEGLIGIBLE

    @property
    def nbytes(self) -> int:
        """Roughly how much memory it takes."""
        return 3 * self.sums.nbytes + 500

    def listed(self) -> Moments:
        """Moments of the sums that are listed."""
        return moments(self.sums, self.probabilities)

    def matched(self, other: SumTable, windows: Windows) -> Floats:
        """The probability of each window's sums, one part from either table.

        What the tables do not list counts as `dropped_density`.
        """
        end = other.sums.searchsorted(windows.highest, "right")
        window, part, chance = self._within(windows, other.sums[:end])
        listed = np.bincount(window, chance * other.probabilities[part], len(windows.low))
        return listed + dropped_density(self, other, windows)

    def matched_suspects(self, suspects: Suspects, windows: Windows) -> Floats:
        """The same by suspect (rows), from what a suspect's units take and this table's sums."""
        reached = (suspects.sums <= windows.highest).nonzero()[0]
        window, part, chance = self._within(windows, suspects.sums[reached])
        part, count = reached[part], len(windows.low)
        at = suspects.suspect[part] * count + window
        chance *= suspects.probabilities[part]
        return np.bincount(at, chance, suspects.prices * count).reshape(-1, count)

    def _within(self, windows: Windows, taken: Ints) -> tuple[Ints, Ints, Floats]:
        """Which windows are hit once some sums are taken, by which of them, and how likely."""
        lowest = windows.low[:, None] - taken
        low = self.sums.searchsorted(lowest, "left")
        # Few windows hold a sum at all, and only for those it matters where they end.
        width = windows.high - windows.low
        window, part = (np.append(self.sums, BEYOND)[low] <= lowest + width[:, None]).nonzero()
        high = self.sums.searchsorted(lowest[window, part] + width[window], "right")
        return window, part, self.cumulative[high] - self.cumulative[low[window, part]]

    def with_unit(self, discounts: Ints, shares: Floats) -> SumTable:
        """The table with one more unit that has one of some discounts (e8); every sum is listed."""
        sums = np.add.outer(discounts, self.sums).ravel()
        probabilities = np.multiply.outer(shares, self.probabilities).ravel()
        return table_of(*_merged(sums, probabilities), NOTHING)

    def likeliest(self, limit: int) -> SumTable:
        """The same table with no more than ``limit`` sums listed."""
        surplus = len(self.sums) - limit
        if surplus <= 0:
            return self
        by_chance = self.probabilities.argpartition(surplus)
        dropped, kept = by_chance[:surplus], np.sort(by_chance[surplus:])
        unlisted = moments(self.sums[dropped], self.probabilities[dropped])
        return table_of(self.sums[kept], self.probabilities[kept], self.unlisted.plus(unlisted))


def table_of(sums: Ints, probabilities: Floats, unlisted: Moments) -> SumTable:
    """A table of sums that ascend without repeats."""
    cumulative = np.zeros(len(sums) + 1)
    probabilities.cumsum(out=cumulative[1:])
    return SumTable(sums, probabilities, cumulative, unlisted)


def moments(sums: Ints, probabilities: Floats) -> Moments:
    """Moments of listed sums."""
    values = sums.astype(np.float64)
    weighted = probabilities * values
    return Moments(float(probabilities.sum()), float(weighted.sum()), float(weighted @ values))


NO_UNITS = table_of(np.zeros(1, np.int64), np.ones(1), NOTHING)
"""The only sum of no units is nothing."""


class Suspects(NamedTuple):
    """Sums (e8, in no order) of some units, one of them off the ladder, and their probabilities.

    ``suspect`` counts the prices, of which there are ``prices``, of which a unit may be that one.
    """

    sums: Ints
    probabilities: Floats
    suspect: Ints
    prices: int


def suspects_of(fewer: Mapping[int, SumTable], discounts_bp: Ints, shares: Floats) -> Suspects:
    """Every choice of one unit off the ladder, and the others on it.

    Args:
        fewer: complete table of all units but one, by the price (e4) of that one; at least one.
        discounts_bp: discounts that it may have.
        shares: how likely each of them is.
    """
    sums = [np.add.outer(price * discounts_bp, rest.sums).ravel() for price, rest in fewer.items()]
    chances = [np.multiply.outer(shares, rest.probabilities).ravel() for rest in fewer.values()]
    suspect = np.arange(len(sums)).repeat([len(some) for some in sums])
    return Suspects(np.concatenate(sums), np.concatenate(chances), suspect, len(sums))


@dataclass(frozen=True, slots=True)
class SuspectTable:
    """Every sum of some units, each of them in turn off the ladder.

    ``sums`` (e8) ascend; ``cumulative[k, i]`` is the probability of all sums before the ``i``-th
    with all units on the ladder (``k`` is 0) or with one unit of the ``k``-th price off it.
    """

    sums: Ints
    cumulative: Floats

    @property
    def nbytes(self) -> int:
        """Roughly how much memory it takes."""
        return self.sums.nbytes + self.cumulative.nbytes + 500

    def matched(self, other: SumTable, windows: Windows) -> Floats:
        """The probability of each window's sums by hypothesis (rows), one part from either table.

        The other table is complete, too.
        """
        end = other.sums.searchsorted(windows.highest, "right")
        low = self.sums.searchsorted(windows.low[:, None] - other.sums[:end], "left")
        high = self.sums.searchsorted(windows.high[:, None] - other.sums[:end], "right")
        chances = self.cumulative.take(high, axis=1) - self.cumulative.take(low, axis=1)
        found: Floats = chances @ other.probabilities[:end]
        return found


def suspect_table(ladder: SumTable, suspects: Suspects) -> SuspectTable:
    """The complete table of some units and their suspects as one."""
    sums = np.concatenate((ladder.sums, suspects.sums))
    order = sums.argsort()
    hypothesis = np.concatenate((np.zeros(len(ladder.sums), np.int64), 1 + suspects.suspect))
    chances = np.zeros((1 + suspects.prices, len(sums) + 1))
    at = np.arange(1, len(sums) + 1)
    probabilities = np.concatenate((ladder.probabilities, suspects.probabilities))
    chances[hypothesis[order], at] = probabilities[order]
    return SuspectTable(sums[order], chances.cumsum(axis=1))


def combined(first: SumTable, second: SumTable, limit: int, highest: int) -> SumTable:
    """The likeliest sums of two sets of units taken together.

    Args:
        first: sums of some units.
        second: sums of the others.
        limit: how many sums may be listed.
        highest: sums above it (e8) are forgotten.
    """
    one, other = _up_to(highest, first), _up_to(highest, second)
    made = _likeliest_products(one, other, limit)
    low_enough = (made[0] <= highest).nonzero()[0]
    within = made[0][low_enough], made[1][low_enough]
    kept, surplus = within, len(low_enough) - limit
    if surplus > 0:
        likeliest = within[1].argpartition(surplus)[surplus:]
        kept = within[0][likeliest], within[1][likeliest]
    unlisted = NOTHING
    whole = len(made[0]) == len(one[0]) * len(other[0]) and surplus <= 0
    if not (whole and first.complete and second.complete):
        everything = first.unlisted.plus(moments(*one)).times(second.unlisted.plus(moments(*other)))
        beyond = moments(*made).minus(moments(*within))
        unlisted = everything.minus(beyond).minus(moments(*kept))
    return table_of(*_merged(*kept), unlisted)


def _up_to(highest: int, table: SumTable) -> tuple[Ints, Floats]:
    end = table.sums.searchsorted(highest, "right")
    return table.sums[:end], table.probabilities[:end]


def _likeliest_products(
    one: tuple[Ints, Floats], other: tuple[Ints, Floats], limit: int
) -> tuple[Ints, Floats]:
    """Pairs of sums and their probabilities, at least the ``limit`` likeliest of them."""
    if len(one[0]) * len(other[0]) <= 2 * limit:
        sums = np.add.outer(one[0], other[0]).ravel()
        return sums, np.multiply.outer(one[1], other[1]).ravel()
    i, j = likeliest_pairs(len(one[0]), len(other[0]), limit)
    i, j = (-one[1]).argsort()[i], (-other[1]).argsort()[j]
    return one[0][i] + other[0][j], one[1][i] * other[1][j]


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


def _merged(sums: Ints, probabilities: Floats) -> tuple[Ints, Floats]:
    """Sums in ascending order, equal ones as one."""
    order = sums.argsort()
    sums, probabilities = sums[order], probabilities[order]
    new = np.ones(len(sums), dtype=bool)
    np.not_equal(sums[1:], sums[:-1], out=new[1:])
    starts = np.flatnonzero(new)
    return sums[starts], np.add.reduceat(probabilities, starts)


def dropped_density(first: SumTable, second: SumTable, windows: Windows) -> Floats | float:
    """The probability of each window's sums from the choices that neither table lists.

    They become a normal density with the mean and variance that they really have; no sum is
    negative.
    """
    if first.complete and second.complete:
        return 0.0
    listed, also = first.listed(), second.listed()
    everything = first.unlisted.plus(listed).times(second.unlisted.plus(also))
    unlisted = everything.minus(listed.times(also))
    mean = unlisted.first / unlisted.mass
    deviation = math.sqrt(max(unlisted.second / unlisted.mass - mean**2, 1.0))
    z = (0.5 * (windows.low + windows.high) - mean) / deviation
    height = unlisted.mass / (deviation * math.sqrt(2 * math.pi))
    width = np.where(windows.high < 0, 0, windows.high - windows.low + 1)
    density: Floats = height * np.exp(-0.5 * z * z) * width
    return density
