"""Smoke orders: they test a deployment. They are scored like any other, but not learned from."""

from shared.order import Order

MARKED_PREFIX = "smoke-"
"""The beginning of each smoke order's id."""

MARKED_REP = "smoke-test"
"""The rep and the customer of each smoke order."""


def is_smoke_order(order: Order) -> bool:
    """Return whether an order is a smoke order, which has both the rep and the prefix."""
    return order.rep_id == MARKED_REP and order.order_id.startswith(MARKED_PREFIX)
