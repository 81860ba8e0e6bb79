r"""Episodes: a hidden discount in one partition, from its first order to its last one.

An episode opens when the belief of `shared.beliefs` crosses a threshold. The orders just before
came when the belief was still low, so they are judged again. The episode began at one of the orders
that wait. That order, and each order after it, is evidence for it:

.. math:: P(\text{began at } k) \propto \prod_{i \ge k} \Lambda_i, \qquad
          P(i \text{ in the episode}) = \sum_{k \le i} P(\text{began at } k)

where :math:`\Lambda_i` says how many times likelier order ``i`` is within the episode (the
posterior of a change point; Shiryaev, "On optimum methods in quickest detection problems", Theory
of Probability and its Applications 8, 1963). Orders that are likely to belong are revisited: their
alerts get the finding, and keep everything else that was concluded when they arrived.

An episode belongs to one partition, so that no replay, rebalance or other partition can change it.
`shared.incidents` gathers the episodes of all partitions into incidents.
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from dataclasses import replace as with_fields
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec.structs import replace

from shared.beliefs import SPARED_SHARE, Belief

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EPISODE_VERSION = 3
"""The version of `EpisodeState`. Version 2 can be read, too. Any other version is dropped, because
a belief is rebuilt within a few orders and no partition should stand still for it."""

MOST_WAITING = 60
"""The most orders that wait: the latest ones. Every episode is detected within fewer orders."""

SUSPECTED = 1e-4
"""Orders begin to wait once the belief in any percentage reaches this, or at a `STRIKING` order."""

STRIKING = 30.0
"""Even at a small belief an order waits if a percentage makes it this many times likelier."""

DISMISSED = 1e-6
"""Below this belief nothing is suspected any more, and the waiting orders are dropped."""

SAMPLES = 10
"""The most order ids that an episode names, or an incident."""

MOST_REPS = 100
"""The most reps that an episode names among those it took from, and among those it spared."""

MOST_HOURS = 168
"""The number of latest hours for which an episode keeps totals: a week."""

MOST_LATEST = 500
"""The number of an episode's latest orders that a revision can still replace."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)

type RepTotal = tuple[str, int, int]
"""A rep, the number of orders, and the money taken off them (e4)."""

type HourTotal = tuple[int, int, int, int]
"""An hour (`hour_of`), the number of orders, of spared orders, and the money taken off (e4)."""


class Episode(msgspec.Struct, frozen=True, rename={"discount_bp": "percent"}):
    """An episode of a hidden discount, as its partition has seen it so far. Times are aware UTC.

    Attributes:
        opened_by: alert id of the order that opened it. It names the episode.
        discount_bp: the hidden discount.
        started_at: time of its first order.
        detected_at: time of the order that opened it.
        last_seen_at: time of its latest order.
        ended_at: time of the order with which the belief fell; None while it goes on.
        number: counts the episodes of its partition; 0 where an older release opened it.
        orders: number of orders that it took from.
        amount_e4: the money that it took off them.
        spared_orders: number of orders that it did not take from while it went on.
        reps: totals of the reps that it took from, sorted, at most `MOST_REPS`.
        other_reps: whether it took from more reps, whose orders are only part of the totals.
        spared: reps with orders during the episode, from which it took nothing, with the number of
            their orders; sorted, at most `MOST_REPS`.
        hours: totals of the latest `MOST_HOURS` hours, sorted.
        passed: by rep, orders since its latest one. They become spared orders if it goes on.
        passed_hours: the same by hour.
        latest: (key of the order, hour, amount e4) of its latest `MOST_LATEST` orders.
        sample_order_ids: ids of its first orders.
    """

    opened_by: str
    discount_bp: int
    started_at: datetime
    detected_at: datetime
    last_seen_at: datetime
    ended_at: datetime | None = None
    number: int = 0
    orders: int = 0
    amount_e4: int = 0
    spared_orders: int = 0
    reps: tuple[RepTotal, ...] = ()
    other_reps: bool = False
    spared: tuple[tuple[str, int], ...] = ()
    hours: tuple[HourTotal, ...] = ()
    passed: tuple[tuple[str, int], ...] = ()
    passed_hours: tuple[tuple[int, int], ...] = ()
    latest: tuple[tuple[int, int, int], ...] = ()
    sample_order_ids: tuple[str, ...] = ()


class Waiting(msgspec.Struct, frozen=True):
    """A waiting order: later orders may show that an episode took money off it.

    ``factors`` and ``other`` are its `shared.beliefs.Evidence`. ``p_hidden`` is the probability of
    a hidden discount when it arrived.
    """

    alert_id: str
    order_id: str
    rep_id: str
    ordered_at: datetime
    charged_e4: int
    p_hidden: float
    factors: tuple[tuple[int, float], ...]
    other: float


class EpisodeState(msgspec.Struct, frozen=True, rename={"episode": "run"}):
    """The memory of a partition about hidden discounts, from one order to the next.

    The partition's state document keeps it under ``episode``.

    Attributes:
        belief: the belief in hidden discounts.
        episode: the open episode; None while there is none. It is stored as ``run``.
        waiting: the orders that may turn out to belong to an episode, in order of arrival.
        opened: number of episodes that the partition has opened.
    """

    belief: Belief = Belief()
    episode: Episode | None = None
    waiting: tuple[Waiting, ...] = ()
    opened: int = 0
    schema_version: int = EPISODE_VERSION


@dataclass(frozen=True, slots=True)
class Revisit:
    """An earlier order that turned out to belong to an episode.

    Attributes:
        alert_id: id of its alert, whether it has one or gets one now.
        rep_id: rep of the order.
        probability: probability of the hidden discount now, 0-1.
        discount_bp: the episode's hidden discount.
        amount_e4: the money that it took off the order.
        known: whether the order had the finding when it arrived, so that none is added.
    """

    alert_id: str
    rep_id: str
    probability: float
    discount_bp: int
    amount_e4: int
    known: bool


@dataclass(frozen=True, slots=True)
class EpisodeThresholds:
    """When an episode opens and ends, and which orders belong to it.

    Attributes:
        opens: the belief (0-1) at which an episode opens.
        belongs: the probability (0-1) from which on an order belongs to an episode.
    """

    opens: float
    belongs: float

    @property
    def ends(self) -> float:
        """Return the belief at which an episode has ended."""
        return 1.0 - self.opens


@dataclass(frozen=True, slots=True)
class Step:
    """The changes that one order makes in the episodes of its partition.

    Attributes:
        state: the state after the order.
        changed: the episodes that it opened, extended or ended, as they are after it.
        belongs: name of the episode that the order belongs to.
        revisits: earlier orders that now turn out to belong to the episode that opened.
    """

    state: EpisodeState
    changed: tuple[Episode, ...] = ()
    belongs: str | None = None
    revisits: tuple[Revisit, ...] = ()


def advance(
    state: EpisodeState, belief: Belief, order: Waiting, thresholds: EpisodeThresholds
) -> Step:
    """Return what one order changes: an episode opens, grows, ends, or goes on without it.

    Args:
        state: the state before the order.
        belief: the belief after the order.
        order: the order.
        thresholds: from the policy.
    """
    waiting = tuple(earlier for earlier in state.waiting if _subject(earlier) != _subject(order))
    if state.episode is None:
        watched = (*waiting, order)[-MOST_WAITING:]
        return _watch(belief, watched, thresholds, state.opened)
    episode = _without(state.episode, order)
    if dict(belief.chance_by_bp).get(episode.discount_bp, 0.0) <= thresholds.ends:
        ended = replace(episode, ended_at=max(order.ordered_at, episode.last_seen_at))
        # The order that ends an episode may be the first of another one, of another percentage.
        step = _watch(belief, (order,), thresholds, state.opened)
        return with_fields(step, changed=(ended, *step.changed))
    if order.p_hidden < thresholds.belongs:
        changed = () if episode is state.episode else (episode,)
        return Step(EpisodeState(belief, _passed(episode, order), (), state.opened), changed)
    grown = _grown(episode, order)
    return Step(EpisodeState(belief, grown, (), state.opened), (grown,), episode.opened_by)


def _watch(
    belief: Belief, waiting: tuple[Waiting, ...], thresholds: EpisodeThresholds, opened: int
) -> Step:
    """While no episode is open, open one if the last waiting order has made the belief strong."""
    discount_bp, chance = max(belief.chance_by_bp, key=itemgetter(1), default=(0, 0.0))
    if not _suspicious(chance, waiting):
        return Step(EpisodeState(belief, opened=opened))
    if chance < thresholds.opens:
        return Step(EpisodeState(belief, None, waiting, opened))
    factors = [_factor(order, discount_bp) for order in waiting]
    members = [
        (order, likely)
        for order, likely in zip(waiting, _members(factors), strict=True)
        if max(likely, order.p_hidden) >= thresholds.belongs
    ]
    last = waiting[-1]
    at = last.ordered_at
    episode = Episode(last.alert_id, discount_bp, at, at, at, number=opened + 1)
    for order, _ in members:
        episode = _grown(episode, order)
    at_once = last.p_hidden >= thresholds.belongs
    revisits = tuple(
        _revisit(episode, order, likely, thresholds.belongs)
        for order, likely in members
        if order is not last or not at_once
    )
    state = EpisodeState(belief, episode, (), opened + 1)
    return Step(state, (episode,), episode.opened_by if at_once else None, revisits)


def _suspicious(chance: float, waiting: tuple[Waiting, ...]) -> bool:
    """Return whether the orders should go on waiting; the last of them has just arrived."""
    if len(waiting) > 1 and chance >= DISMISSED:
        return True
    factors = (factor for _, factor in waiting[-1].factors)
    return chance >= SUSPECTED or max(factors, default=0.0) >= STRIKING


def _members(factors: Sequence[float]) -> list[float]:
    """Return, by order, the chance that it lies within the episode and was not spared."""
    return [
        within * max(0.0, 1.0 - SPARED_SHARE / factor)
        for within, factor in zip(chances_within(factors), factors, strict=True)
    ]


def chances_within(factors: Sequence[float]) -> list[float]:
    """Return, by order, the chance that it lies within an episode that began at one of them.

    ``factors`` say how many times likelier each order is within it, in order of arrival.

    >>> [round(chance, 3) for chance in chances_within([0.01, 100.0, 0.9, 100.0])]
    [0.01, 0.98, 0.989, 1.0]
    """
    logs = [math.log(max(factor, 1e-300)) for factor in factors]
    begun = [sum(logs[start:]) for start in range(len(logs))]
    highest = max(begun, default=0.0)
    weights = [math.exp(log - highest) for log in begun]
    total = sum(weights)
    return [sum(weights[: at + 1]) / total for at in range(len(weights))]


def hidden_e4(charged_e4: int, discount_bp: int) -> int:
    """Return what a hidden discount took off: ``charged = (1 - h) x``, so it took ``h x``."""
    return round(charged_e4 * discount_bp / (10_000 - discount_bp))


def _factor(order: Waiting, discount_bp: int) -> float:
    return dict(order.factors).get(discount_bp, order.other)


def _revisit(episode: Episode, order: Waiting, chance: float, belongs: float) -> Revisit:
    return Revisit(
        alert_id=order.alert_id,
        rep_id=order.rep_id,
        probability=max(chance, order.p_hidden),
        discount_bp=episode.discount_bp,
        amount_e4=hidden_e4(order.charged_e4, episode.discount_bp),
        known=order.p_hidden >= belongs,
    )


def _grown(episode: Episode, order: Waiting) -> Episode:
    """Return the episode with one more order; the orders passed since its latest were spared."""
    amount, hour = hidden_e4(order.charged_e4, episode.discount_bp), hour_of(order.ordered_at)
    reps, others = _with_rep(episode.reps, (order.rep_id, 1, amount))
    named = {rep for rep, _, _ in reps}
    spared = _added_up(episode.spared, episode.passed)
    passed_hours = ((at, 0, passed, 0) for at, passed in episode.passed_hours)
    return replace(
        episode,
        started_at=min(episode.started_at, order.ordered_at),
        last_seen_at=max(episode.last_seen_at, order.ordered_at),
        orders=episode.orders + 1,
        amount_e4=episode.amount_e4 + amount,
        spared_orders=episode.spared_orders + sum(passed for _, passed in episode.passed_hours),
        reps=reps,
        other_reps=episode.other_reps or others,
        spared=tuple((rep, orders) for rep, orders in spared if rep not in named)[:MOST_REPS],
        hours=with_hours(episode.hours, *passed_hours, (hour, 1, 0, amount)),
        passed=(),
        passed_hours=(),
        latest=(*episode.latest, (_key(order), hour, amount))[-MOST_LATEST:],
        sample_order_ids=(*episode.sample_order_ids, order.order_id)[:SAMPLES],
    )


def _passed(episode: Episode, order: Waiting) -> Episode:
    """Return the episode after an order that it did not take from."""
    hours = Counter(dict(episode.passed_hours))
    hours[hour_of(order.ordered_at)] += 1
    return replace(
        episode,
        passed=_added_up(episode.passed, ((order.rep_id, 1),))[:MOST_REPS],
        passed_hours=tuple(sorted(hours.items()))[-MOST_HOURS:],
    )


def _without(episode: Episode, order: Waiting) -> Episode:
    """Return the episode without an earlier revision of an order, if it has one."""
    key = _key(order)
    known = next((entry for entry in episode.latest if entry[0] == key), None)
    if known is None:
        return episode
    _, hour, amount = known
    reps, _ = _with_rep(episode.reps, (order.rep_id, -1, -amount))
    return replace(
        episode,
        orders=episode.orders - 1,
        amount_e4=episode.amount_e4 - amount,
        reps=reps,
        hours=with_hours(episode.hours, (hour, -1, 0, -amount)),
        latest=tuple(entry for entry in episode.latest if entry is not known),
    )


def _with_rep(reps: tuple[RepTotal, ...], change: RepTotal) -> tuple[tuple[RepTotal, ...], bool]:
    """Return the reps with one of them changed, and whether the change had to be left out."""
    rep, orders, amount = change
    totals = {name: (had, taken) for name, had, taken in reps}
    if rep not in totals and (len(totals) == MOST_REPS or orders < 0):
        return reps, True
    had, taken = totals.pop(rep, (0, 0))
    if had + orders > 0:
        totals[rep] = (had + orders, taken + amount)
    return tuple((name, *totals[name]) for name in sorted(totals)), False


def caught_up(episode: EpisodeState, now: datetime, most_ahead: timedelta) -> EpisodeState:
    """Return the state with its clock at most ``most_ahead`` after ``now``.

    An older release may have admitted an order from too far in the future. Every order after it
    would then count as late.
    """
    at = episode.belief.at
    if at is None or at - now <= most_ahead:
        return episode
    return replace(episode, belief=replace(episode.belief, at=now))


def by_hour(hours: Sequence[HourTotal]) -> tuple[HourTotal, ...]:
    """Return the totals with each hour once, sorted, for the latest `MOST_HOURS` hours.

    >>> by_hour([(2, 1, 0, 50), (1, 0, 3, 0), (2, 1, 1, 70)])
    ((1, 0, 3, 0), (2, 2, 1, 120))
    """
    totals: dict[int, HourTotal] = {}
    for total in hours:
        hour, orders, spared, amount = total
        known = totals.get(hour)
        if known is None:
            totals[hour] = total
        else:
            totals[hour] = (hour, known[1] + orders, known[2] + spared, known[3] + amount)
    return tuple(total for total in sorted(totals.values()) if any(total[1:]))[-MOST_HOURS:]


def with_hours(known: tuple[HourTotal, ...], *added: HourTotal) -> tuple[HourTotal, ...]:
    """Return the totals of `by_hour` with more added; earlier hours stay as they are.

    >>> with_hours(((1, 0, 3, 0), (2, 1, 0, 50)), (2, 1, 1, 70))
    ((1, 0, 3, 0), (2, 2, 1, 120))
    """
    at = bisect_left(known, (min(hour for hour, *_ in added),))
    return (*known[:at], *by_hour((*known[at:], *added)))[-MOST_HOURS:]


def hour_of(at: datetime) -> int:
    """Return how many hours have passed since 1970 at a time (aware UTC)."""
    return (at - _EPOCH) // _HOUR


def hour_start(hour: int) -> datetime:
    """Return when an hour of `hour_of` begins (aware UTC)."""
    return _EPOCH + hour * _HOUR


def _subject(order: Waiting) -> str:
    """Return a name for an order that all its revisions share, but no order that reuses its id."""
    return f"{order.rep_id}\n{order.alert_id if '~' in order.alert_id else order.order_id}"


def _key(order: Waiting) -> int:
    """Return 48 bits that name an order: any JSON reader can hold such a number."""
    digest = hashlib.blake2b(_subject(order).encode(), digest_size=6).digest()
    return int.from_bytes(digest)


def _added_up(
    known: tuple[tuple[str, int], ...], added: tuple[tuple[str, int], ...]
) -> tuple[tuple[str, int], ...]:
    """Return the sum of two numbers of orders by rep."""
    if not added:
        return known
    total = Counter(dict(known))
    total.update(dict(added))
    return tuple(sorted(total.items()))


class _EpisodeOfVersion2(msgspec.Struct, frozen=True, rename={"discount_bp": "percent"}):
    """The fields of an episode that the release before stored."""

    opened_by: str
    discount_bp: int
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


class _EpisodeStateOfVersion2(msgspec.Struct, frozen=True, rename={"episode": "run"}):
    belief: Belief = Belief()
    episode: _EpisodeOfVersion2 | None = None
    waiting: tuple[Waiting, ...] = ()
    schema_version: int = 2


def episode_from(document: Mapping[str, Any]) -> EpisodeState:
    """Read a stored episode state; if its version is unknown, return a new state.

    Raises:
        ValueError: a field is not what it should be.
    """
    stored = document.get("episode")
    version = stored.get("schema_version") if isinstance(stored, dict) else EPISODE_VERSION
    if version == EPISODE_VERSION:
        return msgspec.convert(stored, EpisodeState)
    if version != 2:
        return EpisodeState()
    before = msgspec.convert(stored, _EpisodeStateOfVersion2)
    episode = None
    if before.episode is not None:
        known = {
            name: getattr(before.episode, name) for name in _EpisodeOfVersion2.__struct_fields__
        }
        # That release kept totals of the episode, but none by rep.
        known["reps"] = tuple((rep, 0, 0) for rep in before.episode.reps[:MOST_REPS])
        known["spared"] = before.episode.spared[:MOST_REPS]
        known["passed"] = before.episode.passed[:MOST_REPS]
        episode = Episode(**known)
    return EpisodeState(before.belief, episode, before.waiting)


def episode_of_version_1(state: EpisodeState) -> dict[str, Any]:
    """Return an episode state as the release before reads it, which refuses unknown fields."""
    episode = state.episode
    before = None
    if episode is not None:
        known = {name: getattr(episode, name) for name in _EpisodeOfVersion2.__struct_fields__}
        known["reps"] = tuple(rep for rep, _, _ in episode.reps)
        before = _EpisodeOfVersion2(**known)
    whole = _EpisodeStateOfVersion2(state.belief, before, state.waiting)
    return cast(dict[str, Any], msgspec.to_builtins(whole))
