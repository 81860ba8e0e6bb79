"""Events as AMQP messages: parsed when they arrive, stamped with their place when stored.

An event keeps the bytes that its client sent; only the message annotations are written again.
"""

from collections.abc import Sequence
from typing import NamedTuple

from infra.local.eventhubs import amqp, frames
from infra.local.eventhubs.amqp import MalformedError

BATCH_FORMAT = 0x80013700
"""Message format of a batch: each of its data sections holds one encoded message."""

_PARTITION_KEY = "x-opt-partition-key"
_STAMPS = {"x-opt-sequence-number", "x-opt-offset", "x-opt-enqueued-time"}
_SEQUENCE_SYMBOL = amqp.symbol("x-opt-sequence-number")
_OFFSET_SYMBOL = amqp.symbol("x-opt-offset")
_TIME_SYMBOL = amqp.symbol("x-opt-enqueued-time")
_KEY_SYMBOL = amqp.symbol(_PARTITION_KEY)


class Message(NamedTuple):
    """An event on its way in."""

    partition_key: str | None
    annotations: Sequence[tuple[bytes, bytes]]  # the client's own, encoded
    content: bytes  # properties, application properties, body and footer, as sent


def parse_message(encoded: bytes) -> Message:
    """Parse a message; raise MalformedError, so that every stored message can be read.

    The sections may be in any order: the Python SDK does not keep to the standard's order.
    """
    key: str | None = None
    annotations: Sequence[tuple[bytes, bytes]] = ()
    kept = []
    for section in frames.sections(encoded):
        if section.code == frames.MESSAGE_ANNOTATIONS:
            key, annotations = _parse_annotations(encoded, section.value)
        elif section.code >= frames.PROPERTIES:
            _check(encoded, section)
            kept.append(encoded[section.start : section.end])
    return Message(key, annotations, b"".join(kept))


def _check(encoded: bytes, section: frames.Section) -> None:
    if section.code == frames.DATA:
        frames.data_content(encoded, section)
    elif section.code == frames.APPLICATION_PROPERTIES:
        properties, _ = amqp.decode(encoded, section.value)
        if not isinstance(properties, dict):
            raise MalformedError("application properties that are not a map")


def _parse_annotations(encoded: bytes, at: int) -> tuple[str | None, Sequence[tuple[bytes, bytes]]]:
    items = amqp.raw_items(encoded, at)
    key = None
    annotations = []
    for name, value in zip(items[::2], items[1::2], strict=False):
        decoded_name, _ = amqp.decode(name)
        if decoded_name == _PARTITION_KEY:
            key = _parse_key(value)
        elif decoded_name not in _STAMPS:
            amqp.decode(value)
            annotations.append((name, value))
    return key, annotations


def _parse_key(encoded: bytes) -> str | None:
    key, _ = amqp.decode(encoded)
    if key is not None and not isinstance(key, str):
        raise MalformedError("a partition key that is not a string")
    return key


def parse_transfer(message_format: int, encoded: bytes) -> tuple[str | None, list[Message]]:
    """Return the partition key that routes a delivery, and its events.

    The envelope of a batch has the key; an event without a key gets it.
    """
    if message_format != BATCH_FORMAT:
        message = parse_message(encoded)
        return message.partition_key, [message]
    routing_key = None
    messages = []
    for section in frames.sections(encoded):
        if section.code == frames.MESSAGE_ANNOTATIONS:
            routing_key, _ = _parse_annotations(encoded, section.value)
        elif section.code == frames.DATA:
            messages.append(parse_message(frames.data_content(encoded, section)))
    if routing_key is not None:
        messages = [
            message if message.partition_key else message._replace(partition_key=routing_key)
            for message in messages
        ]
    return routing_key, messages


def stamp(message: Message, sequence: int, offset: int, enqueued_ms: int) -> bytes:
    """Return the message as consumers get it, with its place in the partition."""
    annotations = [
        (_SEQUENCE_SYMBOL, amqp.long(sequence)),
        (_OFFSET_SYMBOL, amqp.string(str(offset))),
        (_TIME_SYMBOL, amqp.timestamp(enqueued_ms)),
        *message.annotations,
    ]
    if message.partition_key is not None:
        annotations.append((_KEY_SYMBOL, amqp.string(message.partition_key)))
    encoded = amqp.described(frames.MESSAGE_ANNOTATIONS, amqp.amqp_map(annotations))
    return encoded + message.content
