"""The AMQP codec: what it writes it reads back, and bad bytes are refused, never more."""

import math
from contextlib import suppress
from uuid import UUID

import pytest
from azure.eventhub._pyamqp._decode import decode_payload
from hypothesis import example, given
from hypothesis import strategies as st

from infra.local.eventhubs import amqp
from infra.local.eventhubs.amqp import MalformedError

texts = st.text(max_size=300)
binaries = st.binary(max_size=300)
int64 = st.integers(-(2**63), 2**63 - 1)

# (encoded, the value it stands for)
encoded_values = st.recursive(
    st.one_of(
        st.sampled_from([(amqp.NULL, None), (amqp.TRUE, True), (amqp.FALSE, False)]),
        st.integers(0, 255).map(lambda n: (amqp.ubyte(n), n)),
        st.integers(0, 2**16 - 1).map(lambda n: (amqp.ushort(n), n)),
        st.integers(0, 2**32 - 1).map(lambda n: (amqp.uint(n), n)),
        st.integers(-(2**31), 2**31 - 1).map(lambda n: (amqp.integer(n), n)),
        st.integers(0, 2**64 - 1).map(lambda n: (amqp.ulong(n), n)),
        int64.map(lambda n: (amqp.long(n), n)),
        int64.map(lambda n: (amqp.timestamp(n), n)),
        texts.map(lambda text: (amqp.string(text), text)),
        texts.map(lambda text: (amqp.symbol(text), text)),
        binaries.map(lambda content: (amqp.binary(content), content)),
        st.lists(texts, max_size=5).map(lambda items: (amqp.string_array(items), items)),
        st.lists(texts, max_size=5).map(lambda items: (amqp.symbol_array(items), items)),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(
            lambda pairs: (amqp.amqp_list(*(p[0] for p in pairs)), [p[1] for p in pairs])
        ),
        inner.map(lambda pair: (amqp.described(0x75, pair[0]), pair[1])),
    ),
    max_leaves=8,
)


@given(encoded_values)
def test_what_is_written_is_read_back(pair: tuple[bytes, amqp.Value]) -> None:
    encoded, value = pair

    assert amqp.decode(encoded) == (value, len(encoded))


@given(encoded_values, st.binary(max_size=20))
def test_a_value_ends_where_its_constructor_says(
    pair: tuple[bytes, amqp.Value], rest: bytes
) -> None:
    encoded, _ = pair

    assert amqp.value_end(encoded + rest, 0) == len(encoded)


@given(encoded_values)
def test_every_truncation_of_a_value_is_malformed(pair: tuple[bytes, amqp.Value]) -> None:
    encoded, _ = pair

    for size in range(len(encoded)):
        with pytest.raises(MalformedError):
            amqp.value_end(encoded[:size], 0)
        with pytest.raises(MalformedError):
            amqp.decode(encoded[:size])


@given(st.binary(max_size=200))
@example(b"\x00" * 200)  # descriptors of descriptors
@example(b"\xc0\x05\xff" * 60)
@example(b"\xf0\x00\x00\x00\x05\xff\xff\xff\xff\x40")  # four billion nulls in no bytes
@example(b"\xd1\x00\x00\x00\x06\x00\x00\x00\x02\x45\x40")  # a list as a key
def test_any_bytes_are_a_value_or_malformed(data: bytes) -> None:
    with suppress(MalformedError):
        _, end = amqp.decode(data)
        assert end == amqp.value_end(data, 0) <= len(data)
    with suppress(MalformedError):
        assert 0 < amqp.value_end(data, 0) <= len(data)
    with suppress(MalformedError):
        assert sum(map(len, amqp.raw_items(data, 0))) < len(data)


def test_lists_nested_too_deeply_are_malformed() -> None:
    encoded = amqp.NULL
    for _ in range(40):
        encoded = amqp.amqp_list(encoded)

    with pytest.raises(MalformedError):
        amqp.decode(encoded)


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        (b"\x43", 0),
        (b"\x44", 0),
        (b"\x45", []),
        (b"\x52\xff", 255),
        (b"\x54\xff", -1),
        (b"\x55\x80", -128),
        (b"\x56\x01", True),
        (b"\x61\xff\xfe", -2),
        (b"\x73\x00\x00\x00\x41", "A"),
        (b"\x82" + bytes.fromhex("3ff8000000000000"), 1.5),
        (b"\x98" + bytes(range(16)), UUID(bytes=bytes(range(16)))),
        (b"\xc1\x05\x02\xa1\x01k\x41", {"k": True}),
        (b"\xe0\x04\x02\x50\x01\x02", [1, 2]),
    ],
)
def test_compact_forms_that_only_clients_write_are_read(encoded: bytes, value: amqp.Value) -> None:
    assert amqp.decode(encoded) == (value, len(encoded))


def test_a_float_is_read() -> None:
    value, _ = amqp.decode(b"\x72\x7f\xc0\x00\x00")

    assert isinstance(value, float)
    assert math.isnan(value)


@given(st.dictionaries(texts, int64, max_size=5))
def test_the_entries_of_a_map_come_out_as_they_stand(entries: dict[str, int]) -> None:
    pairs = [(amqp.symbol(name), amqp.long(number)) for name, number in entries.items()]

    assert amqp.raw_items(amqp.amqp_map(pairs), 0) == [part for pair in pairs for part in pair]
    assert amqp.decode(amqp.amqp_map(pairs))[0] == entries


@given(st.dictionaries(texts, texts, max_size=5), binaries)
def test_the_sdks_own_decoder_reads_what_is_written(
    properties: dict[str, str], content: bytes
) -> None:
    entries = [(amqp.string(name), amqp.string(text)) for name, text in properties.items()]
    message = amqp.described(0x74, amqp.amqp_map(entries)) + amqp.described(
        0x75, amqp.binary(content)
    )

    decoded = decode_payload(memoryview(message))

    assert decoded.application_properties == {
        name.encode(): text.encode() for name, text in properties.items()
    }
    assert b"".join(decoded.data) == content
