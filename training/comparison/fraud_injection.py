"""Injects frauds into real orders, so that models can be judged on orders whose truth is known.

The orders, their baskets, prices, reps and honest discounts stay real; only what a fraud would do
is done to them. Half of the discounts are ones that the compared models know. The other half come
from tables that no model has, so that a model that only repeats its history has no advantage, and a
model that knows nothing has none either.
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

ADDED_SHARE = 0.1
"""Share of the orders that an item is added to."""

HIDDEN_SHARE, EPISODE_ORDERS = 0.15, 125
"""Share of the orders that lie in episodes, and orders of one episode: about as many as in a
day."""

UNTOLD_ADDED_BP = tuple(range(500, 9_001, 500))
"""Discounts of added items that no model was told: 5 to 90 %."""

UNTOLD_HIDDEN_BP = tuple(range(30, 251, 10))
"""Hidden discounts that no model was told: 0.3 to 2.5 %."""

ENOUGH_ADDED, ENOUGH_EPISODES, MOST_ROUNDS = 500, 24, 24
"""At least so many added items and episodes are injected, but in at most so many rounds. The orders
of an episode are found or missed together, so it takes many episodes to tell two models apart."""

FEWEST_DAYS = 10
"""If there are fewer days, intervals resample stretches of orders instead of days."""

STRETCHES = 20
"""The number of stretches that the orders are cut into."""

WHOLE = 10_000
"""Basis points in a whole."""


@dataclass(frozen=True, slots=True)
class Percents:
    """The discounts that models know, of added items and hidden ones."""

    added_bp: tuple[int, ...]
    hidden_bp: tuple[int, ...]

    @classmethod
    def known_to(cls, *bundles: ModelBundle) -> "Percents":
        """Return the discounts that any of the models knows."""
        return cls(
            tuple(sorted({step.discount_bp for bundle in bundles for step in bundle.off_ladder})),
            tuple(sorted({step.discount_bp for bundle in bundles for step in bundle.hidden})),
        )


@dataclass(frozen=True, slots=True)
class InjectedFrauds:
    """The orders as they came, the same orders of each round with frauds, and where these are."""

    real: tuple[Order, ...]
    rounds: tuple[tuple[Order, ...], ...]
    later: LaterOrders


def inject_frauds(
    orders: Sequence[Order], catalogue: Catalogue, percents: Percents, quantum_e4: int, seed: int
) -> InjectedFrauds:
    """Inject frauds into orders; the same arguments inject the same frauds.

    Args:
        orders: at least one, in time order. If they are few, several rounds of frauds are injected,
            each into all the orders as they came.
        catalogue: every product of it may be added.
        percents: the discounts that the compared models know.
        quantum_e4: charges are whole multiples of this.
        seed: of the random draws.
    """
    injector = _Injector(catalogue, percents, quantum_e4, np.random.default_rng(seed))
    rounds = [injector.inject(orders) for _ in range(_rounds(len(orders)))]
    days = _days(orders)
    later = LaterOrders(
        days=np.tile(days, len(rounds)),
        added=np.concatenate([each.added for each in rounds]),
        hidden=np.concatenate([each.hidden for each in rounds]),
        loss_e4=np.concatenate([each.loss_e4 for each in rounds]),
        real_days=days,
    )
    return InjectedFrauds(tuple(orders), tuple(each.orders for each in rounds), later)


def _rounds(orders: int) -> int:
    added = max(round(ADDED_SHARE * orders), 1)
    wanted = max(math.ceil(ENOUGH_ADDED / added), math.ceil(ENOUGH_EPISODES / _episodes(orders)))
    return min(wanted, MOST_ROUNDS)


def _episodes(orders: int) -> int:
    """Return the number of episodes in one round."""
    return max(round(HIDDEN_SHARE * orders / EPISODE_ORDERS), 1)


@dataclass(frozen=True, slots=True)
class _Round:
    """The orders of one round, and what was injected into each."""

    orders: tuple[Order, ...]
    added: Bools
    hidden: Bools
    loss_e4: Ints


@dataclass(frozen=True, slots=True)
class _Injector:
    catalogue: Catalogue
    percents: Percents
    quantum_e4: int
    rng: np.random.Generator

    def inject(self, orders: Sequence[Order]) -> _Round:
        """Inject frauds into the orders once."""
        products = sorted({product.product_id for product in self.catalogue})
        added = self.rng.random(len(orders)) < ADDED_SHARE
        hidden_bp = _draw_episodes(len(orders), self.percents.hidden_bp, self.rng)
        injected: list[Order] = []
        loss_e4 = np.zeros(len(orders), dtype=np.int64)
        for at, order in enumerate(orders):
            changed, taken_e4 = self._with_item(order, products) if added[at] else (order, 0)
            changed, hidden_e4 = _charged_less(changed, int(hidden_bp[at]), self.quantum_e4)
            injected.append(changed)
            loss_e4[at] = taken_e4 + hidden_e4
        return _Round(tuple(injected), added, hidden_bp > 0, loss_e4)

    def _with_item(self, order: Order, products: list[str]) -> tuple[Order, int]:
        """Add a unit of a random product at a random discount."""
        name = products[self.rng.integers(len(products))]
        product = self.catalogue.product(name, order.ordered_at)
        assert product is not None  # it comes from this catalogue
        return _with_item(order, product, self._draw_discount(), self.quantum_e4)

    def _draw_discount(self) -> int:
        """Draw the discount of an added item: one that the models know, or an untold one."""
        told = self.rng.random() < 0.5
        return int(self.rng.choice(self.percents.added_bp if told else UNTOLD_ADDED_BP))


def _with_item(
    order: Order, product: Product, discount_bp: int, quantum_e4: int
) -> tuple[Order, int]:
    """Return the order with one more unit at a discount, and the money that the discount took."""
    price_e4 = _rounded(product.list_e4 * (WHOLE - discount_bp) / WHOLE, quantum_e4)
    lines = {line.product_id: line for line in order.lines}
    own = lines.get(product.product_id, OrderLine(product.product_id, 0))
    lines[product.product_id] = replace(own, quantity=own.quantity + 1)
    changed = replace(
        order,
        lines=tuple(lines[name] for name in sorted(lines)),
        charged_e4=order.charged_e4 + price_e4,
        list_e4=None if order.list_e4 is None else order.list_e4 + product.list_e4,
        cost_e4=None if order.cost_e4 is None else order.cost_e4 + product.cost_e4,
    )
    return changed, product.list_e4 - price_e4


def _charged_less(order: Order, hidden_bp: int, quantum_e4: int) -> tuple[Order, int]:
    """Return the order under a hidden discount, and the money that the discount took."""
    if not hidden_bp:
        return order, 0
    charged_e4 = _rounded(order.charged_e4 * (WHOLE - hidden_bp) / WHOLE, quantum_e4)
    return replace(order, charged_e4=charged_e4), order.charged_e4 - charged_e4


def _rounded(amount_e4: float, quantum_e4: int) -> int:
    return round(amount_e4 / quantum_e4) * quantum_e4


def _draw_episodes(count: int, known_bp: Sequence[int], rng: np.random.Generator) -> Ints:
    """Draw the hidden discount of each order (0 without one).

    The episodes have the same length and lie apart. Every other one has a discount that the models
    know, the others an untold one.
    """
    hidden_bp = np.zeros(count, dtype=np.int64)
    episodes = _episodes(count)
    room = count // episodes
    length = min(EPISODE_ORDERS, room)
    first = int(rng.integers(2))
    for number in range(episodes):
        start = number * room + int(rng.integers(max(room - length, 1)))
        table = known_bp if (first + number) % 2 and known_bp else UNTOLD_HIDDEN_BP
        hidden_bp[start : start + length] = int(rng.choice(table))
    return hidden_bp


def _days(orders: Sequence[Order]) -> Ints:
    """Return the day of each order since 1970, or its stretch where there are few days."""
    days = np.array([order.ordered_at.timestamp() // 86_400 for order in orders], dtype=np.int64)
    if len(np.unique(days)) >= FEWEST_DAYS:
        return days
    return np.arange(len(orders), dtype=np.int64) * STRETCHES // max(len(orders), 1)
