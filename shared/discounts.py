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
Sums beyond the gap explain nothing and are left out of long halves as they are made. A half that
would still need more than `table_limit` sums keeps its likeliest ones. What it drops is not lost:
its probability, mean and variance are carried along exactly and it becomes a normal density, so
*not listed never means unexplainable*.

All sums are exact integers: prices in ten-thousandths of the currency times discounts in basis
points (hundredths of a percent), "e8" below.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shared.sums import NOTHING, Moments, SumTable, dropped_density, moments, table_of

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

SHORT_HALF = 3
"""Halves of up to this many units are listed whole and kept: they recur all day. A longer one is
listed for each order up to its gap, and stands in for itself less one unit (see `_rest_of`)."""

CACHE_BYTES = 128 << 20
"""Room for the tables that are kept, unless the caller has less."""


def table_limit(units: int) -> int:
    """How many sums a half of ``units`` units may list."""
    return max(250, 5_000 // max(units, 1))


def probe_limit(units: int) -> int:
    """How many sums of one half are tried for each off-ladder discount of an order."""
    return max(50, 3_200 // max(units, 16))


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
        room: bytes for the tables that are kept; the least recently used go first.

    Not safe to share between threads: the tables made so far are kept.
    """

    def __init__(
        self,
        ladder: Sequence[DiscountShare],
        off_ladder: Sequence[DiscountShare],
        hidden: Sequence[DiscountShare],
        tolerance_e4: float,
        *,
        room: int = CACHE_BYTES,
    ) -> None:
        self._room = room
        self._steps = np.array([step.basis_points for step in ladder], dtype=np.int64)
        self._shares = np.array([step.share for step in ladder])
        self._off_steps = np.array([step.basis_points for step in off_ladder], dtype=np.int64)
        self._off_shares = np.array([step.share for step in off_ladder])
        self.order_percents: tuple[int, ...] = (0, *(step.basis_points for step in hidden))
        kept = 1.0 - np.array(self.order_percents) / E8_PER_E4
        self._scale = 1.0 / kept
        self._tolerance = np.ceil(tolerance_e4 * E8_PER_E4 * self._scale).astype(np.int64)
        self._off_tolerance = np.tile(self._tolerance[:, None], len(off_ladder))
        self._smallest_off_step = int(self._off_steps.min(initial=E8_PER_E4))
        self._step = moments(self._steps, self._shares)
        self._none = float(self._shares[self._steps == 0].sum())
        self._cache: OrderedDict[tuple[int, ...], SumTable] = OrderedDict()
        self._cached_bytes = 0
        # Long halves of the order at hand, each with the highest sum it was listed up to.
        self._latest: dict[tuple[int, ...], tuple[int, SumTable]] = {}

    def explain(self, prices: tuple[int, ...], charged_e4: int) -> ChargeLikelihoods:
        """How likely a charge is under each hypothesis.

        Args:
            prices: list price (e4) of every unit, descending.
            charged_e4: the total that was charged.
        """
        # Of the order before. Up to its own gap it may list other sums than this order's would,
        # and no order's explanation may depend on what came before it.
        self._latest.clear()
        gaps = self._gaps(prices, charged_e4)
        highest = int((gaps + self._tolerance).max())
        left, right = _halves(prices)
        first, second = self._table(left, highest), self._table(right, highest)
        ladder = self._match(first, second, gaps, self._tolerance)
        off_ladder = {
            price: self._off_ladder(price, gaps, (left, first), (right, second))
            for price in dict.fromkeys(prices)
            if price * self._smallest_off_step <= highest
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
        """The likeliest unit discounts of the order explained last, under one hypothesis.

        Args:
            prices: list price (e4) of every unit, descending.
            charged_e4: the total that was charged.
            order_percent: the hidden discount in basis points, one of `order_percents`.
            off_ladder_price: list price (e4) of the unit that is off the ladder, if one is.
        """
        at = self.order_percents.index(order_percent)
        gap = int(self._gaps(prices, charged_e4)[at])
        tolerance = int(self._tolerance[at])
        discounts = (
            self._likeliest_on_ladder(prices, gap, tolerance)
            if off_ladder_price is None
            else self._likeliest_off_ladder(prices, gap, tolerance, off_ladder_price)
        )
        return UnitDiscounts(discounts, _leftover_e4(gap, discounts, tolerance))

    def _likeliest_on_ladder(
        self, prices: tuple[int, ...], gap: int, tolerance: int
    ) -> tuple[tuple[int, int], ...]:
        found = self._best_pair(_halves(prices), gap, tolerance)
        return tuple(found[1]) if found else ()

    def _likeliest_off_ladder(
        self, prices: tuple[int, ...], gap: int, tolerance: int, price: int
    ) -> tuple[tuple[int, int], ...]:
        """The off-ladder unit's own discount first; none at all where nothing listed fits."""
        left, right = _halves(prices)
        rest = (_without(price, left), right) if price in left else (left, _without(price, right))
        best: tuple[float, tuple[tuple[int, int], ...]] = (-1.0, ())
        for step, share in zip(self._off_steps.tolist(), self._off_shares.tolist(), strict=True):
            found = self._best_pair(rest, gap - price * step, tolerance)
            if found is not None and found[0] * share > best[0]:
                best = (found[0] * share, ((price, step), *found[1]))
        return best[1]

    def _gaps(self, prices: tuple[int, ...], charged_e4: int) -> Ints:
        """The sum of unit discounts (e8) that each order percentage leaves to explain."""
        charged = np.rint(charged_e4 * E8_PER_E4 * self._scale).astype(np.int64)
        return sum(prices) * E8_PER_E4 - charged

    def _off_ladder(self, price: int, gaps: Ints, left: _Half, right: _Half) -> Floats:
        """The probability of each gap where one unit of a list price is off the ladder."""
        targets = gaps[:, None] - price * self._off_steps
        feasible = targets >= -self._off_tolerance
        first, second, scale = self._rest_of(price, left, right)
        found = self._match(first, second, targets[feasible], self._off_tolerance[feasible])
        likelihood = np.zeros(targets.shape)
        likelihood[feasible] = found * scale
        by_percent: Floats = likelihood @ self._off_shares
        return by_percent

    def _rest_of(self, price: int, left: _Half, right: _Half) -> tuple[SumTable, SumTable, float]:
        """Tables of all units but one, and a factor for their probabilities.

        A long half stands in for itself less the unit: the choices in which the unit has no ladder
        discount are, after division by that chance, exactly those of the others; the choices in
        which it has one add coincidences in proportion to its chance of a discount.
        """
        half, other = (left, right) if price in left[0] else (right, left)
        units, table = half
        scale = 1.0
        if len(units) <= SHORT_HALF:
            table = self._short_table(_without(price, units))
        else:
            scale = 1.0 / max(self._none, 0.1)
        limit = probe_limit(len(units) + len(other[0]))
        if len(table.sums) <= len(other[1].sums):
            return table.likeliest(limit), other[1], scale
        return table, other[1].likeliest(limit), scale

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
        return listed + dropped_density(first, second, targets, tolerance)

    def _best_pair(
        self, halves: tuple[tuple[int, ...], tuple[int, ...]], target: int, tolerance: int
    ) -> tuple[float, list[tuple[int, int]]] | None:
        """Probability and unit discounts of the likeliest listed choice that hits a target."""
        left, right = halves
        highest = target + tolerance
        first, second = self._table(left, highest), self._table(right, highest)
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
        return best[0], self._trace(left, best[1]) + self._trace(right, best[2])

    def _trace(self, prices: tuple[int, ...], total: int) -> list[tuple[int, int]]:
        """The likeliest steps behind a listed sum, unit by unit from the last."""
        units: list[tuple[int, int]] = []
        if not total:
            return units
        for price, before in reversed(
            list(zip(prices, self._prefixes(prices, total), strict=True))
        ):
            rests = total - price * self._steps
            at = np.minimum(before.sums.searchsorted(rests), len(before.sums) - 1)
            chance = (
                np.where(before.sums[at] == rests, before.probabilities[at], 0.0) * self._shares
            )
            step = int(np.argmax(chance))
            if not chance[step]:  # listed up to another sum, the way to this one is not
                break
            total = int(rests[step])
            if self._steps[step]:
                units.append((price, int(self._steps[step])))
        return units

    def _prefixes(self, prices: tuple[int, ...], highest: int) -> list[SumTable]:
        """The tables of none, the first, the first two, ... and all but the last unit."""
        short = [self._short_table(prices[:end]) for end in range(min(len(prices), SHORT_HALF + 1))]
        for end in range(SHORT_HALF, len(prices) - 1):
            short.append(self._one_more(short[-1], prices[end], table_limit(len(prices)), highest))
        return short[: len(prices)]

    def _table(self, prices: tuple[int, ...], highest: int) -> SumTable:
        """The table of some units; sums above ``highest`` (e8) may be missing from it."""
        if len(prices) <= SHORT_HALF:
            return self._short_table(prices)
        if len(prices) > LISTED_UNITS // 2:
            return self._all_at_list(prices)
        reach, table = self._latest.get(prices, (-1, None))
        if table is None or reach < highest:
            table = self._short_table(prices[:SHORT_HALF])
            for price in prices[SHORT_HALF:]:
                table = self._one_more(table, price, table_limit(len(prices)), highest)
            self._latest[prices] = (highest, table)
        return table

    def _short_table(self, prices: tuple[int, ...]) -> SumTable:
        """The whole table of a short half, from the cache or made from that of one unit fewer."""
        table = self._cache.get(prices)
        if table is not None:
            self._cache.move_to_end(prices)
            return table
        if not prices:
            table = table_of(np.zeros(1, np.int64), np.ones(1), NOTHING)
        else:
            shorter = self._short_table(prices[:-1])
            table = self._one_more(shorter, prices[-1], table_limit(len(prices)), None)
        self._keep(prices, table)
        return table

    def _one_more(self, table: SumTable, price: int, limit: int, highest: int | None) -> SumTable:
        """The table with one more unit of a list price, up to a highest sum."""
        unit = Moments(self._step.mass, price * self._step.first, price**2 * self._step.second)
        if highest is not None:
            table = table.likeliest(limit // 3)  # the others would hardly be kept below
        # step by step, so that the sums lie in ascending runs, which the stable sort merges
        sums = np.add.outer(price * self._steps, table.sums).ravel()
        probabilities = np.multiply.outer(self._shares, table.probabilities).ravel()
        if highest is not None:
            within = sums <= max(highest, 0)
            sums, probabilities = sums[within], probabilities[within]
        unlisted = table.unlisted.times(unit)
        order = sums.argsort(kind="stable")
        sums, probabilities = sums[order], probabilities[order]
        starts = np.flatnonzero(np.concatenate(([True], sums[1:] != sums[:-1])))
        sums, probabilities = sums[starts], np.add.reduceat(probabilities, starts)
        return table_of(sums, probabilities, unlisted).likeliest(limit)

    def _all_at_list(self, prices: tuple[int, ...]) -> SumTable:
        """The table of too many units: no discount at all is listed, the rest is a density."""
        everything = Moments(1.0, 0.0, 0.0)
        for price in prices:
            unit = (self._step.mass, price * self._step.first, price**2 * self._step.second)
            everything = everything.times(Moments(*unit))
        chance = self._none ** len(prices)
        unlisted = everything.minus(Moments(chance, 0.0, 0.0))
        return table_of(np.zeros(1, np.int64), np.array([chance]), unlisted)

    def _keep(self, prices: tuple[int, ...], table: SumTable) -> None:
        self._cache[prices] = table
        self._cached_bytes += _bytes(table)
        while self._cached_bytes > self._room:
            _, dropped = self._cache.popitem(last=False)
            self._cached_bytes -= _bytes(dropped)


_Half = tuple[tuple[int, ...], SumTable]


def _bytes(table: SumTable) -> int:
    return 3 * table.sums.nbytes + 500


def _halves(prices: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    middle = (len(prices) + 1) // 2
    return prices[:middle], prices[middle:]


def _without(price: int, prices: tuple[int, ...]) -> tuple[int, ...]:
    """Units less one of a list price."""
    at = prices.index(price)
    return prices[:at] + prices[at + 1 :]


def _leftover_e4(gap: int, discounts: Sequence[tuple[int, int]], tolerance: int) -> int:
    """The part of a gap (e8) that unit discounts leave, in e4; nothing within the tolerance."""
    left = gap - sum(price * step for price, step in discounts)
    return left // E8_PER_E4 if abs(left) > tolerance else 0
