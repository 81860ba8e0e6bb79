"""Plants frauds into real orders, so that models can be judged on orders whose truth is known.

The orders, their baskets, prices, reps and honest discounts stay real; only what a fraud would do
is done to them. Half of the percentages are those that the compared models know, half are ones
that nobody told them, so that neither a model that only repeats its history nor one that knows
nothing is flattered.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from shared.arrays import Bools, Ints
from shared.catalogue import Catalogue, Product
from shared.model import ModelBundle
from shared.order import Order, OrderLine
from training.comparison.comparison import LaterOrders
from training.simulation.discount_draws import Generator

ADDED_SHARE = 0.1
"""Share of the orders that an item is added to."""

HIDDEN_SHARE, RUN_ORDERS = 0.15, 125
"""Share of the orders that are in a run of a hidden discount, and orders a run: about a day's."""

UNTOLD_ADDED = tuple(range(500, 9_001, 500))
"""Discounts of added items that no model is asked about: 5 to 90 %, in basis points."""

UNTOLD_HIDDEN = tuple(range(30, 251, 10))
"""Hidden percentages that no model is asked about: 0.3 to 2.5 %, in basis points."""

ENOUGH_ADDED, ENOUGH_RUNS, MOST_ROUNDS = 500, 24, 24
"""Added items and runs that are planted at least, if that takes no more rounds than this. The
orders of a run are found or missed together, so it takes many runs to tell two models apart."""

FEWEST_DAYS = 10
"""Days below which intervals resample stretches of orders instead."""

STRETCHES = 20

WHOLE = 10_000


@dataclass(frozen=True, slots=True)
class Percents:
    """What is planted, in basis points: discounts of added items, and hidden percentages."""

    added: tuple[int, ...]
    hidden: tuple[int, ...]

    @classmethod
    def known_to(cls, *bundles: ModelBundle) -> "Percents":
        """Those that any of the models knows."""
        return cls(
            tuple(sorted({step.discount_bp for one in bundles for step in one.off_ladder})),
            tuple(sorted({step.discount_bp for one in bundles for step in one.hidden})),
        )


@dataclass(frozen=True, slots=True)
class InjectedFrauds:
    """The orders as they came; the same with frauds planted, once a round; and where."""

    real: tuple[Order, ...]
    rounds: tuple[tuple[Order, ...], ...]
    later: LaterOrders


def inject_frauds(
    orders: Sequence[Order], catalogue: Catalogue, percents: Percents, quantum_e4: int, seed: int
) -> InjectedFrauds:
    """Plant frauds into orders, which are in time order; the same arguments plant the same.

    Args:
        orders: at least one; few of them are planted into again and again.
        catalogue: added items are drawn from all of it.
        percents: that the compared models know.
        quantum_e4: what charges are whole multiples of.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    count = _rounds(len(orders))
    sower = _Sower(catalogue, percents, quantum_e4, rng)
    rounds = [sower.sow(orders) for _ in range(count)]
    days = _days(orders)
    later = LaterOrders(
        days=np.tile(days, count),
        added=np.concatenate([one.added for one in rounds]),
        hidden=np.concatenate([one.hidden for one in rounds]),
        loss_e4=np.concatenate([one.loss_e4 for one in rounds]),
        real_days=days,
    )
    return InjectedFrauds(tuple(orders), tuple(one.orders for one in rounds), later)


def _rounds(orders: int) -> int:
    added = max(round(ADDED_SHARE * orders), 1)
    wanted = max(math.ceil(ENOUGH_ADDED / added), math.ceil(ENOUGH_RUNS / _episodes(orders)))
    return min(wanted, MOST_ROUNDS)


def _episodes(orders: int) -> int:
    """Runs of one round."""
    return max(round(HIDDEN_SHARE * orders / RUN_ORDERS), 1)


@dataclass(frozen=True, slots=True)
class _Round:
    """The orders of one round, and what was planted into each."""

    orders: tuple[Order, ...]
    added: Bools
    hidden: Bools
    loss_e4: Ints


@dataclass(frozen=True, slots=True)
class _Sower:
    catalogue: Catalogue
    percents: Percents
    quantum_e4: int
    rng: Generator

    def sow(self, orders: Sequence[Order]) -> _Round:
        """Plant into the orders once."""
        products = sorted({product.product_id for product in self.catalogue})
        added = self.rng.random(len(orders)) < ADDED_SHARE
        hidden = _hidden_episodes(len(orders), self.percents.hidden, self.rng)
        injected: list[Order] = []
        loss = np.zeros(len(orders), dtype=np.int64)
        for at, order in enumerate(orders):
            changed, taken = order, 0
            if added[at]:
                name = products[self.rng.integers(len(products))]
                product = self.catalogue.product(name, order.ordered_at)
                assert product is not None  # it comes from this catalogue
                changed, taken = _with_item(order, product, self._off(), self.quantum_e4)
            changed, taken_hidden = _charged_less(changed, int(hidden[at]), self.quantum_e4)
            injected.append(changed)
            loss[at] = taken + taken_hidden
        return _Round(tuple(injected), added, hidden > 0, loss)

    def _off(self) -> int:
        """The discount of an added item: one the models know, or any."""
        told = self.rng.random() < 0.5
        return int(self.rng.choice(self.percents.added if told else UNTOLD_ADDED))


def _with_item(order: Order, product: Product, off: int, quantum_e4: int) -> tuple[Order, int]:
    """The order with one more unit at a discount, and the money that the discount took."""
    price = _rounded(product.list_e4 * (WHOLE - off) / WHOLE, quantum_e4)
    lines = {line.product_id: line for line in order.lines}
    own = lines.get(product.product_id, OrderLine(product.product_id, 0))
    lines[product.product_id] = replace(own, quantity=own.quantity + 1)
    changed = replace(
        order,
        lines=tuple(lines[name] for name in sorted(lines)),
        charged_e4=order.charged_e4 + price,
        list_e4=None if order.list_e4 is None else order.list_e4 + product.list_e4,
        cost_e4=None if order.cost_e4 is None else order.cost_e4 + product.cost_e4,
    )
    return changed, product.list_e4 - price


def _charged_less(order: Order, off: int, quantum_e4: int) -> tuple[Order, int]:
    if not off:
        return order, 0
    charged = _rounded(order.charged_e4 * (WHOLE - off) / WHOLE, quantum_e4)
    return replace(order, charged_e4=charged), order.charged_e4 - charged


def _rounded(amount_e4: float, quantum_e4: int) -> int:
    return round(amount_e4 / quantum_e4) * quantum_e4


def _hidden_episodes(count: int, known: Sequence[int], rng: Generator) -> Ints:
    """The hidden percentage of each order (0: none): runs of equal length, apart from each other.

    Half of the percentages are known, half are untold.
    """
    hidden = np.zeros(count, dtype=np.int64)
    episodes = _episodes(count)
    room = count // episodes
    length = min(RUN_ORDERS, room)
    first = int(rng.integers(2))
    for number in range(episodes):
        start = number * room + int(rng.integers(max(room - length, 1)))
        table = known if (first + number) % 2 and known else UNTOLD_HIDDEN
        hidden[start : start + length] = int(rng.choice(table))
    return hidden


def _days(orders: Sequence[Order]) -> Ints:
    """The day of each order since 1970; the stretch it is in where there are few days."""
    days = np.array([order.ordered_at.timestamp() // 86_400 for order in orders], dtype=np.int64)
    if len(np.unique(days)) >= FEWEST_DAYS:
        return days
    return np.arange(len(orders), dtype=np.int64) * STRETCHES // max(len(orders), 1)
