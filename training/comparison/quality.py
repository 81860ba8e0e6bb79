"""Quality of detection beyond precision and recall, from columns with one row an order.

All columns are in the stream's order. ``days`` and times are numpy's, probabilities are 0-1, and a
share is None where it would divide by 0.
"""

from dataclasses import dataclass

import msgspec
import numpy as np

from shared.arrays import Bools, Floats, Ints, Times

BINS = 10
"""Bins of equal width that calibration is measured in."""


@dataclass(frozen=True, slots=True)
class Reviews:
    """The frauds that analysts find if they review the ``k`` likeliest orders of every day.

    ``attainable`` is what they would find with a perfect ranking: a day may have fewer frauds than
    ``k``, or more.
    """

    k: int
    reviewed: int
    found: int
    attainable: int
    precision: float | None
    share_of_attainable: float | None


def reviews(k: int, days: Ints, probability: Floats, fraud: Bools) -> Reviews:
    """Measure precision at ``k`` a day; ties are in the stream's order."""
    ranking = np.lexsort((np.arange(len(days)), -probability, days))
    reviewed = ranking[_place_in_group(days[ranking]) < k]
    hits = int(fraud[reviewed].sum())
    _, frauds_a_day = np.unique(days[fraud], return_counts=True)
    attainable = int(np.minimum(frauds_a_day, k).sum())
    return Reviews(
        k=k,
        reviewed=len(reviewed),
        found=hits,
        attainable=attainable,
        precision=_share(hits, len(reviewed)),
        share_of_attainable=_share(hits, attainable),
    )


def _place_in_group(groups: Ints) -> Ints:
    """Return the place of each row in its group, from 0; the rows of a group are neighbours."""
    rows = np.arange(len(groups))
    first = np.ones(len(groups), dtype=bool)
    first[1:] = groups[1:] != groups[:-1]
    return np.asarray(rows - np.maximum.accumulate(np.where(first, rows, 0)))


def average_precision(probability: Floats, fraud: Bools) -> float | None:
    """Return scikit-learn's average precision; None without frauds."""
    from sklearn.metrics import average_precision_score  # noqa: PLC0415 - seconds, only with truth

    if not fraud.any():
        return None
    return float(average_precision_score(fraud, probability))


@dataclass(frozen=True, slots=True)
class Bin:
    """Orders with a probability from ``low`` to below ``high`` (in the last bin: up to 1)."""

    low: float
    high: float
    orders: int
    mean_probability: float
    fraud_share: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """A measure of whether probabilities mean what they say.

    ``brier`` is the mean squared error of the probability. ``expected_error`` is the mean distance
    between a bin's probability and its share of frauds (expected calibration error). Empty bins are
    left out.
    """

    brier: float
    expected_error: float
    bins: tuple[Bin, ...]


def calibrate(probability: Floats, fraud: Bools) -> Calibration:
    """Compare probabilities with the truth."""
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
    """The money that frauds took, and how much of it was in flagged orders (currency)."""

    injected: float
    found: float
    share: float | None


def loss_found(loss_e4: Ints, flagged: Bools) -> LossFound:
    """Measure how much of the frauds' loss is in flagged orders."""
    injected_e4, found_e4 = int(loss_e4.sum()), int(loss_e4[flagged].sum())
    return LossFound(injected_e4 / 1e4, found_e4 / 1e4, _share(found_e4, injected_e4))


def hidden_episodes(hidden_bp: Ints) -> Ints:
    """Return the hidden-discount episode of each order, from 1 in time order; 0 outside of them.

    ``hidden_bp`` is the hidden discount of each order. An episode ends where it changes.
    """
    starts = (hidden_bp > 0) & (np.diff(hidden_bp, prepend=0) != 0)
    return np.where(hidden_bp > 0, np.cumsum(starts), 0)


@dataclass(frozen=True, slots=True)
class Delay:
    """The time that an episode goes on in a partition's stream until one of its orders is flagged.

    ``episodes`` counts each episode once for every partition that has orders of it. In ``missed``
    of them no order is flagged. Orders are counted from 1 up to the flagged one; minutes are
    counted from the partition's first order of the episode. A percentile is None where it falls
    among the missed ones.
    """

    episodes: int
    missed: int
    orders_p50: float | None
    orders_p95: float | None
    minutes_p50: float | None
    minutes_p95: float | None


def measure_delay(
    episode: Ints, partition: Ints, flagged: Bools, times: Times, least: int = 1
) -> Delay:
    """Measure the delay over all episodes and partitions; ``episode`` is from `hidden_episodes`.

    Where an episode has fewer than ``least`` orders in a partition, it is left out there.
    """
    rows = np.flatnonzero(episode > 0)
    rows = rows[np.lexsort((rows, partition[rows], episode[rows]))]
    stretch = episode[rows] * (int(partition.max(initial=0)) + 1) + partition[rows]
    _, which, orders = np.unique(stretch, return_inverse=True, return_counts=True)
    rows, stretch = rows[orders[which] >= least], stretch[orders[which] >= least]
    place = _place_in_group(stretch)
    known, first = np.unique(stretch, return_index=True)
    caught, first_hit = np.unique(stretch[flagged[rows]], return_index=True)
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
    """Return the median and the 95th percentile as observed values; missed ones are infinite."""
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
    """Orders outside of every episode that are flagged as hidden discounts."""

    clean_orders: int
    flagged: int
    per_million: float | None


def count_false_alarms(episode: Ints, flagged: Bools) -> FalseAlarms:
    """Count false alarms outside of episodes; ``episode`` is from `hidden_episodes`."""
    clean, wrong = int((episode == 0).sum()), int(flagged[episode == 0].sum())
    share = _share(wrong, clean)
    return FalseAlarms(clean, wrong, None if share is None else share * 1e6)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
