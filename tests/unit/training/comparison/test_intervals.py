"""Intervals by bootstrap: they hold what was measured, and draw whole days."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from training.comparison.intervals import (
    bootstrap,
    paired_bootstrap,
    resampled_difference,
    weighted_average_precision,
)


@given(st.integers(1, 60), st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_weighted_average_precision_is_scikit_learns(orders: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    probability = np.sort(rng.integers(0, 8, orders) / 8)[::-1]
    fraud = rng.random(orders) < 0.4
    weights = rng.integers(0, 3, (3, orders))
    for found, weight in zip(
        weighted_average_precision(weights, probability, fraud), weights, strict=True
    ):
        if not (weight * fraud).any():
            assert np.isnan(found)
            continue
        expected = average_precision_score(fraud, probability, sample_weight=weight)
        assert found == pytest.approx(expected)


def test_intervals_hold_the_measured_shares_and_narrow_with_more_days() -> None:
    rng = np.random.default_rng(1)
    widths = []
    for days in (10, 160):
        fraud = rng.random(days * 30) < 0.2
        probability = np.clip(0.5 * fraud + rng.random(days * 30) * 0.6, 0, 1)
        flagged = probability >= 0.5
        found = bootstrap(np.repeat(np.arange(days), 30), probability, flagged, fraud, seed=1)
        assert found.precision is not None
        low, high = found.precision
        assert low < fraud[flagged].mean() < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_orders_of_a_day_are_drawn_together() -> None:
    days = np.repeat([1, 2], 50)
    fraud = days == 1
    flagged = np.repeat([False, True], 50)  # wrong on every order
    found = bootstrap(days, flagged.astype(float), flagged, fraud, seed=1)
    assert found.recall == (0, 0)
    nothing = bootstrap(days, flagged.astype(float), flagged, np.zeros(100, bool), seed=1)
    assert nothing.recall is None


def test_a_paired_interval_is_that_of_the_difference_and_narrower_than_the_two_apart() -> None:
    rng = np.random.default_rng(2)
    days = np.repeat(np.arange(60), 40)
    fraud = rng.random(len(days)) < 0.1
    ranking = np.clip(0.3 * fraud + rng.random(len(days)) * 0.7, 0, 1)
    better = np.clip(ranking + 0.05 * fraud, 0, 1)
    flagged = ranking >= 0.5
    same = paired_bootstrap(days, ranking, ranking, fraud, seed=1)
    assert same == (0, 0)
    found = paired_bootstrap(days, better, ranking, fraud, seed=1)
    other_way = paired_bootstrap(days, ranking, better, fraud, seed=1)
    assert found is not None
    assert other_way == pytest.approx((-found[1], -found[0]))
    assert 0 < found[0] < found[1]
    apart = bootstrap(days, ranking, flagged, fraud, seed=1).average_precision
    assert apart is not None
    assert found[1] - found[0] < apart[1] - apart[0]
    assert paired_bootstrap(days, better, ranking, fraud & False, seed=1) is None


def test_the_interval_of_a_mean_difference_is_as_wide_as_the_spread_between_days_says() -> None:
    """Each day moves as a whole, by a normal amount with a standard deviation of 1."""
    rng = np.random.default_rng(4)
    days = np.repeat(np.arange(400), 5)
    before = np.zeros(len(days))
    after = np.repeat(rng.normal(0.3, 1.0, 400), 5)
    interval = resampled_difference(days, before, after, seed=1)
    assert interval is not None
    low, high = interval
    assert low < after.mean() < high
    assert high - low == pytest.approx(2 * 1.96 / np.sqrt(400), rel=0.2)
