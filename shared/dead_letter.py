"""An event that was set aside, the document that keeps it, and the path of that document."""

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.formats import time_text
from shared.order_event import OrderEvent
from shared.stream_key import StreamKey


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that was set aside: why, when (``time``, aware UTC) and after how many attempts.

    ``field`` is the path of the offending field, empty for the whole order.
    """

    key: StreamKey
    event: OrderEvent
    code: str
    message: str
    field: str
    time: datetime
    attempts: int


def dead_letter_path(letter: DeadLetter) -> str:
    """Return the name of the blob: the event's place in its stream."""
    key = letter.key
    return f"{key.hub}/{key.partition_id}/{letter.event.sequence_number}.json"


def dead_letter_path_anew(letter: DeadLetter) -> str:
    """Return another name, for use if an event of an earlier hub already has the first."""
    key, event = letter.key, letter.event
    entered = f"{event.enqueued_at:%Y%m%dT%H%M%S%f}"
    return f"{key.hub}/{key.partition_id}/{event.sequence_number}.{entered}.json"


def dead_letter_document(letter: DeadLetter, version: int = 2) -> dict[str, Any]:
    """Return the dead letter as it is stored; ``body`` is the untouched event in base64.

    Versions 1 and 2 differ only in their number.
    """
    return {
        "schema_version": version,
        "code": letter.code,
        "message": letter.message,
        "field": letter.field,
        "body": base64.b64encode(letter.event.body).decode(),
        "event": event_document(letter),
        "time": time_text(letter.time),
        "attempts": letter.attempts,
        "redriven_at": None,
    }


def event_document(letter: DeadLetter) -> dict[str, Any]:
    """Return what identifies the event of a dead letter."""
    key, event = letter.key, letter.event
    return {
        "hub": key.hub,
        "consumer_group": key.consumer_group,
        "partition_id": key.partition_id,
        "sequence_number": event.sequence_number,
        "offset": event.offset,
        "enqueued_at": time_text(event.enqueued_at),
        "partition_key": event.partition_key,
    }
