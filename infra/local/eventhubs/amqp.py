"""AMQP 1.0 values on the wire (OASIS AMQP 1.0, part 1).

The high nibble of a value's constructor gives its width. So a message can be cut into its sections,
and a map into its entries, without decoding them.

The bytes come from a network: bad bytes raise `MalformedError` and no other error.
"""

import struct
from collections.abc import Iterable
from uuid import UUID

type Value = bool | int | float | str | bytes | UUID | list[Value] | dict[Value, Value] | None

NULL, TRUE, FALSE, EMPTY_LIST = b"\x40", b"\x41", b"\x42", b"\x45"

_DESCRIBED = 0x00
_SMALL_ULONG = 0x53
_MAX_NESTING = 32


class MalformedError(ValueError):
    """Bytes that are not AMQP 1.0, or a value that has not the type of its field."""


# --- reading values ---

_CONSTANTS: dict[int, Value] = {0x40: None, 0x41: True, 0x42: False, 0x43: 0, 0x44: 0}
_NUMBERS = {
    code: struct.Struct(layout)
    for code, layout in {
        0x50: ">B",
        0x51: ">b",
        0x52: ">B",
        0x53: ">B",
        0x54: ">b",
        0x55: ">b",
        0x56: ">?",
        0x60: ">H",
        0x61: ">h",
        0x70: ">I",
        0x71: ">i",
        0x72: ">f",
        0x80: ">Q",
        0x81: ">q",
        0x82: ">d",
        0x83: ">q",
    }.items()
}
_FIXED_WIDTHS = (0, 1, 2, 4, 8, 16)  # bytes after a constructor whose high nibble is 4 to 9


def value_end(data: bytes, at: int) -> int:
    """Return the offset just past the value whose constructor is at `at`; decode nothing."""
    try:
        return _plain_end(data, _skip_descriptors(data, at))
    except IndexError:
        raise MalformedError(f"a value at byte {at} is cut short") from None


def _skip_descriptors(data: bytes, at: int) -> int:
    while data[at] == _DESCRIBED:
        at = _plain_end(data, at + 1)
    return at


def _plain_end(data: bytes, at: int) -> int:
    end = at + 1 + _content_size(data[at], data, at + 1)
    if end > len(data):
        raise MalformedError(f"a value at byte {at} is cut short")
    return end


def _content_size(code: int, data: bytes, at: int) -> int:
    """Return how many bytes follow the constructor `code`, size prefix included."""
    family = code >> 4
    if family >= 0xA:
        return 4 + int.from_bytes(data[at : at + 4]) if family & 1 else 1 + data[at]
    if family >= 0x4:
        return _FIXED_WIDTHS[family - 0x4]
    raise MalformedError(f"0x{code:02x} is not a constructor")


def decode(data: bytes, at: int = 0) -> tuple[Value, int]:
    """Return the value at `at` without its descriptors, and the offset just past it.

    Strings and symbols become `str`, timestamps `int` (milliseconds since 1970), arrays lists.
    Decimals stay bytes: Event Hubs never uses them.
    """
    try:
        return _decode(data, at, _MAX_NESTING)
    except (IndexError, TypeError, UnicodeDecodeError, struct.error) as error:
        raise MalformedError(f"a value at byte {at} cannot be read: {error}") from error


def _decode(data: bytes, at: int, nesting: int) -> tuple[Value, int]:
    at = _skip_descriptors(data, at)
    code = data[at]
    if code in _CONSTANTS:
        return _CONSTANTS[code], at + 1
    if number := _NUMBERS.get(code):
        return number.unpack_from(data, at + 1)[0], at + 1 + number.size
    end = _plain_end(data, at)
    match code >> 4:
        case 0xA | 0xB:
            value = _decode_variable(code, data[at + (5 if code & 0x10 else 2) : end])
        case 0xC | 0xD:
            value = _decode_compound(data, at, nesting - 1)
        case 0xE | 0xF:
            value = _decode_array(data, at, end, nesting - 1)
        case _:
            value = _decode_fixed(code, data[at + 1 : end])
    return value, end


def _decode_variable(code: int, content: bytes) -> Value:
    match code & 0x0F:
        case 0x0:
            return content
        case 0x1 | 0x3:
            return content.decode()
    raise MalformedError(f"0x{code:02x} is not a constructor")


def _decode_fixed(code: int, content: bytes) -> Value:
    """Decode a value of fixed width that is neither a constant nor a number."""
    match code:
        case 0x45:
            return []
        case 0x73:
            return content.decode("utf-32-be")
        case 0x98:
            return UUID(bytes=content)
        case 0x74 | 0x84 | 0x94:
            return content
    raise MalformedError(f"0x{code:02x} is not a constructor")


def _decode_compound(data: bytes, at: int, nesting: int) -> Value:
    code = data[at] & 0x0F
    if code > 1 or nesting < 0:
        raise MalformedError(f"0x{data[at]:02x} is not a constructor, or too deeply nested")
    count, at, end = _compound_bounds(data, at)
    values: list[Value] = []
    for _ in range(count):
        value, at = _decode(data, at, nesting)
        values.append(value)
        if at > end:
            raise MalformedError("a list or map is shorter than its elements")
    return values if code == 0 else dict(zip(values[::2], values[1::2], strict=False))


def _compound_bounds(data: bytes, at: int) -> tuple[int, int, int]:
    """Return number of elements, offset of the first and offset past the last of a list or map."""
    end = _plain_end(data, at)
    if data[at] & 0x10:
        return int.from_bytes(data[at + 5 : at + 9]), at + 9, end
    return data[at + 2], at + 3, end


def _decode_array(data: bytes, at: int, end: int, nesting: int) -> Value:
    count, at, end = _compound_bounds(data, at)
    if nesting < 0 or count > end - at:  # elements without a width could claim to be billions
        raise MalformedError(
            "an array claims more elements than it has bytes, or is too deeply nested"
        )
    constructor, at = data[at : at + 1], at + 1
    values: list[Value] = []
    for _ in range(count):
        after = at + _content_size(constructor[0], data, at)
        values.append(_decode(constructor + data[at:after], 0, nesting)[0])
        at = after
    return values


def raw_items(data: bytes, at: int) -> list[bytes]:
    """Return the elements of the list or map at `at`, still encoded; a map gives key, value, ..."""
    try:
        at = _skip_descriptors(data, at)
        if data[at : at + 1] == EMPTY_LIST:
            return []
        if data[at] not in {0xC0, 0xC1, 0xD0, 0xD1}:
            raise MalformedError(f"0x{data[at]:02x} is neither a list nor a map")
        count, at, end = _compound_bounds(data, at)
    except IndexError:
        raise MalformedError("a list or map is cut short") from None
    items = []
    for _ in range(count):
        item_end = value_end(data, at)
        items.append(data[at:item_end])
        at = item_end
    if at > end:
        raise MalformedError("a list or map is shorter than its elements")
    return items


# --- writing values ---


def ubyte(number: int) -> bytes:
    return b"\x50" + number.to_bytes(1)


def ushort(number: int) -> bytes:
    return b"\x60" + number.to_bytes(2)


def uint(number: int) -> bytes:
    return b"\x70" + number.to_bytes(4)


def integer(number: int) -> bytes:
    return b"\x71" + number.to_bytes(4, signed=True)


def ulong(number: int) -> bytes:
    return b"\x80" + number.to_bytes(8)


def long(number: int) -> bytes:
    return b"\x81" + number.to_bytes(8, signed=True)


def timestamp(milliseconds: int) -> bytes:
    """Encode milliseconds since 1970-01-01 UTC."""
    return b"\x83" + milliseconds.to_bytes(8, signed=True)


def binary(content: bytes) -> bytes:
    return _variable(0xA0, content)


def string(text: str) -> bytes:
    return _variable(0xA1, text.encode())


def symbol(text: str) -> bytes:
    return _variable(0xA3, text.encode())


def _variable(code: int, content: bytes) -> bytes:
    size = len(content)
    if size < 256:
        return bytes((code, size)) + content
    return bytes((code | 0x10,)) + size.to_bytes(4) + content


def amqp_list(*items: bytes) -> bytes:
    return _compound(0xD0, items)


def amqp_map(entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    return _compound(0xD1, [part for entry in entries for part in entry])


def _compound(code: int, items: Iterable[bytes]) -> bytes:
    items = list(items)
    content = b"".join(items)
    return bytes((code,)) + (len(content) + 4).to_bytes(4) + len(items).to_bytes(4) + content


def string_array(texts: Iterable[str]) -> bytes:
    return _array(0xB1, [text.encode() for text in texts])


def symbol_array(texts: Iterable[str]) -> bytes:
    return _array(0xB3, [text.encode() for text in texts])


def _array(constructor: int, elements: list[bytes]) -> bytes:
    content = b"".join(len(element).to_bytes(4) + element for element in elements)
    size = (len(content) + 5).to_bytes(4)
    return b"\xf0" + size + len(elements).to_bytes(4) + bytes((constructor,)) + content


def described(code: int, value: bytes) -> bytes:
    return bytes((_DESCRIBED, _SMALL_ULONG, code)) + value
