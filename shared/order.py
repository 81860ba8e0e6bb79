"""Defines an order, and reads one from bytes."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, NoReturn

import msgspec

from shared.errors import OrderError
from shared.formats import (
    IDENTIFIER_PATTERN,
    FormatError,
    blame,
    money_e4,
    received_json,
    shortened,
    utc_time,
    value_at,
)

MAXIMUM_BYTES = 64 * 1024
MAXIMUM_DEPTH = 32
"""The most levels of nesting, unknown fields included: later readers and stores fail on more."""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One product of an order, with the units of all its lines added up.

    A received line has 1 to 1,000 units, so a product that is repeated can have up to 200,000.
    """

    product_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Order:
    """One order as a sales rep reported it.

    Attributes:
        order_id: the producer's id.
        revision: 0 for the first version; a higher revision supersedes a lower one.
        ordered_at: when it was placed (aware UTC).
        rep_id: the sales rep.
        customer_id: the customer.
        lines: one for each product, sorted by product id, so that nothing depends on the order in
            which they were typed.
        charged_e4: the total that was charged.
        list_e4: the list total that the sales system recorded, if it did.
        cost_e4: the cost that the sales system recorded, if it did.
        state: the customer's state, if given.
        currency: ISO 4217 code; None where the order leaves it to the catalogue.
    """

    order_id: str
    revision: int
    ordered_at: datetime
    rep_id: str
    customer_id: str
    lines: tuple[OrderLine, ...]
    charged_e4: int
    list_e4: int | None = None
    cost_e4: int | None = None
    state: str | None = None
    currency: str | None = None


_NULL = msgspec.Raw(b"null")
_Identifier = Annotated[str, msgspec.Meta(pattern=IDENTIFIER_PATTERN)]


class _ReceivedLine(msgspec.Struct):
    product_id: _Identifier
    quantity: Annotated[int, msgspec.Meta(ge=1, le=1000)]


class _ReceivedOrder(msgspec.Struct):
    """An order as it is received. Money stays text, because a double would hide its decimals."""

    order_id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$(?!\n)")]
    ordered_at: str
    rep_id: _Identifier
    customer_id: _Identifier
    lines: Annotated[list[_ReceivedLine], msgspec.Meta(min_length=1, max_length=200)]
    charged_price: msgspec.Raw
    revision: Annotated[int, msgspec.Meta(ge=0, le=9999)] | None = None
    list_price: msgspec.Raw = _NULL
    standard_cost: msgspec.Raw = _NULL
    state: str | None = None
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$(?!\n)")] | None = None


_DECODER = msgspec.json.Decoder(_ReceivedOrder)

# What each field must be, for messages, and the code for a value of the right type that is wrong.
_IDENTIFIER = ("1 to 64 characters, none of them a control character", "bad_identifier")
_FIELDS = {
    "order_id": ("1 to 64 characters of A-Z a-z 0-9 . _ -", "bad_identifier"),
    "rep_id": _IDENTIFIER,
    "customer_id": _IDENTIFIER,
    "product_id": _IDENTIFIER,
    "quantity": ("an integer 1 to 1000", "out_of_range"),
    "revision": ("an integer 0 to 9999", "out_of_range"),
    "lines": ("an array of 1 to 200 lines", "too_many_lines"),
    "ordered_at": ("an RFC 3339 time with offset", "bad_time"),
    "charged_price": ("a number 0 to 1e9", "out_of_range"),
    "state": ("a string", "wrong_type"),
    "currency": ("three letters A to Z", "bad_currency"),
}
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_EXPECTED_TIME = "1970-01-01T00:00:00Z or later"


def parse_order(body: bytes) -> Order:
    """Read an order from UTF-8 JSON (docs/schemas/order.json).

    Unknown fields are ignored, null in an optional field means that it is absent, and the last of
    repeated keys counts. Only the first violation is reported.

    Raises:
        OrderError: the body breaks the contract; names field, value and what was expected.
    """
    text = _text(body)
    try:
        received = _DECODER.decode(text)
    except msgspec.ValidationError as error:
        _refuse_field(text, error)
    except (msgspec.DecodeError, RecursionError) as error:
        raise OrderError("not_json", "", f"the body is not JSON: {error}") from error
    return Order(
        order_id=received.order_id,
        revision=received.revision or 0,
        ordered_at=_ordered_at(received.ordered_at),
        rep_id=received.rep_id,
        customer_id=received.customer_id,
        lines=_added_up(received.lines),
        charged_e4=_money("charged_price", received.charged_price),
        list_e4=_optional_money("list_price", received.list_price),
        cost_e4=_optional_money("standard_cost", received.standard_cost),
        state=received.state,
        currency=received.currency,
    )


def received_order(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body that `parse_order` has read, as the alert keeps it."""
    document: dict[str, Any] = received_json(body)
    return document


def _text(body: bytes) -> str:
    if len(body) > MAXIMUM_BYTES:
        message = f"the body has {len(body)} bytes, expected at most {MAXIMUM_BYTES}"
        raise OrderError("too_large", "", message)
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise OrderError("not_utf8", "", f"the body is not UTF-8: {error.reason}") from error
    if text.count("{") + text.count("[") > MAXIMUM_DEPTH and _depth(text) > MAXIMUM_DEPTH:
        message = f"the body is nested deeper than {MAXIMUM_DEPTH} levels"
        raise OrderError("too_deep", "", message)
    return text


def _depth(text: str) -> int:
    """Return how deeply the brackets outside strings nest, passing over the text a few times."""
    without_escapes = text.replace(r"\\", "").replace(r"\"", "")
    depth = deepest = 0
    for outside in without_escapes.split('"')[::2]:
        for character in outside:
            if character in "[{":
                depth += 1
                deepest = max(deepest, depth)
            elif character in "]}":
                depth -= 1
    return deepest


def _refuse_field(text: str, error: msgspec.ValidationError) -> NoReturn:
    """Raise an OrderError that says what msgspec found, in the words of the contract."""
    field, complaint = blame(error)
    name = field.rpartition(".")[2].partition("[")[0]
    expected, code = _FIELDS.get("" if field.endswith("]") else name, ("an object", ""))
    try:
        value = value_at(received_json(text), field)
    except (ValueError, RecursionError) as syntax:
        # msgspec complains about a field before it has read to the end of the body.
        raise OrderError("not_json", "", f"the body is not JSON: {syntax}") from error
    if complaint.startswith("Object missing"):
        raise OrderError("missing_field", field, f"{field} is missing, expected {expected}")
    if ", got `" in complaint:
        code = "wrong_type" if field else "not_an_object"
    elif value == []:
        code = "no_lines"
    message = f"{field or 'the body'} is {shortened(json.dumps(value))}, expected {expected}"
    raise OrderError(code, field, message) from error


def _ordered_at(text: str) -> datetime:
    try:
        time = utc_time(text)
    except FormatError as error:
        raise _unreadable("ordered_at", json.dumps(text), error) from error
    if time < _EARLIEST:
        message = (
            f"ordered_at is {shortened(json.dumps(text))}, expected 1970-01-01T00:00:00Z or later"
        )
        raise OrderError("bad_time", "ordered_at", message)
    return time


def _money(field: str, raw: msgspec.Raw) -> int:
    text = bytes(raw).decode()
    try:
        return money_e4(text)
    except FormatError as error:
        raise _unreadable(field, text, error) from error


def _optional_money(field: str, raw: msgspec.Raw) -> int | None:
    return None if bytes(raw) == b"null" else _money(field, raw)


def _unreadable(field: str, value: str, error: FormatError) -> OrderError:
    message = f"{field} is {shortened(value)}, expected {error.expected}"
    return OrderError(error.code, field, message)


def _added_up(lines: list[_ReceivedLine]) -> tuple[OrderLine, ...]:
    quantities: dict[str, int] = {}
    for line in lines:
        quantities[line.product_id] = quantities.get(line.product_id, 0) + line.quantity
    return tuple(OrderLine(product, quantities[product]) for product in sorted(quantities))
