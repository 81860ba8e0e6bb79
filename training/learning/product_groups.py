r"""Kinds of products, and how far basket rates misjudge them: learned by contrast.

Products that go with the same others are of one kind: bikes of a family, or its accessories. The
odds :math:`w_j` of `shared.baskets` say how many times likelier a basket is as one to which ``j``
was added than as an innocent one. Both sorts are at hand: innocent baskets are those charged at
list price, because an added item is always discounted; and a product of the catalogue is easily
added to one. So a factor :math:`F` on the odds is fitted, by kind and by what stands beside the
item, where the two sorts balance:

.. math:: \sum_{\text{added}} \frac{1}{1 + F w_j} = \sum_{\text{bought}} \frac{F w_j}{1 + F w_j}

which is a logistic regression with an intercept only (Gutmann and Hyvarinen, "Noise-contrastive
estimation", AISTATS 2010) and the optimal bridge between the two (Meng and Wong, "Simulating ratios
of normalizing constants via a simple identity", Statistica Sinica 6, 1996).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shared.arrays import Floats, Ints
from shared.baskets import Baskets, place_in
from shared.model import BasketTable, ProductGroup

SHAPE = (2, 6, 8)
"""Units of the item, other units of its kind and units of partners that are told apart."""

FEWEST_BROUGHT = 5.0
"""Lines that one product must have brought of another for the two to go together."""

SPARE = 1.0
"""Baskets of each sort by which the rates alone are believed (Laplace's rule of succession)."""

HALVINGS = 50
"""Halvings of the interval that a factor is looked for in."""

CONTRASTS = 200_000
"""Baskets that items are added to, over all kinds."""

Basket = dict[str, int]


@dataclass(frozen=True, slots=True)
class _Items:
    """Items of one kind in their baskets: the place of each, and its odds by the rates alone."""

    place: Ints
    odds: Floats


def learn_product_groups(
    table: BasketTable, innocent: Sequence[Basket], catalogue: Sequence[str], none: float
) -> tuple[ProductGroup, ...]:
    """The kinds of products, each with its corrections.

    Args:
        table: rates learned from the history, without kinds.
        innocent: the baskets of orders that were charged at list price.
        catalogue: every product that may be added.
        none: chance of a normal unit to have no discount, 0-1.
    """
    found = _product_groups(_pairs(table, innocent))
    if not found:
        return ()
    rates = Baskets(table, len(catalogue))
    odds = [rates.added_odds(basket) for basket in innocent]
    stride = max(len(innocent) * len(found) // CONTRASTS, 1)
    product_groups = []
    for products, partners in found:
        kind = ProductGroup(frozenset(products), frozenset(partners), ())
        bought, orders = _bought(kind, innocent, odds)
        added = _added(kind, rates, innocent[::stride])
        # An innocent basket is at list price only if the item beside it would be, too.
        weight = stride * none * len(products) / len(catalogue)
        factors = _balance(added, weight, bought)
        product_groups.append(ProductGroup(kind.products, kind.partners, _rounded(factors), orders))
    return tuple(product_groups)


def _pairs(table: BasketTable, innocent: Sequence[Basket]) -> set[tuple[str, str]]:
    """Pairs of products of which one brings the other along, each way round."""
    units: dict[str, int] = {}
    for basket in innocent:
        for product, bought in basket.items():
            units[product] = units.get(product, 0) + bought
    pairs = set()
    for one, brought in table.companions.items():
        for other, rate in brought.items():
            if rate * units.get(one, 0) >= FEWEST_BROUGHT:
                pairs |= {(one, other), (other, one)}
    return pairs


def _product_groups(pairs: set[tuple[str, str]]) -> list[tuple[list[str], list[str]]]:
    """Products of each kind with their partners, both by name.

    Two products are of a kind when they go with the same third one, or are linked by such: the
    components of a graph in which every product stands twice, once on each side of the pairs.
    """
    partners: dict[str, list[str]] = {}
    for one, other in sorted(pairs):
        partners.setdefault(one, []).append(other)
    left = set(partners)
    found = []
    while left:
        products, reached, queue = {min(left)}, set(), [min(left)]
        while queue:
            for partner in partners[queue.pop()]:
                if partner not in reached:
                    reached.add(partner)
                    new = set(partners[partner]) - products
                    products |= new
                    queue += sorted(new)
        left -= products
        found.append((sorted(products), sorted(reached)))
    return found


def _bought(
    kind: ProductGroup, innocent: Sequence[Basket], odds: Sequence[dict[str, float]]
) -> tuple[_Items, int]:
    """The lines of a kind as they were bought, and the baskets that have any."""
    places, values, orders = [], [], 0
    for basket, by_product in zip(innocent, odds, strict=True):
        mine = [product for product in basket if product in kind.products]
        orders += bool(mine)
        places += [_place(kind, product, basket) for product in mine]
        values += [by_product[product] for product in mine]
    return _Items(np.array(places, dtype=np.int64), np.array(values)), orders


def _added(kind: ProductGroup, rates: Baskets, innocent: Sequence[Basket]) -> _Items:
    """One product of a kind added to each basket, every product in turn."""
    places, values = [], []
    products = sorted(kind.products)
    for at, basket in enumerate(innocent):
        product = products[at % len(products)]
        basket_with = {**basket, product: basket.get(product, 0) + 1}
        places.append(_place(kind, product, basket_with))
        values.append(rates.added_odds(basket_with)[product])
    return _Items(np.array(places, dtype=np.int64), np.array(values))


def _place(kind: ProductGroup, product: str, basket: Basket) -> int:
    """What stands beside an item, as one number below the product of `SHAPE`."""
    at = 0
    for count, size in zip(place_in(kind, product, basket), SHAPE, strict=True):
        at = at * size + min(count, size - 1)
    return at


def _balance(added: _Items, weight: float, bought: _Items) -> Floats:
    """The factor by place at which both sorts balance, found by halving; ``weight`` is that of
    each added item against a bought one."""
    size = math.prod(SHAPE)
    low, high = np.full(size, -20.0), np.full(size, 20.0)
    for _ in range(HALVINGS):
        middle = np.exp((low + high) / 2)
        left = np.bincount(added.place, weight / (1 + middle[added.place] * added.odds), size)
        scaled = middle[bought.place] * bought.odds
        right = np.bincount(bought.place, scaled / (1 + scaled), size)
        rising = left + SPARE / (1 + middle) > right + SPARE * middle / (1 + middle)
        low, high = np.where(rising, np.log(middle), low), np.where(rising, high, np.log(middle))
    return np.asarray(np.exp((low + high) / 2).reshape(SHAPE))


def _rounded(factors: Floats) -> tuple[tuple[tuple[float, ...], ...], ...]:
    return tuple(
        tuple(tuple(float(f"{factor:.4g}") for factor in row) for row in table)
        for table in factors.tolist()
    )
