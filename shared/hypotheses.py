r"""How the ways an order can have come about compare, once its charge and basket are known.

Bayes' rule over: a normal order; an added item (which product); a hidden discount (which percent);
both; and some cause that nobody listed. Each has a prior rate, a likelihood of the charge from
`shared.discounts` and, where an item was added, the odds of its basket from `shared.baskets`:

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
"""Prior of a charge that no listed hypothesis made; any gap up to the list total is as likely."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Priors of an order: ``added_item`` 0-1 and the chance of each hidden percentage.

    ``hidden[t]`` goes with ``t`` of `shared.discounts.ChargeLikelihoods`; ``hidden[0]`` is the
    chance of none, and all sum to 1.
    """

    added_item: float
    hidden: Sequence[float]


@dataclass(frozen=True)
class Posterior:
    """Probabilities after seeing charge and basket, each 0-1.

    ``added_item[p]`` is that of product ``p`` having been added (a product that is missing cannot
    have been: the gap is too small for its smallest discount), ``hidden[t]`` that of hidden
    percentage ``t`` (0: none; all sum to 1), ``unlisted`` that of some other cause, which says
    nothing about a hidden discount: it is as likely under one as without. ``charge_odds[p]`` is how
    many times likelier the charge is with ``p`` off the ladder than without (infinite: impossible
    without), ``hidden_odds`` the same for the likeliest hidden percentage. ``likelihoods[t]`` is
    the chance of the order under hidden percentage ``t``, whatever else is true of it, of which
    ``unlisted_likelihood`` is that of a cause nobody listed or of prices nobody knows.
    ``charge_likelihood`` is the chance of the charge given the basket (within the tolerance of
    charges on both sides), all hypotheses weighed: what two models can be compared by.
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
        """Probability of an added item, whichever it is."""
        return min(sum(self.added_item.values()), 1.0)

    @cached_property
    def any_hidden(self) -> float:
        """Probability of a hidden discount, whichever percentage."""
        return min(sum(self.hidden[1:]), 1.0)


def weigh(
    likelihoods: ChargeLikelihoods,
    price_of: Mapping[str, int],
    basket_odds: Mapping[str, float],
    rates: Rates,
    unlisted_likelihood: float,
    otherwise: float = 0.0,
) -> Posterior:
    """Compare every hypothesis.

    Args:
        likelihoods: of the charge, by hypothesis.
        price_of: list price (e4) of each product.
        basket_odds: `shared.baskets.Baskets.added_odds`.
        rates: priors.
        unlisted_likelihood: chance of this very charge if any were as likely.
        otherwise: chance that unknown prices make up the gap; then any charge is as likely.
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
    """How many times likelier the basket is than if nothing had ever been added."""
    return 1 + rates.added_item * (sum(basket_odds.values()) - 1) + UNLISTED_CAUSE_RATE


def _odds(likelihood: float, other: float) -> float:
    if other > 0:
        return likelihood / other
    return float("inf") if likelihood > 0 else 1.0
