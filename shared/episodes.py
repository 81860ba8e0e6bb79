r"""A run of a hidden discount in one partition: when it opens, what belongs to it, when it ends.

The belief of `shared.beliefs` crosses a threshold, and a run opens. The orders just before are
looked at again: they came while nobody knew. Where did the run begin? Of the orders that wait, the
run has begun at one, and the evidence of that order and of all after it speaks for it,

.. math:: P(\text{began at } k) \propto \prod_{i \ge k} \Lambda_i, \qquad
          P(i \text{ in the run}) = \sum_{k \le i} P(\text{began at } k)

with :math:`\Lambda_i` how much likelier order ``i`` is within the run (the posterior of a change
point; Shiryaev, "On optimum methods in quickest detection problems", Theory of Probability and its
Applications 8, 1963). Those that are likely to belong are revisited: what was concluded at arrival
stays, and the finding is added.

A run belongs to its partition, so that no replay, rebalance or other partition changes it;
`shared.incidents` gathers the runs of a kind into one incident.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from dataclasses import replace as with_fields
from datetime import datetime
from operator import itemgetter
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from shared.beliefs import SPARED_SHARE, Belief

if TYPE_CHECKING:
    from collections.abc import Sequence

EPISODE_VERSION = 2
"""Of what a partition carries along. A belief of another version is not carried on: it is rebuilt
within a few orders, and no partition stands still for it."""

MOST_WAITING = 60
"""Orders that wait at most, the latest: no run stays unseen for as many."""

SUSPECTED = 1e-4
"""Orders begin to wait with this belief in any percentage, or with a `STRIKING` order."""

STRIKING = 30.0
"""An order this many times likelier under a percentage is remembered, however small the belief."""

DISMISSED = 1e-6
"""Below this belief nothing is suspected any more, and the orders that waited are let go."""

SAMPLES = 10
"""Order ids that a run names, and an incident."""


class Run(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run as one partition has seen it so far.

    Attributes:
        opened_by: alert id of the order with which it was detected; the run's name.
        percent: the hidden percentage in basis points.
        started_at: time of its first order (aware UTC), as those below.
        detected_at: time of the order with which it was detected.
        last_seen_at: time of its latest order.
        ended_at: time of the order with which the belief fell; None while it runs.
        orders: how many orders it took from.
        amount_e4: what it took off them, in ten-thousandths of the currency.
        reps: who they were of, sorted.
        spared: reps who had orders while it ran, and none that it took from, with the number of
            those orders; sorted.
        passed: the same for the orders since its latest one: they count if it goes on.
        sample_order_ids: the first of its orders.
    """

    opened_by: str
    percent: int
    started_at: datetime
    detected_at: datetime
    last_seen_at: datetime
    ended_at: datetime | None = None
    orders: int = 0
    amount_e4: int = 0
    reps: tuple[str, ...] = ()
    spared: tuple[tuple[str, int], ...] = ()
    passed: tuple[tuple[str, int], ...] = ()
    sample_order_ids: tuple[str, ...] = ()


class Waiting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order that a run may turn out to have taken from.

    ``factors`` and ``other`` are its `shared.beliefs.Evidence`; ``p_hidden`` is the probability
    of a hidden discount that it was given at arrival.
    """

    alert_id: str
    order_id: str
    rep_id: str
    ordered_at: datetime
    charged_e4: int
    p_hidden: float
    factors: tuple[tuple[int, float], ...]
    other: float


class EpisodeState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that one order of a partition may pass on to the next about a hidden discount.

    It is stored in the partition's state document under ``episode`` (``msgspec.to_builtins``).

    Attributes:
        belief: what is believed to run.
        run: the run that is open, None while there is none.
        waiting: the orders that a run may turn out to have taken from, in order of arrival.
    """

    belief: Belief = Belief()
    run: Run | None = None
    waiting: tuple[Waiting, ...] = ()
    schema_version: int = EPISODE_VERSION


@dataclass(frozen=True, slots=True)
class Revisit:
    """An order that turned out to belong to a run.

    Attributes:
        alert_id: of its alert, if it was one at arrival or becomes one now.
        rep_id: whose order it is.
        probability: of the hidden discount, as it is believed now, 0-1.
        percent: the run's percentage in basis points.
        amount_e4: what it took off the order.
        known: whether the order was given a hidden discount at arrival already, so that there is
            no finding to add.
    """

    alert_id: str
    rep_id: str
    probability: float
    percent: int
    amount_e4: int
    known: bool


@dataclass(frozen=True, slots=True)
class RunThresholds:
    """A run opens when the belief reaches ``opens`` (0-1) and ends when it has fallen to 1 less
    that; an order belongs to it from the probability ``belongs`` on."""

    opens: float
    belongs: float

    @property
    def ends(self) -> float:
        """The belief at which a run is over."""
        return 1.0 - self.opens


@dataclass(frozen=True, slots=True)
class Step:
    """What one order did to the episode of its partition.

    Attributes:
        state: the state after it.
        changed: the runs that it opened, grew or ended, as it left them.
        belongs: `Run.opened_by` of the run that the order belongs to since its arrival.
        revisits: orders before it that are now known to belong to the run that opened.
    """

    state: EpisodeState
    changed: tuple[Run, ...] = ()
    belongs: str | None = None
    revisits: tuple[Revisit, ...] = ()


def advance(state: EpisodeState, belief: Belief, order: Waiting, thresholds: RunThresholds) -> Step:
    """Take the episode of a partition one order further: a run opens, grows, ends or goes on.

    Args:
        state: that before the order.
        belief: that after the order.
        order: the order at hand.
        thresholds: the policy's.
    """
    run = state.run
    if run is None:
        return _watch(belief, (*state.waiting, order)[-MOST_WAITING:], thresholds)
    if dict(belief.percents).get(run.percent, 0.0) <= thresholds.ends:
        ended = replace(run, ended_at=max(order.ordered_at, run.last_seen_at))
        # The order that ends a run may be the first of another one, of another percentage.
        step = _watch(belief, (order,), thresholds)
        return with_fields(step, changed=(ended, *step.changed))
    if order.p_hidden < thresholds.belongs:
        passed = _added_up(run.passed, ((order.rep_id, 1),))
        return Step(EpisodeState(belief, replace(run, passed=passed)))
    grown = _grown(run, order)
    return Step(EpisodeState(belief, grown), (grown,), run.opened_by)


def _watch(belief: Belief, waiting: tuple[Waiting, ...], thresholds: RunThresholds) -> Step:
    """No run is open: open one if the last of the waiting orders has made the belief strong."""
    percent, chance = max(belief.percents, key=itemgetter(1), default=(0, 0.0))
    if not _suspicious(chance, waiting):
        return Step(EpisodeState(belief))
    if chance < thresholds.opens:
        return Step(EpisodeState(belief, None, waiting))
    factors = [_factor(order, percent) for order in waiting]
    members = [
        (order, likely)
        for order, likely in zip(waiting, _members(factors), strict=True)
        if max(likely, order.p_hidden) >= thresholds.belongs
    ]
    last = waiting[-1]
    run = Run(last.alert_id, percent, last.ordered_at, last.ordered_at, last.ordered_at)
    for order, _ in members:
        run = _grown(run, order)
    at_once = last.p_hidden >= thresholds.belongs
    revisits = tuple(
        _revisit(run, order, likely, thresholds.belongs)
        for order, likely in members
        if order is not last or not at_once
    )
    return Step(EpisodeState(belief, run), (run,), run.opened_by if at_once else None, revisits)


def _suspicious(chance: float, waiting: tuple[Waiting, ...]) -> bool:
    """Whether the orders are to wait on; the last of them has just come."""
    if len(waiting) > 1 and chance >= DISMISSED:
        return True
    return chance >= SUSPECTED or max((f for _, f in waiting[-1].factors), default=0.0) >= STRIKING


def _members(factors: Sequence[float]) -> list[float]:
    """The chance of each order to be one that the run took from: in the run, and not spared."""
    return [
        within * max(0.0, 1.0 - SPARED_SHARE / factor)
        for within, factor in zip(chances_within(factors), factors, strict=True)
    ]


def chances_within(factors: Sequence[float]) -> list[float]:
    """The chance of each order to lie within a run that has begun at one of them and goes on.

    ``factors`` say how many times likelier each order is within the run, in order of arrival.

    >>> [round(chance, 3) for chance in chances_within([0.01, 100.0, 0.9, 100.0])]
    [0.01, 0.98, 0.989, 1.0]
    """
    logs = [math.log(max(factor, 1e-300)) for factor in factors]
    begun = [sum(logs[start:]) for start in range(len(logs))]
    highest = max(begun, default=0.0)
    weights = [math.exp(log - highest) for log in begun]
    total = sum(weights)
    return [sum(weights[: at + 1]) / total for at in range(len(weights))]


def hidden_e4(charged_e4: int, basis_points: int) -> int:
    """What a hidden percentage took off: ``charged = (1 - h) x`` and so ``h x`` in e4."""
    return round(charged_e4 * basis_points / (10_000 - basis_points))


def _factor(order: Waiting, percent: int) -> float:
    return dict(order.factors).get(percent, order.other)


def _revisit(run: Run, order: Waiting, chance: float, belongs: float) -> Revisit:
    return Revisit(
        alert_id=order.alert_id,
        rep_id=order.rep_id,
        probability=max(chance, order.p_hidden),
        percent=run.percent,
        amount_e4=hidden_e4(order.charged_e4, run.percent),
        known=order.p_hidden >= belongs,
    )


def _grown(run: Run, order: Waiting) -> Run:
    """The run with one more order."""
    reps = tuple(sorted({*run.reps, order.rep_id}))
    spared = _added_up(run.spared, run.passed)
    return replace(
        run,
        started_at=min(run.started_at, order.ordered_at),
        last_seen_at=max(run.last_seen_at, order.ordered_at),
        orders=run.orders + 1,
        amount_e4=run.amount_e4 + hidden_e4(order.charged_e4, run.percent),
        reps=reps,
        spared=tuple((rep, orders) for rep, orders in spared if rep not in reps),
        passed=(),
        sample_order_ids=(*run.sample_order_ids, order.order_id)[:SAMPLES],
    )


def _added_up(
    some: tuple[tuple[str, int], ...], more: tuple[tuple[str, int], ...]
) -> tuple[tuple[str, int], ...]:
    """Orders by rep, of both together."""
    if not more:
        return some
    total = Counter(dict(some))
    total.update(dict(more))
    return tuple(sorted(total.items()))
