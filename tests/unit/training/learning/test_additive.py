"""The additive logistic model: how it weighs decisions, and what it may look at."""

import numpy as np
import pytest

from shared.classifier import adjust
from shared.features import FEATURE_NAMES
from training.learning.additive import WEIGHTS, Columns, choose, fit_columns


def columns(p_core: list[float], confirmed: list[bool]) -> Columns:
    """Orders placed a second apart and decided at once, alike in every feature."""
    count = len(p_core)
    placed = np.arange(count, dtype=float)
    features = np.zeros((count, len(FEATURE_NAMES)))
    return Columns(features, np.array(p_core), placed, placed, np.array(confirmed))


def test_a_decision_weighs_as_many_weak_labels_as_said() -> None:
    rows = Columns(
        np.zeros((40, len(FEATURE_NAMES))),
        np.full(40, 0.6),
        np.zeros(40),
        np.zeros(40),
        np.ones(40, dtype=bool),
    )
    for weight in WEIGHTS:
        served, _ = adjust(fit_columns(rows, weight, 1.0), 0.6, dict.fromkeys(FEATURE_NAMES, 0.0))
        assert served == pytest.approx((0.6 + weight) / (1 + weight), abs=1e-4)


def test_at_a_time_only_earlier_orders_are_known_and_only_what_was_decided_by_then() -> None:
    known = Columns(
        np.zeros((3, len(FEATURE_NAMES))),
        np.full(3, 0.5),
        np.array([0.0, 10.0, 20.0]),
        np.array([5.0, 15.0, 25.0]),
        np.ones(3, dtype=bool),
    ).as_of(12.0)
    assert known.placed.tolist() == [0.0, 10.0]
    assert known.decided.tolist() == [True, False]


def test_decisions_that_the_core_foretells_choose_the_most_cautious_fit() -> None:
    rng = np.random.default_rng(2)
    p_core = rng.uniform(0.1, 0.9, 300)
    decided = columns(p_core.tolist(), (rng.random(300) < p_core).tolist())
    choice = choose(decided, decided)
    assert choice.weight == WEIGHTS[0]
    assert choice.gain <= 2 * choice.error


def test_decisions_against_the_core_choose_a_fit_that_gains() -> None:
    decided = columns([0.9] * 300, [at % 10 == 0 for at in range(300)])
    choice = choose(decided, decided)
    assert choice.gain > 10 * choice.error
    served, _ = adjust(
        fit_columns(decided, choice.weight, choice.freedom), 0.9, dict.fromkeys(FEATURE_NAMES, 0.0)
    )
    assert served < 0.5
