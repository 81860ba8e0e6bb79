"""Each rule's one question, its sentence and its threshold."""

import pytest

from shared.evidence import Suspect
from shared.hypotheses import Posterior
from shared.policy import Policy
from shared.rules import (
    RULES,
    RuleHit,
    below_cost,
    hidden_discount,
    item_does_not_belong,
    off_ladder_discount,
    overcharge,
    price_tampering,
    unexplained_gap,
    unknown_product,
    unknown_rep,
)
from tests.unit.shared.evidence_of import evidence

POLICY = Policy()


def test_a_normal_order_hits_no_rule() -> None:
    assert [rule(evidence(), POLICY) for rule in RULES] == [None] * len(RULES)


def test_an_item_that_does_not_belong_is_named_with_its_odds() -> None:
    hit = item_does_not_belong(
        evidence(
            suspect=Suspect("HitchRack4Bike", 3000, 360_000), basket_odds={"HitchRack4Bike": 340.0}
        ),
        POLICY,
    )
    assert hit is not None
    assert hit.message == (
        "HitchRack4Bike does not fit the other products of this order: it is 340 times likelier "
        "to have been added afterwards than bought with them."
    )
    assert hit.contribution == pytest.approx(5.83, abs=0.01)


def test_a_suspect_that_fits_its_basket_is_not_said_not_to_belong() -> None:
    assert item_does_not_belong(evidence(suspect=Suspect("HitchRack4Bike", 1, 1)), POLICY) is None


def test_an_off_ladder_discount_is_named_with_percent_and_money() -> None:
    posterior = Posterior({}, (1.0,), 0.0, {"HitchRack4Bike": float("inf")}, 1.0)
    hit = off_ladder_discount(
        evidence(suspect=Suspect("HitchRack4Bike", 3000, 360_000), posterior=posterior), POLICY
    )
    assert hit is not None
    assert hit.message == (
        "A discount of 30 % on one HitchRack4Bike (36.00 USD) is not usual, but it explains the "
        "charge over a million times better than the usual discounts do."
    )


def test_a_hidden_discount_is_named_with_percent_and_money() -> None:
    posterior = Posterior({}, (0.1, 0.9), 0.0, {}, 5000.0)
    hit = hidden_discount(evidence(posterior=posterior, hidden_bp=37, hidden_e4=123_456), POLICY)
    assert hit is not None
    assert hit.message == (
        "The whole order was charged 0.37 % (12.35 USD) less than it would be with the discounts "
        "on single items. This explains the charge 5,000 times better than such discounts alone."
    )


def only(hit: RuleHit | None) -> tuple[str, int]:
    assert hit is not None
    assert hit.finding is not None
    return hit.finding.typology, hit.finding.amount_e4


def test_a_charge_below_cost_is_a_finding_of_the_difference() -> None:
    cost = evidence().priced.cost_total_e4
    assert only(below_cost(evidence({"charged_price": 100}), POLICY)) == (
        "below_cost",
        cost - 1_000_000,
    )


def test_a_margin_below_cost_that_the_policy_allows_is_no_finding() -> None:
    assert (
        below_cost(evidence({"charged_price": 100}), Policy(below_cost_margin_percent=50)) is None
    )


def test_a_charge_above_list_is_a_finding_of_the_excess() -> None:
    assert only(overcharge(evidence({"charged_price": 400}), POLICY)) == ("overcharge", 10_000)
    assert overcharge(evidence({"charged_price": 399.01}), POLICY) is None


@pytest.mark.parametrize("field", ["list_price", "standard_cost"])
def test_a_recorded_total_that_disagrees_with_the_catalogue_is_a_finding(field: str) -> None:
    typology, amount = only(price_tampering(evidence({field: 1}), POLICY))
    assert typology == "price_tampering"
    assert amount > 1_000_000


def test_recorded_totals_with_float_noise_are_no_finding() -> None:
    assert price_tampering(evidence({"list_price": 399.0002}), POLICY) is None


def test_a_gap_that_nothing_explains_is_a_finding_with_its_probability() -> None:
    posterior = Posterior({}, (0.1,), 0.9, {}, 1.0)
    found = unexplained_gap(evidence({"charged_price": 390}, posterior=posterior), POLICY)
    assert only(found) == ("unexplained_gap", 90_000)
    assert found is not None
    assert found.finding is not None
    assert found.finding.probability == 0.9


def test_a_gap_that_is_one_of_many_of_the_kind_is_none() -> None:
    posterior = Posterior({}, (0.1,), 0.9, {}, 1.0)
    one_of_many = evidence({"charged_price": 390}, posterior=posterior, own_case=0.2)
    assert unexplained_gap(one_of_many, POLICY) is None


def test_unknown_reps_and_products_are_data_quality_without_weight() -> None:
    lines = [{"product_id": "NoSuchThing", "quantity": 1}]
    for hit in (
        unknown_rep(evidence(rep_known=False), POLICY),
        unknown_product(evidence({"lines": lines}), POLICY),
    ):
        assert hit is not None
        assert hit.contribution == 0.0


def test_an_order_with_an_unknown_product_is_not_judged_by_totals() -> None:
    lines = [{"product_id": "NoSuchThing", "quantity": 1}]
    odd = evidence({"lines": lines, "charged_price": 500, "list_price": 900})
    assert [rule(odd, POLICY) for rule in (below_cost, overcharge, price_tampering)] == [None] * 3
