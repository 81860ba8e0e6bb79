r"""What is bought together, attributed: which item of a basket brought which other one along.

A basket is read as a small branching process: every unit of ``i`` brings along lines of ``j`` at a
rate :math:`\varphi_{ij}`, and a line that nothing brought came by itself at a rate :math:`a_j`.
Expectation maximisation shares each line among its possible causes,

.. math:: r_{ij} = n_i \varphi_{ij} / (a_j + \sum_k n_k \varphi_{kj})

and reads the rates off the shares (Veen and Schoenberg, "Estimation of space-time branching process
models in seismology using an EM-type algorithm", JASA 103, 2008). A pair that meets only because
both were brought by a third thus loses its rate, which plain co-occurrence counts do not give.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from shared.model import BasketTable
from training.history.orders import line_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shared.arrays import Bools, Floats, Ints
    from shared.order import Order


ROUNDS = 40
"""Rounds of expectation maximisation; the rates change by less than a percent after about 30."""

PART = 50_000
"""Orders whose pairs are worked on at once: what is in between takes megabytes."""

SMALLEST_RATE = 1e-4
"""Rates below one line in ten thousand units are left out of the table."""

SPARE_LINES = 1.0
"""Lines taken off every pair: without, a product of a few lines would be credited to whatever stood
beside it (a Dirichlet prior below one, as its maximum a posteriori)."""

PRIOR_ORDERS = 5.0
"""Weight of the common innocent share against a product's own, in orders."""


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines of all orders: order, product and units of each, sorted by order."""

    order: Ints
    product: Ints
    units: Floats
    names: list[str]
    orders: int


@dataclass(frozen=True, slots=True)
class _Part:
    """The pairs of lines of some orders: a row for each, which pair of products it is, the line
    that was brought (from the first of ``lines``), and the units of the one that brought it.

    Narrow numbers, exact all the same: a million orders have ten million pairs.
    """

    lines: slice
    pair: NDArray[np.int32]
    effect: NDArray[np.int32]
    units: NDArray[np.float32]


def learn_baskets(
    orders: Sequence[Order], undiscounted: Sequence[bool], none: float
) -> BasketTable:
    """Learn what is bought together.

    An item that came by itself may have been added by a rep, and an added item is discounted: the
    share of such orders that have no discount at all, compared with the share expected of innocent
    ones, is the part that counts as innocent (`BasketTable.alone`).

    Args:
        orders: the history, frauds and all.
        undiscounted: for each order, whether it was charged its full list total.
        none: chance of a normal unit to have no discount, 0-1.
    """
    lines = _lines(orders)
    if not lines.orders:
        return BasketTable()
    size = len(lines.names)
    keys, parts = _parts(lines)
    exposure = np.bincount(lines.product, lines.units, size)
    rate = np.full(len(keys), 0.1)
    alone = np.bincount(lines.product, minlength=size) / lines.orders / 10
    own_share = np.ones(len(lines.product))
    for _ in range(ROUNDS):
        credited = np.zeros(len(keys))
        for part in parts:
            by_itself = alone[lines.product[part.lines]]
            brought = part.units * rate[part.pair]
            total = by_itself + np.bincount(part.effect, brought, len(by_itself))
            own_share[part.lines] = by_itself / total
            credited += np.bincount(part.pair, brought / total[part.effect], len(keys))
        rate = np.maximum(credited - SPARE_LINES, 0.0) / exposure[keys // size]
        alone = np.bincount(lines.product, own_share, size) / lines.orders
    innocent = _innocent_share(lines, own_share, np.asarray(undiscounted), none)
    return _table(lines, keys, rate, alone * innocent)


def _lines(orders: Sequence[Order]) -> _Lines:
    names = dict.fromkeys(line.product_id for order in orders for line in order.lines)
    index = {name: at for at, name in enumerate(names)}
    order, product, units = line_columns(orders, index)
    return _Lines(order, product, units.astype(float), list(index), len(orders))


def _parts(lines: _Lines) -> tuple[Ints, list[_Part]]:
    """The pairs of products that meet in an order, as one number each; and where they do."""
    starts = np.searchsorted(lines.order, np.arange(0, lines.orders, PART))
    bounds = [slice(*both) for both in pairwise([*starts.tolist(), len(lines.order)])]
    # Twice over, because once would hold every pair's wide numbers until the last one is known.
    keys = np.unique(np.concatenate([np.unique(_meetings(lines, mine)[0]) for mine in bounds]))
    sizes = np.bincount(lines.order)
    rows = int((sizes * (sizes - 1)).sum())
    pair, effect = np.empty(rows, dtype=np.int32), np.empty(rows, dtype=np.int32)
    units = np.empty(rows, dtype=np.float32)
    parts, first = [], 0
    for mine in bounds:
        key, brought, causes = _meetings(lines, mine)
        to = slice(first, first := first + len(key))
        pair[to], effect[to], units[to] = np.searchsorted(keys, key), brought, causes
        parts.append(_Part(mine, pair[to], effect[to], units[to]))
    return keys, parts


def _meetings(lines: _Lines, mine: slice) -> tuple[Ints, Ints, Floats]:
    """Of every two lines of an order: which products, the line brought, the units of the other."""
    cause, effect = _pairs(lines.order[mine] - lines.order[mine.start])
    product = lines.product[mine]
    return product[cause] * len(lines.names) + product[effect], effect, lines.units[mine][cause]


def _pairs(order: Ints) -> tuple[Ints, Ints]:
    """Every ordered pair of different lines of the same order, as indexes of lines.

    ``order`` is that of each line, from 0.
    """
    orders = int(order[-1]) + 1
    starts = np.searchsorted(order, np.arange(orders))
    sizes = np.diff(np.append(starts, len(order)))
    own = sizes[order]
    cause = np.repeat(np.arange(len(order)), own)
    firsts = np.repeat(starts[order], own)
    within = np.arange(len(cause)) - np.repeat(np.cumsum(own) - own, own)
    effect = firsts + within
    different = cause != effect
    return cause[different], effect[different]


def _innocent_share(lines: _Lines, own_share: Floats, undiscounted: Bools, none: float) -> Floats:
    """The part (0-1) of each product's lines that came by themselves and were not added by a rep.

    Added items are always discounted, so among the orders they stand in none is undiscounted;
    innocent orders are undiscounted with the chance ``none`` to the power of their units.
    """
    size = len(lines.names)
    order_units = np.bincount(lines.order, lines.units, lines.orders)
    expected = own_share * none ** order_units[lines.order]
    seen = own_share * undiscounted[lines.order]
    expected_by, seen_by = (np.bincount(lines.product, x, size) for x in (expected, seen))
    common = seen_by.sum() / max(expected_by.sum(), 1e-9)
    scale = PRIOR_ORDERS * none**3
    share = (seen_by + scale * min(common, 1.0)) / (expected_by + scale)
    return np.minimum(share, 1.0)


def _table(lines: _Lines, keys: Ints, rate: Floats, alone: Floats) -> BasketTable:
    companions: dict[str, dict[str, float]] = {}
    kept = np.flatnonzero(rate >= SMALLEST_RATE)
    size = len(lines.names)
    for key, value in zip(keys[kept].tolist(), rate[kept].tolist(), strict=True):
        cause, effect = lines.names[key // size], lines.names[key % size]
        companions.setdefault(cause, {})[effect] = round(value, 6)
    by_itself = {
        name: float(f"{value:.4g}") for name, value in zip(lines.names, alone.tolist(), strict=True)
    }
    return BasketTable(orders=lines.orders, companions=companions, alone=by_itself)
