"""Which discounts are given: percentages found in the gaps of small orders, and how often.

An order's gap is a sum of unit discounts that nobody recorded. In an order of two to four units
few choices of discounts leave exactly this gap, and a percentage that is really given turns up in
thousands of orders of different prices, while coincidences scatter. Two steps use this:

1. `find_steps`: every order whose gap one discount on one unit explains votes for that percentage,
   on a grid of all basis points; the votes of an order are shared among its explanations by
   expectation maximisation, against an even background of accidents.
2. `share_steps`: how often each step is given, from all explanations with one or two discounts.
"""

from dataclasses import dataclass

import numpy as np

from shared.arrays import Bools, Floats, Ints
from training.history.orders import History

DEEPEST = 9_500
"""Deepest discount looked for, in basis points; what is nearly free has no percentage."""

BLURRED = 30
"""A unit so cheap that its charge's rounding spans more basis points than this shows no step."""

ROUNDS = 60
"""Rounds of expectation maximisation: counts then move by less than one order in a thousand."""

CHUNK = 2_000
"""Orders whose pairs of discounts are compared at once (a few megabytes)."""


@dataclass(frozen=True, slots=True)
class SmallOrders:
    """Orders that all have the same number of units; ``prices_e4`` has shape (orders, units).

    ``orders`` says where they are in their history.
    """

    prices_e4: Ints
    gaps_e4: Ints
    orders: Ints


@dataclass(frozen=True, slots=True)
class StepCounts:
    """Discounts in basis points, ascending, and the number of orders behind each."""

    steps: Ints
    counts: Floats


def small_orders(history: History, chosen: Bools, most_units: int) -> list[SmallOrders]:
    """The chosen orders of up to ``most_units`` units, by their number of units."""
    groups = []
    for units in range(1, most_units + 1):
        selected = np.flatnonzero(chosen & (history.units == units))
        if len(selected):
            prices = history.unit_prices(selected, units)
            groups.append(SmallOrders(prices, history.gap_e4[selected], selected))
    return groups


def find_steps(groups: list[SmallOrders], tolerance_e4: float, least: float) -> StepCounts:
    """Percentages that explain the gap of ``least`` or more orders by one unit's discount.

    Orders without a gap do not vote.
    """
    order, step, weight = [], [], []
    first = 0
    for group in groups:
        open_gap = group.gaps_e4 > tolerance_e4
        prices, gaps = group.prices_e4[open_gap], group.gaps_e4[open_gap]
        for unit in range(prices.shape[1]):
            voter, percentage = grid_discounts(prices[:, unit], gaps, tolerance_e4)
            order.append(voter + first)
            step.append(percentage)
            weight.append(np.full(len(voter), 1 / prices.shape[1]))
        first += len(gaps)
    if not order:
        return StepCounts(np.zeros(0, dtype=np.int64), np.zeros(0))
    counts = count_votes(np.concatenate(order), np.concatenate(step), np.concatenate(weight))
    found = np.flatnonzero(counts >= least)
    return StepCounts(found, counts[found])


def grid_discounts(prices_e4: Ints, gaps_e4: Ints, tolerance_e4: float) -> tuple[Ints, Ints]:
    """Every whole basis point that explains a gap as one unit's discount: rows of (order, step)."""
    prices = np.maximum(prices_e4, 1)
    exact, blur = gaps_e4 * 1e4 / prices, tolerance_e4 * 1e4 / prices
    lowest = np.maximum(np.ceil(exact - blur), 1)
    highest = np.minimum(np.floor(exact + blur), DEEPEST)
    width = np.where(blur <= BLURRED, np.maximum(highest - lowest + 1, 0), 0).astype(np.int64)
    order = np.repeat(np.arange(len(prices)), width)
    within = np.arange(len(order)) - np.repeat(np.cumsum(width) - width, width)
    return order, lowest.astype(np.int64)[order] + within


def count_votes(order: Ints, step: Ints, weight: Floats) -> Floats:
    """How many orders each basis point explains (index 0 to `DEEPEST`), shared by EM.

    Each row is one explanation of one order; ``weight`` is its likelihood apart from the step's
    own share. Round percentages start ahead, which decides between neighbours that rounding to
    cents makes equally good.
    """
    size = DEEPEST + 1
    grid = np.arange(size)
    share = np.ones(size) + (grid % 25 == 0) + 2 * (grid % 50 == 0) + 4 * (grid % 100 == 0)
    share /= share.sum()
    counts = np.zeros(size)
    if not len(order):
        return counts
    voters = len(np.unique(order))
    _, row_order = np.unique(order, return_inverse=True)
    accident = np.bincount(row_order, weight) / size  # an explanation hit by chance, at any step
    accidents = 0.5
    for _ in range(ROUNDS):
        likely = (1 - accidents) * share[step] * weight
        by_chance = accidents * accident
        total = np.bincount(row_order, likely) + by_chance
        counts = np.bincount(step, likely / total[row_order], size)
        accidents = float(np.clip((by_chance / total).mean(), 1e-6, 1 - 1e-6))
        share = counts / max(counts.sum(), 1e-9)
    assert counts.sum() <= voters + 1e-6
    return counts


def share_steps(
    groups: list[SmallOrders], steps: Ints, none: float, tolerance_e4: float
) -> StepCounts:
    """How many units got each step, over explanations with one or two discounts.

    Args:
        groups: the orders, with or without a gap.
        steps: candidate discounts in basis points.
        none: chance of a unit to have no discount, above 0.
        tolerance_e4: how far a charge may be from its exact value.
    """
    rows = [explanations(group, steps, tolerance_e4) for group in groups]
    offsets = np.cumsum([0, *(len(group.gaps_e4) for group in groups)])
    order = np.concatenate([row[0] + at for row, at in zip(rows, offsets, strict=False)])
    one = np.concatenate([row[1] for row in rows])
    other = np.concatenate([row[2] for row in rows])
    units = sum(group.prices_e4.size for group in groups)
    odds = np.full(len(steps) + 1, (1 - none) / none / max(len(steps), 1))
    odds[0] = 1.0  # position 0 is no discount
    counts = np.zeros(len(steps) + 1)
    for _ in range(ROUNDS):
        likely = odds[one] * odds[other]
        part = likely / np.bincount(order, likely, offsets[-1])[order]
        counts = np.bincount(one, part, len(odds)) + np.bincount(other, part, len(odds))
        odds = np.append(1.0, counts[1:] / units / none)
    return StepCounts(steps, counts[1:])


def explanations(group: SmallOrders, steps: Ints, tolerance_e4: float) -> tuple[Ints, Ints, Ints]:
    """Rows of (order, step of one unit, step of another or 0) whose discounts make the gap.

    Steps count from 1; 0 is no discount. An order without a gap has no row: its one explanation
    gives no step a unit.
    """
    open_gap = np.flatnonzero(group.gaps_e4 > tolerance_e4)
    percentages = np.append(0, steps)
    units = group.prices_e4.shape[1]
    found: list[tuple[Ints, Ints, Ints]] = []
    for start in range(0, len(open_gap), CHUNK):
        chunk = open_gap[start : start + CHUNK]
        gaps_e8 = group.gaps_e4[chunk] * 10_000
        off_e8 = group.prices_e4[chunk][:, :, None] * percentages
        for one in range(units):
            alone = np.abs(off_e8[:, one, :] - gaps_e8[:, None]) <= tolerance_e4 * 10_000
            at, step = np.nonzero(alone)
            found.append((chunk[at], step, np.zeros(len(at), dtype=np.int64)))
            for other in range(one + 1, units):
                both = off_e8[:, one, 1:, None] + off_e8[:, other, None, 1:]
                hit = np.abs(both - gaps_e8[:, None, None]) <= tolerance_e4 * 10_000
                at, step, second = np.nonzero(hit)
                found.append((chunk[at], step + 1, second + 1))
    if not found:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty, empty
    order, step, second = (np.concatenate(column) for column in zip(*found, strict=True))
    return order, step, second
