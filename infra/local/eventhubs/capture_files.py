"""A file of Event Hubs Capture: its name, its metadata, and its events as Avro records.

Names and records are as the service writes them. The metadata are ours: they say which events the
file holds, so that capture can go on after a restart.
"""

import io
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, Self

import fastavro

from infra.local.eventhubs import amqp, frames
from infra.local.eventhubs.amqp import MalformedError, Value
from infra.local.eventhubs.log import Event

SCHEMA = fastavro.parse_schema(
    {
        "type": "record",
        "name": "EventData",
        "namespace": "Microsoft.ServiceBus.Messaging",
        "fields": [
            {"name": "SequenceNumber", "type": "long"},
            {"name": "Offset", "type": "string"},
            {"name": "EnqueuedTimeUtc", "type": "string"},
            {
                "name": "SystemProperties",
                "type": {"type": "map", "values": ["long", "double", "string", "bytes"]},
            },
            {
                "name": "Properties",
                "type": {"type": "map", "values": ["long", "double", "string", "bytes", "null"]},
            },
            {"name": "Body", "type": ["null", "bytes"]},
        ],
    }
)

_OWN_FIELDS = {"x-opt-sequence-number", "x-opt-offset"}
"""Annotations that become separate fields of a record."""


class CaptureFile(NamedTuple):
    """The facts in a file's name and metadata."""

    second: int  # in its name, since 1970-01-01 UTC
    first_sequence: int
    last_sequence: int
    first_enqueued_ms: int
    last_enqueued_ms: int

    @classmethod
    def of(cls, second: int, events: list[Event]) -> Self:
        first, last = events[0], events[-1]
        return cls(second, first.sequence, last.sequence, first.enqueued_ms, last.enqueued_ms)

    @classmethod
    def read(cls, name: str, metadata: Mapping[str, str]) -> Self:
        """Read them; raise ValueError if another program wrote the file."""
        try:
            return cls(_second_in(name), *(int(metadata[field]) for field in cls._fields[1:]))
        except KeyError as error:
            raise ValueError(f"{name} is no capture file: its metadata lack {error}") from None

    def metadata(self) -> dict[str, str]:
        return {field: str(getattr(self, field)) for field in self._fields[1:]}

    def starts_like(self, other: "CaptureFile") -> bool:
        """Return whether both begin with the same event of the same log."""
        return self[1] == other[1] and self[3] == other[3]


def file_name(prefix: str, second: int) -> str:
    """Return the name of a window's file, by its first second since 1970.

    `prefix` ends with a slash.
    """
    return prefix + datetime.fromtimestamp(second, UTC).strftime("%Y/%m/%d/%H/%M/%S.avro")


def _second_in(name: str) -> int:
    moment = "/".join(name.removesuffix(".avro").split("/")[-6:])
    return int(datetime.strptime(moment + "Z", "%Y/%m/%d/%H/%M/%S%z").timestamp())


def encode(events: Iterable[Event]) -> bytes:
    """Return events as an Avro file."""
    buffer = io.BytesIO()
    fastavro.writer(buffer, SCHEMA, (avro_record(event) for event in events))
    return buffer.getvalue()


def avro_record(event: Event) -> dict[str, object]:
    """Return an event as a record of SCHEMA."""
    system: dict[str, object] = {}
    properties: dict[str, object] = {}
    body: bytes | None = None
    for section in frames.sections(event.wire):
        if section.code == frames.MESSAGE_ANNOTATIONS:
            system = _map(event.wire, section.value)
        elif section.code == frames.APPLICATION_PROPERTIES:
            properties = _map(event.wire, section.value)
        elif section.code == frames.DATA:
            body = (body or b"") + frames.data_content(event.wire, section)
    return {
        "SequenceNumber": event.sequence,
        "Offset": str(event.offset),
        "EnqueuedTimeUtc": enqueued_text(event.enqueued_ms),
        "SystemProperties": {
            name: value
            for name, value in system.items()
            if name not in _OWN_FIELDS and value is not None
        },
        "Properties": properties,
        "Body": body,
    }


def _map(wire: bytes, at: int) -> dict[str, object]:
    entries, _ = amqp.decode(wire, at)
    if not isinstance(entries, dict):
        raise MalformedError("annotations or properties that are not a map")
    return {str(name): _avro_value(value) for name, value in entries.items()}


def _avro_value(value: Value) -> int | float | str | bytes | None:
    """Return numbers (booleans as 0 and 1), texts and bytes as they are; all else as text."""
    if isinstance(value, int):
        return int(value) if -(1 << 63) <= value < 1 << 63 else str(value)
    return value if isinstance(value, float | str | bytes | None) else str(value)


def enqueued_text(milliseconds: int) -> str:
    """Return a time as the service writes it, to the second: 2/6/2023 6:29:45 PM."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    day = f"{moment.month}/{moment.day}/{moment.year}"
    return f"{day} {moment.hour % 12 or 12}:{moment:%M:%S} {'AM' if moment.hour < 12 else 'PM'}"
