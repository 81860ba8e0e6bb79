"""Small orders for tests."""

import json
from typing import Any

from shared.order import MAXIMUM_BYTES, Order, parse_order

ABSENT = object()
"""As a field's value it leaves the field out."""


def order_fields(**changes: Any) -> dict[str, Any]:
    """Return a valid order of two packaged products as a JSON object, with fields changed."""
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
    """Return the same order as the bytes that a producer would send."""
    return json.dumps(order_fields(**changes)).encode()


def an_order(**changes: Any) -> Order:
    """Return the same order, parsed."""
    return parse_order(order_body(**changes))


def _filled(start: bytes, piece: bytes, end: bytes = b"") -> bytes:
    """Return a body with as many pieces as the largest allowed body has room for."""
    return start + piece * ((MAXIMUM_BYTES - len(start) - len(end)) // len(piece)) + end


_OPEN = order_body()[:-1]
_LINES = ",".join(f'{{"product_id":"{at:03}{"é" * 61}","quantity":1000}}' for at in range(200))

WORST_BODIES = {
    "an unclosed string of escaped quotes": _filled(b"[" * 33 + b'"', b'\\"'),
    "an unclosed string of backslashes": _filled(b"[" * 33 + b'"', b"\\\\"),
    "many unclosed strings": _filled(b"[" * 33, b'"\\'),
    "brackets that open and close": _filled(_OPEN + b',"x":[', b"[],", b"[]]}"),
    "brackets that open": _filled(b"", b"["),
    "empty strings": _filled(_OPEN + b',"x":[' + b"[]," * 33, b'"",', b'""]}'),
    "one long string": _filled(_OPEN + b',"x":"', b"[", b'"}'),
    "a field repeated": _filled(_OPEN, b',"state":"x"', b"}"),
    "a price of many digits": _filled(_OPEN + b',"list_price":', b"9", b"}"),
    "a price of many decimals": _filled(_OPEN + b',"list_price":0.', b"0", b"1}"),
    "a price with a long exponent": _filled(_OPEN + b',"list_price":1e', b"9", b"}"),
    "a time of many decimals": _filled(_OPEN + b',"ordered_at":"2016-05-04T10:00:00.', b"1", b'"}'),
    "a long identifier": _filled(_OPEN + b',"rep_id":"', b"\\u0001", b'"}'),
    "an object for a price": _filled(_OPEN + b',"list_price":{"x":[', b"1e5,", b"1]}}"),
    "numbers after a wrong field": _filled(_OPEN + b',"rep_id":1,"x":[', b"1e999,", b"1]}"),
    "200 lines of long names": order_body()[:-1] + f',"lines":[{_LINES}]}}'.encode(),
}
"""Bodies of the allowed size that cost the most to read."""
