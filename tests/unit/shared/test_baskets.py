"""How an item's fit is read off the learned rates."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.baskets import FEW_LINES, Baskets
from shared.model import BasketTable, ProductGroup

TABLE = BasketTable(
    orders=10_000,
    companions={
        "road bike": {"lock": 0.8, "rack": 0.7},
        "lock": {"road bike": 0.3, "rack": 0.1},
        "rack": {"road bike": 0.3},
        "touring bike": {"gloves": 0.9},
        "gloves": {"touring bike": 0.5},
    },
    alone={"helmet": 0.0001, "road bike": 0.001},
)


def odds(**basket: int) -> dict[str, float]:
    return Baskets(TABLE, 100).added_odds({name.replace("_", " "): n for name, n in basket.items()})


def test_an_accessory_of_the_baskets_own_bike_belongs() -> None:
    assert odds(road_bike=1, lock=1)["lock"] < 0.05


def test_an_accessory_of_another_bike_does_not_belong() -> None:
    found = odds(touring_bike=1, gloves=1, lock=1)
    assert found["lock"] > 10
    assert found["gloves"] < 0.1


def test_a_product_that_is_never_bought_does_not_belong_anywhere() -> None:
    assert odds(road_bike=1, lock=1, fork=1)["fork"] > 100


def test_the_bike_that_the_rest_came_with_was_not_added() -> None:
    """Removing it would leave accessories that nothing explains."""
    assert odds(road_bike=1, lock=1, rack=1)["road bike"] < 0.01


def test_a_bike_that_brought_nothing_along_is_odder_than_one_that_did() -> None:
    alone = odds(touring_bike=1, gloves=1, road_bike=1)["road bike"]
    assert alone > 3 * odds(touring_bike=1, gloves=1, road_bike=1, lock=1)["road bike"]


def test_a_second_unit_of_a_product_leaves_the_rest_explained() -> None:
    assert odds(road_bike=2, lock=1)["road bike"] > odds(road_bike=1, lock=1)["road bike"]


def test_a_product_that_customers_buy_by_itself_is_less_odd_than_one_they_never_do() -> None:
    found = odds(helmet=1, fork=1)
    assert found["helmet"] < found["fork"]


def test_without_a_history_nothing_is_odd() -> None:
    assert Baskets(BasketTable(), 294).added_odds({"anything": 2}) == {"anything": 1.0}


@given(
    st.dictionaries(
        st.sampled_from(["road bike", "touring bike", "lock", "rack", "gloves", "helmet", "fork"]),
        st.integers(1, 20),
        max_size=7,
    )
)
def test_every_item_has_finite_positive_odds(basket: dict[str, int]) -> None:
    found = Baskets(TABLE, 100).added_odds(basket)
    assert found.keys() == basket.keys()
    assert all(0 < value < 1e9 for value in found.values())


def test_more_products_in_the_catalogue_make_each_less_likely_to_be_drawn() -> None:
    few, many = (Baskets(TABLE, size).added_odds({"fork": 1})["fork"] for size in (100, 1000))
    assert few == pytest.approx(10 * many)


@given(
    st.dictionaries(
        st.sampled_from(["road bike", "lock", "rack", "touring bike", "gloves", "helmet", "fork"]),
        st.integers(1, 3),
        min_size=1,
    )
)
def test_many_lines_are_worked_out_as_few_are(basket: dict[str, int]) -> None:
    kind = ProductGroup(
        products=frozenset({"road bike", "touring bike"}),
        partners=frozenset({"lock", "rack", "road bike"}),
        corrections=(((1.0, 2.0), (3.0,)), ((5.0, 7.0, 11.0),)),
    )
    baskets = Baskets(msgspec.structs.replace(TABLE, product_groups=(kind,)), 100)
    few = baskets.added_odds(basket)
    # A table is 0 for what it does not name, so that strangers change no odds but their own.
    strangers = {f"stranger {number}": 1 for number in range(FEW_LINES)}
    many = baskets.added_odds(basket | strangers)
    assert {product: many[product] for product in basket} == pytest.approx(few)
