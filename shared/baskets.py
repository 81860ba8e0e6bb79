r"""Baskets: how well each item fits the rest of its order.

Training learns for every product how many lines of each other product one unit of it brings along
(``companions``), and how often a product comes by itself (``alone``). The items of a normal basket
then have the intensities

.. math:: \lambda_j = a_j + \sum_{i \ne j} n_i \, \varphi_{ij}

Without one unit of ``j`` the basket's intensities leave out what that unit brings along.
`Baskets.added_odds` compares two ways in which an item can have got into an order: it was drawn
from the whole catalogue and added to a complete basket, or it was bought with the rest,

.. math::
   w_j = \frac{1 / M}{\lambda_j} \; e^{\sum_k \varphi_{jk}} \;
         \prod_{k \ne j} \frac{\lambda_k - \varphi_{jk}}{\lambda_k}

which is a ratio of two Poisson likelihoods. The product keeps a bike from looking added to its own
accessories, because they do not fit without it. The exponential counts against a bike that brought
nothing along, because a bike that was bought brings :math:`\sum_k \varphi_{jk}` lines on average.
The rates belong to a self-exciting process, and are attributed by expectation maximisation (Veen
and Schoenberg, "Estimation of space-time branching process models", JASA 103, 2008).

The formula assumes that the number of lines that a product brings along is Poisson. A bike that
always brings one thing and never six breaks this by orders of magnitude. So training measures the
error for each product group (`shared.model.ProductGroup`), and the odds are multiplied by it.
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
"""Baskets of more lines are computed with arrays, because they have many pairs of lines."""


class Baskets:
    """The learned rates of baskets, ready to judge an order.

    Args:
        table: what training learned.
        catalogue_size: number of products that an added item may be drawn from (M), at least 1.
    """

    def __init__(self, table: BasketTable, catalogue_size: int) -> None:
        self._companions = table.companions
        self._alone = table.alone
        self._brings = {p: sum(rates.values()) for p, rates in table.companions.items()}
        self._floor = 1.0 / (2.0 * table.orders + 2.0)
        self._drawn = 1.0 / max(catalogue_size, 1)
        self._known = table.orders > 0
        self._group = {
            product: group for group in table.product_groups for product in group.products
        }

    def added_odds(self, basket: Mapping[str, int]) -> dict[str, float]:
        """Return how many times likelier each item was added than bought with the rest.

        Args:
            basket: units by product.

        Returns:
            A factor by product: above 1 the item does not fit, below 1 it does. Without a history
            it is 1 for all.
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
        """Return the same as `added_odds`, computed with arrays."""
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
        """Return how many lines of each product (column) one unit of each (row) brings along."""
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
        """Return the correction of one product.

        ``beside`` keeps the units of each group and of its partners, so that they are counted once.
        """
        group = self._group.get(product)
        if group is None:
            return 1.0
        own, key = basket[product], id(group)
        if key not in beside:
            beside[key] = (
                sum(units for other, units in basket.items() if other in group.products),
                sum(units for other, units in basket.items() if other in group.partners),
            )
        of_group, partners = beside[key]
        partners -= own if product in group.partners else 0
        return correction(group, own - 1, of_group - own, partners)

    def _correction(self, product: str, basket: Mapping[str, int]) -> float:
        group = self._group.get(product)
        if group is None:
            return 1.0
        return correction(group, *place_in(group, product, basket))

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
        """Return the factor by which the rest is less likely if one unit was added to it."""
        brings = self._companions.get(product)
        ratio = 1.0
        if brings is None or basket[product] > 1:
            return ratio
        for other in basket:
            if other != product and other in brings:
                ratio *= max(1.0 - brings[other] / rates[other], self._floor / rates[other])
        return ratio


def place_in(group: ProductGroup, product: str, basket: Mapping[str, int]) -> tuple[int, int, int]:
    """Return how many units of the same, of its group and of partners stand beside one unit."""
    rivals = partners = 0
    for other, units in basket.items():
        if other == product:
            continue
        if other in group.products:
            rivals += units
        if other in group.partners:
            partners += units
    return basket[product] - 1, rivals, partners


def correction(group: ProductGroup, same: int, rivals: int, partners: int) -> float:
    """Return the correction of a group for what `place_in` counted."""
    by_rivals = group.corrections[min(same, len(group.corrections) - 1)]
    by_partners = by_rivals[min(rivals, len(by_rivals) - 1)]
    return by_partners[min(partners, len(by_partners) - 1)]
