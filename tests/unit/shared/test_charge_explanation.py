"""What best explains a charge, told by product."""

from collections.abc import Sequence

import pytest

from shared.charge_explanation import UnitDiscount, explanation_of
from shared.evidence import Suspect
from tests.unit.shared.evidence_of import evidence

RACK = 120_0000
"""List price (e4) of a HitchRack4Bike, of which the order has two."""


def test_the_gap_is_what_is_missing_of_the_list_total() -> None:
    found = explanation_of(evidence({"charged_price": 380}, unexplained_e4=10_000))
    assert (found.list_total_e4, found.charged_e4, found.gap_e4) == (3_990_000, 3_800_000, 190_000)
    assert found.unexplained_e4 == 10_000


def test_a_charge_above_list_price_is_a_negative_gap() -> None:
    assert explanation_of(evidence({"charged_price": 400})).gap_e4 == -10_000


def test_the_discount_of_the_whole_order_is_told_in_percent() -> None:
    assert explanation_of(evidence(hidden_bp=150)).order_discount_percent == 1.5


def test_equal_discounts_on_units_of_a_product_are_counted_together() -> None:
    found = explanation_of(evidence(unit_discounts=((RACK, 1000), (RACK, 1000))))
    assert found.unit_discounts == (UnitDiscount("HitchRack4Bike", 2, 10.0),)


HELMETS = ("Sport100HelmetBlack", "Sport100HelmetRed")
HELMET = 34_9900


def test_a_discount_goes_to_the_first_product_of_its_price() -> None:
    order = {"lines": [{"product_id": name, "quantity": 1} for name in HELMETS]}
    found = explanation_of(evidence(order, unit_discounts=((HELMET, 500),)))
    assert found.unit_discounts == (UnitDiscount("Sport100HelmetBlack", 1, 5.0),)


@pytest.mark.parametrize("names", [HELMETS, HELMETS[::-1]])
def test_the_first_discount_goes_to_the_suspect_and_no_unit_gets_two(names: Sequence[str]) -> None:
    order = {"lines": [{"product_id": name, "quantity": 1} for name in HELMETS]}
    suspect = Suspect(names[0], 8000, 27_9920)
    discounts = ((HELMET, 8000), (HELMET, 500))
    found = explanation_of(evidence(order, suspect=suspect, unit_discounts=discounts))
    assert found.unit_discounts == (
        UnitDiscount(names[0], 1, 80.0),
        UnitDiscount(names[1], 1, 5.0),
    )
