"""Makes what azure-functions-runtime gets: a batch, an event, a timer, an HTTP request.

Names and shapes are as the .NET host sends them. The runtime recognises a batch by
`SystemPropertiesArray`, and a single event by `SystemProperties`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from azure.eventhub import EventData
from azure_functions_runtime.bindings.datumdef import Datum

type Invocation = tuple[Datum, dict[str, Datum]]


def json_datum(value: object) -> Datum:
    """Return a value as JSON; bytes in it become text, times become ISO 8601."""
    return Datum(json.dumps(value, default=_plain), "json")


def text_datum(value: str) -> Datum:
    return Datum(value, "string")


def event_batch(
    events: Sequence[EventData], partition: Datum, binary: bool, zoned: bool
) -> Invocation:
    """Return a batch as one value (cardinality many), and its trigger metadata."""
    system = [_system_properties(event, zoned) for event in events]
    bodies = [body(event) for event in events]
    if binary:
        value = Datum(SimpleNamespace(bytes=bodies), "collection_bytes")
    else:
        texts = [raw.decode("utf-8", "replace") for raw in bodies]
        value = Datum(SimpleNamespace(string=texts), "collection_string")
    arrays = {
        f"{name}Array": json_datum([properties[name] for properties in system])
        for name in ("PartitionKey", "Offset", "SequenceNumber", "EnqueuedTimeUtc")
    }
    return value, {
        "PartitionContext": partition,
        "SystemPropertiesArray": json_datum(system),
        "PropertiesArray": json_datum([_text_keys(event.properties) for event in events]),
        **arrays,
    }


def single_event(event: EventData, partition: Datum, binary: bool, zoned: bool) -> Invocation:
    """Return one event (cardinality one), and its trigger metadata."""
    system, raw = _system_properties(event, zoned), body(event)
    metadata = {
        "PartitionContext": partition,
        "SystemProperties": json_datum(system),
        "Properties": json_datum(_text_keys(event.properties)),
        "SequenceNumber": json_datum(system["SequenceNumber"]),
        "Offset": text_datum(system["Offset"]),
        "EnqueuedTimeUtc": json_datum(system["EnqueuedTimeUtc"]),
    }
    if system["PartitionKey"]:
        metadata["PartitionKey"] = text_datum(system["PartitionKey"])
    value = Datum(raw, "bytes") if binary else text_datum(raw.decode("utf-8", "replace"))
    return value, metadata


def body(event: EventData) -> bytes:
    """Return the body as sent; an AMQP body may come in several sections."""
    return b"".join(event.raw_amqp_message.body)


def _system_properties(event: EventData, zoned: bool) -> dict[str, Any]:
    """Return an event's system properties.

    Azure sends the enqueued time without a zone, though it is UTC; `zoned` adds the zone.
    """
    at = event.enqueued_time
    if at is not None and not zoned:
        at = at.replace(tzinfo=None)
    key = event.partition_key
    return {
        **_text_keys(event.system_properties),
        "SequenceNumber": event.sequence_number,
        "Offset": event.offset,
        "PartitionKey": None if key is None else _plain(key),
        "EnqueuedTimeUtc": at and at.isoformat(timespec="milliseconds"),
    }


def _text_keys(properties: Mapping[Any, Any] | None) -> dict[str, Any]:
    return {_plain(name): value for name, value in (properties or {}).items()}


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)


def timer_fired(last: dt.datetime | None, following: dt.datetime, past_due: bool) -> Datum:
    """Return a timer's value: its last time (None: never), its next time, whether it is late."""
    previous = last.isoformat() if last else "0001-01-01T00:00:00+00:00"  # .NET's DateTime default
    status = {"Last": previous, "Next": following.isoformat(), "LastUpdated": previous}
    schedule = {"AdjustForDST": True}
    return json_datum({"Schedule": schedule, "ScheduleStatus": status, "IsPastDue": past_due})


def http_request(
    method: str,
    url: str,
    fields: Mapping[str, Mapping[str, str]],
    content: bytes,
) -> Datum:
    """Return an HTTP request; `fields` holds headers, params (of the route) and query."""
    texts = {
        name: {key: text_datum(value) for key, value in group.items()}
        for name, group in fields.items()
    }
    value = {"method": text_datum(method), "url": text_datum(url), **texts}
    return Datum({**value, "body": Datum(content, "bytes")}, "http")
