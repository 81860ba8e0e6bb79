"""Champion and challenger on the same later orders: scored, and compared in pairs.

Each model scores the orders twice, as they came and with frauds planted into them. How well the
planted ones are found is the first question, how likely each model holds the real charges the
second (a proper scoring rule: Gneiting and Raftery, "Strictly Proper Scoring Rules, Prediction,
and Estimation", 2007), what analysts decided the third. A model's own labels are never asked.
Intervals are bootstraps over days, on which both models are judged together.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC

import numpy as np

from shared.arrays import Bools, Floats, Ints
from shared.assessment import Assessment
from shared.catalogue import Catalogue
from shared.decision import Decision
from shared.model import ModelBundle, encode_bundle
from shared.policy import Policy
from shared.scoring import Scorer
from shared.typologies import ADDED_ITEM, HIDDEN_DISCOUNT
from training.comparison.comparison import (
    Comparison,
    Difference,
    LaterOrders,
    Scores,
    TypologyFigures,
)
from training.comparison.fraud_injection import InjectedFrauds
from training.comparison.intervals import Interval, paired_bootstrap, resampled_difference
from training.comparison.quality import average_precision
from training.history.decisions import key_of, latest
from training.replay.score_stream import score_stream

SURE = 1e-6
"""Probabilities nearer to 0 or 1 are taken for this near: no decision may cost without end."""


@dataclass(frozen=True, slots=True)
class Judge:
    """All that two models are judged by, beside the models."""

    injected: InjectedFrauds
    catalogue: Catalogue
    policy: Policy
    partitions: int
    decisions: tuple[Decision, ...] = ()
    seed: int = 1


def compare(champion: ModelBundle, challenger: ModelBundle, judge: Judge) -> Comparison:
    """Score the later orders by both and compare."""
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


def score(bundle: ModelBundle, judge: Judge) -> Scores:
    """What a model makes of the later orders, as they came and with frauds planted."""
    scorer = Scorer(bundle, judge.catalogue, judge.policy)
    started = time.process_time()
    real = score_stream(scorer, judge.injected.real, judge.partitions)
    injected = [
        assessment
        for orders in judge.injected.rounds
        for assessment in score_stream(scorer, orders, judge.partitions)
    ]
    spent = time.process_time() - started
    return Scores(
        version=bundle.version,
        p_added=np.array([one.p_added_item for one in injected]),
        p_hidden=np.array([one.p_hidden_discount for one in injected]),
        alerted=np.array([one.alerted for one in injected], dtype=bool),
        p_added_real=np.array([one.p_added_item for one in real]),
        p_hidden_real=np.array([one.p_hidden_discount for one in real]),
        alerted_real=np.array([one.alerted for one in real], dtype=bool),
        log_likelihood=log_likelihoods(real, bundle.charge_tolerance_e4),
        milliseconds=1_000 * spent / (len(real) + len(injected)),
        bundle_bytes=len(encode_bundle(bundle)[0]),
    )


def log_likelihoods(assessments: Sequence[Assessment], tolerance_e4: float) -> Floats:
    """Of each charge, as `Scores` has it: a density, so that tolerances can be compared."""
    return np.array([
        math.log(one.charge_likelihood / (2 * tolerance_e4)) if one.charge_likelihood else math.nan
        for one in assessments
    ])  # fmt: skip


def _columns(later: LaterOrders, scores: Scores, typology: str) -> tuple[Floats, Bools]:
    """A model's probability of a typology, and where it was planted."""
    if typology == ADDED_ITEM:
        return scores.p_added, later.added
    return scores.p_hidden, later.hidden


def _figures(later: LaterOrders, scores: Scores, policy: Policy) -> dict[str, TypologyFigures]:
    found = {}
    for typology in (ADDED_ITEM, HIDDEN_DISCOUNT):
        probability, fraud = _columns(later, scores, typology)
        flagged = probability >= policy.alert_probability
        injected, hits = int(fraud.sum()), int((fraud & flagged).sum())
        found[typology] = TypologyFigures(
            injected=injected,
            found=hits,
            precision=hits / int(flagged.sum()) if flagged.any() else None,
            recall=hits / injected if injected else None,
            average_precision=average_precision(probability, fraud),
        )
    return found


type _Compare = Callable[[LaterOrders, Floats, Floats, Bools, Judge], Difference]


def _by_typology(
    later: LaterOrders, old: Scores, new: Scores, judge: Judge, compared: _Compare
) -> dict[str, Difference]:
    found = {}
    for typology in (ADDED_ITEM, HIDDEN_DISCOUNT):
        before, fraud = _columns(later, old, typology)
        after, _ = _columns(later, new, typology)
        found[typology] = compared(later, before, after, fraud, judge)
    return found


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
    """Of the means of two columns, over the rows that both have."""
    known = ~(np.isnan(before) | np.isnan(after))
    if not known.any():
        return Difference(None, None, None, None)
    old, new = float(before[known].mean()), float(after[known].mean())
    interval: Interval = resampled_difference(days[known], before[known], after[known], seed)
    return Difference(old, new, new - old, interval)


def _decided(old: Scores, new: Scores, judge: Judge, *, blind: bool) -> Difference | None:
    """How likely each model held what analysts decided on the later orders (mean nats).

    The probabilities are those of the orders as they came.
    """
    real = judge.injected.real
    known = latest(
        [one for one in judge.decisions if (one.source == "blind") == blind],
        max((one.at for one in judge.decisions), default=real[-1].ordered_at),
    )
    rows, truths, typologies = [], [], []
    for at, order in enumerate(real):
        for typology, decision in known.get(key_of(order), {}).items():
            rows.append(at)
            truths.append(decision.decision == "confirmed")
            typologies.append(typology)
    if not rows:
        return None
    before, after = (
        np.array([
            _log_chance(_probability(scores, at, typology), truth)
            for at, truth, typology in zip(rows, truths, typologies, strict=True)
        ])
        for scores in (old, new)
    )  # fmt: skip
    days = {real[at].ordered_at.astimezone(UTC).date() for at in rows}
    found = _mean_difference(judge.injected.later.real_days[rows], before, after, judge.seed)
    return replace(found, rows=len(rows), days=len(days))


def _probability(scores: Scores, at: int, typology: str) -> float:
    if typology == ADDED_ITEM:
        return float(scores.p_added_real[at])
    if typology == HIDDEN_DISCOUNT:
        return float(scores.p_hidden_real[at])
    return float(scores.probability_real[at])


def _log_chance(probability: float, truth: bool) -> float:
    chance = min(max(probability, SURE), 1 - SURE)
    return math.log(chance if truth else 1 - chance)
