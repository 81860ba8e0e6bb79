"""How often reps add items, and at which discounts.

Nobody labels them. Added items show because they are drawn from the whole catalogue, also
from products that customers hardly ever buy: an order that holds one of those, and is discounted,
is almost surely a fraud, and what is true of them is true of the added items that nobody sees.
"""

from dataclasses import dataclass

import numpy as np

from shared.arrays import Bools, Ints
from training.history.orders import History
from training.learning.ladder_learning import StepCounts, count_votes, grid_discounts

MOST_HOLDING = 0.2
"""Share of orders beyond which they cannot all have had an item added: what they hold is sold."""

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
    beyond that is bought. A catalogue whose products all sell evenly has no rare ones. Of innocent
    orders, a share of ``none`` to the power of their units has no discount; of orders with an
    added item, none.
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
    if holds.mean() > MOST_HOLDING:
        return RareProducts(np.zeros_like(rare), np.zeros_like(holds), 0.0)
    expected = float((none ** history.units[holds]).sum())
    innocent = min(1.0, float(undiscounted[holds].sum()) / expected) if expected > 0 else 0.0
    return RareProducts(rare, holds, 1 - innocent)


def deep_discounts(
    history: History, rare: RareProducts, ladder: StepCounts, tolerance_e4: float
) -> StepCounts:
    """The discounts of added items, read off orders that hold one unit of one rare product.

    The order's other units have no discount, or one of them has a ladder step; all explanations
    vote (see `training.learning.ladder_learning.count_votes`). ``ladder.counts`` are chances of a
    step on a unit, relative to no discount.
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
