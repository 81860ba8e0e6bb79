r"""Reps who discount by a ladder of their own: who they are, and which ladder.

A rep who is generous, or thrifty, is no suspect for it. Each rep's orders are held against the
common ladder by a likelihood ratio,

.. math:: G_r = 2 \,[\max_\theta \ell_r(\theta) - \ell_r(\theta_0)]

which is chi-square with one degree of freedom a step where the rep discounts like the others
(Wilks, "The large-sample distribution of the likelihood ratio", Ann. Math. Stat. 9, 1938). Reps are
many, so the chance of a false alarm is held over all of them (Holm, "A simple sequentially
rejective multiple test procedure", Scand. J. Stat. 6, 1979). Whoever departs gets the rep's own
shares, drawn towards the common ones by :math:`(K - 2) / G_r` (James and Stein, "Estimation with
quadratic loss", Proc. 4th Berkeley Symposium, 1961): the more there is to go by, the less.

The likelihood is that of small orders with a gap of none, one or two ladder discounts. What frauds
leave in the data has no such explanation, or is kept out by the caller.
"""

from collections.abc import Container
from dataclasses import dataclass

import numpy as np

from shared.arrays import Bools, Floats, Ints
from shared.ladder import DiscountShare
from training.history.orders import History
from training.learning.chi_square import chi_square_tail
from training.learning.ladder_learning import SmallOrders, explanations, small_orders

Ladder = tuple[DiscountShare, ...]

ROUNDS = 40
"""Rounds of expectation maximisation; shares then move by less than a thousandth of themselves."""

FALSE_ALARM = 0.001
"""Chance that any rep at all is told apart in a company where nobody departs."""

ENOUGH_OF_A_STEP = 5.0
"""Units of an average step that a rep must be expected to have discounted, to be tested at all
(Cochran, "Some methods for strengthening the common chi-square tests", Biometrics 10, 1954)."""


@dataclass(frozen=True, slots=True)
class _Explained:
    """Orders with their explanations by ladder discounts.

    ``units`` and ``rep`` have one row an order; ``order``, ``step`` and ``second`` one an
    explanation: its order and the positions of its steps, from 1 (0: no discount).
    """

    units: Ints
    rep: Ints
    order: Ints
    step: Ints
    second: Ints

    def of(self, rep: Ints) -> "_Explained":
        """Only the orders of some reps."""
        mine = np.isin(self.rep, rep)
        number = np.cumsum(mine) - 1
        rows = mine[self.order]
        return _Explained(
            self.units[mine],
            self.rep[mine],
            number[self.order[rows]],
            self.step[rows],
            self.second[rows],
        )


def find_rep_ladders(
    history: History, chosen: Bools, ladder: Ladder, most_units: int, tolerance_e4: float
) -> dict[str, Ladder]:
    """The ladders of the reps who do not discount by the common one.

    Args:
        history: the orders.
        chosen: those whose gaps no fraud made, as far as one can tell.
        ladder: what a first look at all of them found, none (0) first.
        most_units: units of the largest orders that are looked at.
        tolerance_e4: how far a charge may be from its exact value.
    """
    steps_bp = np.array([step.discount_bp for step in ladder[1:]], dtype=np.int64)
    names, rep = np.unique([order.rep_id for order in history.orders], return_inverse=True)
    groups = small_orders(history, chosen, most_units)
    tested = _depart(_explained(groups, steps_bp, rep, tolerance_e4), len(names), len(steps_bp))
    return {str(names[each.rep]): each.ladder(steps_bp) for each in tested}


def orders_of(history: History, reps: Container[str]) -> Bools:
    """Which orders are those of some reps."""
    return np.array([order.rep_id in reps for order in history.orders], dtype=bool)


@dataclass(frozen=True, slots=True)
class _Tested:
    """A rep held against the common odds: the ratio :math:`G`, and the rep's own shares."""

    rep: int
    ratio: float
    shares: Floats
    orders: int

    def ladder(self, steps_bp: Ints) -> Ladder:
        """The rep's table; ``orders`` is the number of orders that all of it rests on."""
        steps = zip([0, *steps_bp.tolist()], self.shares.tolist(), strict=True)
        return tuple(DiscountShare(step, share, self.orders) for step, share in steps)


def _depart(explained: _Explained, reps: int, steps: int) -> list[_Tested]:
    """The reps who depart from what is common to the others."""
    departing: list[_Tested] = []
    for _ in range(2):  # those who depart have no say in what is common
        others = np.setdiff1d(np.arange(reps), [each.rep for each in departing])
        if not len(others):
            break
        common = _fit(explained.of(others), steps)
        tested = [_test(explained.of(np.array([rep])), rep, common) for rep in range(reps)]
        departing = _significant(tested, steps)
        if not departing:
            break
    return departing


def _explained(
    groups: list[SmallOrders], steps_bp: Ints, rep: Ints, tolerance_e4: float
) -> _Explained:
    """The orders of the groups that ladder discounts on up to two units explain."""
    parts, first = [], 0
    for group in groups:
        order, step, second = explanations(group, steps_bp, tolerance_e4)
        shut = np.flatnonzero(np.abs(group.gaps_e4) <= tolerance_e4)
        undiscounted = np.zeros(len(shut), dtype=np.int64)
        rows = (
            np.append(order, shut),
            np.append(step, undiscounted),
            np.append(second, undiscounted),
        )
        kept, number = np.unique(rows[0], return_inverse=True)
        units = np.full(len(kept), group.prices_e4.shape[1])
        parts.append((units, rep[group.orders[kept]], number + first, rows[1], rows[2]))
        first += len(kept)
    if not parts:
        nothing = np.zeros(0, dtype=np.int64)
        return _Explained(nothing, nothing, nothing, nothing, nothing)
    return _Explained(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _fit(orders: _Explained, steps: int) -> Floats:
    """The steps' chances relative to no discount that make the orders likeliest.

    Orders with three discounts or more are not among them, so the chance of an order is taken
    among those with up to two.
    """
    odds = np.full(steps + 1, 0.25 / max(steps, 1))
    odds[0] = 1.0  # position 0 is no discount
    for _ in range(ROUNDS):
        likely = odds[orders.step] * odds[orders.second]
        part = likely / np.bincount(orders.order, likely, len(orders.units))[orders.order]
        counts = np.bincount(orders.step, part, steps + 1)
        counts += np.bincount(orders.second, part, steps + 1)
        given, total = counts[1:], float(odds[1:].sum())
        exposure = _exposure(orders.units, total)
        if exposure > 0:
            odds = np.append(1.0, np.maximum(given / exposure, 1e-9))
    return odds


def _exposure(units: Ints, total: float) -> float:
    """Expected discounts for each unit of their odds: the slope of the log of `_normaliser`."""
    slope = units + units * (units - 1) * total
    return float((slope / _normaliser(units, total)).sum())


def _normaliser(units: Ints, total: float) -> Floats:
    """The sum over all choices of up to two discounts; ``total`` is the odds of any discount."""
    return np.asarray(1 + units * total + units * (units - 1) / 2 * total**2)


def _test(mine: _Explained, rep: int, common: Floats) -> _Tested:
    """Hold a rep's orders against the common odds; the ratio is 0 where they are too few."""
    steps = len(common) - 1
    chance = common[1:].sum() / common.sum()
    if steps == 0 or mine.units.sum() * chance / steps < ENOUGH_OF_A_STEP:
        return _Tested(rep, 0.0, common / common.sum(), len(mine.units))
    own = _fit(mine, steps)
    ratio = max(2 * (_log_likelihood(mine, own) - _log_likelihood(mine, common)), 1e-9)
    kept = max(1 - max(steps - 2, 0) / ratio, 0.0)
    shares = kept * own / own.sum() + (1 - kept) * common / common.sum()
    return _Tested(rep, ratio, shares, len(mine.units))


def _log_likelihood(orders: _Explained, odds: Floats) -> float:
    likely = np.bincount(
        orders.order, odds[orders.step] * odds[orders.second], minlength=len(orders.units)
    )
    total = float(odds[1:].sum())
    return float((np.log(likely) - np.log(_normaliser(orders.units, total))).sum())


def _significant(tested: list[_Tested], steps: int) -> list[_Tested]:
    """Holm's procedure: the reps whose ratio cannot be chance, the surest first."""
    ranked = sorted((each for each in tested if each.ratio > 0), key=lambda each: -each.ratio)
    departing: list[_Tested] = []
    for place, each in enumerate(ranked):
        if chi_square_tail(each.ratio, steps) > FALSE_ALARM / (len(ranked) - place):
            break
        departing.append(each)
    return departing
