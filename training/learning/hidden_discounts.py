r"""Runs of hidden discounts: days on which whole orders lose the same exact percentage.

Orders without any unit discount are then charged the same fraction of their list total, whatever
their units cost. Coincidences do that too, but never in a row. So each percentage is scored along
the history, order by order, by the log-likelihood ratio of a run against chance,

.. math:: s_i = \log(p_i / c) \text{ if lost, else } \log((1 - p_i) / (1 - c))

with :math:`p_i` the chance that the order has no unit discount and :math:`c` that of a coincidence,
and a run is a stretch with a score that chance does not reach in so long a history: a stretch of
score S is met by chance about :math:`N e^{-S}` times (Karlin and Altschul, "Methods for assessing
the statistical significance of molecular sequence features", PNAS 87, 1990). Nothing rests on
calendar days: a run may begin and end at any hour.
"""

import math
from dataclasses import dataclass

import numpy as np

from shared.arrays import Bools, Floats, Ints
from training.history.orders import History
from training.history.price_arrays import naive_utc
from training.learning.ladder_learning import grid_discounts

PERCENTAGES = np.arange(10, 501)
"""Hidden percentages looked for: 0.1 % to 5 %, in basis points."""

FALSE_ALARM = 0.001
"""Runs expected of all percentages together in a history that has none."""

BESIDE = 10
"""Percentages on each side that tell how many coincidences to expect."""


@dataclass(frozen=True, slots=True)
class HiddenEpisode:
    """One run: its percentage, how many orders it is seen in, how many it spans, and for how long.

    ``discount_bp`` of the list total; ``seen`` orders without any unit discount; ``orders`` and
    ``days`` from its expected beginning to its expected end.
    """

    discount_bp: int
    seen: int
    orders: float
    days: float


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Orders ``first`` to ``last`` (positions among those looked at) and their score."""

    percent: int
    first: int
    last: int
    score: float


def find_episodes(
    history: History, none: float, tolerance_e4: float
) -> tuple[list[HiddenEpisode], Bools]:
    """Every run, oldest first; and the orders in them that lost exactly its percentage.

    Orders of one price are left out, because a unit discount explains them too.

    Args:
        history: the orders, in time order.
        none: chance of a unit to have no discount.
        tolerance_e4: how far a charge may be from its exact value.
    """
    mixed = np.flatnonzero(_prices_differ(history))
    plain = np.clip(none ** history.units[mixed], 1e-6, 1 - 1e-6)
    hits = _hits(history, mixed, tolerance_e4)
    needed = math.log(max(len(mixed), 1) * len(PERCENTAGES) / FALSE_ALARM)
    found = [
        stretch
        for percent in PERCENTAGES.tolist()
        for stretch in _stretches(percent, hits, plain, needed)
    ]
    times = naive_utc([history.orders[at].ordered_at for at in mixed.tolist()])
    days = (times - times[0]) / np.timedelta64(1, "D") if len(times) else np.zeros(0)
    lost = np.zeros(len(history.orders), dtype=bool)
    episodes = []
    for stretch in _apart(found):
        seen = [at for at in hits[stretch.percent].tolist() if stretch.first <= at <= stretch.last]
        lost[mixed[seen]] = True
        first, begun = _beginning(days, plain, stretch.first)
        last, ended = _beginning(-days[::-1], plain[::-1], len(days) - 1 - stretch.last)
        spanned = (len(days) - 1 - last) - first + 1
        orders = spanned * len(history.orders) / len(mixed)
        episodes.append(HiddenEpisode(stretch.percent, len(seen), orders, -ended - begun))
    return episodes, lost


def _hits(history: History, mixed: Ints, tolerance_e4: float) -> dict[int, Ints]:
    """By percentage, the orders (positions in ``mixed``) whose gap is exactly that of their list
    total."""
    at, percent = grid_discounts(history.list_e4[mixed], history.gap_e4[mixed], tolerance_e4)
    by_percent = np.argsort(percent, kind="stable")
    bounds = np.searchsorted(percent[by_percent], np.append(PERCENTAGES, PERCENTAGES[-1] + 1))
    return {
        int(points): at[by_percent[low:high]]
        for points, low, high in zip(PERCENTAGES, bounds, bounds[1:], strict=False)
    }


def _stretches(percent: int, hits: dict[int, Ints], plain: Floats, needed: float) -> list[_Stretch]:
    """The runs of one percentage.

    Coincidences are at first as many as at the percentages around, then as many as are left
    outside of the runs: some percentages are those of common baskets.
    """
    mine = hits[percent]
    beside = [len(hits[at]) for at in range(percent - BESIDE, percent + BESIDE + 1)
              if at in hits and at != percent]  # fmt: skip
    chance = (float(np.median(beside)) + 1) / (len(plain) + 1)
    found = _scan(percent, mine, plain, chance, needed)
    outside = len(mine) - sum(_between(mine, one.first, one.last) for one in found)
    chance = max(chance, (outside + 1) / (len(plain) + 1))
    return _scan(percent, mine, plain, chance, needed) if found else []


def _between(hits: Ints, first: int, last: int) -> int:
    return int(hits.searchsorted(last, "right") - hits.searchsorted(first))


def _scan(percent: int, hits: Ints, plain: Floats, chance: float, needed: float) -> list[_Stretch]:
    """Stretches that score ``needed`` or more, each ended where the score has fallen so far that
    another run would explain what comes."""
    misses = np.append(0.0, np.cumsum(np.minimum(np.log1p(-plain) - math.log1p(-chance), 0.0)))
    gains = np.log(plain[hits] / chance)
    split = math.log(len(plain) + 1)
    found: list[_Stretch] = []
    first, last, before, score, best = -1, -1, -1, 0.0, 0.0
    for at, gain in zip(hits.tolist(), gains.tolist(), strict=True):
        score += float(misses[at] - misses[before + 1])
        if first < 0 or score <= 0 or score < best - split:
            if best >= needed:
                found.append(_Stretch(percent, first, last, best))
            first, score, best = at, 0.0, 0.0
        score, before = score + gain, at
        if score > best:
            best, last = score, at
    if best >= needed:
        found.append(_Stretch(percent, first, last, best))
    return found


def _apart(found: list[_Stretch]) -> list[_Stretch]:
    """Stretches that do not overlap, oldest first; of those that do the one that scores most:
    rounding makes neighbouring percentages fit the same orders."""
    kept: list[_Stretch] = []
    for one in sorted(found, key=lambda stretch: -stretch.score):
        if all(one.last < other.first or other.last < one.first for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda stretch: stretch.first)


def _beginning(days: Floats, plain: Floats, first: int) -> tuple[float, float]:
    """Where and when a run is expected to have begun: its first order's position, and the time.

    It may have begun in any interval between two orders before the first that shows it: the
    likelier the longer the interval, and the fewer orders that should have shown it came since.
    """
    positions = np.arange(first, max(first - 200, 0) - 1, -1)
    since = np.cumprod(np.append(1.0, 1 - plain[positions[1:]]))
    before = np.where(positions > 0, days[positions - 1], days[positions])
    lengths = days[positions] - before
    weights = since * lengths
    if not weights.sum() > 0:
        return float(first), float(days[first])
    weights /= weights.sum()
    middles = (days[positions] + before) / 2
    return float(weights @ positions), float(weights @ middles)


def _prices_differ(history: History) -> Bools:
    """Orders whose units do not all have one price."""
    starts = np.searchsorted(history.line_order, np.arange(len(history.orders)))
    lowest = np.minimum.reduceat(history.line_price_e4, starts)
    highest = np.maximum.reduceat(history.line_price_e4, starts)
    return np.asarray(lowest < highest)
