r"""Do later orders still look like those that training learned from?

The population stability index compares two samples over the same bins,

.. math:: PSI = \sum_i (q_i - p_i) \ln (q_i / p_i)

If nothing has changed, :math:`PSI / (1/n + 1/m)` is about chi-square, with one degree of freedom
fewer than there are bins (Yurdakul, "Statistical properties of population stability index", 2018).
So the chance of a false alarm can be chosen, for all features together (Bonferroni). The usual
limits 0.1 and 0.2 are too low for a few hundred orders and too high for many. With many orders
even a trifle is more than chance; an alarm therefore also needs an index of at least `TRIFLE`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shared.arrays import Floats, Ints
from training.learning.chi_square import chi_square_limit, chi_square_tail

BINS = 10
"""Bins of the reference sample; each has about the same number of orders."""

FEWEST_ORDERS = 200
"""Orders of either sample below which no drift is measured."""

FEWEST_IN_BIN = 10.0
"""Orders of either sample expected in a bin if nothing changed; smaller bins join a neighbour."""

TRIFLE = 0.04
"""Index below which there is no alarm: a shift by a fifth of a standard deviation, Cohen's small
effect. (For two normal distributions d standard deviations apart, the index is d squared.)"""

TRIFLING_RATIO = 1.2
"""Factor between two alert rates below which there is no alarm."""


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """The drift of one feature: how far later orders have moved from earlier ones.

    ``before`` and ``now`` are medians. ``psi`` is the index; None where it was not measured, and
    then ``note`` says why. From ``limit`` on it is an alarm. ``chance`` is the probability of an
    index at least this high if nothing changed.
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
    """The alert rates of the orders learned from and of later orders; None without orders.

    ``chance`` is the probability of a difference at least as unlikely if nothing changed.
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
    """Measure the drift of each feature.

    Args:
        names: names of the columns.
        reference: features of orders that were learned from, shape (orders, features).
        current: features of later orders, of the same shape.
        alarm_rate: chance (0-1) that any feature at all raises an alarm if nothing changed.
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
    """Count the orders of both samples by bin; the bins are made from the reference alone.

    The bins are the reference's tenths, or its values where these are few. A bin includes its upper
    edge, so that a value that many orders share is not cut in two.
    """
    values = np.unique(reference)
    if len(values) > BINS:
        tenths = np.arange(1, BINS) / BINS
        values = np.unique(np.quantile(reference, tenths, method="inverted_cdf"))
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
    """Join neighbouring bins until each group has `FEWEST_IN_BIN` expected orders."""
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
    """Return the index of two counts over the same bins.

    Half an order is added to each count, so that empty bins have a logarithm (Jeffreys' prior).

    >>> round(stability_index(np.array([500, 500]), np.array([400, 600])), 3)
    0.04
    """
    p, q = ((counts + 0.5) / (counts.sum() + len(counts) / 2) for counts in (before, now))
    return float(((q - p) * np.log(q / p)).sum())


def alert_rate_drift(
    alerts_before: int, orders_before: int, alerts_now: int, orders_now: int, level: float = 0.01
) -> AlertRateDrift:
    """Test whether the alert rate changed by more than chance explains (Fisher's exact test).

    The orders of a hidden-discount episode are alerts together, so an episode in only one of the
    two windows counts as a change. ``level`` is the chance (0-1) of an alarm if nothing changed.
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


def fisher(hits: int, of: int, other_hits: int, of_others: int) -> float:
    """Return the chance of a split of all hits that is no likelier than this one.

    The totals are given: ``hits`` among ``of``, and ``other_hits`` among ``of_others``.

    Fisher, "The logic of inductive inference", J. R. Stat. Soc. 98, 1935.

    >>> round(fisher(3, 4, 1, 4), 4)
    0.4857
    """
    total, everything = hits + other_hits, of + of_others
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, everything + 1)))])
    possible = np.arange(max(0, total - of_others), min(total, of) + 1)
    ways = -(logs[possible] + logs[of - possible])
    ways -= logs[total - possible] + logs[of_others - total + possible]
    likely = np.exp(ways - ways.max())
    own = likely[hits - possible[0]]
    return float(min(likely[likely <= own * (1 + 1e-9)].sum() / likely.sum(), 1.0))


def _median(values: Floats) -> float:
    return float(np.median(values)) if len(values) else math.nan
