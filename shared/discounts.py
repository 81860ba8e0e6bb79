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
A short half is listed whole and kept. A long one is put together from its own halves for each
order: sums beyond the gap explain nothing and are left out, and of the others the `table_limit`
likeliest are listed. So the work of an order has a bound, whatever its units, prices and ladder.
What is dropped is not lost: its probability, mean and variance are carried along and it becomes a
normal density, so *not listed never means unexplainable*.

All sums are exact integers: prices in ten-thousandths of the currency times discounts in basis
points (hundredths of a percent), "e8" below.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from shared.subset_sums import (
    NO_UNITS,
    Moments,
    SumTable,
    Suspects,
    SuspectTable,
    Windows,
    combined,
    moments,
    suspect_table,
    suspects_of,
    table_of,
)
from shared.units import ManyUnits, UnitPrices, distinct, total_e4

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.arrays import Floats, Ints
    from shared.ladder import DiscountShare


E8_PER_E4 = 10_000
"""Basis points in a whole: ten-thousandths of the currency times basis points are "e8"."""

LARGEST_TOTAL_E4 = 9 * 10**14
"""List totals beyond this (90 billion) would overflow 64-bit e8 arithmetic; callers refuse them."""

SHORT_HALF = 3
"""Halves of up to this many units are listed whole and kept: they recur all day. A longer one is
listed for each order up to its gap, and its order stands in for itself less one unit (see
`DiscountTables._explain_long`)."""

PAIR = 2
"""Of up to this many units even the sums with one of them off the ladder are kept: they recur
nearly always, while those of more units recur too seldom to be worth their room."""

MOST_SUSPECTED = 20_000
"""Sums of a short half with one unit off the ladder, at most; where a ladder of many steps would
make more, fewer units count as a short half."""

FINELY_LISTED = 60
"""Orders of more units are listed more coarsely: their discounts are a density for the most part,
and their time would else grow with their units."""

COARSE_LIMIT = 250
"""Sums that a table of such an order may list, unless it is one of two units and whole."""

MOST_PROBES = 150_000
"""Sums of one half that are tried for all off-ladder discounts of an order, at most."""

FEW_HITS, MOST_PAIRS = 16, 20_000
"""Sums that are tried one after the other, and pairs of them that are compared at once: between,
arrays are faster."""

CACHE_BYTES = 128 << 20
"""Room for the tables that are kept, unless the caller has less."""


def table_limit(units: int) -> int:
    """How many sums a half of ``units`` units may list."""
    return max(250, 5_000 // max(units, 1))


def probe_limit(units: int) -> int:
    """How many sums of one half are tried for each off-ladder discount of an order."""
    return max(50, 1_600 // max(units, 16))


@dataclass(frozen=True, slots=True)
class ChargeLikelihoods:
    """How likely a charge is under each hypothesis; probabilities of the observed amount, 0-1.

    ``ladder[t]`` is ladder only, ``off_ladder[price][t]`` the same with one unit of that list
    price (e4) off the ladder; ``t`` runs over no hidden discount and then the hidden percentages
    that were asked about.
    """

    ladder: Floats
    off_ladder: dict[int, Floats]

    def times(self, chance: float) -> ChargeLikelihoods:
        """The same where the prices behind them hold with a chance only."""
        off_ladder = {price: chance * found for price, found in self.off_ladder.items()}
        return ChargeLikelihoods(chance * self.ladder, off_ladder)


@dataclass(frozen=True, slots=True)
class UnitDiscounts:
    """The likeliest discounts of one hypothesis: (list price e4, basis points) of each unit that
    has one, the off-ladder unit first, and the part of the gap (e4) that they leave."""

    discounts: tuple[tuple[int, int], ...]
    unexplained_e4: int


class DiscountTables:
    """A ladder and off-ladder discounts, and the tables made from them.

    Args:
        ladder: discounts of a normal unit, incl. none (0); shares sum to 1.
        off_ladder: discounts of an added unit; shares sum to 1.
        tolerance_e4: how far a charge may be from its exact value: 50 where charges are rounded
            to cents, the noise of the source where they are not.
        room: bytes for the tables that are kept; the least recently used go first.

    Not safe to share between threads: the tables made so far are kept. Each depends on nothing but
    the key it is kept by, so that no explanation depends on the orders before it.
    """

    def __init__(
        self,
        ladder: Sequence[DiscountShare],
        off_ladder: Sequence[DiscountShare],
        tolerance_e4: float,
        *,
        room: int = CACHE_BYTES,
    ) -> None:
        self._ladder_bp = np.array([step.discount_bp for step in ladder], dtype=np.int64)
        self._shares = np.array([step.share for step in ladder])
        self._off_ladder_bp = np.array([step.discount_bp for step in off_ladder], dtype=np.int64)
        self._off_shares = np.array([step.share for step in off_ladder])
        self._tolerance_e4 = tolerance_e4
        self._smallest_off_bp = int(self._off_ladder_bp.min(initial=E8_PER_E4))
        self._unit = moments(self._ladder_bp, self._shares)
        self._none = float(self._shares[self._ladder_bp == 0].sum())
        self._short_half = _short_half(len(self._ladder_bp), len(self._off_ladder_bp))
        self._short = Kept[SumTable](room // 2)
        self._suspected = Kept[SuspectTable](room // 2)
        # Long tables of the order at hand, by their units and what they list.
        self._long: dict[tuple[tuple[int, ...], _Listing], SumTable] = {}

    def explain(
        self, prices: UnitPrices, charged_e4: int, hidden_bp: tuple[int, ...]
    ) -> ChargeLikelihoods:
        """How likely a charge is under each hypothesis.

        Args:
            prices: list price (e4) of every unit, descending.
            charged_e4: the total that was charged.
            hidden_bp: hidden percentages on the whole order, in basis points.
        """
        self._long.clear()
        windows = self._windows(prices, charged_e4, hidden_bp)
        suspects = [
            price for price in distinct(prices) if price * self._smallest_off_bp <= windows.highest
        ]
        if isinstance(prices, ManyUnits):
            table = self._all_at_list(prices)
            return self._explain_by(NO_UNITS, table, len(prices), suspects, windows)
        if len(prices) <= 2 * self._short_half:
            return self._explain_short(prices, suspects, windows)
        return self._explain_long(prices, suspects, windows)

    def most_likely(
        self,
        prices: UnitPrices,
        charged_e4: int,
        hidden_bp: tuple[int, ...],
        *,
        order_bp: int = 0,
        off_ladder_price: int | None = None,
    ) -> UnitDiscounts:
        """The likeliest unit discounts of an order under one hypothesis.

        Args:
            prices: list price (e4) of every unit, descending.
            charged_e4: the total that was charged.
            hidden_bp: what `explain` was asked about.
            order_bp: the hidden discount in basis points, 0 or one of those.
            off_ladder_price: list price (e4) of the unit that is off the ladder, if one is.
        """
        at = (0, *hidden_bp).index(order_bp)
        windows = self._windows(prices, charged_e4, hidden_bp)
        low, high = int(windows.low[at]), int(windows.high[at])
        listing = self._listing(len(prices), windows)
        wanted = _Wanted((low + high) // 2, (high - low) // 2, listing)
        discounts: tuple[tuple[int, int], ...]
        if isinstance(prices, ManyUnits):
            discounts = self._off_ladder_alone(wanted, off_ladder_price)
        elif off_ladder_price is None:
            discounts = self._best_pair(_halves(prices), wanted)
        else:
            discounts = self._likeliest_off_ladder(prices, wanted, off_ladder_price)
        return UnitDiscounts(discounts, _leftover_e4(wanted, discounts))

    def _windows(self, prices: UnitPrices, charged_e4: int, hidden_bp: tuple[int, ...]) -> Windows:
        """The sums of unit discounts that explain a charge, under each order percentage."""
        listed, charged = total_e4(prices) * E8_PER_E4, charged_e4 * E8_PER_E4
        scales = [1.0, *(1.0 / (1.0 - bp / E8_PER_E4) for bp in hidden_bp)]
        off = [math.ceil(self._tolerance_e4 * E8_PER_E4 * scale) for scale in scales]
        gaps = [listed - round(charged * scale) for scale in scales]
        low = [gap - tolerance for gap, tolerance in zip(gaps, off, strict=True)]
        high = [gap + tolerance for gap, tolerance in zip(gaps, off, strict=True)]
        return Windows(np.array(low), np.array(high), max(high))

    def _explain_short(
        self, prices: tuple[int, ...], suspects: list[int], windows: Windows
    ) -> ChargeLikelihoods:
        """Exactly: each unit of either half off the ladder in turn, and the other half on it."""
        left, right = _halves(prices) if len(prices) > PAIR else (prices, ())
        first, second = self._short_table(left), self._short_table(right)
        ladder: Floats | None = None
        off_ladder: dict[int, Floats] = {}
        for half, other in ((left, second), (right, first)):
            if not half or half[-1] not in suspects:
                continue
            if len(half) <= PAIR:
                ladder, *found = self._suspect_table(half).matched(other, windows)
            else:
                found = [*other.matched_suspects(self._suspects(half), windows)]
            off_ladder |= zip(dict.fromkeys(half), found, strict=True)
        if ladder is None:
            ladder = second.matched(first, windows)  # of the dearer half fewer sums are in reach
        return ChargeLikelihoods(ladder, {price: off_ladder[price] for price in suspects})

    def _suspects(self, half: tuple[int, ...]) -> Suspects:
        """The choices of a short half with one unit off the ladder."""
        fewer = {price: self._short_table(_without(price, half)) for price in half}
        return suspects_of(fewer, self._off_ladder_bp, self._off_shares)

    def _explain_long(
        self, prices: tuple[int, ...], suspects: list[int], windows: Windows
    ) -> ChargeLikelihoods:
        """The order as a whole stands in for itself less the unit that is off the ladder.

        The choices in which that unit has no ladder discount are, after division by that chance,
        exactly those of the others; the choices in which it has one add coincidences in proportion
        to its chance of a discount.
        """
        left, right = _halves(prices)
        listing = self._listing(len(prices), windows)
        few, many = _by_length(self._table(left, listing), self._table(right, listing))
        return self._explain_by(few, many, len(prices), suspects, windows)

    def _explain_by(
        self, few: SumTable, many: SumTable, units: int, suspects: list[int], windows: Windows
    ) -> ChargeLikelihoods:
        """The same from the tables of two parts of the order, that with fewer sums first."""
        ladder = many.matched(few, windows)
        if not suspects:
            return ChargeLikelihoods(ladder, {})
        taken = np.multiply.outer(suspects, self._off_ladder_bp)
        price, step = (taken <= windows.highest).nonzero()
        tried = max(len(price) * len(windows.low), 1)
        few = few.likeliest(min(probe_limit(units), max(MOST_PROBES // tried, 1)))
        rest = many.matched(few, windows.less(taken[price, step]))
        by_step = np.zeros((*taken.shape, len(windows.low)))
        by_step[price, step] = rest.reshape(len(price), -1)
        off_ladder = self._off_shares @ by_step / max(self._none, 0.1)
        return ChargeLikelihoods(ladder, dict(zip(suspects, off_ladder, strict=True)))

    def _likeliest_off_ladder(
        self, prices: tuple[int, ...], wanted: _Wanted, price: int
    ) -> tuple[tuple[int, int], ...]:
        """The off-ladder unit's own discount first; none at all where nothing listed fits."""
        left, right = _halves(prices)
        halves = (_without(price, left), right) if price in left else (left, _without(price, right))
        best: tuple[float, int, _Pair] | None = None
        for discount_bp, share in zip(
            self._off_ladder_bp.tolist(), self._off_shares.tolist(), strict=True
        ):
            pair = self._best_sums(halves, wanted.less(price * discount_bp))
            if pair is not None and (best is None or pair.probability * share > best[0]):
                best = (pair.probability * share, discount_bp, pair)
        if best is None:
            return _NO_DISCOUNTS
        return ((price, best[1]), *self._traced(halves, best[2], wanted.listing))

    def _off_ladder_alone(self, wanted: _Wanted, price: int | None) -> tuple[tuple[int, int], ...]:
        """The likeliest discount of one unit that explains a gap by itself, if one does."""
        if price is None:
            return _NO_DISCOUNTS
        taken = zip(self._off_shares.tolist(), self._off_ladder_bp.tolist(), strict=True)
        fitting = [
            (share, discount_bp)
            for share, discount_bp in taken
            if abs(wanted.total - price * discount_bp) <= wanted.tolerance
        ]
        return ((price, max(fitting)[1]),) if fitting else _NO_DISCOUNTS

    def _best_pair(
        self, halves: tuple[tuple[int, ...], tuple[int, ...]], wanted: _Wanted
    ) -> tuple[tuple[int, int], ...]:
        """The likeliest listed discounts that hit a target; none where nothing listed does."""
        pair = self._best_sums(halves, wanted)
        return _NO_DISCOUNTS if pair is None else self._traced(halves, pair, wanted.listing)

    def _best_sums(
        self, halves: tuple[tuple[int, ...], tuple[int, ...]], wanted: _Wanted
    ) -> _Pair | None:
        """The likeliest listed sums of two halves that hit a target together."""
        first, second = (self._table(half, wanted.listing) for half in halves)
        low = second.sums.searchsorted(wanted.total - first.sums - wanted.tolerance, "left")
        high = second.sums.searchsorted(wanted.total - first.sums + wanted.tolerance, "right")
        hits = np.flatnonzero(high > low)
        if len(hits) > FEW_HITS and int((high[hits] - low[hits]).sum()) <= MOST_PAIRS:
            lefts, rights = _ranges(hits, low[hits], high[hits])
            at = int((first.probabilities[lefts] * second.probabilities[rights]).argmax())
            return _pair_of(first, second, int(lefts[at]), int(rights[at]))
        best: tuple[float, int, int] | None = None
        for i in hits.tolist():
            j = int(low[i] + second.probabilities[low[i] : high[i]].argmax())
            probability = float(first.probabilities[i] * second.probabilities[j])
            if best is None or probability > best[0]:
                best = (probability, i, j)
        return None if best is None else _pair_of(first, second, *best[1:])

    def _traced(
        self, halves: tuple[tuple[int, ...], tuple[int, ...]], pair: _Pair, listing: _Listing
    ) -> tuple[tuple[int, int], ...]:
        """The likeliest discounts behind the sums of two halves."""
        left, right = halves
        return (
            *self._trace(left, _Wanted(pair.left, 0, listing)),
            *self._trace(right, _Wanted(pair.right, 0, listing)),
        )

    def _trace(self, prices: tuple[int, ...], wanted: _Wanted) -> tuple[tuple[int, int], ...]:
        """The likeliest discounts behind a listed sum."""
        if not wanted.total:
            return ()
        if len(prices) == 1:
            return ((prices[0], wanted.total // prices[0]),)
        return self._best_pair(_halves(prices), wanted)

    def _listing(self, units: int, windows: Windows) -> _Listing:
        """What the tables of an order list."""
        if units > FINELY_LISTED:
            pairs = len(self._ladder_bp) ** 2 <= 2 * COARSE_LIMIT
            return _Listing(windows.highest, 2 if pairs else 1, COARSE_LIMIT)
        return _Listing(windows.highest, self._short_half, None)

    def _table(self, prices: tuple[int, ...], listing: _Listing) -> SumTable:
        """The table of some units; sums above the highest of the listing may be missing from it."""
        if len(prices) <= listing.whole:
            return self._short_table(prices)
        table = self._long.get((prices, listing))
        if table is None:
            first, second = (self._table(half, listing) for half in _halves(prices))
            limit = listing.limit or table_limit(len(prices))
            table = combined(first, second, limit, listing.highest)
            self._long[prices, listing] = table
        return table

    def _short_table(self, prices: tuple[int, ...]) -> SumTable:
        """The whole table of a short half, kept or made from that of one unit fewer."""
        if not prices:
            return NO_UNITS
        table = self._short.get(prices)
        if table is None:
            fewer = self._short_table(prices[:-1])
            table = fewer.with_unit(prices[-1] * self._ladder_bp, self._shares)
            self._short[prices] = table
        return table

    def _suspect_table(self, prices: tuple[int, ...]) -> SuspectTable:
        """The table of a short half with each of its units off the ladder."""
        table = self._suspected.get(prices)
        if table is None:
            table = suspect_table(self._short_table(prices), self._suspects(prices))
            self._suspected[prices] = table
        return table

    def _all_at_list(self, units: ManyUnits) -> SumTable:
        """The table of too many units: no discount at all is listed, the rest is a density."""
        everything = Moments(1.0, 0.0, 0.0)
        for price, count in units.counts.items():
            unit = (self._unit.mass, price * self._unit.first, price**2 * self._unit.second)
            everything = everything.times(Moments(*unit).power(count))
        chance = self._none ** len(units)
        unlisted = everything.minus(Moments(chance, 0.0, 0.0))
        return table_of(np.zeros(1, np.int64), np.array([chance]), unlisted)


_NO_DISCOUNTS: tuple[tuple[int, int], ...] = ()


class _Listing(NamedTuple):
    """What tables list: sums up to the ``highest`` (e8), every one of up to ``whole`` units, and of
    more units the ``limit`` likeliest (None: `table_limit`)."""

    highest: int
    whole: int
    limit: int | None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A sum of discounts (e8) to be found within a tolerance, in tables of some listing."""

    total: int
    tolerance: int
    listing: _Listing

    def less(self, taken: int) -> _Wanted:
        """What is left to find when some of it is known."""
        return _Wanted(self.total - taken, self.tolerance, self.listing)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A sum (e8) of each of two halves, and the probability of both."""

    probability: float
    left: int
    right: int


def _pair_of(first: SumTable, second: SumTable, i: int, j: int) -> _Pair:
    probability = float(first.probabilities[i] * second.probabilities[j])
    return _Pair(probability, int(first.sums[i]), int(second.sums[j]))


def _ranges(hits: Ints, low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Every number from ``low`` up to ``high`` of each hit, and the hit, in that order."""
    counts = high - low
    starts = counts.cumsum() - counts
    return hits.repeat(counts), np.arange(counts.sum()) + (low - starts).repeat(counts)


class Kept[Table: (SumTable, SuspectTable)]:
    """Tables by the units they are of, up to a size; the least recently used go first.

    Whoever asks for one can make it anew from its units alone: nothing rests on its being there.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._tables: OrderedDict[tuple[int, ...], Table] = OrderedDict()
        self.nbytes = 0

    def get(self, prices: tuple[int, ...]) -> Table | None:
        """The table of some units, if it is there."""
        table = self._tables.get(prices)
        if table is not None:
            self._tables.move_to_end(prices)
        return table

    def __setitem__(self, prices: tuple[int, ...], table: Table) -> None:
        """Keep a table; it or any other one may be gone at the next call."""
        before = self._tables.pop(prices, None)
        self._tables[prices] = table
        self.nbytes += table.nbytes - (before.nbytes if before is not None else 0)
        while self.nbytes > self._room:
            _, dropped = self._tables.popitem(last=False)
            self.nbytes -= dropped.nbytes


def _short_half(steps: int, off_steps: int) -> int:
    """Units of a half that is listed whole, with each of them off the ladder in turn."""
    units = range(SHORT_HALF, 1, -1)
    return next((n for n in units if n * off_steps * steps ** (n - 1) <= MOST_SUSPECTED), 1)


def _halves(prices: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The dearer and the cheaper half of some units."""
    middle = (len(prices) + 1) // 2
    return prices[:middle], prices[middle:]


def _by_length(one: SumTable, other: SumTable) -> tuple[SumTable, SumTable]:
    """Two tables, the one that lists fewer sums first."""
    return (one, other) if len(one.sums) <= len(other.sums) else (other, one)


def _without(price: int, prices: tuple[int, ...]) -> tuple[int, ...]:
    """Units less one of a list price."""
    at = prices.index(price)
    return prices[:at] + prices[at + 1 :]


def _leftover_e4(wanted: _Wanted, discounts: Sequence[tuple[int, int]]) -> int:
    """The part of a gap (e8) that unit discounts leave, in e4; nothing within the tolerance."""
    left = wanted.total - sum(price * discount_bp for price, discount_bp in discounts)
    return left // E8_PER_E4 if abs(left) > wanted.tolerance else 0
