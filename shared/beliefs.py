r"""Is a hidden discount running now? The belief that a partition's stream carries along.

A hidden discount is a state of the system, not of an order: while it runs, every order is charged
less. So each partition filters its own stream with a hidden Markov model (Rabiner, "A tutorial on
hidden Markov models", Proc. IEEE 77, 1989, the forward algorithm): the state is none or the
percentage that runs; between two orders it is drawn anew at the rate at which runs start and end,

.. math:: b'_t = d\, b_t + (1 - d)\, \pi_t, \qquad d = e^{-(\lambda + \mu) \Delta}

with :math:`\Delta` the time that has passed and :math:`\pi` the long-run shares, which is the exact
solution for two states (Norris, "Markov Chains", 1997, example 2.1.4); and each order multiplies in
how much likelier it is under each state than under none. What is ambiguous inside a run is thus
flagged, outside it is not.

The percentages are those of the history and the grid of `shared.unseen`, whose members share a
part of the long-run rate. One number stands for all of the grid that no order has fitted lately,
so the state stays as small as what it knows.

Arrival order is the definition: time never runs backwards. An order that arrives late, with a
time before the last one's, is judged by the belief of the moment it arrives, as if (next to) no
time had passed. One order with a time far ahead thus stops the clock until the others catch up;
`LEAST_DRAWN_ANEW` keeps runs beginning and ending meanwhile.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LARGEST_RATE = 0.9
"""A hidden discount that runs nearly always is a price, and would never be seen to begin."""

LEAST_DRAWN_ANEW = 1e-3
"""Chance with which the state is drawn anew from one order to the next, however close they are: the
belief must never become so sure that no order could change it."""

SPARED_SHARE = 0.01
"""Share of orders that a running hidden discount may spare; so that one odd order, or a hidden
discount on most reps only, does not end a run in the belief."""

MOST_EVIDENCE = 300.0
"""How many times likelier a percentage one order can make at most. The likelihoods are sharp (a
charge is explained to the cent or not at all), so that one coincidence would outweigh any prior;
a run has to show in several orders (a bounded likelihood ratio, as in Huber's robust tests,
Annals of Mathematical Statistics 36, 1965)."""

MEMORY = 50
"""Orders of a partition over which the share of unexplained ones is taken, fading."""

RARELY = 0.05
"""Share of unexplained orders from which on one of them is rather one of many with the same cause
than a case of its own: the third within `MEMORY` orders is."""

LEAST_PAST_DAYS = 2.0
"""An order may be dated a day ahead as it arrives; those after it are not late for that."""

WATCHED = 1e-4
"""An unseen percentage believed in this much is explained order by order, as the known ones are."""

MOST_WATCHED = 2
"""Unseen percentages watched at once, the likeliest."""

FADED = 2.0
"""An unseen percentage that is hardly likelier than the rest of the grid is one of the rest."""


class Belief(msgspec.Struct, frozen=True, rename={"chance_by_bp": "percents"}):
    """What a partition believes about a hidden discount between two of its orders.

    Attributes:
        at: time of the latest order so far (aware UTC); None before the first.
        chance_by_bp: (basis points, probability 0-1) of each known percentage, and of each unseen
            one that orders have fitted lately; a known one that is missing has had no order yet
            and its long-run share.
        unseen: probability of each other percentage of the grid; None before the first order.
        running: probability that any of them runs.
        unexplained: share of the latest orders (0-1, fading over `MEMORY` orders) whose charge
            nothing explains: a promotion, say, that no training has seen yet.
    """

    at: datetime | None = None
    chance_by_bp: tuple[tuple[int, float], ...] = ()
    unseen: float | None = None
    running: float = 0.0
    unexplained: float = 0.0


@dataclass(frozen=True, slots=True)
class Prior:
    """The belief just before an order: ``none``, each percentage by name, and each of ``rest``
    (the part of the grid without a name); ``none``, ``chance_by_bp`` and all of ``rest`` sum to 1.
    """

    none: float
    chance_by_bp: Mapping[int, float]
    rest: float

    @property
    def running(self) -> float:
        """The chance that any hidden discount runs, 0-1."""
        return 1.0 - self.none


@dataclass(frozen=True, slots=True)
class Outlook:
    """All that a partition believes just before an order, as the scorer needs it.

    Attributes:
        prior: the belief about hidden discounts.
        watched_bp: hidden percentages to explain the order under.
        chances: of the order to be charged in full, and then under each of ``watched_bp``; they sum
            to 1 at most.
        own_case: `own_case` of the latest orders.
        late: the order was placed long before the latest one (`Beliefs.past`), so it changes
            nothing in the belief.
    """

    prior: Prior
    watched_bp: tuple[int, ...]
    chances: tuple[float, ...]
    own_case: float
    late: bool


def own_case(unexplained: float) -> float:
    """The chance (0-1) that an unexplained charge is a case of its own, not one of many.

    >>> own_case(0.0), round(own_case(0.3), 3)
    (1.0, 0.143)
    """
    return RARELY / (RARELY + unexplained)


class Beliefs:
    """The filter, for the hidden percentages of one bundle and a grid of unseen ones.

    Args:
        known_bp: hidden percentages that the history knows.
        shares: how runs spread over them; sum to 1.
        rate: share of the time (0-1) in which one of them runs.
        run_days: how long a run lasts on average, in days.
        unseen: percentages of the grid.
        unseen_share: share of the runs (0-1) that have a percentage of the grid.
    """

    def __init__(
        self,
        known_bp: Sequence[int],
        shares: Sequence[float],
        rate: float,
        episode_days: float,
        unseen: int = 0,
        unseen_share: float = 0.0,
    ) -> None:
        rate = min(rate, LARGEST_RATE)
        of_grid = unseen_share if unseen else 0.0
        self.known_bp = tuple(known_bp)
        self._long_run = {
            bp: rate * (1.0 - of_grid) * share for bp, share in zip(known_bp, shares, strict=True)
        }
        self._unseen = unseen
        self._rest = rate * of_grid / unseen if unseen else 0.0
        # Starts and ends per day: ends are 1 / run_days, and starts / (starts + ends) is the rate.
        self._past_seconds = 86_400 * max(episode_days, LEAST_PAST_DAYS)
        self._pace = 1.0 / (episode_days * (1.0 - rate))

    def outlook(self, belief: Belief, at: datetime) -> Outlook:
        """Return what is believed just before an order placed at a time."""
        prior = self.before(belief, at)
        watched_bp = self.watched(prior)
        return Outlook(
            prior=prior,
            watched_bp=watched_bp,
            chances=order_priors(prior, watched_bp),
            own_case=own_case(belief.unexplained),
            late=self.past(belief, at),
        )

    def before(self, belief: Belief, at: datetime) -> Prior:
        """The belief just before an order placed at a time."""
        if belief.at is None or self.past(belief, at):
            return self._prior(self._long_run, self._rest)
        days = max((at - belief.at).total_seconds(), 0.0) / 86_400
        kept = min(math.exp(-self._pace * days), 1.0 - LEAST_DRAWN_ANEW)
        anew = 1.0 - kept
        known = dict(belief.chance_by_bp)
        chances = {
            bp: kept * known.pop(bp, share) + anew * share for bp, share in self._long_run.items()
        }
        if self._unseen:
            for bp, chance in known.items():
                chances[bp] = kept * chance + anew * self._rest
        rest = self._rest if belief.unseen is None else belief.unseen
        return self._prior(chances, kept * rest + anew * self._rest)

    def past(self, belief: Belief, at: datetime) -> bool:
        """Whether an order was placed before the latest one by more than a run lasts.

        It comes late, by a backfill say: what runs now says nothing about it, nor it about now.
        """
        return belief.at is not None and (belief.at - at).total_seconds() > self._past_seconds

    def _prior(self, chances: Mapping[int, float], rest: float) -> Prior:
        others = self._unseen - (len(chances) - len(self._long_run))
        none = 1.0 - sum(chances.values()) - others * rest
        return Prior(max(none, 0.0), chances, rest)

    def watched(self, prior: Prior) -> tuple[int, ...]:
        """The percentages that an order is to be explained under: the known ones, in their order,
        and the likeliest unseen ones that are worth it."""
        likely = [
            (chance, bp)
            for bp, chance in prior.chance_by_bp.items()
            if chance >= WATCHED and bp not in self._long_run
        ]
        if not likely:
            return self.known_bp
        likely.sort(reverse=True)
        return (*self.known_bp, *(bp for _, bp in likely[:MOST_WATCHED]))

    def after(self, belief: Belief, at: datetime, prior: Prior, evidence: Evidence) -> Belief:
        """The belief once an order is known.

        Args:
            belief: that of before the order.
            at: when the order was placed.
            prior: what `before` gave.
            evidence: how much likelier the order is under each percentage than under none.
        """
        chances = {bp: chance * evidence.of(bp) for bp, chance in prior.chance_by_bp.items()}
        if self._unseen:
            for bp, factor in evidence.factors.items():
                if bp not in chances and factor > evidence.other:
                    chances[bp] = prior.rest * factor
        rest = prior.rest * evidence.other
        others = self._unseen - (len(chances) - len(self._long_run))
        total = prior.none + sum(chances.values()) + others * rest
        latest = at if belief.at is None else max(at, belief.at)
        if not total > 0:
            kept = tuple(prior.chance_by_bp.items())
            return Belief(latest, kept, prior.rest, prior.running, belief.unexplained)
        rest /= total
        kept = tuple(
            (bp, joint / total)
            for bp, joint in chances.items()
            if bp in self._long_run or joint / total > FADED * rest
        )
        unexplained = belief.unexplained + (evidence.unexplained - belief.unexplained) / MEMORY
        return Belief(latest, kept, rest, 1.0 - prior.none / total, unexplained)


@dataclass(frozen=True, slots=True)
class Evidence:
    """How many times likelier an order is under a running percentage than under none.

    ``factors`` by percentage (basis points), ``other`` for every percentage of the grid that is
    not among them; all at most `MOST_EVIDENCE`. ``unexplained`` is the chance (0-1) that no listed
    cause made the charge.
    """

    factors: Mapping[int, float]
    other: float
    unexplained: float = 0.0

    def of(self, discount_bp: int) -> float:
        """The factor of one percentage."""
        return self.factors.get(discount_bp, self.other)


def weigh_evidence(
    none: float,
    exact: Mapping[int, float],
    fits: Mapping[int, float],
    unlisted: float,
    unexplained: float = 0.0,
) -> Evidence:
    """The evidence of an order, where a running discount may have spared it.

    A percentage of the grid that the order does not fit gets no more than an unlisted cause: it
    may be right all the same, but the order does not say so.

    Args:
        none: likelihood of the order without a hidden discount, above 0.
        exact: its likelihood under each percentage it was explained under.
        fits: the same for percentages of the grid, from `shared.unseen`.
        unlisted: likelihood that some cause nobody listed made it.
        unexplained: the chance that one did.
    """
    factors = {bp: _factor(chance + unlisted, none) for bp, chance in fits.items()}
    factors |= {bp: _factor(chance, none) for bp, chance in exact.items()}
    return Evidence(factors, _factor(unlisted, none), unexplained)


def _factor(likelihood: float, none: float) -> float:
    return min((1.0 - SPARED_SHARE) * likelihood / none + SPARED_SHARE, MOST_EVIDENCE)


def order_priors(prior: Prior, watched_bp: Sequence[int]) -> tuple[float, ...]:
    """The chance of the order itself to be charged in full or under each watched percentage.

    >>> order_priors(Prior(0.0, {100: 1.0}, 0.0), (100,))
    (0.010000000000000009, 0.99)
    """
    running = [(1.0 - SPARED_SHARE) * prior.chance_by_bp.get(bp, prior.rest) for bp in watched_bp]
    return (max(1.0 - sum(running), 0.0), *running)
