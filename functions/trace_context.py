"""One id from order to alert: the trace (W3C Trace Context) that an order belongs to.

It is the producer's, where it sent one with the event. Else it follows from the event's place in
its hub, so that a replay finds the same id.
"""

import re
from hashlib import sha256
from typing import Any

from shared.order_event import OrderEvent
from shared.stream_key import StreamKey

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")
_NAMES = ("traceparent", "Diagnostic-Id")  # the second is what the Azure SDKs have always sent


def traceparent_of(properties: object) -> str | None:
    """The trace context in an event's application properties; None for anything malformed."""
    if not properties or not isinstance(properties, dict):  # most producers send none
        return None
    for name in _NAMES:
        value: Any = properties.get(name)
        if isinstance(value, str) and _TRACEPARENT.fullmatch(value):
            return value
    return None


def parsed(traceparent: str) -> tuple[str, str]:
    """Trace id (32 hex digits) and span id (16) of what `traceparent_of` found."""
    found = _TRACEPARENT.fullmatch(traceparent)
    assert found is not None
    return found[1], found[2]


def trace_id(key: StreamKey, event: OrderEvent) -> str:
    """The id of the trace that an event belongs to, 32 hex digits; the same in every replay."""
    if event.traceparent is not None:
        return parsed(event.traceparent)[0]
    place = f"{key.hub}/{key.partition_id}/{event.sequence_number}"
    return sha256(place.encode()).hexdigest()[:32]
