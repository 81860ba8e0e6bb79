"""Scores the later orders by one model, with everything that both models are judged by."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shared.arrays import Bools, Floats
from shared.assessment import Assessment
from shared.catalogue import Catalogue
from shared.decision import Decision
from shared.model import ModelBundle, encode_bundle
from shared.policy import Policy
from shared.scoring import Scorer
from training.comparison.comparison import Scores
from training.comparison.fraud_injection import InjectedFrauds
from training.replay.score_stream import score_stream


@dataclass(frozen=True, slots=True)
class Judge:
    """Everything that both models are judged by: the same orders, prices, policy and decisions.

    ``partitions`` is how many partitions the orders are spread over; ``seed`` is of the bootstrap.
    """

    injected: InjectedFrauds
    catalogue: Catalogue
    policy: Policy
    partitions: int
    decisions: tuple[Decision, ...] = ()
    seed: int = 1


def score(bundle: ModelBundle, judge: Judge) -> Scores:
    """Score the later orders twice: as they came, and with frauds injected into them."""
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
        bundle.version,
        *_columns(injected),
        *_columns(real),
        log_likelihood=log_likelihoods(real, bundle.charge_tolerance_e4),
        milliseconds=1_000 * spent / (len(real) + len(injected)),
        bundle_bytes=len(encode_bundle(bundle)[0]),
    )


def _columns(assessments: Sequence[Assessment]) -> tuple[Floats, Floats, Bools]:
    """Return the probabilities of both frauds and whether each order is an alert."""
    return (
        np.array([assessment.p_added_item for assessment in assessments]),
        np.array([assessment.p_hidden_discount for assessment in assessments]),
        np.array([assessment.alerted for assessment in assessments], dtype=bool),
    )


def log_likelihoods(assessments: Sequence[Assessment], tolerance_e4: float) -> Floats:
    """Return the log-likelihood of each charge in nats, NaN where it has no likelihood.

    It is a density per ten-thousandth of the currency, so that models with different tolerances
    can be compared.
    """
    return np.array([
        math.log(assessment.charge_likelihood / (2 * tolerance_e4))
        if assessment.charge_likelihood
        else math.nan
        for assessment in assessments
    ])  # fmt: skip
