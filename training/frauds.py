"""How often reps add items, at which discounts, and how often whole orders lose a percentage.

Nobody labels these frauds. Added items show because they are drawn from the whole catalogue, also
from products that customers hardly ever buy: an order that holds one of those, and is discounted,
is almost surely a fraud, and what is true of them is true of the added items that nobody sees.
A hidden discount shows because orders without any unit discount are then charged the same exact
fraction of their list total, whatever their units cost.
"""

from dataclasses import dataclass

import numpy as np

from training.history import Bools, History
from training.prices import Ints
from training.steps import Floats, StepCounts, count_votes, grid_discounts

PERCENTAGES = np.arange(10, 501)
"""Hidden percentages looked for: 0.1 % to 5 %, in basis points."""

FEWEST_RARE = 0.05
"""Share of the catalogue that must be rare products before they say how often items are added."""


@dataclass(frozen=True, slots=True)
class RareProducts:
    """Products that are sold so seldom that most of their units were added by reps.

    ``rare`` is one flag a product; ``holds`` one flag an order that holds a rare product;
    ``added`` is the share of those orders (0-1) whose rare item was really added, the others
    being innocent sales of slow products.
    """

    rare: Bools
    holds: Bools
    added: float

    @property
    def scale(self) -> float:
        """Added items of any product for each one of a rare product (evenly drawn): above 1."""
        return len(self.rare) / max(int(self.rare.sum()), 1)

    @property
    def enough(self) -> bool:
        """Whether the catalogue has rare products to learn from."""
        return float(self.rare.mean()) >= FEWEST_RARE

    def added_orders(self, chosen: Bools) -> float:
        """How many of the chosen orders have an added item, seen or unseen."""
        return float((self.holds & chosen).sum()) * self.added * self.scale


def find_rare(history: History, undiscounted: Bools, none: float) -> RareProducts:
    """Tell rare products by their sales, and innocent sales by orders without any discount.

    Evenly added units give every product about the same few sales (Poisson); what is sold
    beyond that is bought. Of innocent orders, a share of ``none`` to the power of their units has
    no discount; of orders with an added item, none.
    """
    products = len(history.prices.product_ids)
    sales = np.bincount(history.line_product, minlength=products).astype(float)
    mean = float(np.sort(sales)[: max(products // 4, 1)].mean())
    rare = np.zeros(products, dtype=bool)
    for _ in range(20):
        rare = sales <= mean + 4 * np.sqrt(mean) + 1
        mean = float(sales[rare].mean())
    holds = np.zeros(len(history.orders), dtype=bool)
    holds[history.line_order[rare[history.line_product]]] = True
    expected = float((none ** history.units[holds]).sum())
    innocent = min(1.0, float(undiscounted[holds].sum()) / expected) if expected > 0 else 0.0
    return RareProducts(rare, holds, 1 - innocent)


def deep_discounts(
    history: History, rare: RareProducts, ladder: StepCounts, tolerance_e4: float
) -> StepCounts:
    """The discounts of added items, read off orders that hold one unit of one rare product.

    The order's other units have no discount, or one of them has a ladder step; all explanations
    vote (see `training.steps.count_votes`). ``ladder.counts`` are chances of a step on a unit,
    relative to no discount.
    """
    candidates, item = _single_rare(history, rare)
    gaps, deep = history.gap_e4[candidates], history.line_price_e4[item]
    voter, percentage = grid_discounts(deep, gaps, tolerance_e4)
    rows = [(voter, percentage, np.ones(len(voter)))]
    for line, owner in _other_lines(history, candidates, item):
        price, units = history.line_price_e4[line], history.line_quantity[line]
        for step, odds in zip(ladder.steps.tolist(), ladder.counts.tolist(), strict=True):
            rest = gaps[owner] - price * step // 10_000
            left = np.flatnonzero(rest > tolerance_e4)
            voter, percentage = grid_discounts(deep[owner[left]], rest[left], tolerance_e4)
            rows.append((owner[left[voter]], percentage, odds * units[left[voter]]))
    order = np.concatenate([row[0] for row in rows])
    step = np.concatenate([row[1] for row in rows])
    weight = np.concatenate([row[2] for row in rows])
    counts = count_votes(order, step, weight)
    found = np.flatnonzero(counts >= max(3.0, 0.03 * counts.sum()))
    return StepCounts(found, counts[found])


def _single_rare(history: History, rare: RareProducts) -> tuple[Ints, Ints]:
    """Orders whose only rare line is one unit, and that line."""
    line = np.flatnonzero(rare.rare[history.line_product])
    owner = history.line_order[line]
    alone = np.bincount(owner, minlength=len(history.orders))[owner] == 1
    kept = alone & (history.line_quantity[line] == 1)
    return owner[kept], line[kept]


def _other_lines(history: History, orders: Ints, item: Ints) -> list[tuple[Ints, Ints]]:
    """The other lines of the orders, one line of each at a time: (line, position of its order)."""
    first = np.searchsorted(history.line_order, orders)
    lines = np.searchsorted(history.line_order, orders, side="right") - first
    result = []
    for place in range(int(lines.max(initial=0))):
        owner = np.flatnonzero((lines > place) & (first + place != item))
        result.append((first[owner] + place, owner))
    return result


FEWEST_A_DAY = 2
"""A day of fewer orders at exactly a hidden percentage says nothing about a run."""


@dataclass(frozen=True, slots=True)
class HiddenPercent:
    """A percentage taken off whole orders, in basis points, and the orders seen beyond chance."""

    basis_points: int
    orders: float


def find_hidden(
    history: History, ladder: StepCounts, tolerance_e4: float
) -> tuple[list[HiddenPercent], Bools]:
    """Percentages that far more whole orders lose than chance explains; and the orders that do.

    Orders of one price are left out, because a unit discount explains them too. What is expected
    by chance: orders whose every unit got the same ladder step (``ladder.counts`` are chances of
    a step on a unit), and coincidences, as many as at the percentages around.
    """
    mixed = _prices_differ(history)
    hits = _hits(history, mixed, tolerance_e4)
    chance = np.array([hits[_around(at)].mean() for at in range(len(PERCENTAGES))])
    for step, share in zip(ladder.steps.tolist(), ladder.counts.tolist(), strict=True):
        chance[step == PERCENTAGES] += float((share ** history.units[mixed]).sum())
    excess = hits - chance
    spikes = np.flatnonzero(excess > 6 * np.sqrt(chance) + 5).tolist()
    found = [
        HiddenPercent(int(PERCENTAGES[at]), float(excess[at]))
        for at in spikes
        if hits[at] == hits[_around(at)].max(initial=hits[at])
    ]
    lost = np.zeros(len(history.orders), dtype=bool)
    for percent in found:
        exact_e4 = history.list_e4 * percent.basis_points / 1e4
        lost |= np.abs(history.gap_e4 - exact_e4) <= tolerance_e4
    return found, lost


def hidden_rate(
    history: History, percents: list[HiddenPercent], none: float, added_rate: float
) -> float:
    """Share of orders (0-1) under any hidden percentage.

    Those that were seen have no unit discount, so no added item either; the rate is what makes
    them as many as they are.
    """
    seen = sum(percent.orders for percent in percents)
    plain = float((none ** history.units[_prices_differ(history)]).sum()) * (1 - added_rate)
    return min(1.0, seen / max(plain, 1.0))


def run_lengths(history: History, lost: Bools, none: float) -> list[int]:
    """Days of each run of a hidden discount, oldest first.

    A day belongs to a run when at least half as many of its orders as would be if it did (those
    without any unit discount) were charged exactly a hidden percentage less than list.

    Args:
        history: the orders, in time order.
        lost: the orders charged exactly a hidden percentage less, from `find_hidden`.
        none: chance of a unit to have no discount.
    """
    days = np.array([order.ordered_at.toordinal() for order in history.orders])
    first = int(days[0])
    mixed = _prices_differ(history)
    expected = np.bincount(days[mixed] - first, none ** history.units[mixed])
    seen = np.bincount(days[mixed] - first, lost[mixed])
    running = np.flatnonzero((seen >= 0.5 * expected) & (seen >= FEWEST_A_DAY))
    if not len(running):
        return []
    breaks = np.flatnonzero(np.diff(running) > 1) + 1
    return [len(run) for run in np.split(running, breaks)]


def _prices_differ(history: History) -> Bools:
    """Orders whose units do not all have one price."""
    starts = np.searchsorted(history.line_order, np.arange(len(history.orders)))
    lowest = np.minimum.reduceat(history.line_price_e4, starts)
    highest = np.maximum.reduceat(history.line_price_e4, starts)
    return np.asarray(lowest < highest)


def _hits(history: History, mixed: Bools, tolerance_e4: float) -> Floats:
    """Orders whose gap is exactly a percentage of their list total, one count a percentage."""
    _, percentage = grid_discounts(history.list_e4[mixed], history.gap_e4[mixed], tolerance_e4)
    counts = np.bincount(percentage, minlength=PERCENTAGES[-1] + 1)
    return counts[PERCENTAGES].astype(float)


def _around(at: int) -> Ints:
    """Positions of the percentages around one: up to 10 on each side, itself left out."""
    first, last = max(0, at - 10), min(len(PERCENTAGES), at + 11)
    return np.array([near for near in range(first, last) if near != at])
