"""Learns the scorer's tables from unlabelled orders, by counting.

Everything rests on one calculation read in two directions: the discounts that explain a charge.
Nothing about a company is assumed but its catalogue: the steps of its ladder, the discounts of
added items, hidden percentages, rates, rounding and baskets are all counted. Where the history is
too short to count, the packaged table stands in, and the card says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from shared.arrays import Bools, Floats, Ints
from shared.catalogue import Catalogue
from shared.ladder import MOST_HIDDEN, DiscountShare
from shared.model import (
    LARGEST_ADDED_RATE,
    LARGEST_HIDDEN,
    BasketTable,
    ModelBundle,
    packaged_bundle,
)
from shared.order import Order
from training.history.orders import History, price_history
from training.learning.added_items import (
    RareProducts,
    deep_discounts,
    find_rare,
)
from training.learning.baskets import learn_baskets
from training.learning.coherent_baskets import CoherentOrders, find_coherent
from training.learning.hidden_discounts import HiddenEpisode, find_episodes
from training.learning.ladder_learning import StepCounts, find_steps, share_steps, small_orders
from training.learning.product_groups import learn_product_groups
from training.learning.rep_ladders import Ladder, find_rep_ladders, orders_of
from training.learning.size_limits import most_ladders, reps_of, within_room
from training.learning.unpriced_products import learn_unpriced

SMALL = 4
"""Units of the largest orders that the ladder is read off."""

ENOUGH_ORDERS = 300
"""Orders below which no ladder is learned."""

ENOUGH_ADDED = 20
"""Orders with a rare product below which the discounts of added items are not learned."""

FEWEST = 5.0
"""Orders a step must be seen in."""

SMALLEST_STEP = 0.02
"""A step given more seldom than this, against the commonest one, is a coincidence."""

MOST_STEPS = 40
"""Candidates compared with each other in pairs; the commonest are kept."""

SINGLE_PRECISION_E4 = 3.0
"""Least tolerance: what single-precision arithmetic does to a charge, were it only tomorrow."""

FEWEST_EPISODES = 3
"""Runs of a hidden discount below which their length is not learned."""

SHORTEST_EPISODE_DAYS = 1 / 24
"""A run is taken to last an hour at least, on average."""

FLOOR_EPISODES = 0.5
"""Runs of hidden discounts that a history without any counts as."""

FLOOR_ORDERS = 0.5
"""A fraud never seen is taken to be in half an order of the history, not to be impossible."""


@dataclass(frozen=True, slots=True)
class Learned:
    """A bundle; the figures its card shows; and why some of its tables are the packaged ones."""

    bundle: ModelBundle
    figures: dict[str, float]
    defaults: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Groundwork:
    """What every table is counted from; ``none`` is a first estimate.

    ``common`` are the orders that the common ladder is learned from.
    """

    history: History
    tolerance_e4: float
    undiscounted: Bools
    none: float
    rare: RareProducts
    common: Bools


def learn(orders: Sequence[Order], catalogue: Catalogue, version: str) -> Learned:
    """Learn every table of a bundle.

    Args:
        orders: the history in time order, each order at its highest revision.
        catalogue: prices as of the orders' times.
        version: name of the run.

    Raises:
        ConfigurationError: the catalogue prices not one of the orders.
    """
    history = price_history(tuple(orders), catalogue)
    if len(history.orders) < ENOUGH_ORDERS:
        return _too_short(orders, history, catalogue, version)
    work = _groundwork(history)
    episodes, lost = find_episodes(history, work.none, work.tolerance_e4)
    hidden_share = min(sum(episode.orders for episode in episodes) / len(history.orders), 1.0)
    defaults: dict[str, str] = {}
    added_rate = _added_rate(work, defaults)
    none = _none(work, hidden_share)
    baskets = _baskets(work, none)
    fitting = find_coherent(history, baskets, ~work.rare.holds & ~lost, SMALL, added_rate)
    steps = _count_steps(work, fitting.orders)
    deep = _deep_table(work, steps, defaults)
    ladder = _ladder_table(work, steps, deep, none, fitting, defaults)
    own = find_rep_ladders(history, fitting.orders, ladder, SMALL, work.tolerance_e4)
    if own:  # the common ladder is that of the others
        work = replace(work, common=~orders_of(history, own))
        none = _none(work, hidden_share)
        steps = _count_steps(work, fitting.orders & work.common)
        ladder = _ladder_table(work, steps, deep, none, fitting, defaults)
    episode_days = _episode_days(episodes, defaults)
    unpriced = learn_unpriced(orders, catalogue, work.tolerance_e4)
    reps, more_reps = reps_of(orders)
    bundle = ModelBundle(
        version=version,
        trained_orders=len(history.orders),
        ladder=ladder,
        off_ladder=deep,
        hidden=_hidden_table(episodes, defaults),
        added_item_rate=added_rate,
        hidden_discount_rate=max(hidden_share, _least_hidden_rate(history, episode_days)),
        hidden_episode_days=episode_days,
        # Where none was found, the packaged percentages stand for one run, or they had no chance.
        hidden_unseen_share=1 / (1 + max(len(episodes), 1)),
        charge_tolerance_e4=work.tolerance_e4,
        baskets=within_room(baskets),
        reps=reps,
        more_reps=more_reps,
        rep_ladders=most_ladders(own),
        usual_prices=unpriced.usual_prices,
        unpriced=unpriced.unpriced,
    )
    found = {"hidden_runs": len(episodes), "reps_with_own_ladder": len(own)}
    return Learned(bundle, _figures(work, orders, lost) | found, defaults)


def _too_short(
    orders: Sequence[Order], history: History, catalogue: Catalogue, version: str
) -> Learned:
    """The packaged tables, with nothing of the company's but its reps and unknown products."""
    why = f"{len(history.orders)} orders, fewer than {ENOUGH_ORDERS}"
    packaged, (reps, more_reps) = packaged_bundle(), reps_of(orders)
    unpriced = learn_unpriced(orders, catalogue, packaged.charge_tolerance_e4)
    bundle = msgspec.structs.replace(
        packaged,
        version=version,
        reps=reps,
        more_reps=more_reps,
        usual_prices=unpriced.usual_prices,
        unpriced=unpriced.unpriced,
    )
    return Learned(bundle, {"orders": len(history.orders)}, {"all": why})


def _groundwork(history: History) -> _Groundwork:
    tolerance = charge_tolerance(history)
    undiscounted = np.abs(history.gap_e4) <= tolerance
    none = fit_none(history.units, undiscounted)
    rare = find_rare(history, undiscounted, none)
    everyone = np.ones(len(history.orders), dtype=bool)
    return _Groundwork(history, tolerance, undiscounted, none, rare, everyone)


def _count_steps(work: _Groundwork, chosen: Bools) -> StepCounts:
    """Candidate steps and the chance of each on a unit, over small orders among the chosen."""
    groups = small_orders(work.history, chosen, SMALL)
    units = sum(group.prices_e4.size for group in groups)
    found = find_steps(groups, work.tolerance_e4, FEWEST)
    if not len(found.steps):
        return found
    common = found.counts >= SMALLEST_STEP * found.counts.max()
    kept = np.sort(np.argsort(-np.where(common, found.counts, 0))[: min(MOST_STEPS, common.sum())])
    shared = share_steps(groups, found.steps[kept], work.none, work.tolerance_e4)
    return StepCounts(shared.steps, shared.counts / units)


def _deep_table(work: _Groundwork, steps: StepCounts, defaults: dict[str, str]) -> Ladder:
    """The discounts of added items."""
    seen = float(work.rare.holds.sum()) * work.rare.added
    if work.rare.enough and seen >= ENOUGH_ADDED:
        odds = StepCounts(steps.steps, steps.counts / work.none)
        deep = deep_discounts(work.history, work.rare, odds, work.tolerance_e4)
        if len(deep.steps):
            return _table(deep, deep.counts)
    defaults["off_ladder"] = f"{seen:.0f} orders with a rare product, fewer than {ENOUGH_ADDED}"
    return packaged_bundle().off_ladder


def _added_rate(work: _Groundwork, defaults: dict[str, str]) -> float:
    """Chance that an order holds an added item."""
    count = len(work.history.orders)
    if not work.rare.enough:
        defaults["added_item_rate"] = "the catalogue has no products that are rarely sold"
        return packaged_bundle().added_item_rate
    added = work.rare.added_orders(np.ones(count, dtype=bool))
    return min(LARGEST_ADDED_RATE, max(added, FLOOR_ORDERS) / count)


def _added_by_size(work: _Groundwork) -> Floats:
    """Expected orders with an added item among the common, by number of units (index)."""
    holds = work.rare.holds & work.common
    sizes = np.bincount(work.history.units[holds], minlength=13).astype(float)
    return sizes * (work.rare.added * work.rare.scale if work.rare.enough else 0.0)


def _baskets(work: _Groundwork, none: float) -> BasketTable:
    """What is bought together."""
    history = work.history
    table = learn_baskets(history.orders, work.undiscounted.tolist(), none)
    innocent = [
        {line.product_id: line.quantity for line in history.orders[at].lines}
        for at in np.flatnonzero(work.undiscounted).tolist()
    ]
    product_groups = learn_product_groups(table, innocent, history.prices.product_ids, none)
    return msgspec.structs.replace(table, product_groups=product_groups)


def _none(work: _Groundwork, hidden: float) -> float:
    """Chance of a common unit to have no discount, once the rates of the frauds are known."""
    units, undiscounted = work.history.units[work.common], work.undiscounted[work.common]
    return fit_none(units, undiscounted, _added_by_size(work), hidden)


def _least_hidden_rate(history: History, episode_days: float) -> float:
    """Share of the time in a run if half a run had passed unseen; tomorrow's may be the first."""
    first, last = history.orders[0].ordered_at, history.orders[-1].ordered_at
    days = max((last - first).total_seconds() / 86_400, episode_days)
    return FLOOR_EPISODES * episode_days / days


def _episode_days(episodes: list[HiddenEpisode], defaults: dict[str, str]) -> float:
    """Mean days of a run of a hidden discount."""
    if len(episodes) < FEWEST_EPISODES:
        defaults["hidden_run_days"] = f"{len(episodes)} runs seen, fewer than {FEWEST_EPISODES}"
        return packaged_bundle().hidden_episode_days
    return max(sum(episode.days for episode in episodes) / len(episodes), SHORTEST_EPISODE_DAYS)


def _hidden_table(episodes: list[HiddenEpisode], defaults: dict[str, str]) -> Ladder:
    """Hidden percentages.

    Where none was found the packaged ones are kept, at a rate of next to nothing: a hidden
    discount that begins tomorrow must still have a name.
    """
    episodes = _most_usual(episodes)
    if not episodes:
        defaults["hidden"] = "no percentage was lost by more orders in a row than chance explains"
        return packaged_bundle().hidden
    steps = np.array(sorted({episode.discount_bp for episode in episodes}))
    spanned, seen = (
        np.array(
            [sum(of for episode, of in pairs if episode.discount_bp == step) for step in steps]
        )
        for pairs in (
            [(episode, episode.orders) for episode in episodes],
            [(episode, float(episode.seen)) for episode in episodes],
        )
    )
    return _table(StepCounts(steps, seen), spanned)


def _most_usual(episodes: list[HiddenEpisode]) -> list[HiddenEpisode]:
    """The runs of the percentages that a bundle has room for: those of the most orders."""
    orders: dict[int, float] = {}
    for episode in episodes:
        if episode.discount_bp <= LARGEST_HIDDEN:
            orders[episode.discount_bp] = orders.get(episode.discount_bp, 0.0) + episode.orders
    most = sorted(orders, key=lambda percent: (-orders[percent], percent))[:MOST_HIDDEN]
    return [episode for episode in episodes if episode.discount_bp in most]


def _ladder_table(
    work: _Groundwork,
    steps: StepCounts,
    deep: Ladder,
    none: float,
    fitting: CoherentOrders,
    defaults: dict[str, str],
) -> Ladder:
    """No discount, and the steps of the ladder.

    What added items of fitting products explain is taken off a step's count; a step that this
    explains altogether is none of the ladder's.
    """
    counted = fitting.orders & work.common
    counts = steps.counts * float(work.history.units[counted].sum())
    unseen = fitting.added * int(counted.sum()) / max(int(fitting.orders.sum()), 1)
    share_of = {discount.discount_bp: discount.share for discount in deep}
    added = np.array([unseen * share_of.get(step, 0.0) for step in steps.steps.tolist()])
    left = counts - added
    kept = (left > 2 * added) & (left >= max(FEWEST, SMALLEST_STEP * left.max(initial=0.0)))
    if not kept.any():
        defaults["ladder"] = "no discount was given often enough to be a step"
        return packaged_bundle().ladder
    discounted = _table(StepCounts(steps.steps[kept], left[kept]), left[kept])
    nothing = DiscountShare(0, none, int(work.undiscounted[work.common].sum()))
    return (nothing, *(
        msgspec.structs.replace(step, share=step.share * (1 - none)) for step in discounted
    ))  # fmt: skip


def _table(steps: StepCounts, weights: Floats) -> Ladder:
    """Discounts with shares in proportion to the weights; they sum to 1."""
    shares = weights / weights.sum()
    return tuple(
        DiscountShare(int(step), float(share), round(float(count)))
        for step, share, count in zip(steps.steps, shares, steps.counts, strict=True)
    )


def _figures(work: _Groundwork, orders: Sequence[Order], lost: Bools) -> dict[str, float]:
    """Counts that say how much the tables rest on."""
    history = work.history
    return {
        "orders": len(orders),
        "orders_unpriced": len(orders) - len(history.orders),
        "orders_undiscounted": int(work.undiscounted.sum()),
        "orders_charged_above_list": int((history.gap_e4 < -work.tolerance_e4).sum()),
        "orders_with_rare_product": int(work.rare.holds.sum()),
        "orders_at_hidden_percent": int(lost.sum()),
        "products_rare": int(work.rare.rare.sum()),
        "units_per_order": round(float(history.units.mean()), 4),
    }


def charge_tolerance(history: History) -> float:
    """How far charges are from exact values, in `_e4`: what rounding and noise make of no gap.

    Charges may be whole multiples of 10, 100 (cents) or more ten-thousandths; then an exact value
    is up to half of that away.
    """
    quantum = charge_quantum(history.charged_e4[history.gap_e4 > 0])
    near = np.abs(history.gap_e4)
    near = near[near < 20]
    noise = float(np.quantile(near, 0.999)) if len(near) else 0.0
    return max(quantum / 2 + 0.1, noise + 0.6, SINGLE_PRECISION_E4)


def charge_quantum(charged_e4: Ints) -> int:
    """What discounted charges are whole multiples of, in `_e4`: 1 if of nothing, 100 for cents."""
    quanta = [10**power for power in range(1, 7) if _multiples(charged_e4, 10**power)]
    return max(quanta, default=1)


def _multiples(amounts: Ints, quantum: int) -> bool:
    return len(amounts) > 0 and float(np.mean(amounts % quantum == 0)) > 0.995


def fit_none(
    units: Ints, undiscounted: Bools, added: Floats | None = None, hidden: float | None = None
) -> float:
    """Chance of a unit to have no discount, by maximum likelihood over orders by size.

    An order of ``n`` units that no fraud touches is undiscounted with the chance ``none ** n``.

    Args:
        units: units of each order.
        undiscounted: whether each order was charged its list total.
        added: expected orders with an added item by number of units (index), none if left out.
        hidden: share of orders under a hidden discount; fitted too if left out.
    """
    sizes = np.arange(1, 13)
    totals = np.bincount(units, minlength=13)[sizes].astype(float)
    zeros = np.bincount(units[undiscounted], minlength=13)[sizes].astype(float)
    if added is not None:
        totals = np.maximum(totals - added[sizes], zeros)
    nones = np.arange(0.02, 1.0, 0.0005)
    kept = np.linspace(0.05, 1.0, 191) if hidden is None else np.array([1 - hidden])
    chance = np.clip(kept[:, None, None] * nones[:, None] ** sizes, 1e-9, 1 - 1e-9)
    likelihood = (zeros * np.log(chance) + (totals - zeros) * np.log1p(-chance)).sum(axis=2)
    return float(nones[np.unravel_index(likelihood.argmax(), likelihood.shape)[1]])
