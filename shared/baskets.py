r"""How well does each item fit the rest of its basket?

Training learns, for every product, at which rate one unit of it brings along each other product
(``companions``) and how often the other product comes by itself (``alone``). The items of a normal
basket then have the intensities

.. math:: \lambda_j = a_j + \sum_{i \ne j} n_i \, \varphi_{ij}

and the basket without one unit of ``j`` has those with that unit's part left out. `added_odds`
compares the two ways an item can have got into an order: drawn from the whole catalogue and added
to a complete basket, or bought with the rest,

.. math::
   w_j = \frac{1 / M}{\lambda_j} \; e^{\sum_k \varphi_{jk}} \;
         \prod_{k \ne j} \frac{\lambda_k - \varphi_{jk}}{\lambda_k}

The ratio of two Poisson likelihoods. Its product keeps a bike from looking added to its own
accessories: without it, they do not fit. Its exponential tells a bike that brought nothing along:
one that was bought would have brought :math:`\sum_k \varphi_{jk}` lines on average.
The rates are those of a self-exciting process, attributed by expectation maximisation (Veen and
Schoenberg, "Estimation of space-time branching process models", JASA 103, 2008).

Rates alone take what a product brings along for Poisson. Where a bike always brings one thing at
least, and never six, this errs by orders of magnitude, so training measures the error by
`ProductGroup` of product and by what stands beside it, and the odds are multiplied by that.
"""

from __future__ import annotations

import math
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.arrays import Floats
    from shared.model import BasketTable, ProductGroup


FEW_LINES = 32
"""Baskets of more lines are worked out as arrays: pairs of lines are many there."""


class Baskets:
    """The learned rates, ready to be asked about an order.

    Args:
        table: what training learned.
        catalogue_size: products an added item may be drawn from (M), at least 1.
    """

    def __init__(self, table: BasketTable, catalogue_size: int) -> None:
        self._companions = table.companions
        self._alone = table.alone
        self._brings = {p: sum(rates.values()) for p, rates in table.companions.items()}
        self._floor = 1.0 / (2.0 * table.orders + 2.0)
        self._drawn = 1.0 / max(catalogue_size, 1)
        self._known = table.orders > 0
        self._group = {product: kind for kind in table.product_groups for product in kind.products}

    def added_odds(self, basket: Mapping[str, int]) -> dict[str, float]:
        """How many times likelier each item is as one that was added than as one that was bought.

        Args:
            basket: units by product.

        Returns:
            A factor by product: above 1 the item does not belong, below 1 it does. 1 for all where
            no history is known.
        """
        if not self._known:
            return dict.fromkeys(basket, 1.0)
        if len(basket) > FEW_LINES:
            return self._of_many_lines(basket)
        rates = self._rates(basket)
        return {
            product: self._drawn
            / rates[product]
            * self._rest_without(product, basket, rates)
            * math.exp(self._brings.get(product, 0.0))
            * self._correction(product, basket)
            for product in basket
        }

    def _of_many_lines(self, basket: Mapping[str, int]) -> dict[str, float]:
        """The same for many lines at once."""
        brought = self._brought(basket)
        units = np.fromiter(basket.values(), np.float64, len(basket))
        alone = np.array([self._alone.get(product, 0.0) for product in basket])
        rates = alone + self._floor + units @ brought
        rest = np.maximum(1.0 - brought / rates, self._floor / rates).prod(axis=1)
        rest[units > 1] = 1.0
        brings = np.array([self._brings.get(product, 0.0) for product in basket])
        odds = self._drawn / rates * rest * np.exp(brings)
        beside: dict[int, tuple[int, int]] = {}
        return {
            product: float(chance) * self._correction_beside(product, basket, beside)
            for product, chance in zip(basket, odds, strict=True)
        }

    def _brought(self, basket: Mapping[str, int]) -> Floats:
        """The lines of each product (column) that one unit of each (row) brings along."""
        brought = np.zeros((len(basket), len(basket)))
        for row, product in enumerate(basket):
            brings = self._companions.get(product)
            if brings:
                brought[row] = [*map(brings.get, basket, repeat(0.0))]
        np.fill_diagonal(brought, 0.0)
        return brought

    def _correction_beside(
        self, product: str, basket: Mapping[str, int], beside: dict[int, tuple[int, int]]
    ) -> float:
        """The correction of one product, from the units of its kind and partners in the basket."""
        kind = self._group.get(product)
        if kind is None:
            return 1.0
        own, key = basket[product], id(kind)
        if key not in beside:
            beside[key] = (
                sum(units for other, units in basket.items() if other in kind.products),
                sum(units for other, units in basket.items() if other in kind.partners),
            )
        of_kind, partners = beside[key]
        partners -= own if product in kind.partners else 0
        return correction(kind, own - 1, of_kind - own, partners)

    def _correction(self, product: str, basket: Mapping[str, int]) -> float:
        kind = self._group.get(product)
        if kind is None:
            return 1.0
        return correction(kind, *place_in(kind, product, basket))

    def _rates(self, basket: Mapping[str, int]) -> dict[str, float]:
        rates = {p: self._alone.get(p, 0.0) + self._floor for p in basket}
        for product, units in basket.items():
            brings = self._companions.get(product)
            if brings is None:
                continue
            for other in basket:
                if other != product and other in brings:
                    rates[other] += units * brings[other]
        return rates

    def _rest_without(
        self, product: str, basket: Mapping[str, int], rates: Mapping[str, float]
    ) -> float:
        """How much less likely the rest is when one unit of a product was not bought with it."""
        brings = self._companions.get(product)
        ratio = 1.0
        if brings is None or basket[product] > 1:
            return ratio
        for other in basket:
            if other != product and other in brings:
                ratio *= max(1.0 - brings[other] / rates[other], self._floor / rates[other])
        return ratio


def place_in(kind: ProductGroup, product: str, basket: Mapping[str, int]) -> tuple[int, int, int]:
    """What stands beside one unit of a product: more of the same, others of its kind, partners."""
    rivals = partners = 0
    for other, units in basket.items():
        if other == product:
            continue
        if other in kind.products:
            rivals += units
        if other in kind.partners:
            partners += units
    return basket[product] - 1, rivals, partners


def correction(kind: ProductGroup, more: int, rivals: int, partners: int) -> float:
    """The factor of a kind for what `place_in` found; the last entries count for more, too."""
    by_rivals = kind.corrections[min(more, len(kind.corrections) - 1)]
    by_partners = by_rivals[min(rivals, len(by_rivals) - 1)]
    return by_partners[min(partners, len(by_partners) - 1)]
