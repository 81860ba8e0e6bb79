r"""Which discounts explain a charge, and how likely are they?

A rep gives every unit its own discount: none, or one step of a ladder. The gap between an order's
list total and its one charged total is therefore a sum of unknown unit discounts,

.. math:: G = \sum_u L_u d_u, \qquad P(G) = \sum_{d_1 \dots d_n} \prod_u P(d_u) \,
          [\,|G - \sum_u L_u d_u| \le \tau\,]

and `DiscountTables.explain` computes that probability under three hypotheses: ladder only; one unit
with an off-ladder discount, the others on the ladder; and either of them under a hidden percentage
``h`` on the whole order, where ``charged = (1 - h) (list - discounts)`` and so
``G = list - charged / (1 - h)``.

The sum over :math:`K^n` choices is met in the middle (Horowitz and Sahni, "Computing partitions
with applications to the knapsack problem", JACM 21, 1974): the sums of each half of the units are
listed once, sorted and merged where equal; a pair that explains the gap is found by binary search.
A half that would need more than `table_limit` sums keeps its likeliest ones. What is dropped is not
lost: its probability, mean and variance are known exactly (the moments of the whole less those of
what was kept) and it becomes a normal density, so *not listed never means unexplainable*.

All sums are exact integers: prices in ten-thousandths of the currency times discounts in basis
points (hundredths of a percent), "e8" below.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shared.model import DiscountShare

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

E8_PER_E4 = 10_000
"""Basis points in a whole: ten-thousandths of the currency times basis points are "e8"."""

LARGEST_TOTAL_E4 = 9 * 10**14
"""List totals beyond this (90 billion) would overflow 64-bit e8 arithmetic; callers refuse them."""

LISTED_UNITS = 200
"""Orders of more units are not listed at all: their discounts are a normal density around none."""

EXACT_REST_UNITS = 4
"""A half of more units stands in for itself less one unit (see `DiscountTables._rest_of`)."""

CACHE_BYTES = 128 << 20
"""Tables kept, least recently used dropped first; the halves of common baskets recur all day."""


def table_limit(units: int) -> int:
    """How many sums a half of ``units`` units may list: all of four units on a ladder of nine."""
    return max(500, 36_000 // max(units, 1))


def probe_limit(units: int) -> int:
    """How many sums of one half are tried for each off-ladder discount of an order."""
    return max(50, 12_800 // max(units, 16))


@dataclass(frozen=True, slots=True)
class SumTable:
    """The likeliest sums of the ladder discounts of some units.

    ``sums`` (e8) ascend without repeats, ``probabilities`` belong to them, ``cumulative`` has one
    more entry and starts at 0. ``mean`` and ``variance`` are those of every choice, kept or not.
    """

    sums: Ints
    probabilities: Floats
    cumulative: Floats
    mean: float
    variance: float

    @property
    def mass(self) -> float:
        """Probability of the sums that were kept, 0-1."""
        return float(self.cumulative[-1])

    def likeliest(self, limit: int) -> SumTable:
        """The same table with no more than ``limit`` sums listed."""
        if len(self.sums) <= limit:
            return self
        kept = np.sort(np.argpartition(self.probabilities, -limit)[-limit:])
        return _table_of(self.sums[kept], self.probabilities[kept], self.mean, self.variance)

    def kept_moments(self) -> tuple[float, float]:
        """First and second moment of the kept sums (not divided by their mass)."""
        weighted = self.probabilities * self.sums
        return float(weighted.sum()), float(weighted @ self.sums)


@dataclass(frozen=True, slots=True)
class ChargeLikelihoods:
    """How likely a charge is under each hypothesis; probabilities of the observed amount, 0-1.

    ``ladder[t]`` is ladder only, ``off_ladder[price][t]`` the same with one unit of that list
    price (e4) off the ladder; ``t`` runs over `DiscountTables.order_percents` (0 is no hidden
    discount, the others the hidden percentages).
    """

    ladder: Floats
    off_ladder: dict[int, Floats]


@dataclass(frozen=True, slots=True)
class UnitDiscounts:
    """The likeliest discounts of one hypothesis: (list price e4, basis points) of each unit that
    has one, the off-ladder unit first, and the part of the gap (e4) that they leave."""

    discounts: tuple[tuple[int, int], ...]
    unexplained_e4: int


class DiscountTables:
    """A ladder, off-ladder discounts and hidden percentages, and the tables made from them.

    Args:
        ladder: discounts of a normal unit, incl. none (0); shares sum to 1.
        off_ladder: discounts of an added unit; shares sum to 1.
        hidden: percentages on a whole order.
        tolerance_e4: how far a charge may be from its exact value: 50 where charges are rounded
            to cents, the noise of the source where they are not.

    Not safe to share between threads: the tables made so far are kept.
    """

    def __init__(
        self,
        ladder: Sequence[DiscountShare],
        off_ladder: Sequence[DiscountShare],
        hidden: Sequence[DiscountShare],
        tolerance_e4: float,
    ) -> None:
        self._steps = np.array([step.basis_points for step in ladder], dtype=np.int64)
        self._shares = np.array([step.share for step in ladder])
        self._off_steps = np.array([step.basis_points for step in off_ladder], dtype=np.int64)
        self._off_shares = np.array([step.share for step in off_ladder])
        self.order_percents: tuple[int, ...] = (0, *(step.basis_points for step in hidden))
        kept = 1.0 - np.array(self.order_percents) / E8_PER_E4
        self._scale = 1.0 / kept
        self._tolerance = np.ceil(tolerance_e4 * E8_PER_E4 * self._scale).astype(np.int64)
        self._mean_step = float(self._shares @ self._steps)
        self._step_variance = float(self._shares @ self._steps**2) - self._mean_step**2
        self._none = float(self._shares[self._steps == 0].sum())
        self._cache: OrderedDict[tuple[int, ...], SumTable] = OrderedDict()
        self._cached_bytes = 0

    def explain(self, prices: tuple[int, ...], charged_e4: int) -> ChargeLikelihoods:
        """How likely a charge is under each hypothesis.

        Args:
            prices: list price (e4) of every unit, descending.
            charged_e4: the total that was charged.
        """
        gaps = self._gaps(prices, charged_e4)
        left, right = self._halves(prices)
        first, second = self._table(left), self._table(right)
        ladder = self._match(first, second, gaps, self._tolerance)
        off_ladder = {
            price: self._off_ladder(price, gaps, left, right) for price in dict.fromkeys(prices)
        }
        return ChargeLikelihoods(ladder, off_ladder)

    def most_likely(
        self,
        prices: tuple[int, ...],
        charged_e4: int,
        *,
        order_percent: int = 0,
        off_ladder_price: int | None = None,
    ) -> UnitDiscounts:
        """The likeliest unit discounts under one hypothesis.

        Args:
            prices: list price (e4) of every unit, descending.
            charged_e4: the total that was charged.
            order_percent: the hidden discount in basis points, one of `order_percents`.
            off_ladder_price: list price (e4) of the unit that is off the ladder, if one is.
        """
        at = self.order_percents.index(order_percent)
        gap = int(self._gaps(prices, charged_e4)[at])
        tolerance = int(self._tolerance[at])
        left, right = self._halves(prices)
        if off_ladder_price is None:
            found = self._best_pair(left, right, gap, tolerance)
            return self._unit_discounts(found, (), gap)
        left, right = _without(off_ladder_price, left, right)
        best: tuple[float, UnitDiscounts] = (-1.0, UnitDiscounts((), gap // E8_PER_E4))
        for step, share in zip(self._off_steps.tolist(), self._off_shares.tolist(), strict=True):
            rest = gap - off_ladder_price * step
            found = self._best_pair(left, right, rest, tolerance)
            if found is not None and found[0] * share > best[0]:
                units = self._unit_discounts(found, ((off_ladder_price, step),), rest)
                best = (found[0] * share, units)
        return best[1]

    def _gaps(self, prices: tuple[int, ...], charged_e4: int) -> Ints:
        """The sum of unit discounts (e8) that each order percentage leaves to explain."""
        charged = np.rint(charged_e4 * E8_PER_E4 * self._scale).astype(np.int64)
        return sum(prices) * E8_PER_E4 - charged

    def _halves(self, prices: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        middle = (len(prices) + 1) // 2
        return prices[:middle], prices[middle:]

    def _off_ladder(
        self, price: int, gaps: Ints, left: tuple[int, ...], right: tuple[int, ...]
    ) -> Floats:
        """The probability of each gap where one unit of a list price is off the ladder."""
        targets = (gaps[:, None] - price * self._off_steps).ravel()
        tolerance = np.repeat(self._tolerance, len(self._off_steps))
        if not (targets + tolerance >= 0).any():
            return np.zeros(len(gaps))
        first, second, scale = self._rest_of(price, left, right)
        likelihood = self._match(first, second, targets, tolerance) * scale
        by_percent: Floats = likelihood.reshape(len(gaps), -1) @ self._off_shares
        return by_percent

    def _rest_of(
        self, price: int, left: tuple[int, ...], right: tuple[int, ...]
    ) -> tuple[SumTable, SumTable, float]:
        """Tables of all units but one, and a factor for their probabilities.

        A long half stands in for itself less the unit: the choices in which the unit has no ladder
        discount are, after division by that chance, exactly those of the others; the choices in
        which it has one add coincidences in proportion to its chance of a discount.
        """
        scale = 1.0
        if max(len(left), len(right)) <= EXACT_REST_UNITS:
            left, right = _without(price, left, right)
        else:
            scale = 1.0 / max(self._none, 0.1)
        first, second = self._table(left), self._table(right)
        limit = probe_limit(len(left) + len(right))
        if len(first.sums) <= len(second.sums):
            return first.likeliest(limit), second, scale
        return first, second.likeliest(limit), scale

    def _match(self, first: SumTable, second: SumTable, targets: Ints, tolerance: Ints) -> Floats:
        """The probability of each target within its tolerance as a sum from both tables."""
        small, large = (first, second) if len(first.sums) <= len(second.sums) else (second, first)
        highest = int((targets + tolerance).max())
        end = int(small.sums.searchsorted(highest, "right"))
        wanted = targets[:, None] - small.sums[:end]
        margin = tolerance[:, None]
        low = large.sums.searchsorted(wanted - margin, "left")
        high = large.sums.searchsorted(wanted + margin, "right")
        listed = (large.cumulative[high] - large.cumulative[low]) @ small.probabilities[:end]
        return listed + _dropped(first, second, targets, tolerance)

    def _best_pair(
        self, left: tuple[int, ...], right: tuple[int, ...], target: int, tolerance: int
    ) -> tuple[float, list[tuple[int, int]], int] | None:
        """Probability, unit discounts and sum of the likeliest listed pair that hits a target."""
        first, second = self._table(left), self._table(right)
        low = second.sums.searchsorted(target - first.sums - tolerance, "left")
        high = second.sums.searchsorted(target - first.sums + tolerance, "right")
        best: tuple[float, int, int] | None = None
        for i in np.flatnonzero(high > low).tolist():
            j = low[i] + int(np.argmax(second.probabilities[low[i] : high[i]]))
            probability = float(first.probabilities[i] * second.probabilities[j])
            if best is None or probability > best[0]:
                best = (probability, int(first.sums[i]), int(second.sums[j]))
        if best is None:
            return None
        units = self._trace(left, best[1]) + self._trace(right, best[2])
        return best[0], units, best[1] + best[2]

    def _unit_discounts(
        self,
        found: tuple[float, list[tuple[int, int]], int] | None,
        off_ladder: tuple[tuple[int, int], ...],
        gap: int,
    ) -> UnitDiscounts:
        if found is None:
            return UnitDiscounts(off_ladder, gap // E8_PER_E4)
        return UnitDiscounts((*off_ladder, *found[1]), 0)

    def _trace(self, prices: tuple[int, ...], total: int) -> list[tuple[int, int]]:
        """The likeliest steps behind a listed sum, unit by unit from the last."""
        units: list[tuple[int, int]] = []
        if len(prices) > LISTED_UNITS:
            return units
        for end in range(len(prices), 0, -1):
            price, before = prices[end - 1], self._table(prices[: end - 1])
            rests = total - price * self._steps
            at = np.minimum(before.sums.searchsorted(rests), len(before.sums) - 1)
            chance = np.where(before.sums[at] == rests, before.probabilities[at], 0.0)
            step = int(np.argmax(chance * self._shares))
            total = int(rests[step])
            if self._steps[step]:
                units.append((price, int(self._steps[step])))
        return units

    def _table(self, prices: tuple[int, ...]) -> SumTable:
        """The table of some units, from the cache or made from that of one unit fewer."""
        table = self._cache.get(prices)
        if table is not None:
            self._cache.move_to_end(prices)
            return table
        if not prices:
            table = _table_of(np.zeros(1, np.int64), np.ones(1), 0.0, 0.0)
        elif len(prices) > LISTED_UNITS // 2:
            table = self._all_at_list(prices)
        else:
            table = self._one_more(self._table(prices[:-1]), prices[-1], len(prices))
        self._keep(prices, table)
        return table

    def _one_more(self, table: SumTable, price: int, units: int) -> SumTable:
        """The table with one more unit of a list price."""
        limit = table_limit(units)
        table = table.likeliest(limit // 2)  # what they leave out would hardly be kept below
        sums = (table.sums[:, None] + price * self._steps).ravel()
        probabilities = np.multiply.outer(table.probabilities, self._shares).ravel()
        order = sums.argsort(kind="stable")
        sums, probabilities = sums[order], probabilities[order]
        starts = np.flatnonzero(np.diff(sums, prepend=-1))
        sums, probabilities = sums[starts], np.add.reduceat(probabilities, starts)
        mean = table.mean + price * self._mean_step
        variance = table.variance + price**2 * self._step_variance
        return _table_of(sums, probabilities, mean, variance).likeliest(limit)

    def _all_at_list(self, prices: tuple[int, ...]) -> SumTable:
        """The table of too many units: no discount at all is listed, the rest is a density."""
        mean = sum(prices) * self._mean_step
        variance = sum(price**2 for price in prices) * self._step_variance
        chance = np.array([self._none ** len(prices)])
        return _table_of(np.zeros(1, np.int64), chance, mean, variance)

    def _keep(self, prices: tuple[int, ...], table: SumTable) -> None:
        self._cache[prices] = table
        self._cached_bytes += _bytes(table)
        while self._cached_bytes > CACHE_BYTES:
            _, dropped = self._cache.popitem(last=False)
            self._cached_bytes -= _bytes(dropped)


def _table_of(sums: Ints, probabilities: Floats, mean: float, variance: float) -> SumTable:
    cumulative = np.concatenate(([0.0], np.cumsum(probabilities)))
    return SumTable(sums, probabilities, cumulative, mean, variance)


def _bytes(table: SumTable) -> int:
    return 3 * table.sums.nbytes + 500


def _without(
    price: int, left: tuple[int, ...], right: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Both halves less one unit of a list price."""
    half = left if price in left else right
    at = half.index(price)
    rest = half[:at] + half[at + 1 :]
    return (rest, right) if half is left else (left, rest)


def _dropped(first: SumTable, second: SumTable, targets: Ints, tolerance: Ints) -> Floats | float:
    """The probability of each target from the choices that were not listed, as a normal density."""
    mass = 1.0 - first.mass * second.mass
    if mass < 1e-9:
        return 0.0
    (f1, f2), (s1, s2) = first.kept_moments(), second.kept_moments()
    mean_all = first.mean + second.mean
    second_all = first.variance + second.variance + mean_all**2
    mean = (mean_all - (f1 * second.mass + s1 * first.mass)) / mass
    square = (second_all - (f2 * second.mass + 2 * f1 * s1 + s2 * first.mass)) / mass
    deviation = math.sqrt(max(square - mean**2, 1.0))
    z = (targets - mean) / deviation
    density: Floats = np.exp(-0.5 * z * z) / (deviation * math.sqrt(2 * math.pi))
    return mass * density * (2 * tolerance + 1)
