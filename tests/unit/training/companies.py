"""Simulated histories to learn from."""

from shared.catalogue import Catalogue, packaged_catalogue
from shared.order import Order, parse_order
from training.history.price_arrays import price_table
from training.simulation.company import Company
from training.simulation.order_bodies import order_bodies, order_ids
from training.simulation.synthesis import draw_orders


def simulated(
    company: Company, count: int, seed: int, catalogue: Catalogue | None = None
) -> list[Order]:
    """Orders of a market, by default at the packaged prices."""
    catalogue = catalogue or packaged_catalogue()
    prices = price_table(catalogue)
    orders = draw_orders(company, prices, count, seed)
    bodies = order_bodies(orders, prices, company, order_ids(orders, "h-"), catalogue.currency)
    return [parse_order(body) for body in bodies]
