"""The one parameter of learning that the company decides: how far back its history still holds.

Ladders drift and catalogues change, so the longest history is not always the best. Tables are
learned from the whole of it, a half and a quarter, and each says how likely it holds the charges of
orders after it. A shorter history is taken only where it is better by more than the error of the
difference (the one-standard-error rule: Breiman et al., "Classification and Regression Trees",
1984), for more orders make steadier tables.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shared.arrays import Floats
from shared.catalogue import Catalogue
from shared.model import ModelBundle
from shared.order import Order
from shared.policy import Policy
from shared.scoring import Scorer
from training.comparison.judgement import log_likelihoods
from training.learning.learn import learn
from training.replay.score_stream import score_stream

SHARES = (1.0, 0.5, 0.25)
"""Shares of the history that are tried, the latest orders of it."""

FEWEST = 3_000
"""Orders of the shortest history that is tried."""

VALIDATED_SHARE, MOST_VALIDATED = 0.1, 5_000
"""Orders after the histories, which say how good each is: this share of all, this many at most."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A history that was tried: its ``share`` of all, its orders and days, and how it did.

    ``log_likelihood`` is the mean over the validated orders (nats a charge); ``gain`` is how far it
    is ahead of the whole history, and ``error`` the standard error of that. None: not tried,
    because there was no choice.
    """

    share: float
    orders: int
    days: float
    log_likelihood: float | None = None
    gain: float = 0.0
    error: float = 0.0

    @property
    def name(self) -> str:
        """For people: ``last 50 % of the history``."""
        return f"last {self.share:.0%} of the history" if self.share < 1 else "whole history"


@dataclass(frozen=True, slots=True)
class Search:
    """Every candidate, the whole history first, and the one that was chosen."""

    candidates: tuple[Candidate, ...]
    chosen: Candidate


def search(orders: Sequence[Order], catalogue: Catalogue, partitions: int) -> Search:
    """Choose how much of a history, in time order, to learn from."""
    validated = min(round(VALIDATED_SHARE * len(orders)), MOST_VALIDATED)
    earlier, later = orders[: len(orders) - validated], orders[len(orders) - validated :]
    shares = [share for share in SHARES if share == 1.0 or share * len(earlier) >= FEWEST]
    if len(shares) == 1:
        only = _candidate(1.0, orders)
        return Search((only,), only)
    found: list[Candidate] = []
    whole: Floats | None = None
    for share in shares:
        part = earlier[len(earlier) - round(share * len(earlier)) :]
        candidate = _candidate(share, part)
        likelihood = _likelihoods(
            learn(part, catalogue, "search").bundle, later, catalogue, partitions
        )
        whole = likelihood if whole is None else whole
        found.append(_judged(candidate, likelihood, whole))
    better = [one for one in found[1:] if one.gain > one.error]
    return Search(tuple(found), max(better, key=lambda one: one.gain, default=found[0]))


def chosen_part(orders: Sequence[Order], search: Search) -> Sequence[Order]:
    """The latest orders, as many of all as the choice says."""
    return orders[len(orders) - round(search.chosen.share * len(orders)) :]


def _candidate(share: float, orders: Sequence[Order]) -> Candidate:
    days = (orders[-1].ordered_at - orders[0].ordered_at).total_seconds() / 86_400
    return Candidate(share, len(orders), round(days, 1))


def _likelihoods(
    bundle: ModelBundle, orders: Sequence[Order], catalogue: Catalogue, partitions: int
) -> Floats:
    scorer = Scorer(bundle, catalogue, Policy())
    return log_likelihoods(score_stream(scorer, orders, partitions), bundle.charge_tolerance_e4)


def _judged(candidate: Candidate, likelihood: Floats, whole: Floats) -> Candidate:
    known = ~(np.isnan(likelihood) | np.isnan(whole))
    ahead = (likelihood - whole)[known]
    error = float(ahead.std() / math.sqrt(max(len(ahead), 1))) if len(ahead) else 0.0
    return Candidate(
        candidate.share,
        candidate.orders,
        candidate.days,
        log_likelihood=float(likelihood[known].mean()) if len(ahead) else None,
        gain=float(ahead.mean()) if len(ahead) else 0.0,
        error=error,
    )
