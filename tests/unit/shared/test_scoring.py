"""Whole orders through the scorer, with the packaged tables and with a learned basket."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.assessment import Assessment
from shared.catalogue import packaged_catalogue
from shared.episodes import EpisodeState
from shared.model import BasketTable, ModelBundle, packaged_bundle
from shared.order import Order, OrderLine
from shared.policy import Policy
from shared.scoring import Scorer
from tests.orders import an_order

BASKETS = BasketTable(
    orders=10_000,
    companions={
        "Road150Red44": {"HitchRack4Bike": 0.8, "CableLock": 0.8},
        "HitchRack4Bike": {"Road150Red44": 0.02},
        "CableLock": {"Road150Red44": 0.02},
    },
)
LEARNED = msgspec.structs.replace(
    packaged_bundle(),
    version="v1",
    charge_tolerance_e4=3.0,
    baskets=BASKETS,
    reps=frozenset({"Annie Corns"}),
    degraded=False,
)


def score(order: Order, bundle: ModelBundle = LEARNED, policy: Policy | None = None) -> Assessment:
    scorer = Scorer(bundle, packaged_catalogue(), policy or Policy())
    return scorer.score_many([order], EpisodeState())[0][0]


def each(orders: Sequence[Order]) -> list[Order]:
    """The orders, each under an id of its own."""
    return [replace(order, order_id=f"o-{at}") for at, order in enumerate(orders, 1)]


def order_of(charged: float, **units: int) -> Order:
    lines = [{"product_id": product, "quantity": n} for product, n in units.items()]
    return an_order(lines=lines, charged_price=round(charged, 4))


LIST = 3578.27 + 120.0 + 25.0
"""List total of a Road150Red44, a HitchRack4Bike and a CableLock."""


def test_an_order_at_list_price_is_no_alert() -> None:
    found = score(order_of(LIST, Road150Red44=1, HitchRack4Bike=1, CableLock=1))
    assert not found.alerted
    assert found.probability < 0.001
    assert found.findings == ()
    assert found.explanation.gap_e4 == 0


def test_an_order_with_usual_discounts_is_no_alert() -> None:
    charged = LIST - 0.1 * 120 - 0.015 * 25
    found = score(order_of(charged, Road150Red44=1, HitchRack4Bike=1, CableLock=1))
    assert not found.alerted


def test_a_product_nobody_buys_at_half_price_is_an_added_item() -> None:
    crankset = 175.49
    charged = LIST + crankset - 0.5 * crankset
    found = score(order_of(charged, Road150Red44=1, HitchRack4Bike=1, CableLock=1, LLCrankset=1))
    assert found.alerted
    finding = found.findings[0]
    assert (finding.typology, finding.product_id, finding.percent) == (
        "added_item",
        "LLCrankset",
        50.0,
    )
    assert finding.amount_e4 == pytest.approx(877_450, abs=1)
    assert {reason.code for reason in found.reasons} >= {
        "item_does_not_belong",
        "off_ladder_discount",
    }
    assert found.expected_loss_e4 == round(finding.probability * finding.amount_e4)


def test_one_percent_off_a_whole_order_is_a_hidden_discount() -> None:
    charged = round(0.99 * LIST, 4)
    found = score(order_of(charged, Road150Red44=1, HitchRack4Bike=1, CableLock=1))
    assert found.alerted
    assert found.findings[0].typology == "hidden_discount"
    assert found.findings[0].amount_e4 == pytest.approx(LIST * 100, abs=1)
    assert found.explanation.order_discount_percent == 1.0


def test_an_added_item_is_found_under_a_hidden_discount() -> None:
    charged = round(0.99 * (LIST + 0.2 * 175.49), 4)
    found = score(order_of(charged, Road150Red44=1, HitchRack4Bike=1, CableLock=1, LLCrankset=1))
    assert {finding.typology for finding in found.findings} == {"added_item", "hidden_discount"}
    assert found.p_added_item > 0.9
    assert found.p_hidden_discount > 0.9


def test_the_explanation_names_the_unit_discounts() -> None:
    charged = LIST + 175.49 * 0.2 - 0.1 * 120
    found = score(
        order_of(round(charged, 4), Road150Red44=1, HitchRack4Bike=1, CableLock=1, LLCrankset=1)
    )
    named = {(unit.product_id, unit.percent) for unit in found.explanation.unit_discounts}
    assert named == {("LLCrankset", 80.0), ("HitchRack4Bike", 10.0)}
    assert found.explanation.unexplained_e4 == 0


def test_a_charge_above_list_is_an_alert_without_fraud() -> None:
    found = score(order_of(LIST + 50, Road150Red44=1, HitchRack4Bike=1, CableLock=1))
    assert found.alerted
    assert [finding.typology for finding in found.findings] == ["overcharge"]
    assert found.probability <= found.belief_before


def test_a_gap_that_nothing_explains_is_said_to_be_unexplained() -> None:
    found = score(order_of(LIST - 7.7777, Road150Red44=1, HitchRack4Bike=1, CableLock=1))
    assert [finding.typology for finding in found.findings] == ["unexplained_gap"]
    assert found.explanation.unexplained_e4 == 77_777


def test_gaps_that_nothing_explains_stop_being_alerts_once_they_are_common() -> None:
    """As in a promotion that no training has seen yet."""
    scorer = Scorer(LEARNED, packaged_catalogue(), Policy())
    promoted = order_of(LIST * 0.88, Road150Red44=1, HitchRack4Bike=1, CableLock=1)
    usual = order_of(LIST, Road150Red44=1, HitchRack4Bike=1, CableLock=1)
    found, state = scorer.score_many([promoted] * 10, EpisodeState())
    assert [one.alerted for one in found] == [True] * 3 + [False] * 7
    assert state.episode is None
    _, later = scorer.score_many([usual] * 200, state)
    assert scorer.score_many([promoted], later)[0][0].alerted


def test_orders_that_come_later_change_no_score_at_arrival() -> None:
    clear = order_of(round(0.99 * LIST, 4), Road150Red44=1, HitchRack4Bike=1, CableLock=1)
    doubtful = order_of(round(0.99 * 25.0, 4), CableLock=1)
    scorer = Scorer(LEARNED, packaged_catalogue(), Policy())
    few, _ = scorer.score_many([doubtful], EpisodeState())
    many, _ = scorer.score_many(each([doubtful, clear, clear, clear]), EpisodeState())
    assert many[0] == few[0]
    assert [revisit.alert_id for one in many for revisit in one.revisits].count("o-1.0") > 0


def test_a_percentage_that_nobody_has_seen_is_found_within_a_few_orders() -> None:
    scorer = Scorer(LEARNED, packaged_catalogue(), Policy())
    usual = order_of(LIST, Road150Red44=1, HitchRack4Bike=1, CableLock=1)
    hidden = order_of(round(0.9963 * LIST, 4), Road150Red44=1, HitchRack4Bike=1, CableLock=1)
    found, state = scorer.score_many(each([usual] * 5 + [hidden] * 6), EpisodeState())
    assert state.episode is not None
    assert (state.episode.discount_bp, state.episode.orders) == (37, 6)
    last = found[-1]
    assert last.p_hidden_discount > 0.99
    assert last.findings[0].percent == 0.37
    assert last.belongs == state.episode.opened_by


def test_an_unknown_product_is_recorded_and_never_an_alert_alone() -> None:
    found = score(order_of(100, NoSuchThing=1))
    assert [finding.typology for finding in found.findings] == ["unknown_product"]
    assert not found.alerted


def test_an_unknown_rep_is_recorded_and_never_an_alert_alone() -> None:
    order = an_order(
        lines=[{"product_id": "CableLock", "quantity": 1}], charged_price=25, rep_id="Nobody"
    )
    found = score(order)
    assert [finding.typology for finding in found.findings] == ["unknown_rep"]
    assert not found.alerted


def test_packaged_tables_work_and_say_degraded() -> None:
    found = score(
        order_of(round(0.99 * LIST, 4), Road150Red44=1, HitchRack4Bike=1, CableLock=1),
        packaged_bundle(),
    )
    assert found.alerted
    assert found.degraded
    assert found.model_version == "packaged"


def test_two_hundred_units_and_more_are_scored() -> None:
    for units in (200, 201, 1000):
        found = score(order_of(25.0 * units * 0.97, CableLock=units))
        assert 0.0 <= found.probability <= 1.0


def test_a_list_total_beyond_the_arithmetic_is_left_undecided() -> None:
    lines = tuple(OrderLine(product.product_id, 10**9) for product in packaged_catalogue())
    order = Order("o", 0, an_order().ordered_at, "Annie Corns", "c", lines, 10_000)
    assert score(order).probability == 0.0


def test_an_order_that_one_look_cannot_decide_is_decided_by_the_episode_it_stands_in() -> None:
    """1 % off a CableLock alone is a step of the ladder, and exactly what a run takes."""
    ambiguous = order_of(round(0.99 * 25.0, 4), CableLock=1)
    clear = order_of(round(0.99 * LIST, 4), Road150Red44=1, HitchRack4Bike=1, CableLock=1)
    scorer = Scorer(LEARNED, packaged_catalogue(), Policy())
    first = scorer.score_many([ambiguous], EpisodeState())[0][0]
    last = scorer.score_many([clear, clear, ambiguous], EpisodeState())[0][-1]
    assert not first.p_hidden_discount > 0.9
    assert last.p_hidden_discount > 0.99


orders = st.builds(
    lambda products, taken: order_of(
        max(0.0, round(3723.27 - taken, 4)), Road150Red44=1, HitchRack4Bike=products, CableLock=1
    ),
    st.integers(1, 3),
    st.sampled_from([0.0, 12.0, 37.2327, 60.0, 5.55]),
)


@given(st.lists(orders, max_size=6), st.integers(0, 6))
@settings(max_examples=25, deadline=None)
def test_scoring_in_two_parts_gives_the_same_as_scoring_at_once(
    batch: list[Order], cut: int
) -> None:
    scorer = Scorer(LEARNED, packaged_catalogue(), Policy())
    whole, whole_state = scorer.score_many(batch, EpisodeState())
    first, state = scorer.score_many(batch[:cut], EpisodeState())
    second, state = scorer.score_many(batch[cut:], state)
    assert [*first, *second] == whole
    assert state == whole_state


def test_a_rep_beyond_those_a_bundle_remembers_is_not_called_unknown() -> None:
    order = an_order(
        lines=[{"product_id": "CableLock", "quantity": 1}], charged_price=25, rep_id="Nobody"
    )
    more = msgspec.structs.replace(LEARNED, more_reps=True)
    assert score(order, more).findings == ()
    assert [finding.typology for finding in score(order).findings] == ["unknown_rep"]
