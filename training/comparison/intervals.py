"""How sure the measured quality is: percentile intervals by bootstrap.

Days are drawn with replacement, not orders: the orders of a hidden run are flagged or missed
together, and intervals that took them for independent would be too narrow (Efron and Tibshirani,
"An Introduction to the Bootstrap", 1993, chapters 8 and 13).
"""

from dataclasses import dataclass

import numpy as np

from shared.arrays import Bools, Floats, Ints

RESAMPLES = 200
LEVEL = 0.95
CHUNK = 25
"""Resamples in memory at once."""

Interval = tuple[float, float] | None
"""Lower and upper end; None where no resample had anything to divide by."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """Where precision, recall and average precision lie with `LEVEL` confidence."""

    precision: Interval
    recall: Interval
    average_precision: Interval


def bootstrap(
    days: Ints, probability: Floats, flagged: Bools, fraud: Bools, seed: int
) -> Intervals:
    """Resample the days of a stream; all columns have one row an order."""
    counts, day = _resamples(days, seed)
    ranking = np.argsort(-probability, kind="stable")
    day, probability = day[ranking], probability[ranking]
    flagged, fraud = flagged[ranking], fraud[ranking]
    found = [
        _judged(counts[at : at + CHUNK][:, day], probability, flagged, fraud)
        for at in range(0, RESAMPLES, CHUNK)
    ]
    precision, recall, average = np.concatenate(found, axis=1)
    return Intervals(_interval(precision), _interval(recall), _interval(average))


def paired_bootstrap(
    days: Ints, probability: Floats, other: Floats, fraud: Bools, seed: int
) -> Interval:
    """Where the average precision of one ranking less that of another lies.

    Both are judged on the same resamples, so what is common to them does not widen the interval.
    """
    first, second = (
        _average_precisions(days, ranking, fraud, seed) for ranking in (probability, other)
    )
    return _interval(first - second)


def resampled_difference(days: Ints, before: Floats, after: Floats, seed: int) -> Interval:
    """Where the mean of one column less that of another lies, both on the same resamples.

    One row an order; at least one.
    """
    counts, day = _resamples(days, seed)
    width = counts.shape[1]
    sums = np.bincount(day, after - before, minlength=width)
    rows = np.bincount(day, minlength=width)
    drawn = counts @ rows
    with np.errstate(invalid="ignore", divide="ignore"):
        return _interval((counts @ sums) / drawn)


def _average_precisions(days: Ints, probability: Floats, fraud: Bools, seed: int) -> Floats:
    """Average precision of each resample of the days, NaN without frauds."""
    counts, day = _resamples(days, seed)
    ranking = np.argsort(-probability, kind="stable")
    day, probability, fraud = day[ranking], probability[ranking], fraud[ranking]
    return np.concatenate([
        weighted_average_precision(counts[at : at + CHUNK][:, day], probability, fraud)
        for at in range(0, RESAMPLES, CHUNK)
    ])  # fmt: skip


def _resamples(days: Ints, seed: int) -> tuple[Ints, Ints]:
    """How often each resample (row) holds each day (column), and the column of each order."""
    rng = np.random.default_rng(seed)
    _, day = np.unique(days, return_inverse=True)
    width = int(day.max()) + 1
    return rng.multinomial(width, np.full(width, 1 / width), size=RESAMPLES), day


def _judged(weights: Ints, probability: Floats, flagged: Bools, fraud: Bools) -> Floats:
    """Precision, recall and average precision (rows) of each resample (columns), NaN for none.

    ``weights`` says how often a resample (row) holds an order (column); orders are sorted by
    falling probability.
    """
    hits = weights @ (flagged & fraud)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = hits / (weights @ flagged)
        recall = hits / (weights @ fraud)
    return np.stack([precision, recall, weighted_average_precision(weights, probability, fraud)])


def weighted_average_precision(weights: Ints, probability: Floats, fraud: Bools) -> Floats:
    """Scikit-learn's average precision, for many sets of weights at once; NaN without frauds.

    Args:
        weights: shape (sets, orders).
        probability: falling; orders of the same probability count as one rank.
        fraud: what was true.
    """
    last_of_rank = np.append(np.flatnonzero(np.diff(probability)), len(probability) - 1)
    seen = np.cumsum(weights, axis=1)[:, last_of_rank]
    found = np.cumsum(weights * fraud, axis=1)[:, last_of_rank]
    gained = np.diff(found, axis=1, prepend=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(seen > 0, found / seen, 0.0)
        return np.asarray((precision * gained).sum(axis=1) / found[:, -1])


def _interval(values: Floats) -> Interval:
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
