"""The frauds that are worth a look, with their money and their sentence."""

import pytest

from shared.evidence import Suspect
from shared.findings import fraud_findings, hidden_discount_finding
from shared.hypotheses import Posterior
from tests.unit.shared.evidence_of import evidence

LIKELY_HIDDEN = Posterior({}, (0.1, 0.9), 0.0, {}, 50.0)


def test_an_order_without_suspect_and_hidden_discount_has_no_finding() -> None:
    assert fraud_findings(evidence(), 0.01) == ()


def test_an_added_item_names_the_product_its_discount_and_the_money() -> None:
    # 30 % of 120.00 is 36.00.
    suspect = Suspect("HitchRack4Bike", 3000, 360_000)
    [finding] = fraud_findings(evidence(suspect=suspect), 0.8)
    assert (finding.typology, finding.product_id, finding.percent) == (
        "added_item",
        "HitchRack4Bike",
        30.0,
    )
    assert (finding.probability, finding.amount_e4) == (0.8, 360_000)
    assert finding.message == (
        "One HitchRack4Bike was probably added to the order and taken off again at 30 % "
        "(36.00 USD)."
    )


def test_an_order_may_have_both_frauds() -> None:
    facts = evidence(
        suspect=Suspect("HitchRack4Bike", 3000, 360_000),
        posterior=LIKELY_HIDDEN,
        hidden_bp=150,
        hidden_e4=40_000,
    )
    added, hidden = fraud_findings(facts, 0.8)
    assert (added.typology, hidden.typology) == ("added_item", "hidden_discount")
    assert hidden.probability == pytest.approx(0.9)


def test_a_hidden_discount_is_told_in_percent() -> None:
    finding = hidden_discount_finding(0.9, 37, 12_345, "USD")
    assert finding.percent == 0.37
    assert finding.message == ("The whole order was probably charged 0.37 % too little (1.23 USD).")
