"""Simulated histories to learn from."""

from shared.catalogue import Catalogue, packaged_catalogue
from shared.order import Order, parse_order
from training.market import Market
from training.prices import price_table
from training.simulate import order_bodies, order_ids
from training.synthesis import draw_orders


def simulated(
    market: Market, count: int, seed: int, catalogue: Catalogue | None = None
) -> list[Order]:
    """Orders of a market, by default at the packaged prices."""
    catalogue = catalogue or packaged_catalogue()
    prices = price_table(catalogue)
    orders = draw_orders(market, prices, count, seed)
    bodies = order_bodies(orders, prices, market, order_ids(orders, "h-"), catalogue.currency)
    return [parse_order(body) for body in bodies]
