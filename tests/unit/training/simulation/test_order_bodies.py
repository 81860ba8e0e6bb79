"""What a producer sends of a drawn order, and what is really wrong with it."""

import json

from shared.catalogue import packaged_catalogue
from shared.order import parse_order
from training.history.price_arrays import price_table
from training.simulation.company import AddedItems, Company, HiddenDiscounts
from training.simulation.order_bodies import order_bodies, order_ids, truth_rows
from training.simulation.synthesis import draw_orders

PRICES = price_table(packaged_catalogue())


def test_truth_names_the_added_item_and_its_percent() -> None:
    company = Company(
        added=AddedItems(rate=0.5, steps_bp=(2_500,)), hidden=HiddenDiscounts(episodes=0)
    )
    orders = draw_orders(company, PRICES, 200, seed=5)
    ids = order_ids(orders, "t-")
    bodies = [json.loads(body) for body in order_bodies(orders, PRICES, company, ids, "USD")]
    for body, truth in zip(bodies, truth_rows(orders, PRICES, ids), strict=True):
        order_id, added, hidden, product_id, percent = truth
        assert order_id == body["order_id"]
        assert hidden == 0
        assert bool(product_id) == bool(percent) == bool(added)
        assert not added or product_id in {line["product_id"] for line in body["lines"]}
        assert percent in {"", "25"}


def test_every_body_is_an_order_of_the_contract_with_its_recorded_totals() -> None:
    company = Company()
    orders = draw_orders(company, PRICES, 50, seed=2)
    ids = order_ids(orders, "b-")
    assert ids[:2] == ["b-0000000", "b-0000001"]
    for order in map(parse_order, order_bodies(orders, PRICES, company, ids, "USD")):
        priced = packaged_catalogue().price(order)
        assert (order.list_e4, order.cost_e4) == (priced.list_total_e4, priced.cost_total_e4)
        assert order.currency == "USD"
