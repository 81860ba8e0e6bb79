"""Reps who discount by a ladder of their own are told from the others, and only they."""

from dataclasses import replace

import pytest

from shared.catalogue import packaged_catalogue
from shared.order import Order, OrderLine
from tests.unit.training.companies import simulated
from training.learning.learn import learn
from training.simulation.company import AddedItems, Company, Generosity, Ladder

GENEROUS = Ladder(shares=(1, 1, 2, 3, 5, 7, 8, 8), rate=0.7)


def test_a_generous_rep_has_a_ladder_of_their_own_and_no_say_in_the_common_one() -> None:
    company = Company(reps=12, generosity=Generosity(reps=1, ladder=GENEROUS))
    bundle = learn(simulated(company, 9_000, 3), packaged_catalogue(), "v").bundle
    assert bundle.rep_ladders.keys() == {"rep-01"}
    own = {step.discount_bp: step.share for step in bundle.rep_ladders["rep-01"]}
    assert sum(own.values()) == pytest.approx(1)
    assert own[0] == pytest.approx(0.3, abs=0.05)
    assert own[2000] == pytest.approx(0.7 * 8 / 35, rel=0.25)
    assert bundle.ladder[0].share == pytest.approx(0.8, abs=0.01)


def test_a_rep_who_never_discounts_has_a_ladder_of_their_own() -> None:
    company = Company(reps=12, generosity=Generosity(reps=1, ladder=Ladder(rate=0.02)))
    bundle = learn(simulated(company, 9_000, 4), packaged_catalogue(), "v").bundle
    assert bundle.rep_ladders.keys() == {"rep-01"}
    assert bundle.rep_ladders["rep-01"][0].share > 0.94


@pytest.mark.parametrize("reps", [8, 90])
def test_reps_who_discount_alike_share_the_common_ladder(reps: int) -> None:
    bundle = learn(simulated(Company(reps=reps), 9_000, 5), packaged_catalogue(), "v").bundle
    assert bundle.rep_ladders == {}


def test_a_rep_who_adds_items_to_every_fourth_order_does_not_pass_for_generous() -> None:
    clean = simulated(Company(reps=12, added=AddedItems(rate=0.03)), 12_000, 6)
    thief = [_added(order, at) if order.rep_id == "rep-07" else order
             for at, order in enumerate(clean)]  # fmt: skip
    bundle = learn(thief, packaged_catalogue(), "v").bundle
    assert bundle.rep_ladders == {}


def _added(order: Order, at: int) -> Order:
    """Every fourth order with a product of the catalogue, discounted by a step of the ladder."""
    products = list(packaged_catalogue())
    product = products[at * 5 % len(products)]
    if at % 4 or any(line.product_id == product.product_id for line in order.lines):
        return order
    kept = (90, 85, 80)[at // 4 % 3]
    lines = (*order.lines, OrderLine(product.product_id, 1))
    return replace(order, lines=lines, charged_e4=order.charged_e4 + product.list_e4 * kept // 100)
