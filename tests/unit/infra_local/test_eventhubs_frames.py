"""Frames, the sections of a message, and what a performative may hold."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.eventhubs import amqp, frames
from infra.local.eventhubs.amqp import MalformedError
from infra.local.eventhubs.messages import BATCH_FORMAT, parse_message, parse_transfer, stamp
from infra.local.eventhubs.performatives import Attach, Begin, Detach, Flow, Open, Transfer

LIMIT = 1 << 20


def data(content: bytes) -> bytes:
    return amqp.described(frames.DATA, amqp.binary(content))


def annotations(**entries: str) -> bytes:
    pairs = [
        (amqp.symbol(name.replace("_", "-")), amqp.string(text)) for name, text in entries.items()
    ]
    return amqp.described(frames.MESSAGE_ANNOTATIONS, amqp.amqp_map(pairs))


@given(st.lists(st.binary(max_size=50), max_size=6), st.integers(1, 40))
def test_frames_come_out_whole_however_the_bytes_arrive(payloads: list[bytes], chunk: int) -> None:
    stream = b"AMQP\x00\x01\x00\x00" + b"".join(
        frames.frame(7, frames.TRANSFER, amqp.uint(1), payload=payload) for payload in payloads
    )
    buffer, taken = bytearray(), []
    for at in range(0, len(stream), chunk):
        buffer += stream[at : at + chunk]
        taken += frames.take_frames(buffer, LIMIT)

    assert buffer == b""
    assert taken[0] == (frames.PROTOCOL_HEADER, 0, stream[:8])
    assert [frames.take_performative(frame.body)[2] for frame in taken[1:]] == payloads
    assert {frame.channel for frame in taken[1:]} <= {7}


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",  # a TLS client hello
        b"\x00\x00\x00\x04\x02\x00\x00\x00",  # shorter than its own header
        b"\x00\x00\x00\x10\x01\x00\x00\x00",  # its body inside its header
        b"\x00\x00\x00\x08\x03\x00\x00\x00",  # its body beyond its end
    ],
)
def test_what_is_no_frame_is_malformed(garbage: bytes) -> None:
    with pytest.raises(MalformedError):
        frames.take_frames(bytearray(garbage), LIMIT)


def test_every_performative_is_written_with_all_its_fields() -> None:
    [frame] = frames.take_frames(bytearray(frames.frame(0, frames.BEGIN, amqp.NULL)), LIMIT)

    code, fields, _ = frames.take_performative(frame.body)

    assert (code, fields) == (frames.BEGIN, [None] * 8)


any_fields = st.lists(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(max_size=5),
        st.lists(st.none() | st.text(max_size=5), max_size=9),
        st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
    ),
    max_size=14,
)


@given(any_fields)
def test_a_performative_with_any_fields_is_read_or_malformed(fields: list[amqp.Value]) -> None:
    encoded = amqp.described(frames.ATTACH, amqp.amqp_list(*[amqp.NULL] * len(fields)))
    for read in (Open.read, Begin.read, Flow.read, Transfer.read, Detach.read):
        with suppress(MalformedError):
            assert all(isinstance(value, int | None) for value in read(fields))
    with suppress(MalformedError):
        attach = Attach.read(fields, encoded)
        assert (attach.name, attach.handle) == (fields[0], fields[1])


@given(st.binary(max_size=100), st.sampled_from([0, BATCH_FORMAT]))
def test_a_message_of_any_bytes_is_read_or_malformed(message: bytes, message_format: int) -> None:
    with suppress(MalformedError):
        _, events = parse_transfer(message_format, message)
        for event in events:  # what is stored can be read
            assert list(frames.sections(stamp(event, 1, 2, 3)))


def test_a_stored_message_keeps_its_clients_bytes_and_gets_its_place() -> None:
    sent = (
        amqp.described(frames.HEADER, amqp.amqp_list(amqp.TRUE))
        + annotations(x_opt_partition_key="Ann", x_opt_offset="forged", own="kept")
        + amqp.described(frames.PROPERTIES, amqp.amqp_list(amqp.string("id")))
        + data(b"body")
        + amqp.described(frames.DELIVERY_ANNOTATIONS, amqp.amqp_map(()))  # out of order: the SDK
    )

    stored = stamp(parse_message(sent), sequence=5, offset=77, enqueued_ms=1_700_000_000_000)

    first, *rest = frames.sections(stored)
    assert amqp.decode(stored, first.value)[0] == {
        "x-opt-sequence-number": 5,
        "x-opt-offset": "77",
        "x-opt-enqueued-time": 1_700_000_000_000,
        "own": "kept",
        "x-opt-partition-key": "Ann",
    }
    assert [section.code for section in rest] == [frames.PROPERTIES, frames.DATA]
    assert frames.data_content(stored, rest[1]) == b"body"


def test_a_batch_is_routed_by_its_envelope_and_lends_its_key() -> None:
    own_key = annotations(x_opt_partition_key="Bob") + data(b"2")
    envelope = annotations(x_opt_partition_key="Ann") + data(data(b"1")) + data(own_key)

    key, messages = parse_transfer(BATCH_FORMAT, envelope)

    assert key == "Ann"
    assert [message.partition_key for message in messages] == ["Ann", "Bob"]
    assert [message.content for message in messages] == [data(b"1"), data(b"2")]


@pytest.mark.parametrize(
    "message",
    [
        amqp.described(frames.DATA, amqp.string("no bytes")),
        amqp.described(frames.APPLICATION_PROPERTIES, amqp.amqp_list()),
        amqp.described(
            frames.MESSAGE_ANNOTATIONS,
            amqp.amqp_map([(amqp.symbol("x-opt-partition-key"), amqp.uint(7))]),
        ),
        amqp.described(0x79, amqp.NULL),
        b"{}",
    ],
    ids=["text as data", "a list of properties", "a number as key", "no section", "JSON"],
)
def test_a_message_that_could_not_be_read_later_is_refused_at_once(message: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_message(message)
