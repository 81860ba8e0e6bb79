"""What every table is counted from: the tolerance, undiscounted orders, and rare products."""

from dataclasses import dataclass

import numpy as np

from shared.arrays import Bools, Floats, Ints
from shared.model import LARGEST_ADDED_RATE, packaged_bundle
from training.history.orders import History
from training.learning.added_items import RareProducts, find_rare
from training.learning.charge_tolerance import charge_tolerance
from training.learning.learned import OrPackaged

FLOOR_ORDERS = 0.5
"""A fraud never seen is taken to be in half an order of the history, not to be impossible."""


@dataclass(frozen=True, slots=True)
class Groundwork:
    """What every table is counted from; ``p_no_discount`` is a first estimate.

    ``common`` are the orders that the common ladder is learned from.
    """

    history: History
    tolerance_e4: float
    undiscounted: Bools
    p_no_discount: float
    rare: RareProducts
    common: Bools


def lay_groundwork(history: History) -> Groundwork:
    """Find out what can be told before any table is known."""
    tolerance = charge_tolerance(history)
    undiscounted = np.abs(history.gap_e4) <= tolerance
    p_no_discount = fit_no_discount(history.units, undiscounted)
    rare = find_rare(history, undiscounted, p_no_discount)
    everyone = np.ones(len(history.orders), dtype=bool)
    return Groundwork(history, tolerance, undiscounted, p_no_discount, rare, everyone)


def added_item_rate(work: Groundwork) -> OrPackaged[float]:
    """Chance that an order holds an added item."""
    count = len(work.history.orders)
    if not work.rare.enough:
        why = "the catalogue has no products that are rarely sold"
        return OrPackaged(packaged_bundle().added_item_rate, why)
    added = work.rare.added_orders(np.ones(count, dtype=bool))
    return OrPackaged(min(LARGEST_ADDED_RATE, max(added, FLOOR_ORDERS) / count))


def refit_no_discount(work: Groundwork, hidden: float) -> float:
    """Chance of a common unit to have no discount, once the rates of the frauds are known."""
    units, undiscounted = work.history.units[work.common], work.undiscounted[work.common]
    return fit_no_discount(units, undiscounted, _added_by_size(work), hidden)


def _added_by_size(work: Groundwork) -> Floats:
    """Expected orders with an added item among the common, by number of units (index)."""
    holds = work.rare.holds & work.common
    sizes = np.bincount(work.history.units[holds], minlength=13).astype(float)
    return sizes * (work.rare.added * work.rare.scale if work.rare.enough else 0.0)


def fit_no_discount(
    units: Ints, undiscounted: Bools, added: Floats | None = None, hidden: float | None = None
) -> float:
    """Chance of a unit to have no discount, by maximum likelihood over orders by size.

    An order of ``n`` units that no fraud touches is undiscounted with this chance to the power of
    ``n``.

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
    candidates = np.arange(0.02, 1.0, 0.0005)
    kept = np.linspace(0.05, 1.0, 191) if hidden is None else np.array([1 - hidden])
    chance = np.clip(kept[:, None, None] * candidates[:, None] ** sizes, 1e-9, 1 - 1e-9)
    likelihood = (zeros * np.log(chance) + (totals - zeros) * np.log1p(-chance)).sum(axis=2)
    return float(candidates[np.unravel_index(likelihood.argmax(), likelihood.shape)[1]])
