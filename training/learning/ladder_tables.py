"""The ladder's tables: the common one, those of reps with their own, and that of added items."""

from dataclasses import dataclass, replace

import msgspec
import numpy as np

from shared.arrays import Bools, Floats
from shared.ladder import DiscountShare
from shared.model import packaged_bundle
from training.learning.added_items import deep_discounts
from training.learning.coherent_baskets import CoherentOrders
from training.learning.groundwork import Groundwork, refit_no_discount
from training.learning.ladder_learning import StepCounts, find_steps, share_steps, small_orders
from training.learning.learned import OrPackaged
from training.learning.rep_ladders import Ladder, find_rep_ladders, orders_of

SMALL = 4
"""Units of the largest orders that the ladder is read off."""

ENOUGH_ADDED = 20
"""Orders with a rare product below which the discounts of added items are not learned."""

FEWEST = 5.0
"""Orders a step must be seen in."""

SMALLEST_STEP = 0.02
"""A step given more seldom than this, against the commonest one, is a coincidence."""

MOST_STEPS = 40
"""Candidates compared with each other in pairs; the commonest are kept."""


@dataclass(frozen=True, slots=True)
class Ladders:
    """The common ladder, the ladders of the reps who have their own, and added items' discounts."""

    common: OrPackaged[Ladder]
    own: dict[str, Ladder]
    off_ladder: OrPackaged[Ladder]


def learn_ladders(
    work: Groundwork, coherent: CoherentOrders, p_no_discount: float, hidden_share: float
) -> Ladders:
    """Learn the common ladder, then once more without the reps who turn out to have their own."""
    steps = _count_steps(work, coherent.orders)
    off_ladder = _off_ladder_table(work, steps)
    common = _common_table(work, steps, off_ladder.value, p_no_discount, coherent)
    own = find_rep_ladders(work.history, coherent.orders, common.value, SMALL, work.tolerance_e4)
    if own:  # the common ladder is that of the others
        work = replace(work, common=~orders_of(work.history, own))
        p_no_discount = refit_no_discount(work, hidden_share)
        steps = _count_steps(work, coherent.orders & work.common)
        common = _common_table(work, steps, off_ladder.value, p_no_discount, coherent)
    return Ladders(common, own, off_ladder)


def _count_steps(work: Groundwork, chosen: Bools) -> StepCounts:
    """Candidate steps and the chance of each on a unit, over small orders among the chosen."""
    groups = small_orders(work.history, chosen, SMALL)
    units = sum(group.prices_e4.size for group in groups)
    candidates = find_steps(groups, work.tolerance_e4, FEWEST)
    if not len(candidates.steps_bp):
        return candidates
    common = candidates.counts >= SMALLEST_STEP * candidates.counts.max()
    ranked = np.argsort(-np.where(common, candidates.counts, 0))
    kept = np.sort(ranked[: min(MOST_STEPS, common.sum())])
    shared = share_steps(groups, candidates.steps_bp[kept], work.p_no_discount, work.tolerance_e4)
    return StepCounts(shared.steps_bp, shared.counts / units)


def _off_ladder_table(work: Groundwork, steps: StepCounts) -> OrPackaged[Ladder]:
    """The discounts of added items."""
    seen = float(work.rare.holds.sum()) * work.rare.added
    if work.rare.enough and seen >= ENOUGH_ADDED:
        odds = StepCounts(steps.steps_bp, steps.counts / work.p_no_discount)
        deep = deep_discounts(work.history, work.rare, odds, work.tolerance_e4)
        if len(deep.steps_bp):
            return OrPackaged(to_table(deep, deep.counts))
    why = f"{seen:.0f} orders with a rare product, fewer than {ENOUGH_ADDED}"
    return OrPackaged(packaged_bundle().off_ladder, why)


def _common_table(
    work: Groundwork,
    steps: StepCounts,
    off_ladder: Ladder,
    p_no_discount: float,
    coherent: CoherentOrders,
) -> OrPackaged[Ladder]:
    """No discount, and the steps of the ladder.

    What added items of fitting products explain is taken off a step's count; a step that this
    explains altogether is none of the ladder's.
    """
    counted = coherent.orders & work.common
    counts = steps.counts * float(work.history.units[counted].sum())
    added = _unseen_added(steps, off_ladder, coherent, int(counted.sum()))
    left = counts - added
    kept = (left > 2 * added) & (left >= max(FEWEST, SMALLEST_STEP * left.max(initial=0.0)))
    if not kept.any():
        why = "no discount was given often enough to be a step"
        return OrPackaged(packaged_bundle().ladder, why)
    discounted = to_table(StepCounts(steps.steps_bp[kept], left[kept]), left[kept])
    nothing = DiscountShare(0, p_no_discount, int(work.undiscounted[work.common].sum()))
    return OrPackaged((nothing, *(
        msgspec.structs.replace(step, share=step.share * (1 - p_no_discount))
        for step in discounted
    )))  # fmt: skip


def _unseen_added(
    steps: StepCounts, off_ladder: Ladder, coherent: CoherentOrders, counted: int
) -> Floats:
    """Expected added items at each step, among the counted orders, that the basket did not show."""
    unseen = coherent.added * counted / max(int(coherent.orders.sum()), 1)
    share_of = {discount.discount_bp: discount.share for discount in off_ladder}
    return np.array([unseen * share_of.get(step, 0.0) for step in steps.steps_bp.tolist()])


def to_table(steps: StepCounts, weights: Floats) -> Ladder:
    """Discounts with shares in proportion to the weights; they sum to 1."""
    shares = weights / weights.sum()
    return tuple(
        DiscountShare(int(step), float(share), round(float(count)))
        for step, share, count in zip(steps.steps_bp, shares, steps.counts, strict=True)
    )
