"""What one model makes of orders: the columns that two models are compared by."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from shared.catalogue import packaged_catalogue
from shared.episodes import EpisodeState
from shared.model import packaged_bundle
from shared.policy import Policy
from shared.scoring import Scorer
from tests.unit.training.companies import simulated
from training.comparison import fraud_injection
from training.comparison.fraud_injection import Percents, inject_frauds
from training.comparison.judgement import Judge, log_likelihoods, score
from training.simulation.company import Company

CATALOGUE = packaged_catalogue()


def test_a_charge_that_is_half_as_likely_or_taken_for_half_as_exact_is_log_two_below() -> None:
    likely, half, without = (
        SimpleNamespace(charge_likelihood=chance) for chance in (0.4, 0.2, 0.0)
    )
    first, second, third = log_likelihoods([likely, half, without], 0.5)  # type: ignore[list-item]
    assert first == pytest.approx(math.log(0.4))
    assert first - second == pytest.approx(math.log(2))
    assert math.isnan(third)
    (vague,) = log_likelihoods([likely], 1.0)  # type: ignore[list-item]
    assert first - vague == pytest.approx(math.log(2))


def test_a_model_scores_the_orders_as_they_came_and_once_more_for_every_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fraud_injection, "MOST_ROUNDS", 2)
    orders = simulated(Company(), 150, 3)
    bundle = packaged_bundle()
    injected = inject_frauds(orders, CATALOGUE, Percents.known_to(bundle), 1, 1)
    scores = score(bundle, Judge(injected, CATALOGUE, Policy(), 1))
    alone, _ = Scorer(bundle, CATALOGUE, Policy()).score_many(orders, EpisodeState())
    assert scores.p_added_real.tolist() == [each.p_added_item for each in alone]
    assert scores.alerted_real.tolist() == [each.alerted for each in alone]
    assert len(scores.p_added) == len(scores.p_hidden) == len(scores.alerted) == 300
    untouched = ~injected.later.added & ~injected.later.hidden
    assert np.median(scores.p_added[injected.later.added]) > np.median(scores.p_added[untouched])


def test_the_charge_likelihood_is_higher_for_what_the_ladder_explains() -> None:
    order = simulated(Company(), 1, 2)[0]
    list_e4 = CATALOGUE.price(order).list_total_e4
    scorer = Scorer(packaged_bundle(), CATALOGUE, Policy())
    in_full, off = (
        scorer.score_many([replace(order, charged_e4=charged)], EpisodeState())[0][0]
        for charged in (list_e4, list_e4 - 12_345)
    )
    assert in_full.charge_likelihood > off.charge_likelihood > 0
