r"""Do later orders still look like those that training learned from?

The population stability index compares two samples over the same bins,

.. math:: PSI = \sum_i (q_i - p_i) \ln (q_i / p_i)

Where nothing has changed, :math:`PSI / (1/n + 1/m)` is about chi-square with one degree of freedom
less than there are bins (Yurdakul, "Statistical properties of population stability index", 2018),
so that the chance of a false alarm can be chosen; the customary 0.1 and 0.2 are too low for a
few hundred orders and too high for many. That chance is held over all features together
(Bonferroni). What no chance explains may still be a trifle: `TRIFLE` is asked for, too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from shared.arrays import Floats, Ints
from training.learning.rep_ladders import chi_square_tail

BINS = 10
"""Bins of the reference, each of about as many orders."""

FEWEST_ORDERS = 200
"""Orders of either side below which there is no figure."""

FEWEST_IN_BIN = 10.0
"""Orders that a bin must hold of either side if nothing changed; smaller ones join a neighbour."""

TRIFLE = 0.04
"""Index below which there is no alarm: a shift by a fifth of a standard deviation, which is Cohen's
small effect (of two normal distributions d standard deviations apart the index is d squared)."""

TRIFLING_RATIO = 1.2
"""Alert rates less than this factor apart raise no alarm."""


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """How far one feature of later orders is from that of earlier ones.

    ``before`` and ``now`` are medians. ``psi`` is None where there is no figure, and ``note`` says
    why; ``limit`` is the index from which on it is an alarm, ``chance`` that of an index at least
    as high where nothing changed.
    """

    name: str
    before: float
    now: float
    psi: float | None = None
    limit: float | None = None
    chance: float | None = None
    alarm: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class AlertRateDrift:
    """Alerts of the training window and of later orders; rates are None without orders.

    ``chance`` is that of a difference at least as unlikely where nothing changed.
    """

    orders_before: int
    orders_now: int
    before: float | None
    now: float | None
    chance: float | None = None
    alarm: bool = False
    note: str = ""


def measure_drift(
    names: Sequence[str], reference: Floats, current: Floats, alarm_rate: float = 0.01
) -> tuple[FeatureDrift, ...]:
    """The drift of each feature.

    Args:
        names: of the columns.
        reference: features of orders that were learned from, shape (orders, features).
        current: those of later orders.
        alarm_rate: chance (0-1) that any feature at all raises an alarm where nothing changed.
    """
    fewest = min(len(reference), len(current))
    if fewest < FEWEST_ORDERS:
        note = f"{fewest} orders, fewer than {FEWEST_ORDERS}"
        return tuple(
            FeatureDrift(name, _median(reference[:, at]), _median(current[:, at]), note=note)
            for at, name in enumerate(names)
        )
    level = alarm_rate / max(len(names), 1)
    return tuple(
        _feature_drift(name, reference[:, at], current[:, at], level)
        for at, name in enumerate(names)
    )


def _feature_drift(name: str, reference: Floats, current: Floats, level: float) -> FeatureDrift:
    before, now = binned(reference, current)
    medians = _median(reference), _median(current)
    if len(before) < 2:
        return FeatureDrift(name, *medians, note="the same for nearly all orders learned from")
    index, noise = stability_index(before, now), 1 / len(reference) + 1 / len(current)
    degrees = len(before) - 1
    limit = max(chi_square_limit(level, degrees) * noise, TRIFLE)
    chance = chi_square_tail(index / noise, degrees) if index > 0 else 1.0
    return FeatureDrift(name, *medians, index, limit, chance, index >= limit)


def binned(reference: Floats, current: Floats) -> tuple[Ints, Ints]:
    """Orders of both samples by bin; the bins are made from the reference alone.

    They are its tenths, or its values where these are few. A bin takes in its upper edge, so that
    a value that many orders share is not cut in two.
    """
    values = np.unique(reference)
    if len(values) > BINS:
        steps = np.arange(1, BINS) / BINS
        values = np.unique(np.quantile(reference, steps, method="inverted_cdf"))
        values = np.append(values, np.inf)
    edges = values[:-1]
    before, now = (
        np.bincount(np.searchsorted(edges, sample), minlength=len(edges) + 1)
        for sample in (reference, current)
    )
    share = min(len(current) / len(reference), 1.0)
    groups = _joined((before * share).tolist())
    starts = [group[0] for group in groups]
    return np.add.reduceat(before, starts), np.add.reduceat(now, starts)


def _joined(expected: Sequence[float]) -> list[list[int]]:
    """Neighbouring bins put together until each group has `FEWEST_IN_BIN`."""
    groups: list[list[int]] = [[]]
    held = 0.0
    for at, count in enumerate(expected):
        if held >= FEWEST_IN_BIN:
            groups.append([])
            held = 0.0
        groups[-1].append(at)
        held += count
    if held < FEWEST_IN_BIN and len(groups) > 1:
        last = groups.pop()
        groups[-1].extend(last)
    return groups


def stability_index(before: Ints, now: Ints) -> float:
    """The index of two counts over the same bins, each half an order larger than it is, so that
    an empty bin has a logarithm, too (Jeffreys' prior).

    >>> round(stability_index(np.array([500, 500]), np.array([400, 600])), 3)
    0.04
    """
    p, q = ((counts + 0.5) / (counts.sum() + len(counts) / 2) for counts in (before, now))
    return float(((q - p) * np.log(q / p)).sum())


def chi_square_limit(chance: float, degrees: int) -> float:
    """The value that a chi-square reaches with a chance, by the cube-root transform.

    The inverse of `chi_square_tail`.

    >>> round(chi_square_limit(0.05, 8), 1)
    15.5
    """
    spread = 2 / (9 * degrees)
    z = NormalDist().inv_cdf(1 - chance)
    return float(degrees * (1 - spread + z * math.sqrt(spread)) ** 3)


def alert_rate_drift(
    alerts_before: int, orders_before: int, alerts_now: int, orders_now: int, level: float = 0.01
) -> AlertRateDrift:
    """Whether alerts became more or fewer than chance explains, by Fisher's exact test.

    Orders of a hidden discount are alerts together, so a run in one window and none in the other
    is a change, too. ``level`` is the chance (0-1) of an alarm where nothing changed.
    """
    before = alerts_before / orders_before if orders_before else None
    now = alerts_now / orders_now if orders_now else None
    fewest = min(orders_before, orders_now)
    if before is None or now is None or fewest < FEWEST_ORDERS:
        note = f"{fewest} orders, fewer than {FEWEST_ORDERS}"
        return AlertRateDrift(orders_before, orders_now, before, now, note=note)
    chance = fisher(alerts_before, orders_before, alerts_now, orders_now)
    low, high = sorted((before, now))
    alarm = chance < level and high >= TRIFLING_RATIO * low
    return AlertRateDrift(orders_before, orders_now, before, now, chance, alarm)


def fisher(found: int, of: int, others: int, of_others: int) -> float:
    """Chance, given the totals, of a split of the found that is no likelier than this one.

    Fisher, "The logic of inductive inference", J. R. Stat. Soc. 98, 1935.

    >>> round(fisher(3, 4, 1, 4), 4)
    0.4857
    """
    total, everything = found + others, of + of_others
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, everything + 1)))])
    possible = np.arange(max(0, total - of_others), min(total, of) + 1)
    ways = -(logs[possible] + logs[of - possible])
    ways -= logs[total - possible] + logs[of_others - total + possible]
    likely = np.exp(ways - ways.max())
    own = likely[found - possible[0]]
    return float(min(likely[likely <= own * (1 + 1e-9)].sum() / likely.sum(), 1.0))


def _median(values: Floats) -> float:
    return float(np.median(values)) if len(values) else math.nan
