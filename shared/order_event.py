"""An order as the hub delivers it, before anything is known about it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """One event as the hub delivered it; ``enqueued_at`` is aware UTC.

    ``traceparent`` is the producer's trace context, where the producer sent a well-formed one.
    """

    body: bytes
    sequence_number: int
    enqueued_at: datetime
    partition_key: str | None = None
    offset: str | None = None
    traceparent: str | None = None
