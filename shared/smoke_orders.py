"""Orders that try a deployment out: scored like any other, but nobody learns from them."""

from shared.order import Order

MARKED_PREFIX = "smoke-"
"""Begins the id of every such order."""

MARKED_REP = "smoke-test"
"""Their rep, and their customer."""


def is_smoke_order(order: Order) -> bool:
    """Whether an order was made to try a deployment out: it has both the rep and the prefix."""
    return order.rep_id == MARKED_REP and order.order_id.startswith(MARKED_PREFIX)
