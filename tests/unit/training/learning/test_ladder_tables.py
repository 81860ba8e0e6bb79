"""The common ladder, without what added items explain."""

import numpy as np
import pytest

from shared.catalogue import packaged_catalogue
from shared.model import packaged_bundle
from tests.unit.training.companies import simulated
from training.history.orders import price_history
from training.learning.coherent_baskets import CoherentOrders
from training.learning.groundwork import Groundwork, lay_groundwork
from training.learning.ladder_learning import StepCounts
from training.learning.ladder_tables import learn_ladders, to_table
from training.simulation.company import AddedItems, Company, HiddenDiscounts, Ladder


def groundwork(ladder: Ladder, orders: int) -> Groundwork:
    company = Company(ladder=ladder, added=AddedItems(rate=0), hidden=HiddenDiscounts(rate=0))
    history = price_history(tuple(simulated(company, orders, 5)), packaged_catalogue())
    return lay_groundwork(history)


def everyone(work: Groundwork, added: float = 0.0) -> CoherentOrders:
    return CoherentOrders(np.ones(len(work.history.orders), dtype=bool), added)


def test_a_table_has_shares_in_proportion_to_the_weights_and_counts_rounded() -> None:
    table = to_table(StepCounts(np.array([100, 500]), np.array([30.4, 9.6])), np.array([3.0, 1.0]))
    assert [(step.discount_bp, step.share, step.orders) for step in table] == [
        (100, 0.75, 30), (500, 0.25, 10),
    ]  # fmt: skip


def test_the_ladder_is_learned_with_its_shares_and_unknown_added_items_say_why() -> None:
    work = groundwork(Ladder(steps_bp=(300, 1_200), shares=(3, 1), rate=0.2), 1_500)
    ladders = learn_ladders(work, everyone(work), 0.8, 0.0)
    assert [step.discount_bp for step in ladders.common.value] == [0, 300, 1_200]
    shares = [step.share for step in ladders.common.value]
    assert shares == pytest.approx([0.8, 0.15, 0.05], rel=0.1)
    assert ladders.common.reason == ""
    assert ladders.own == {}
    assert ladders.off_ladder.value == packaged_bundle().off_ladder
    assert ladders.off_ladder.reason == "0 orders with a rare product, fewer than 20"


def test_a_step_that_added_items_explain_is_not_on_the_ladder() -> None:
    """The packaged table has added items at 30 %; expected are more of them than were seen."""
    work = groundwork(Ladder(steps_bp=(300, 3_000), shares=(9, 1), rate=0.2), 1_500)
    ladders = learn_ladders(work, everyone(work, added=1_000.0), 0.8, 0.0)
    assert [step.discount_bp for step in ladders.common.value] == [0, 300]


def test_added_items_that_the_basket_did_not_show_are_taken_off_their_step() -> None:
    """Of 40 such items, as many as the packaged table says have the discount of 30 %."""
    work = groundwork(Ladder(steps_bp=(300, 3_000), shares=(3, 1), rate=0.3), 1_500)
    (share,) = (s.share for s in packaged_bundle().off_ladder if s.discount_bp == 3_000)
    plain, less = (
        {step.discount_bp: step.orders for step in learn_ladders(
            work, everyone(work, added), 0.7, 0.0
        ).common.value}
        for added in (0.0, 40.0)
    )  # fmt: skip
    assert plain[3_000] - less[3_000] == pytest.approx(40 * share, abs=1)
    assert plain[300] == less[300]


def test_where_nobody_discounts_the_packaged_ladder_stands_in_and_says_why() -> None:
    work = groundwork(Ladder(rate=0.0), 400)
    common = learn_ladders(work, everyone(work), 0.98, 0.0).common
    assert common.value == packaged_bundle().ladder
    assert common.reason == "no discount was given often enough to be a step"
