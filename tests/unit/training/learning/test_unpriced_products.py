"""What a history says of products that no catalogue knows."""

import json

import msgspec

from shared.catalogue import packaged_catalogue
from shared.model import encode_bundle, packaged_bundle
from shared.order import Order
from shared.unpriced import UnpricedOrders, UsualPrice
from tests.orders import an_order
from training.learning.unpriced_products import learn_unpriced

LIST = 399.0


def orders(
    count: int, name: str, price: float, rep: str = "Ann", off: float = 0.0, **fields: object
) -> list[Order]:
    """Orders of two units of a known product and one of an unknown one."""
    lines = [
        {"product_id": "AllPurposeBikeStand", "quantity": 1},
        {"product_id": "HitchRack4Bike", "quantity": 2},
        {"product_id": name, "quantity": 1},
    ]
    charged = round(LIST + price - off, 2)
    return [
        an_order(
            order_id=f"{name}-{rep}-{at}", rep_id=rep, lines=lines, charged_price=charged, **fields
        )
        for at in range(count)
    ]


def test_a_product_sold_often_gets_the_price_that_most_charges_agree_on() -> None:
    history = [*orders(20, "GiftWrap", 4.99), *orders(9, "GiftWrap", 4.99, off=2.4)]
    found = learn_unpriced(history, packaged_catalogue(), 50.0)
    assert found.usual_prices == {"GiftWrap": UsualPrice(49_900, 20)}
    assert found.unpriced.with_unknown == 29
    assert found.unpriced.total == UnpricedOrders(29, 0)


def test_what_the_sales_system_recorded_outweighs_the_charges() -> None:
    recorded = orders(6, "Fitting", 25.0, off=10.0, list_price=LIST + 25)
    found = learn_unpriced([*orders(20, "Fitting", 15.0), *recorded], packaged_catalogue(), 50.0)
    assert found.usual_prices == {"Fitting": UsualPrice(250_000, 6)}


def test_what_comes_free_of_charge_usually_costs_nothing() -> None:
    found = learn_unpriced(orders(8, "Sample", 0.0), packaged_catalogue(), 50.0)
    assert found.usual_prices == {"Sample": UsualPrice(0, 8)}


def test_few_orders_or_ones_that_disagree_tell_no_price() -> None:
    differing = [one for at in range(40) for one in orders(1, "Repair", 10.0 + at)]
    found = learn_unpriced([*orders(4, "ModelCard", 3.0), *differing], packaged_catalogue(), 50.0)
    assert found.usual_prices == {}
    assert found.unpriced.total == UnpricedOrders(44, 44)


def test_who_sells_lines_without_a_price_is_counted() -> None:
    normal = [an_order(order_id=f"n-{at}", rep_id="Bob") for at in range(30)]
    history = [
        *normal,
        *orders(2, "ModelCard", 3.0, rep="Bob"),
        *orders(3, "Repair", 9.0, rep="Cy"),
    ]
    found = learn_unpriced(history, packaged_catalogue(), 50.0).unpriced
    assert found.total == UnpricedOrders(35, 5)
    assert found.by_rep == {"Bob": UnpricedOrders(32, 2), "Cy": UnpricedOrders(3, 3)}


def test_the_bundle_of_a_history_without_any_is_read_by_an_earlier_release_too() -> None:
    found = learn_unpriced([an_order()], packaged_catalogue(), 50.0)
    bundle = msgspec.structs.replace(
        packaged_bundle(), usual_prices=found.usual_prices, unpriced=found.unpriced
    )
    assert (
        not {"usual_prices", "unpriced", "more_reps"} & json.loads(encode_bundle(bundle)[0]).keys()
    )
