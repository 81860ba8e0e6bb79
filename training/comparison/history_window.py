"""Chooses how much of the history to learn from: all of it, or only its latest part.

Ladders drift and catalogues change, so the longest history is not always the best. Tables are
learned from the whole history, from its latest half and from its latest quarter; each is judged by
how likely it holds the charges of orders after that. A shorter history is chosen only if it is
better by more than the standard error of the difference (the one-standard-error rule: Breiman et
al., "Classification and Regression Trees", 1984), because more orders make steadier tables.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
"""The shares of the history that are tried; each is its latest part."""

FEWEST = 3_000
"""Fewest orders of a history that is tried."""

VALIDATED_SHARE, MOST_VALIDATED = 0.1, 5_000
"""The histories are judged by the last orders: this share of all, but at most this many."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A history that may be learned from: its ``share`` of all orders, its orders and its days.

    ``log_likelihood`` is the mean over the orders that it was judged by (nats a charge); None where
    it was not tried, because there was no choice. ``gain`` is how far it is ahead of the whole
    history, and ``error`` is the standard error of the gain.
    """

    share: float
    orders: int
    days: float
    log_likelihood: float | None = None
    gain: float = 0.0
    error: float = 0.0

    @property
    def name(self) -> str:
        """The name as people read it: ``last 50 % of the history``."""
        return f"last {self.share:.0%} of the history" if self.share < 1 else "whole history"


@dataclass(frozen=True, slots=True)
class Search:
    """Every candidate, the whole history first, and the chosen one."""

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
    parts = [earlier[len(earlier) - round(share * len(earlier)) :] for share in shares]
    likelihoods = [
        _likelihoods(learn(part, catalogue, "search").bundle, later, catalogue, partitions)
        for part in parts
    ]
    candidates = tuple(
        _compared(_candidate(share, part), likelihood, whole=likelihoods[0])
        for share, part, likelihood in zip(shares, parts, likelihoods, strict=True)
    )
    better = [candidate for candidate in candidates[1:] if candidate.gain > candidate.error]
    chosen = max(better, key=lambda candidate: candidate.gain, default=candidates[0])
    return Search(candidates, chosen)


def chosen_part(orders: Sequence[Order], search: Search) -> Sequence[Order]:
    """Return the latest orders, as many as were chosen."""
    return orders[len(orders) - round(search.chosen.share * len(orders)) :]


def _candidate(share: float, orders: Sequence[Order]) -> Candidate:
    days = (orders[-1].ordered_at - orders[0].ordered_at).total_seconds() / 86_400
    return Candidate(share, len(orders), round(days, 1))


def _likelihoods(
    bundle: ModelBundle, orders: Sequence[Order], catalogue: Catalogue, partitions: int
) -> Floats:
    scorer = Scorer(bundle, catalogue, Policy())
    return log_likelihoods(score_stream(scorer, orders, partitions), bundle.charge_tolerance_e4)


def _compared(candidate: Candidate, likelihood: Floats, whole: Floats) -> Candidate:
    """Add how a candidate did against the whole history, over the orders that both can judge."""
    known = ~(np.isnan(likelihood) | np.isnan(whole))
    ahead = (likelihood - whole)[known]
    if not len(ahead):
        return candidate
    return replace(
        candidate,
        log_likelihood=float(likelihood[known].mean()),
        gain=float(ahead.mean()),
        error=float(ahead.std() / math.sqrt(len(ahead))),
    )
