"""What goes with what, and what stands beside an item, say whether it was added."""

import pytest

from shared.baskets import Baskets
from shared.catalogue import packaged_catalogue
from shared.model import BasketTable
from tests.unit.training.companies import simulated
from training.learning.learn import learn
from training.simulation.company import Company


@pytest.fixture(scope="module")
def table() -> BasketTable:
    """Baskets learned from a company whose bikes all bring one to four accessories."""
    return learn(simulated(Company(), 12_000, 13), packaged_catalogue(), "v").bundle.baskets


def test_bikes_of_a_family_and_its_accessories_are_kinds(table: BasketTable) -> None:
    of = {product: kind for kind in table.product_groups for product in kind.products}
    assert of["Road150Red62"].products == of["Road650Black44"].products
    assert of["Road150Red62"].partners == {"AllPurposeBikeStand", "CableLock", "HitchRack4Bike"}
    assert of["Touring1000Blue46"].products.isdisjoint(of["Road150Red62"].products)
    assert "LLFork" not in of
    assert sum(len(kind.products) for kind in table.product_groups) == len(of)


def test_a_second_bike_without_an_accessory_of_its_own_was_added(table: BasketTable) -> None:
    known = Baskets(table, 294)
    basket = {"Road150Red62": 1, "Road650Black44": 1, "CableLock": 1}
    assert known.added_odds(basket)["Road650Black44"] > 5
    both = {**basket, "HitchRack4Bike": 1}
    assert known.added_odds(both)["Road650Black44"] < 1.5


def test_a_fifth_accessory_beside_one_bike_was_added(table: BasketTable) -> None:
    known = Baskets(table, 294)
    five = {"Road150Red62": 1, "CableLock": 2, "AllPurposeBikeStand": 2, "HitchRack4Bike": 1}
    four = five | {"CableLock": 1}
    assert known.added_odds(five)["HitchRack4Bike"] > 3 * known.added_odds(four)["HitchRack4Bike"]
