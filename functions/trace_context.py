"""Find the trace (W3C Trace Context) of an order, whose id follows it from producer to alert.

It is the producer's trace, if the producer sent one with the event. Else its id is computed from
the event's place in its hub, so that a replay finds the same id.
"""

import re
from hashlib import sha256
from typing import Any

from shared.order_event import OrderEvent
from shared.stream_key import StreamKey

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")
_NAMES = ("traceparent", "Diagnostic-Id")  # the second is what the Azure SDKs have always sent


def traceparent_of(properties: object) -> str | None:
    """Return the trace context in an event's properties; None if there is no well-formed one."""
    if not properties or not isinstance(properties, dict):  # most producers send none
        return None
    for name in _NAMES:
        value: Any = properties.get(name)
        if isinstance(value, str) and _TRACEPARENT.fullmatch(value):
            return value
    return None


def parsed(traceparent: str) -> tuple[str, str]:
    """Return the trace id (32 hex digits) and span id (16) of what `traceparent_of` returned."""
    match = _TRACEPARENT.fullmatch(traceparent)
    assert match is not None
    return match[1], match[2]


def trace_id(key: StreamKey, event: OrderEvent) -> str:
    """Return the id of an event's trace, 32 hex digits; it is the same in every replay."""
    if event.traceparent is not None:
        return parsed(event.traceparent)[0]
    place = f"{key.hub}/{key.partition_id}/{event.sequence_number}"
    return sha256(place.encode()).hexdigest()[:32]
