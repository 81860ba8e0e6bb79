"""Drawn orders as a producer sends them, and the truth about each."""

from collections.abc import Iterator

import msgspec
import numpy as np

from shared.formats import money, time_text
from training.history.price_arrays import PriceTable
from training.simulation.company import Company
from training.simulation.synthesis import SimulatedOrders, aware


def order_ids(orders: SimulatedOrders, prefix: str) -> list[str]:
    """Ids in time order; the prefix keeps the streams of two simulations apart."""
    return [f"{prefix}{number:07d}" for number in range(len(orders.times))]


def order_bodies(
    orders: SimulatedOrders, prices: PriceTable, company: Company, ids: list[str], currency: str
) -> Iterator[bytes]:
    """Each order's JSON as a producer sends it, in time order."""
    first = np.searchsorted(orders.units.order, np.arange(len(ids) + 1))
    width = len(str(company.reps))
    names = prices.product_ids
    for at, order_id in enumerate(ids):
        found, quantities = np.unique(
            orders.units.product[first[at] : first[at + 1]], return_counts=True
        )
        yield msgspec.json.encode({
            "order_id": order_id,
            "ordered_at": time_text(aware(orders.times[at])),
            "rep_id": f"rep-{int(orders.rep[at]) + 1:0{width}d}",
            "customer_id": f"customer-{int(orders.customer[at])}",
            "lines": [
                {"product_id": names[product], "quantity": quantity}
                for product, quantity in zip(found.tolist(), quantities.tolist(), strict=True)
            ],
            "charged_price": money(int(orders.charged_e4[at])),
            "list_price": money(int(orders.list_e4[at])),
            "standard_cost": money(int(orders.cost_e4[at])),
            "state": company.states[int(orders.state[at])][0],
            "currency": currency,
        })  # fmt: skip


def truth_rows(
    orders: SimulatedOrders, prices: PriceTable, ids: list[str]
) -> Iterator[tuple[str, int, int, str, str]]:
    """What is wrong with each order; product and percent are those of the added item."""
    units = orders.units
    planted = {
        order: (prices.product_ids[product], f"{discount / 100:g}")
        for order, product, discount in zip(
            units.order[units.added].tolist(),
            units.product[units.added].tolist(),
            units.discount[units.added].tolist(),
            strict=True,
        )
    }
    for at, (order_id, hidden) in enumerate(zip(ids, orders.hidden.tolist(), strict=True)):
        product_id, percent = planted.get(at, ("", ""))
        yield order_id, int(at in planted), int(hidden > 0), product_id, percent
