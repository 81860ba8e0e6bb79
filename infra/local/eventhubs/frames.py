"""AMQP 1.0 frames and the sections of a message (OASIS AMQP 1.0, parts 2 and 3).

It writes every performative with all its fields: the specification lets a peer leave some out, but
the Event Hubs SDK for Python indexes them.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from infra.local.eventhubs import amqp
from infra.local.eventhubs.amqp import MalformedError, Value

# Performatives and SASL frames (parts 2.7 and 5.3), by the code of their descriptor.
OPEN, BEGIN, ATTACH, FLOW, TRANSFER, DISPOSITION, DETACH, END, CLOSE = range(0x10, 0x19)
SASL_MECHANISMS, SASL_INIT, SASL_OUTCOME = 0x40, 0x41, 0x44
_FIELDS = {
    OPEN: 10,
    BEGIN: 8,
    ATTACH: 14,
    FLOW: 11,
    TRANSFER: 11,
    DISPOSITION: 6,
    DETACH: 3,
    END: 1,
    CLOSE: 1,
    SASL_MECHANISMS: 1,
    SASL_OUTCOME: 2,
}

# Sections of a message (part 3.2), by the code of their descriptor.
HEADER, DELIVERY_ANNOTATIONS, MESSAGE_ANNOTATIONS = 0x70, 0x71, 0x72
PROPERTIES, APPLICATION_PROPERTIES, DATA, SEQUENCE, VALUE, FOOTER = range(0x73, 0x79)

# Outcomes of a delivery, and the error one carries (parts 3.4 and 2.8).
_ERROR, _ACCEPTED, _REJECTED = 0x1D, 0x24, 0x25

AMQP_FRAME, SASL_FRAME = 0, 1
PROTOCOL_HEADER = -1

MIN_MAX_FRAME = 512
"""Every peer takes frames of at least this many bytes (part 2.4.1)."""

_FRAME = struct.Struct(">IBBH")

# A section's code is a small ulong or a ulong: its first bytes, and the offset of its value.
_CODE_PREFIXES = {b"\x00\x53": 3, b"\x00\x80": 10}


class RefusedError(Exception):
    """A link, a delivery or a connection is refused with an AMQP error condition."""

    def __init__(self, condition: str, description: str) -> None:
        super().__init__(description)
        self.condition = condition
        self.error = amqp.described(
            _ERROR, amqp.amqp_list(amqp.symbol(condition), amqp.string(description), amqp.NULL)
        )


ACCEPTED = amqp.described(_ACCEPTED, amqp.EMPTY_LIST)


def rejected(refusal: RefusedError) -> bytes:
    return amqp.described(_REJECTED, amqp.amqp_list(refusal.error))


class Limits(NamedTuple):
    """The limits of one connection, in bytes. Frames are long enough for the largest batch."""

    max_message: int = 1 << 20
    max_frame: int = (1 << 20) + 1024


class Frame(NamedTuple):
    """A frame; a protocol header has the `kind` PROTOCOL_HEADER, and its eight bytes as body."""

    kind: int
    channel: int
    body: bytes


def frame(
    channel: int, code: int, *fields: bytes, payload: bytes = b"", kind: int = AMQP_FRAME
) -> bytes:
    """Return a frame of the performative `code`; missing fields at the end become null."""
    missing = _FIELDS[code] - len(fields)
    body = amqp.described(code, amqp.amqp_list(*fields, *[amqp.NULL] * missing))
    size = _FRAME.size + len(body) + len(payload)
    return _FRAME.pack(size, 2, kind, channel) + body + payload


def frame_header(size: int, channel: int) -> bytes:
    """Return the eight bytes that precede a frame's body of `size` bytes."""
    return _FRAME.pack(_FRAME.size + size, 2, AMQP_FRAME, channel)


EMPTY_FRAME = frame_header(0, 0)


def take_frames(buffer: bytearray, limit: int) -> list[Frame]:
    """Remove and return the whole frames at the front of `buffer`.

    Raises MalformedError for a frame of more than `limit` bytes.
    """
    frames = []
    at = 0
    with memoryview(buffer) as view:
        while len(view) - at >= _FRAME.size:
            if bytes(view[at : at + 4]) == b"AMQP":
                frames.append(Frame(PROTOCOL_HEADER, 0, bytes(view[at : at + 8])))
                at += 8
                continue
            size, offset, kind, channel = _FRAME.unpack_from(view, at)
            if not _FRAME.size <= offset * 4 <= size <= limit:
                raise MalformedError(f"a frame of {size} bytes with its body at {offset * 4}")
            if size > len(view) - at:
                break
            frames.append(Frame(kind, channel, bytes(view[at + offset * 4 : at + size])))
            at += size
    del buffer[:at]
    return frames


def take_performative(body: bytes) -> tuple[int, list[Value], bytes]:
    """Return code, fields and payload of a frame's body."""
    if len(body) < 4 or body[:2] != b"\x00\x53":
        raise MalformedError("a frame without a performative")
    fields, end = amqp.decode(body, 3)
    if not isinstance(fields, list):
        raise MalformedError("a performative that is not a list")
    return body[2], fields, body[end:]


class Section(NamedTuple):
    """A section of a message: it lies from `start` to `end`, and its value starts at `value`."""

    code: int
    start: int
    value: int
    end: int


def sections(message: bytes) -> Iterator[Section]:
    """Yield the sections of an encoded message, in their order."""
    at, size = 0, len(message)
    while at < size:
        prefix = _CODE_PREFIXES.get(message[at : at + 2])
        if prefix is None or at + prefix >= size:
            raise MalformedError(f"no section of a message at byte {at}")
        value = at + prefix
        code = message[value - 1]
        if not HEADER <= code <= FOOTER:
            raise MalformedError(f"0x{code:02x} is not a section of a message")
        end = amqp.value_end(message, value)
        yield Section(code, at, value, end)
        at = end


def data_content(message: bytes, section: Section) -> bytes:
    """Return the bytes of a data section."""
    match message[section.value]:
        case 0xA0:
            return message[section.value + 2 : section.end]
        case 0xB0:
            return message[section.value + 5 : section.end]
    raise MalformedError("a data section that is not binary")
