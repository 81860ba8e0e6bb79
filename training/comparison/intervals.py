"""Intervals that say how sure the measured quality is: percentiles of a bootstrap.

Days are drawn with replacement, not orders. The orders of a hidden-discount episode are flagged or
missed together, and intervals that treat them as independent would be too narrow (Efron and
Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 8 and 13).
"""

from dataclasses import dataclass

import numpy as np

from shared.arrays import Bools, Floats, Ints

RESAMPLES = 200
"""The number of times that the days are drawn."""

LEVEL = 0.95
"""Confidence of an interval."""

CHUNK = 25
"""Resamples in memory at once."""

Interval = tuple[float, float] | None
"""Lower and upper end; None where every resample would divide by 0."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """Intervals of precision, recall and average precision, with `LEVEL` confidence."""

    precision: Interval
    recall: Interval
    average_precision: Interval


def bootstrap(
    days: Ints, probability: Floats, flagged: Bools, fraud: Bools, seed: int
) -> Intervals:
    """Return the intervals of a stream's figures; all columns have one row an order."""
    counts, day = _resamples(days, seed)
    ranking = np.argsort(-probability, kind="stable")
    day, probability = day[ranking], probability[ranking]
    flagged, fraud = flagged[ranking], fraud[ranking]
    parts = [
        _figures(counts[at : at + CHUNK][:, day], probability, flagged, fraud)
        for at in range(0, RESAMPLES, CHUNK)
    ]
    precision, recall, average = np.concatenate(parts, axis=1)
    return Intervals(_interval(precision), _interval(recall), _interval(average))


def paired_bootstrap(
    days: Ints, probability: Floats, other_probability: Floats, fraud: Bools, seed: int
) -> Interval:
    """Return the interval of the difference between two rankings' average precision.

    Both rankings are judged on the same resamples, so that what they have in common does not widen
    the interval. The difference is the figure of ``probability`` minus the figure of
    ``other_probability``.
    """
    first, second = (
        _average_precisions(days, ranking, fraud, seed)
        for ranking in (probability, other_probability)
    )
    return _interval(first - second)


def resampled_difference(days: Ints, before: Floats, after: Floats, seed: int) -> Interval:
    """Return the interval of the mean of ``after`` minus ``before``, on the same resamples.

    The columns have one row an order, and at least one row.
    """
    counts, day = _resamples(days, seed)
    width = counts.shape[1]
    sums = np.bincount(day, after - before, minlength=width)
    rows = np.bincount(day, minlength=width)
    drawn = counts @ rows
    with np.errstate(invalid="ignore", divide="ignore"):
        return _interval((counts @ sums) / drawn)


def _average_precisions(days: Ints, probability: Floats, fraud: Bools, seed: int) -> Floats:
    """Return the average precision of each resample of the days, NaN without frauds."""
    counts, day = _resamples(days, seed)
    ranking = np.argsort(-probability, kind="stable")
    day, probability, fraud = day[ranking], probability[ranking], fraud[ranking]
    return np.concatenate([
        weighted_average_precision(counts[at : at + CHUNK][:, day], probability, fraud)
        for at in range(0, RESAMPLES, CHUNK)
    ])  # fmt: skip


def _resamples(days: Ints, seed: int) -> tuple[Ints, Ints]:
    """Return how often each resample (row) holds each day (column), and each order's column."""
    rng = np.random.default_rng(seed)
    _, day = np.unique(days, return_inverse=True)
    width = int(day.max()) + 1
    return rng.multinomial(width, np.full(width, 1 / width), size=RESAMPLES), day


def _figures(weights: Ints, probability: Floats, flagged: Bools, fraud: Bools) -> Floats:
    """Return precision, recall and average precision (rows) of each resample (columns).

    A figure is NaN where it would divide by 0. ``weights`` says how often a resample (row) holds an
    order (column). Orders are sorted by falling probability.
    """
    hits = weights @ (flagged & fraud)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = hits / (weights @ flagged)
        recall = hits / (weights @ fraud)
    return np.stack([precision, recall, weighted_average_precision(weights, probability, fraud)])


def weighted_average_precision(weights: Ints, probability: Floats, fraud: Bools) -> Floats:
    """Return scikit-learn's average precision for many sets of weights; NaN without frauds.

    Args:
        weights: shape (sets, orders).
        probability: falling; orders of the same probability count as one rank.
        fraud: whether each order is a fraud.
    """
    last_of_rank = np.append(np.flatnonzero(np.diff(probability)), len(probability) - 1)
    seen = np.cumsum(weights, axis=1)[:, last_of_rank]
    hits = np.cumsum(weights * fraud, axis=1)[:, last_of_rank]
    gained = np.diff(hits, axis=1, prepend=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(seen > 0, hits / seen, 0.0)
        return np.asarray((precision * gained).sum(axis=1) / hits[:, -1])


def _interval(values: Floats) -> Interval:
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
