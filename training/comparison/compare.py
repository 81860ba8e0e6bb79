"""Compares champion and challenger, each scored on the same later orders.

Three questions are asked. How well does each model find the frauds that were injected? How probable
are the real charges to it (a proper scoring rule: Gneiting and Raftery, "Strictly Proper Scoring
Rules, Prediction, and Estimation", 2007)? How probable are analysts' decisions to it? No model is
ever judged by its own labels. Intervals come from a bootstrap over days, which draws the same days
for both models.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC

import numpy as np

from shared.arrays import Bools, Floats, Ints
from shared.model import ModelBundle
from shared.policy import Policy
from shared.typologies import ADDED_ITEM, FRAUD_TYPOLOGIES, HIDDEN_DISCOUNT
from training.comparison.comparison import (
    Comparison,
    Difference,
    LaterOrders,
    Scores,
    TypologyFigures,
)
from training.comparison.intervals import paired_bootstrap, resampled_difference
from training.comparison.judgement import Judge, score
from training.comparison.quality import average_precision
from training.history.decisions import key_of, latest

SURE = 1e-6
"""Probabilities are kept this far from 0 and 1, so that a single decision has a limited cost."""


def compare(champion: ModelBundle, challenger: ModelBundle, judge: Judge) -> Comparison:
    """Score the later orders by both models, and compare the scores."""
    later = judge.injected.later
    old, new = (score(bundle, judge) for bundle in (champion, challenger))
    return Comparison(
        later=later,
        champion=old,
        challenger=new,
        champion_figures=_figures(later, old, judge.policy),
        challenger_figures=_figures(later, new, judge.policy),
        recall=_by_typology(later, old, new, judge, _recall),
        average_precision=_by_typology(later, old, new, judge, _average_precision),
        log_likelihood=_mean_difference(
            later.real_days, old.log_likelihood, new.log_likelihood, judge.seed
        ),
        decisions=_decided(old, new, judge, blind=False),
        blind=_decided(old, new, judge, blind=True),
    )


def _columns(later: LaterOrders, scores: Scores, typology: str) -> tuple[Floats, Bools]:
    """Return a model's probability of a typology, and where that typology was injected."""
    if typology == ADDED_ITEM:
        return scores.p_added, later.added
    return scores.p_hidden, later.hidden


def _figures(later: LaterOrders, scores: Scores, policy: Policy) -> dict[str, TypologyFigures]:
    figures = {}
    for typology in FRAUD_TYPOLOGIES:
        probability, fraud = _columns(later, scores, typology)
        flagged = probability >= policy.alert_probability
        injected, hits = int(fraud.sum()), int((fraud & flagged).sum())
        figures[typology] = TypologyFigures(
            injected=injected,
            found=hits,
            precision=hits / int(flagged.sum()) if flagged.any() else None,
            recall=hits / injected if injected else None,
            average_precision=average_precision(probability, fraud),
        )
    return figures


type _Measure = Callable[[LaterOrders, Floats, Floats, Bools, Judge], Difference]


def _by_typology(
    later: LaterOrders, old: Scores, new: Scores, judge: Judge, measure: _Measure
) -> dict[str, Difference]:
    differences = {}
    for typology in FRAUD_TYPOLOGIES:
        before, fraud = _columns(later, old, typology)
        after, _ = _columns(later, new, typology)
        differences[typology] = measure(later, before, after, fraud, judge)
    return differences


def _recall(
    later: LaterOrders, before: Floats, after: Floats, fraud: Bools, judge: Judge
) -> Difference:
    threshold = judge.policy.alert_probability
    old, new = ((side[fraud] >= threshold).astype(float) for side in (before, after))
    return _mean_difference(later.days[fraud], old, new, judge.seed)


def _average_precision(
    later: LaterOrders, before: Floats, after: Floats, fraud: Bools, judge: Judge
) -> Difference:
    old, new = (average_precision(side, fraud) for side in (before, after))
    if old is None or new is None:
        return Difference(None, None, None, None)
    interval = paired_bootstrap(later.days, after, before, fraud, judge.seed)
    return Difference(old, new, new - old, interval)


def _mean_difference(days: Ints, before: Floats, after: Floats, seed: int) -> Difference:
    """Compare the means of two columns over the rows in which neither is NaN."""
    known = ~(np.isnan(before) | np.isnan(after))
    if not known.any():
        return Difference(None, None, None, None)
    old, new = float(before[known].mean()), float(after[known].mean())
    interval = resampled_difference(days[known], before[known], after[known], seed)
    return Difference(old, new, new - old, interval)


@dataclass(frozen=True, slots=True)
class _DecidedRow:
    """A decision on a later order: the order's row, the typology, and whether it was confirmed."""

    row: int
    typology: str
    confirmed: bool


def _decided(old: Scores, new: Scores, judge: Judge, *, blind: bool) -> Difference | None:
    """Compare how likely each model held what analysts decided on the later orders (mean nats).

    The probabilities are those of the orders as they came. ``blind`` takes the decisions of the
    blind sample, else the decisions on alerts. None without decisions.
    """
    decided = _decided_rows(judge, blind=blind)
    if not decided:
        return None
    before, after = (
        np.array([_log_chance(_probability(scores, each), each.confirmed) for each in decided])
        for scores in (old, new)
    )
    rows = [each.row for each in decided]
    days = {judge.injected.real[row].ordered_at.astimezone(UTC).date() for row in rows}
    difference = _mean_difference(judge.injected.later.real_days[rows], before, after, judge.seed)
    return replace(difference, rows=len(rows), days=len(days))


def _decided_rows(judge: Judge, *, blind: bool) -> list[_DecidedRow]:
    """Return the last decision on each later order and typology, in the orders' order."""
    real = judge.injected.real
    known = latest(
        [decision for decision in judge.decisions if (decision.source == "blind") == blind],
        max((decision.at for decision in judge.decisions), default=real[-1].ordered_at),
    )
    return [
        _DecidedRow(row, typology, decision.decision == "confirmed")
        for row, order in enumerate(real)
        for typology, decision in known.get(key_of(order), {}).items()
    ]


def _probability(scores: Scores, decided: _DecidedRow) -> float:
    if decided.typology == ADDED_ITEM:
        return float(scores.p_added_real[decided.row])
    if decided.typology == HIDDEN_DISCOUNT:
        return float(scores.p_hidden_real[decided.row])
    return float(scores.probability_real[decided.row])


def _log_chance(probability: float, truth: bool) -> float:
    chance = min(max(probability, SURE), 1 - SURE)
    return math.log(chance if truth else 1 - chance)
