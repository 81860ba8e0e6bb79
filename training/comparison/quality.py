"""What detection is worth beyond precision and recall, from columns with one row an order.

All columns are in the stream's order. ``days`` and times are numpy's, probabilities 0-1, and a
share is None where there is nothing to divide by.
"""

from dataclasses import dataclass

import msgspec
import numpy as np

from shared.arrays import Bools, Floats, Ints, Times

BINS = 10
"""Bins of equal width that calibration is looked at in."""


@dataclass(frozen=True, slots=True)
class Reviews:
    """What analysts find who look at the likeliest ``k`` orders of every day.

    ``attainable`` is what they would find by perfect ranking: a day may have fewer frauds than
    ``k``, or more.
    """

    k: int
    reviewed: int
    found: int
    attainable: int
    precision: float | None
    share_of_attainable: float | None


def reviews(k: int, days: Ints, probability: Floats, fraud: Bools) -> Reviews:
    """Precision at ``k`` a day; ties in the stream's order."""
    ranking = np.lexsort((np.arange(len(days)), -probability, days))
    reviewed = ranking[_place_in_group(days[ranking]) < k]
    found = int(fraud[reviewed].sum())
    _, frauds_a_day = np.unique(days[fraud], return_counts=True)
    attainable = int(np.minimum(frauds_a_day, k).sum())
    return Reviews(
        k=k,
        reviewed=len(reviewed),
        found=found,
        attainable=attainable,
        precision=_share(found, len(reviewed)),
        share_of_attainable=_share(found, attainable),
    )


def _place_in_group(groups: Ints) -> Ints:
    """The place of each row in its group, from 0; the rows of a group are neighbours."""
    rows = np.arange(len(groups))
    first = np.ones(len(groups), dtype=bool)
    first[1:] = groups[1:] != groups[:-1]
    return np.asarray(rows - np.maximum.accumulate(np.where(first, rows, 0)))


def average_precision(probability: Floats, fraud: Bools) -> float | None:
    """Mean precision over the ranks of the frauds (scikit-learn's definition); None without any."""
    from sklearn.metrics import average_precision_score  # noqa: PLC0415 - seconds, only with truth

    if not fraud.any():
        return None
    return float(average_precision_score(fraud, probability))


@dataclass(frozen=True, slots=True)
class Bin:
    """Orders whose probability is from ``low`` on and below ``high`` (the last bin: up to 1)."""

    low: float
    high: float
    orders: int
    mean_probability: float
    fraud_share: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Do the probabilities mean what they say?

    ``brier`` is the mean squared error of the probability, ``expected_error`` the mean distance
    of a bin's probability from its share of frauds (expected calibration error). Empty bins are
    left out.
    """

    brier: float
    expected_error: float
    bins: tuple[Bin, ...]


def calibrate(probability: Floats, fraud: Bools) -> Calibration:
    """Compare probabilities with what was true."""
    places = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    orders = np.bincount(places, minlength=BINS)
    sums = np.bincount(places, probability, minlength=BINS)
    frauds = np.bincount(places, fraud, minlength=BINS)
    bins = tuple(
        Bin(
            low=at / BINS,
            high=(at + 1) / BINS,
            orders=count,
            mean_probability=float(sums[at] / count),
            fraud_share=float(frauds[at] / count),
        )
        for at, count in enumerate(orders.tolist())
        if count
    )
    return Calibration(
        brier=float(np.mean((probability - fraud) ** 2)),
        expected_error=float(np.abs(sums - frauds).sum() / len(fraud)),
        bins=bins,
    )


class LossFound(msgspec.Struct, frozen=True, rename={"injected": "planted"}):
    """Money that frauds took, and how much of it was in flagged orders (currency units)."""

    injected: float
    found: float
    share: float | None


def loss_found(loss_e4: Ints, flagged: Bools) -> LossFound:
    """How much of the planted loss was flagged."""
    injected, found = int(loss_e4.sum()), int(loss_e4[flagged].sum())
    return LossFound(injected / 1e4, found / 1e4, _share(found, injected))


def hidden_episodes(hidden: Ints) -> Ints:
    """The hidden run of each order, from 1 in time order; 0 outside of runs.

    ``hidden`` is the hidden percentage of each order; a run ends where it changes.
    """
    starts = (hidden > 0) & (np.diff(hidden, prepend=0) != 0)
    return np.where(hidden > 0, np.cumsum(starts), 0)


@dataclass(frozen=True, slots=True)
class Delay:
    """How long a hidden run goes on in a partition's stream before an order of it is flagged.

    ``episodes`` counts each run once a partition that it touches; in ``missed`` ones no order is
    flagged. Orders count from 1, the flagged one included; minutes are from the partition's first
    order of the run. A percentile is None where it falls among the missed.
    """

    episodes: int
    missed: int
    orders_p50: float | None
    orders_p95: float | None
    minutes_p50: float | None
    minutes_p95: float | None


def measure_delay(
    run: Ints, partition: Ints, flagged: Bools, times: Times, least: int = 1
) -> Delay:
    """Delay to detection over all runs and partitions; ``run`` is that of `hidden_episodes`.

    Runs of fewer than ``least`` orders in a partition are left out.
    """
    rows = np.flatnonzero(run > 0)
    rows = rows[np.lexsort((rows, partition[rows], run[rows]))]
    episode = run[rows] * (int(partition.max(initial=0)) + 1) + partition[rows]
    _, which, orders = np.unique(episode, return_inverse=True, return_counts=True)
    rows, episode = rows[orders[which] >= least], episode[orders[which] >= least]
    place = _place_in_group(episode)
    known, first = np.unique(episode, return_index=True)
    caught, first_hit = np.unique(episode[flagged[rows]], return_index=True)
    hit = np.flatnonzero(flagged[rows])[first_hit]
    opened = first[np.searchsorted(known, caught)]
    waited = times[rows[hit]] - times[rows[opened]]
    minutes = (waited / np.timedelta64(1, "m")).astype(np.float64)
    missed = len(known) - len(caught)
    return Delay(
        len(known),
        missed,
        *_percentiles((place[hit] + 1).astype(np.float64), missed),
        *_percentiles(minutes, missed),
    )


def _percentiles(values: Floats, missed: int) -> tuple[float | None, float | None]:
    """Median and 95th percentile (observed values) where the missed are infinite."""
    everything = np.append(values, np.full(missed, np.inf))
    if not len(everything):
        return None, None
    median, high = np.percentile(everything, [50, 95], method="inverted_cdf")
    return (
        float(median) if np.isfinite(median) else None,
        float(high) if np.isfinite(high) else None,
    )


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Orders outside of every hidden run that are flagged as hidden discounts."""

    clean_orders: int
    flagged: int
    per_million: float | None


def count_false_alarms(run: Ints, flagged: Bools) -> FalseAlarms:
    """False alarms on clean stretches; ``run`` is that of `hidden_episodes`."""
    clean, wrong = int((run == 0).sum()), int(flagged[run == 0].sum())
    share = _share(wrong, clean)
    return FalseAlarms(clean, wrong, None if share is None else share * 1e6)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
