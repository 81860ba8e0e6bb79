r"""Is a hidden discount running now? The belief that a partition's stream carries along.

A hidden discount is a state of the system, not of an order: while it runs, every order is charged
less. So each partition filters its own stream with a hidden Markov model (Rabiner, "A tutorial on
hidden Markov models", Proc. IEEE 77, 1989, the forward algorithm): the state is none or the
percentage that runs; between two orders it is drawn anew at the rate at which runs start and end,

.. math:: b'_t = d\, b_t + (1 - d)\, \pi_t, \qquad d = e^{-(\lambda + \mu) \Delta}

with :math:`\Delta` the time that has passed and :math:`\pi` the long-run shares, which is the exact
solution for two states (Norris, "Markov Chains", 1997, example 2.1.4); and each order multiplies in
its likelihood under each state. What is ambiguous inside a run is thus flagged, outside it is not.

Arrival order is the definition: time never runs backwards. An order that arrives late, with a
time before the last one's, is judged by the belief of the moment it arrives, as if (next to) no
time had passed. One order with a time far ahead thus stops the clock until the others catch up;
`LEAST_DRAWN_ANEW` keeps runs beginning and ending meanwhile.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST_RATE = 0.9
"""A hidden discount that runs nearly always is a price, and would never be seen to begin."""

LEAST_DRAWN_ANEW = 1e-3
"""Chance with which the state is drawn anew from one order to the next, however close they are: the
belief must never become so sure that no order could change it."""

SPARED_SHARE = 0.01
"""Share of orders that a running hidden discount may spare; so that one odd order, or a hidden
discount on most reps only, does not end a run in the belief."""


class EpisodeState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a partition believes about a hidden discount between two of its orders.

    It is stored in the partition's state document under ``episode`` (``msgspec.to_builtins``)
    and is the only thing that one order's score may pass on to the next.

    Attributes:
        at: time of the latest order so far (aware UTC); None before the first.
        beliefs: (basis points, probability 0-1) of each hidden percentage; the rest is none. A
            percentage that is missing has had no order yet and its long-run share.
    """

    at: datetime | None = None
    beliefs: tuple[tuple[int, float], ...] = ()
    schema_version: int = 1


class Episodes:
    """The filter, for the hidden percentages of one bundle.

    Args:
        percents: hidden percentages in basis points.
        shares: how runs spread over them; sum to 1.
        rate: share of the time (0-1) in which one of them runs.
        run_days: how long a run lasts on average, in days.
    """

    def __init__(
        self, percents: Sequence[int], shares: Sequence[float], rate: float, run_days: float
    ) -> None:
        self._percents = tuple(percents)
        self._long_run = tuple(min(rate, LARGEST_RATE) * share for share in shares)
        # Starts and ends per day: ends are 1 / run_days, and starts / (starts + ends) is the rate.
        self._pace = 1.0 / (run_days * (1.0 - min(rate, LARGEST_RATE)))

    def before(self, state: EpisodeState, at: datetime) -> tuple[float, ...]:
        """The belief just before an order: the chance of none, then of each percentage."""
        if state.at is None:
            return self._with_none(self._long_run)
        days = max((at - state.at).total_seconds(), 0.0) / 86_400
        kept = min(math.exp(-self._pace * days), 1.0 - LEAST_DRAWN_ANEW)
        known = dict(state.beliefs)
        return self._with_none(
            tuple(
                kept * known.get(percent, share) + (1.0 - kept) * share
                for percent, share in zip(self._percents, self._long_run, strict=True)
            )
        )

    def after(
        self,
        state: EpisodeState,
        at: datetime,
        before: Sequence[float],
        likelihoods: Sequence[float],
    ) -> EpisodeState:
        """The belief once an order is known.

        Args:
            state: the state before the order.
            at: when the order was placed.
            before: what `before` gave.
            likelihoods: of the order under none and under each percentage, up to a common factor.
        """
        joint = [
            prior * chance for prior, chance in zip(before, with_spared(likelihoods), strict=True)
        ]
        total = sum(joint)
        running = [part / total for part in joint[1:]] if total > 0 else list(before[1:])
        latest = at if state.at is None else max(at, state.at)
        return EpisodeState(latest, tuple(zip(self._percents, running, strict=True)))

    def _with_none(self, running: tuple[float, ...]) -> tuple[float, ...]:
        return (max(1.0 - sum(running), 0.0), *running)


def order_priors(before: Sequence[float]) -> tuple[float, ...]:
    """The chance of the order itself to be charged in full or under each percentage.

    >>> order_priors((0.0, 1.0))
    (0.01, 0.99)
    """
    running = [(1.0 - SPARED_SHARE) * chance for chance in before[1:]]
    return (before[0] + SPARED_SHARE * sum(before[1:]), *running)


def with_spared(likelihoods: Sequence[float]) -> list[float]:
    """Likelihoods of an order under each state, where a running discount may have spared it."""
    none = likelihoods[0]
    running = [(1.0 - SPARED_SHARE) * chance + SPARED_SHARE * none for chance in likelihoods[1:]]
    return [none, *running]
