"""From an assessment to the documents that are stored."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.scoring import Assessment


@dataclass(frozen=True, slots=True)
class EventPosition:
    """Where an order stood in its stream; ``enqueued_at`` is aware UTC."""

    partition_id: str
    sequence_number: int
    enqueued_at: datetime


def alert_id(order_id: str, revision: int) -> str:
    """``id`` of an order's alert: the same for every replay."""
    return f"{order_id}.{revision}"


def alert_document(
    assessment: Assessment,
    *,
    received: dict[str, Any],
    position: EventPosition,
    scored_at: datetime,
) -> dict[str, Any]:
    """The alert as Cosmos DB keeps it (see CONTRACTS: Alert); JSON-ready.

    ``received`` is the order's own JSON object; money becomes decimal numbers of currency.
    """
    raise NotImplementedError
