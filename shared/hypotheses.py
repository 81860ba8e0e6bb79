r"""Bayes' rule: how likely is each way in which an order can have come about?

The hypotheses are a normal order, an added item (one for each product), a hidden discount (one for
each percentage), both together, and some cause that nobody listed. Each has a prior rate, and a
likelihood of the charge from `shared.discounts`. An added item also has odds of its basket, from
`shared.baskets`:

.. math::
   P(\text{product } j \text{ added}, h \mid \text{order}) \propto
   \pi_a w_j \cdot \pi_h s_h \cdot P(\text{charge} \mid j \text{ off the ladder}, h)
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.discounts import ChargeLikelihoods

UNLISTED_CAUSE_RATE = 1e-3
"""Prior of an unlisted cause, which makes any gap up to the list total equally likely."""


@dataclass(frozen=True, slots=True)
class Rates:
    """The priors of an order.

    Attributes:
        added_item: chance of an added item, 0-1.
        hidden: ``hidden[t]`` is the chance of hidden percentage ``t`` of
            `shared.discounts.ChargeLikelihoods`; ``hidden[0]`` is the chance of no hidden
            discount. They sum to 1.
    """

    added_item: float
    hidden: Sequence[float]


@dataclass(frozen=True)
class Posterior:
    """The probabilities (0-1) of the hypotheses, given charge and basket.

    Attributes:
        added_item: by product, the probability that it was added. A product is missing where the
            gap is too small for its smallest discount, so that it cannot have been added.
        hidden: the probability of no hidden discount, and then of each hidden percentage; they
            sum to 1.
        unlisted: the probability of a cause that nobody listed. It says nothing about a hidden
            discount, because it is as likely under one as without.
        charge_odds: by product, how many times likelier the charge is with that product off the
            ladder than without; infinite where it is impossible without.
        hidden_odds: the same for the likeliest hidden percentage.
        likelihoods: the chance of the order under no hidden discount, and then under each hidden
            percentage.
        unlisted_likelihood: the part of each of these that comes from an unlisted cause, or from
            unknown prices.
        charge_likelihood: the chance of the charge (within its tolerance) given the basket, over
            all hypotheses. Two models can be compared by it.
    """

    added_item: Mapping[str, float]
    hidden: tuple[float, ...]
    unlisted: float
    charge_odds: Mapping[str, float]
    hidden_odds: float
    likelihoods: tuple[float, ...] = ()
    unlisted_likelihood: float = 0.0
    charge_likelihood: float = 0.0

    @cached_property
    def any_added_item(self) -> float:
        """Return the probability that any item was added."""
        return min(sum(self.added_item.values()), 1.0)

    @cached_property
    def any_hidden(self) -> float:
        """Return the probability of a hidden discount of any percentage."""
        return min(sum(self.hidden[1:]), 1.0)


def weigh(
    likelihoods: ChargeLikelihoods,
    price_of: Mapping[str, int],
    basket_odds: Mapping[str, float],
    rates: Rates,
    unlisted_likelihood: float,
    otherwise: float = 0.0,
) -> Posterior:
    """Weigh all hypotheses.

    Args:
        likelihoods: chance of the charge under each hypothesis.
        price_of: list price (e4) of each product.
        basket_odds: from `shared.baskets.Baskets.added_odds`.
        rates: the priors.
        unlisted_likelihood: chance of this charge if all charges were equally likely.
        otherwise: chance that unknown prices make up the gap; then all charges are equally likely.
    """
    ladder = likelihoods.ladder.tolist()
    likelihood = [(1 - rates.added_item) * chance for chance in ladder]
    added: dict[str, float] = {}
    charge_odds: dict[str, float] = {}
    for product, odds in basket_odds.items():
        off_ladder = likelihoods.off_ladder.get(price_of[product])
        if off_ladder is None:
            continue
        chances = off_ladder.tolist()
        prior = rates.added_item * odds
        joint = [prior * chance for chance in chances]
        added[product] = sum(map(operator.mul, rates.hidden, joint))
        charge_odds[product] = _odds(max(chances), ladder[0])
        likelihood = list(map(operator.add, likelihood, joint))
    unlisted = UNLISTED_CAUSE_RATE * unlisted_likelihood
    neither = unlisted + otherwise * unlisted_likelihood  # says nothing about any fraud
    likelihood = [chance + neither for chance in likelihood]
    hidden = list(map(operator.mul, rates.hidden, likelihood))
    total = sum(hidden)
    best_hidden = max(ladder[1:], default=0.0)
    return Posterior(
        added_item={product: joint / total for product, joint in added.items()},
        hidden=tuple(joint / total for joint in hidden),
        unlisted=min(unlisted / total, 1.0),
        charge_odds=charge_odds,
        hidden_odds=_odds(best_hidden, ladder[0]),
        likelihoods=tuple(likelihood),
        unlisted_likelihood=neither,
        charge_likelihood=total / _basket_chance(basket_odds, rates),
    )


def _basket_chance(basket_odds: Mapping[str, float], rates: Rates) -> float:
    """Return how many times likelier the basket is than if nothing were ever added."""
    return 1 + rates.added_item * (sum(basket_odds.values()) - 1) + UNLISTED_CAUSE_RATE


def _odds(likelihood: float, other: float) -> float:
    if other > 0:
        return likelihood / other
    return float("inf") if likelihood > 0 else 1.0
