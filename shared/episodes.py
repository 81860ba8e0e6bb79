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
"""Of what a partition carries along. Version 2 is read as well. A belief of any other version is
not carried on: it is rebuilt within a few orders, and no partition stands still for it."""

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

MOST_REPS = 100
"""Reps that a run names, of those it took from and of those it spared; there may be any number."""

MOST_HOURS = 168
"""Hours that a run is told by, the latest: a week."""

MOST_LATEST = 500
"""Orders of a run, the latest, whose revisions take their place in it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)

type RepTotal = tuple[str, int, int]
"""A rep, orders, and what was taken off them (e4)."""

type HourTotal = tuple[int, int, int, int]
"""An hour (`hour_of`), orders, spared orders, and what was taken off the orders (e4)."""


class Episode(msgspec.Struct, frozen=True, rename={"discount_bp": "percent"}):
    """A run as one partition has seen it so far.

    Attributes:
        opened_by: alert id of the order with which it was detected; the run's name.
        discount_bp: the hidden discount.
        started_at: time of its first order (aware UTC), as those below.
        detected_at: time of the order with which it was detected.
        last_seen_at: time of its latest order.
        ended_at: time of the order with which the belief fell; None while it runs.
        number: which run of its partition it is: higher for each that opens; 0 where an older
            release opened it.
        orders: how many orders it took from.
        amount_e4: what it took off them, in ten-thousandths of the currency.
        spared_orders: orders that it passed by while it ran.
        reps: whom it took from, sorted, `MOST_REPS` at most; ``other_reps`` says that there are
            more, whose orders count in the totals alone.
        spared: reps who had orders while it ran, and none that it took from, with the number of
            those orders; sorted, `MOST_REPS` at most.
        hours: the totals by hour, sorted, the latest `MOST_HOURS`.
        passed: orders by rep since its latest one: they are spared ones if it goes on.
        passed_hours: the same by hour.
        latest: (key of the order, hour, amount e4) of the latest `MOST_LATEST` orders.
        sample_order_ids: the first of its orders.
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


class EpisodeState(msgspec.Struct, frozen=True, rename={"episode": "run"}):
    """All that one order of a partition may pass on to the next about a hidden discount.

    It is stored in the partition's state document under ``episode`` (``msgspec.to_builtins``).

    Attributes:
        belief: what is believed to run.
        run: the run that is open, None while there is none.
        waiting: the orders that a run may turn out to have taken from, in order of arrival.
        opened: runs that the partition has opened so far.
    """

    belief: Belief = Belief()
    episode: Episode | None = None
    waiting: tuple[Waiting, ...] = ()
    opened: int = 0
    schema_version: int = EPISODE_VERSION


@dataclass(frozen=True, slots=True)
class Revisit:
    """An order that turned out to belong to a run.

    Attributes:
        alert_id: of its alert, if it was one at arrival or becomes one now.
        rep_id: whose order it is.
        probability: of the hidden discount, as it is believed now, 0-1.
        discount_bp: the episode's hidden discount.
        amount_e4: what it took off the order.
        known: whether the order was given a hidden discount at arrival already, so that there is
            no finding to add.
    """

    alert_id: str
    rep_id: str
    probability: float
    discount_bp: int
    amount_e4: int
    known: bool


@dataclass(frozen=True, slots=True)
class EpisodeThresholds:
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
        belongs: `Episode.opened_by` of the run that the order belongs to since its arrival.
        revisits: orders before it that are now known to belong to the run that opened.
    """

    state: EpisodeState
    changed: tuple[Episode, ...] = ()
    belongs: str | None = None
    revisits: tuple[Revisit, ...] = ()


def advance(
    state: EpisodeState, belief: Belief, order: Waiting, thresholds: EpisodeThresholds
) -> Step:
    """Take the episode of a partition one order further: a run opens, grows, ends or goes on.

    Args:
        state: that before the order.
        belief: that after the order.
        order: the order at hand.
        thresholds: the policy's.
    """
    waiting = tuple(one for one in state.waiting if _subject(one) != _subject(order))
    if state.episode is None:
        watched = (*waiting, order)[-MOST_WAITING:]
        return _watch(belief, watched, thresholds, state.opened)
    episode = _without(state.episode, order)
    if dict(belief.chance_by_bp).get(episode.discount_bp, 0.0) <= thresholds.ends:
        ended = replace(episode, ended_at=max(order.ordered_at, episode.last_seen_at))
        # The order that ends a run may be the first of another one, of another percentage.
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
    """No run is open: open one if the last of the waiting orders has made the belief strong."""
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


def hidden_e4(charged_e4: int, discount_bp: int) -> int:
    """What a hidden percentage took off: ``charged = (1 - h) x`` and so ``h x`` in e4."""
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
    """The run with one more order; the orders it has passed meanwhile are spared ones."""
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
    """The run once an order came that it did not take from."""
    hours = Counter(dict(episode.passed_hours))
    hours[hour_of(order.ordered_at)] += 1
    return replace(
        episode,
        passed=_added_up(episode.passed, ((order.rep_id, 1),))[:MOST_REPS],
        passed_hours=tuple(sorted(hours.items()))[-MOST_HOURS:],
    )


def _without(episode: Episode, order: Waiting) -> Episode:
    """The run less an earlier revision of an order; the same run where it has none."""
    key = _key(order)
    known = next((one for one in episode.latest if one[0] == key), None)
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
        latest=tuple(one for one in episode.latest if one is not known),
    )


def _with_rep(reps: tuple[RepTotal, ...], more: RepTotal) -> tuple[tuple[RepTotal, ...], bool]:
    """Reps with orders added to, or taken from, one of them; whether there was no room for it."""
    rep, orders, amount = more
    totals = {name: (had, taken) for name, had, taken in reps}
    if rep not in totals and (len(totals) == MOST_REPS or orders < 0):
        return reps, True
    had, taken = totals.pop(rep, (0, 0))
    if had + orders > 0:
        totals[rep] = (had + orders, taken + amount)
    return tuple((name, *totals[name]) for name in sorted(totals)), False


def caught_up(episode: EpisodeState, now: datetime, most_ahead: timedelta) -> EpisodeState:
    """An episode whose clock is no more than ``most_ahead`` of the time ``now``.

    Orders so far ahead are not admitted; one of an older release may have been, and would have
    every order after it taken for one of long ago.
    """
    at = episode.belief.at
    if at is None or at - now <= most_ahead:
        return episode
    return replace(episode, belief=replace(episode.belief, at=now))


def by_hour(hours: Sequence[HourTotal]) -> tuple[HourTotal, ...]:
    """Totals by hour, each hour once and sorted, the latest `MOST_HOURS`.

    >>> by_hour([(2, 1, 0, 50), (1, 0, 3, 0), (2, 1, 1, 70)])
    ((1, 0, 3, 0), (2, 2, 1, 120))
    """
    totals: dict[int, HourTotal] = {}
    for one in hours:
        hour, orders, spared, amount = one
        known = totals.get(hour)
        if known is None:
            totals[hour] = one
        else:
            totals[hour] = (hour, known[1] + orders, known[2] + spared, known[3] + amount)
    return tuple(one for one in sorted(totals.values()) if any(one[1:]))[-MOST_HOURS:]


def with_hours(known: tuple[HourTotal, ...], *more: HourTotal) -> tuple[HourTotal, ...]:
    """Totals of `by_hour` with more added; the hours before the first of these stay as they are.

    >>> with_hours(((1, 0, 3, 0), (2, 1, 0, 50)), (2, 1, 1, 70))
    ((1, 0, 3, 0), (2, 2, 1, 120))
    """
    at = bisect_left(known, (min(hour for hour, *_ in more),))
    return (*known[:at], *by_hour((*known[at:], *more)))[-MOST_HOURS:]


def hour_of(at: datetime) -> int:
    """The hours since 1970 that have passed at a time (aware UTC)."""
    return (at - _EPOCH) // _HOUR


def hour_start(hour: int) -> datetime:
    """When an hour of `hour_of` begins (aware UTC)."""
    return _EPOCH + hour * _HOUR


def _subject(order: Waiting) -> str:
    """Names an order whatever its revision; one that reuses another one's id by all of its name."""
    return f"{order.rep_id}\n{order.alert_id if '~' in order.alert_id else order.order_id}"


def _key(order: Waiting) -> int:
    """48 bits of what names an order: small enough for any JSON reader."""
    digest = hashlib.blake2b(_subject(order).encode(), digest_size=6).digest()
    return int.from_bytes(digest)


def _added_up(
    some: tuple[tuple[str, int], ...], more: tuple[tuple[str, int], ...]
) -> tuple[tuple[str, int], ...]:
    """Orders by rep, of both together."""
    if not more:
        return some
    total = Counter(dict(some))
    total.update(dict(more))
    return tuple(sorted(total.items()))


class _EpisodeOfVersion2(msgspec.Struct, frozen=True, rename={"discount_bp": "percent"}):
    """What the release before stored of a run."""

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
    """The episode of a stored document, of whatever version; a new one where it is of none known.

    Raises:
        ValueError: it is none.
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
        # Nobody knows what each of them had: the totals do.
        known["reps"] = tuple((rep, 0, 0) for rep in before.episode.reps[:MOST_REPS])
        known["spared"] = before.episode.spared[:MOST_REPS]
        known["passed"] = before.episode.passed[:MOST_REPS]
        episode = Episode(**known)
    return EpisodeState(before.belief, episode, before.waiting)


def episode_of_version_1(state: EpisodeState) -> dict[str, Any]:
    """An episode as the release before reads it, which refuses fields that it does not know."""
    episode = state.episode
    before = None
    if episode is not None:
        known = {name: getattr(episode, name) for name in _EpisodeOfVersion2.__struct_fields__}
        known["reps"] = tuple(rep for rep, _, _ in episode.reps)
        before = _EpisodeOfVersion2(**known)
    whole = _EpisodeStateOfVersion2(state.belief, before, state.waiting)
    return cast(dict[str, Any], msgspec.to_builtins(whole))
