"""The numbers that describe an order, by hand from list prices 159.00, 120.00 and 120.00."""

import math

import pytest

from shared.evidence import Suspect
from shared.features import FEATURE_NAMES, build_features
from shared.hypotheses import Posterior
from shared.profiles import NO_PROFILES, Profile, Profiles, ProfileTable
from tests.unit.shared.evidence_of import evidence

LADDER = frozenset({0, 1000, 2000})
SUSPECTED = evidence(
    {"charged_price": 363},
    suspect=Suspect("HitchRack4Bike", 3000, 360_000),
    basket_odds={"AllPurposeBikeStand": 0.5, "HitchRack4Bike": 20.0},
    posterior=Posterior({}, (1.0,), 0.0, {"HitchRack4Bike": math.inf}, 0.0),
)
"""36.00 are missing: 30 % of one HitchRack4Bike."""


def test_an_order_has_every_feature_in_the_order_of_the_names() -> None:
    assert tuple(build_features(SUSPECTED, LADDER, NO_PROFILES)) == FEATURE_NAMES


def test_an_order_is_described_by_units_money_and_margin() -> None:
    found = build_features(SUSPECTED, LADDER, NO_PROFILES)
    assert (found["units"], found["products"]) == (3, 2)
    assert (found["list_total"], found["gap"]) == (399, 36)
    assert found["gap_percent"] == pytest.approx(9.0226, abs=1e-4)  # 36 of 399
    assert found["margin_percent"] == pytest.approx(53.5774, abs=1e-4)  # 363 - 149.226 of 399


def test_odds_become_natural_logarithms_that_are_cut_at_fifty() -> None:
    found = build_features(SUSPECTED, LADDER, NO_PROFILES)
    assert found["worst_fit_log_odds"] == pytest.approx(2.9957, abs=1e-4)  # of 20
    assert found["off_ladder_log_odds"] == 50.0
    assert found["hidden_discount_log_odds"] == -50.0


def test_the_suspect_is_described_by_its_discount_and_its_place_among_the_units() -> None:
    found = build_features(SUSPECTED, LADDER, NO_PROFILES)
    assert (found["suspect_percent"], found["suspect_on_ladder"]) == (30.0, 0.0)
    assert found["suspect_share_percent"] == pytest.approx(9.0226, abs=1e-4)
    # One unit is dearer, and the other HitchRack4Bike has the same price.
    assert (found["suspect_price_rank"], found["suspect_price_alone"]) == (2.0, 0.0)
    assert build_features(SUSPECTED, LADDER | {3000}, NO_PROFILES)["suspect_on_ladder"] == 1.0


def test_without_a_suspect_its_features_are_nothing() -> None:
    found = build_features(evidence(), LADDER, NO_PROFILES)
    assert {found[name] for name in FEATURE_NAMES if name.startswith("suspect_")} == {0.0}


def test_an_order_that_costs_nothing_at_list_price_has_no_percentages() -> None:
    order = {"lines": [{"product_id": "NoSuchThing", "quantity": 1}], "charged_price": 5}
    found = build_features(evidence(order), LADDER, NO_PROFILES)
    assert (found["gap"], found["gap_percent"], found["margin_percent"]) == (-5.0, 0.0, 0.0)


def test_rep_and_customer_are_described_by_shares_of_their_orders() -> None:
    # 10 of 30 orders with 20 orders of the mean, 1 in 10: (10 + 2) / 50.
    table = ProfileTable(Profile(1_000, 100, 10.0), {"Annie Corns": Profile(30, 10, 0.0)})
    found = build_features(evidence(), LADDER, Profiles(table, ProfileTable()))
    assert found["rep_discounted_percent"] == pytest.approx(24.0)
    assert found["customer_discounted_percent"] == 0.0
