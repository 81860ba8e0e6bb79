"""Two models on the same later orders: better is told from worse, and equal from both."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from shared.catalogue import packaged_catalogue
from shared.decision import Decision
from shared.model import ModelBundle, packaged_bundle
from shared.order import Order
from shared.policy import Policy
from tests.unit.training.companies import simulated
from training.comparison import fraud_injection
from training.comparison.compare import compare
from training.comparison.comparison import Comparison
from training.comparison.fraud_injection import Percents, inject_frauds
from training.comparison.judgement import Judge
from training.learning.learn import learn
from training.simulation.company import Company, Ladder

CATALOGUE = packaged_catalogue()
COMPANY = Company(ladder=Ladder(steps_bp=(300, 700, 1_200, 1_800), rate=0.25))


@pytest.fixture(scope="module", autouse=True)
def few_rounds() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fraud_injection, "MOST_ROUNDS", 3)
        yield


@pytest.fixture(scope="module")
def orders() -> list[Order]:
    return simulated(COMPANY, 5_000, 21)


@pytest.fixture(scope="module")
def learned(orders: list[Order]) -> ModelBundle:
    return learn(orders[:4_000], CATALOGUE, "learned").bundle


def judge(
    orders: list[Order], *bundles: ModelBundle, decisions: tuple[Decision, ...] = ()
) -> Judge:
    injected = inject_frauds(orders[4_000:], CATALOGUE, Percents.known_to(*bundles), 1, 1)
    return Judge(injected, CATALOGUE, Policy(), 4, decisions)


@pytest.fixture(scope="module")
def with_itself(orders: list[Order], learned: ModelBundle) -> Comparison:
    """Compare a model with itself, without any decision."""
    return compare(learned, learned, judge(orders, learned))


def test_a_model_compared_with_itself_differs_in_nothing(with_itself: Comparison) -> None:
    for difference in (*with_itself.recall.values(), *with_itself.average_precision.values(),
                       with_itself.log_likelihood):  # fmt: skip
        assert difference.difference == 0
        assert difference.interval == (0, 0)
    assert with_itself.champion_figures == with_itself.challenger_figures


def test_what_was_learned_from_the_company_is_better_than_packaged_tables(
    orders: list[Order], learned: ModelBundle
) -> None:
    packaged = packaged_bundle()
    found = compare(packaged, learned, judge(orders, packaged, learned))
    assert found.log_likelihood.interval is not None
    assert found.log_likelihood.interval[0] > 0
    assert found.average_precision["added_item"].interval is not None
    assert found.average_precision["added_item"].interval[0] > 0


def test_a_wrong_tolerance_does_not_make_charges_likelier(
    orders: list[Order], learned: ModelBundle
) -> None:
    """Likelihoods are densities: taking charges for less exact than they are costs."""
    wide = msgspec.structs.replace(learned, charge_tolerance_e4=learned.charge_tolerance_e4 * 50)
    found = compare(learned, wide, judge(orders, learned))
    assert found.log_likelihood.interval is not None
    assert found.log_likelihood.interval[1] < 0


def test_decisions_on_later_orders_judge_and_the_blind_sample_judges_apart(
    orders: list[Order], learned: ModelBundle, with_itself: Comparison
) -> None:
    careless = msgspec.structs.replace(learned, added_item_rate=0.9)
    base = judge(orders, learned)
    decided = [
        Decision(order.order_id, order.rep_id, word, "ann", "2026-01-01T00:00:00Z",
                 typology="added_item", source=source)
        for order, (word, source) in zip(
            orders[4_000:], [("dismissed", "alert"), ("confirmed", "blind")] * 500, strict=True
        )
    ]  # fmt: skip
    found = compare(learned, careless, replace(base, decisions=tuple(decided)))
    assert found.decisions is not None
    assert found.decisions.interval is not None
    assert found.decisions.interval[1] < 0  # nothing was added, and it sees added items everywhere
    assert found.decisions is not None
    assert found.decisions.rows > 400
    assert found.decisions.days == len({order.ordered_at.date() for order in orders[4_000:]})
    assert found.blind is not None
    assert found.blind.interval is not None
    assert found.blind.interval[0] > 0  # here something was, which only it sees
    assert with_itself.decisions is None


def test_resampling_keeps_rows_of_all_models_together(with_itself: Comparison) -> None:
    found = with_itself
    assert np.array_equal(found.champion.p_added, found.challenger.p_added)
    assert all(a <= b for a, b in pairwise(found.later.real_days.tolist()))
