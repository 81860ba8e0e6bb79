"""How the ways an order can have come about are weighed."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.discounts import ChargeLikelihoods
from shared.hypotheses import Posterior, Rates, weigh

RATES = Rates(added_item=0.04, hidden=(0.95, 0.05))
chance = st.floats(0, 1, allow_subnormal=False)


def weighed(
    ladder: tuple[float, float] = (0.1, 0.0),
    off_ladder: tuple[float, float] = (0.0, 0.0),
    odds: float = 1.0,
    unlisted: float = 1e-9,
) -> Posterior:
    likelihoods = ChargeLikelihoods(np.array(ladder), {100: np.array(off_ladder)})
    return weigh(likelihoods, {"rack": 100}, {"rack": odds}, RATES, unlisted)


def test_a_charge_that_only_the_ladder_explains_is_normal() -> None:
    found = weighed()
    assert found.any_added_item == 0.0
    assert found.any_hidden == pytest.approx(0.0, abs=1e-9)
    assert found.hidden[0] == pytest.approx(1.0)


def test_a_charge_that_only_an_added_item_explains_is_one() -> None:
    assert weighed(ladder=(0.0, 0.0), off_ladder=(0.1, 0.0)).any_added_item > 0.999


def test_the_posterior_follows_bayes_rule() -> None:
    found = weighed(ladder=(0.02, 0.3), off_ladder=(0.5, 0.1), odds=3.0, unlisted=0.0)
    normal = 0.96 * 0.95 * 0.02
    hidden = 0.96 * 0.05 * 0.3
    added = 0.04 * 3.0 * 0.95 * 0.5
    both = 0.04 * 3.0 * 0.05 * 0.1
    total = normal + hidden + added + both
    assert found.added_item["rack"] == pytest.approx((added + both) / total)
    assert found.hidden[1] == pytest.approx((hidden + both) / total)


def test_an_item_that_fits_its_basket_needs_more_from_the_charge() -> None:
    fits = weighed(ladder=(0.01, 0.0), off_ladder=(0.2, 0.0), odds=0.01)
    odd = weighed(ladder=(0.01, 0.0), off_ladder=(0.2, 0.0), odds=100.0)
    assert fits.any_added_item < 0.05
    assert odd.any_added_item > 0.9


def test_a_charge_that_nothing_explains_has_an_unlisted_cause() -> None:
    found = weighed(ladder=(0.0, 0.0))
    assert found.unlisted == pytest.approx(1.0)


def test_an_unlisted_cause_leaves_the_belief_in_a_hidden_discount_as_it_was() -> None:
    assert weighed(ladder=(0.0, 0.0)).hidden == pytest.approx(RATES.hidden)


def test_the_likelihoods_of_the_order_do_not_depend_on_the_prior_of_a_hidden_discount() -> None:
    likelihoods = ChargeLikelihoods(np.array([0.02, 0.3]), {100: np.array([0.5, 0.1])})
    few, many = (
        weigh(likelihoods, {"rack": 100}, {"rack": 3.0}, Rates(0.04, (1 - p, p)), 1e-9)
        for p in (0.01, 0.9)
    )
    assert few.likelihoods == many.likelihoods
    assert few.likelihoods[1] == pytest.approx(0.96 * 0.3 + 0.04 * 3.0 * 0.1, rel=1e-6)


def test_evidence_that_the_ladder_cannot_give_is_infinite() -> None:
    found = weighed(ladder=(0.0, 0.2), off_ladder=(0.1, 0.0))
    assert found.charge_odds["rack"] == math.inf
    assert found.hidden_odds == math.inf


@given(
    st.tuples(chance, chance), st.tuples(chance, chance), st.floats(1e-6, 1e6), st.floats(1e-12, 1)
)
def test_probabilities_stay_between_0_and_1(
    ladder: tuple[float, float], off_ladder: tuple[float, float], odds: float, unlisted: float
) -> None:
    found = weighed(ladder, off_ladder, odds, unlisted)
    for probability in (found.any_added_item, found.any_hidden, found.unlisted):
        assert 0.0 <= probability <= 1.0
    assert sum(found.hidden) == pytest.approx(1.0)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_likelier_added_item_is_never_less_suspicious(less: float, more: float) -> None:
    less, more = sorted((less, more))
    low = weighed(off_ladder=(less, 0.0)).any_added_item
    assert low <= weighed(off_ladder=(more, 0.0)).any_added_item


@given(chance=st.floats(1e-6, 1), odds=st.floats(0, 1e6))
def test_a_charge_as_likely_under_every_hypothesis_is_that_likely_whatever_the_basket(
    chance: float, odds: float
) -> None:
    """So two models' charges can be compared, however they think of baskets."""
    same = (chance, chance)
    found = weighed(ladder=same, off_ladder=same, odds=odds, unlisted=chance)
    assert found.charge_likelihood == pytest.approx(chance)
