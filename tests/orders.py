"""Small orders for tests."""

import json
from typing import Any

from shared.order import Order, parse_order

ABSENT = object()
"""Given as a field's value, leaves the field out."""


def order_fields(**changes: Any) -> dict[str, Any]:
    """The JSON object of a valid order of two packaged products, with some fields changed."""
    fields: dict[str, Any] = {
        "order_id": "o-1",
        "ordered_at": "2016-05-04T10:00:00Z",
        "rep_id": "Annie Corns",
        "customer_id": "34477",
        "lines": [
            {"product_id": "AllPurposeBikeStand", "quantity": 1},
            {"product_id": "HitchRack4Bike", "quantity": 2},
        ],
        "charged_price": 399,
    }
    return {name: value for name, value in (fields | changes).items() if value is not ABSENT}


def order_body(**changes: Any) -> bytes:
    """The same as the bytes a producer would send."""
    return json.dumps(order_fields(**changes)).encode()


def an_order(**changes: Any) -> Order:
    """The same, parsed."""
    return parse_order(order_body(**changes))
