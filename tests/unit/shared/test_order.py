"""Orders: every body is an order or a named error."""

import contextlib
import json
import string
import sys
from datetime import UTC, datetime
from decimal import Decimal
from types import FrameType
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.errors import OrderError
from shared.formats import time_text
from shared.order import MAXIMUM_BYTES, Order, OrderLine, parse_order, received_order
from tests.orders import ABSENT, WORST_BODIES, order_body, order_fields
from tests.schemas import violations

A_LINE = {"product_id": "a", "quantity": 1}

ODD_VALUES: list[Any] = [
    *(ABSENT, None, True, -1, 0, 9999, 10_000, 10**9, 10**9 + 1, 0.5),
    *("", "USD", "a b", "a" * 64, "a" * 65, "é\n", "2026-11-23 02:00:00.5-01:00"),
    *({}, [], [A_LINE], [A_LINE] * 201, [{"product_id": "a"}], [A_LINE | {"quantity": 1001}]),
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
identifiers = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=[*map(chr, range(32)), "\x7f"]),
    min_size=1,
    max_size=64,
)
amounts_e4 = st.integers(0, 10**13)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """Any order that the contract allows, as `parse_order` would give it."""
    lines = draw(st.dictionaries(identifiers, st.integers(1, 1000), min_size=1, max_size=8))
    return Order(
        order_id=draw(st.text(string.ascii_letters + "0123456789._-", min_size=1, max_size=64)),
        revision=draw(st.integers(0, 9999)),
        ordered_at=draw(st.datetimes(datetime(1970, 1, 1), timezones=st.just(UTC))),  # noqa: DTZ001
        rep_id=draw(identifiers),
        customer_id=draw(identifiers),
        lines=tuple(OrderLine(product, lines[product]) for product in sorted(lines)),
        charged_e4=draw(amounts_e4),
        list_e4=draw(st.none() | amounts_e4),
        cost_e4=draw(st.none() | amounts_e4),
        state=draw(st.none() | st.text(max_size=20)),
        currency=draw(st.none() | st.text(string.ascii_uppercase, min_size=3, max_size=3)),
    )


def as_sent(order: Order) -> bytes:
    """The body a producer would send for an order."""
    money = {"charged_price": order.charged_e4, "list_price": order.list_e4}
    amounts = money | {"standard_cost": order.cost_e4}
    fields = {
        "order_id": order.order_id,
        "revision": order.revision,
        "ordered_at": time_text(order.ordered_at),
        "rep_id": order.rep_id,
        "customer_id": order.customer_id,
        "lines": [{"product_id": x.product_id, "quantity": x.quantity} for x in order.lines],
        "state": order.state,
        "currency": order.currency,
    }
    numbers = ",".join(
        f'"{name}":{"null" if e4 is None else Decimal(e4).scaleb(-4)}'
        for name, e4 in amounts.items()
    )
    return (json.dumps(fields, ensure_ascii=False)[:-1] + "," + numbers + "}").encode()


def error_of(body: bytes) -> OrderError | None:
    """What is wrong with a body, if anything."""
    try:
        parse_order(body)
    except OrderError as error:
        return error
    return None


def refused(body: bytes) -> OrderError:
    """What is wrong with a body that must not be accepted."""
    error = error_of(body)
    assert error is not None
    return error


class TestWhatIsAccepted:
    @given(orders())
    def test_every_order_of_the_contract_comes_back_as_it_was_sent(self, order: Order) -> None:
        assert parse_order(as_sent(order)) == order

    def test_only_the_required_fields_are_needed(self) -> None:
        order = parse_order(order_body())
        assert (order.revision, order.list_e4, order.cost_e4) == (0, None, None)
        assert (order.state, order.currency) == (None, None)

    @pytest.mark.parametrize(
        "field", ["revision", "list_price", "standard_cost", "state", "currency"]
    )
    def test_null_in_an_optional_field_means_absent(self, field: str) -> None:
        assert parse_order(order_body(**{field: None})) == parse_order(order_body())

    def test_repeated_products_are_added_up_even_past_a_thousand_units(self) -> None:
        lines = [{"product_id": "b", "quantity": 1000}, A_LINE, {"product_id": "b", "quantity": 7}]
        order = parse_order(order_body(lines=lines))
        assert order.lines == (OrderLine("a", 1), OrderLine("b", 1007))

    @given(st.permutations([{"product_id": name, "quantity": 2} for name in "abcd"]))
    def test_the_order_of_the_lines_does_not_matter(self, lines: list[dict[str, Any]]) -> None:
        assert [line.product_id for line in parse_order(order_body(lines=lines)).lines] == [*"abcd"]

    def test_unknown_fields_are_ignored_at_every_level(self) -> None:
        body = order_body(colour="red", lines=[A_LINE | {"gift": True}])
        assert parse_order(body) == parse_order(order_body(lines=[A_LINE]))

    def test_of_a_repeated_key_the_last_counts_for_the_order_and_its_document_alike(self) -> None:
        body = order_body()[:-1] + b',"charged_price":5}'
        assert parse_order(body).charged_e4 == 50_000
        assert received_order(body)["charged_price"] == 5

    def test_an_order_of_200_lines_is_not_too_deep(self) -> None:
        lines = [{"product_id": f'[{{"{n}', "quantity": 1} for n in range(200)]
        assert len(parse_order(order_body(lines=lines)).lines) == 200

    @given(json_values)
    def test_what_is_accepted_can_be_stored_by_any_encoder(self, extra: Any) -> None:
        body = order_body(extra=extra)
        if error_of(body) is None:
            document = received_order(body)
            stored = json.dumps(document, allow_nan=False).encode()
            assert msgspec.json.decode(stored) == msgspec.json.decode(msgspec.json.encode(document))

    @pytest.mark.parametrize("number", ["1e400", "-1E+999", "9" * 5000, "1" * 19])
    def test_numbers_too_large_to_store_are_kept_as_texts(self, number: str) -> None:
        body = order_body()[:-1] + b',"extra":%s}' % number.encode()
        assert parse_order(body) == parse_order(order_body())
        assert received_order(body)["extra"] == number


class TestWhatIsRefused:
    @given(st.binary())
    @example(b"\xff\xfe{\x00}\x00")
    @example(b'{"a":' * 9000)
    def test_any_bytes_are_an_order_or_a_named_error(self, body: bytes) -> None:
        error = refused(body)
        assert error.code in {"not_utf8", "not_json", "not_an_object", "missing_field", "too_deep"}

    @given(
        st.dictionaries(st.sampled_from([*order_fields(), "revision", "list_price"]), json_values)
    )
    def test_any_values_are_an_order_or_an_error_naming_the_field(
        self, changes: dict[str, Any]
    ) -> None:
        error = error_of(order_body(**changes))
        if error is not None:
            assert error.field.split(".")[0].split("[")[0] in {*changes, ""}
            assert error.field in error.message
            assert error.code
            assert error.message.isascii()
            assert error.message.isprintable()
            assert len(error.message) < 300

    @pytest.mark.parametrize(
        ("changes", "code", "field"),
        [
            ({"order_id": ""}, "bad_identifier", "order_id"),
            ({"order_id": "a b"}, "bad_identifier", "order_id"),
            ({"order_id": "a\n"}, "bad_identifier", "order_id"),
            ({"order_id": "a" * 65}, "bad_identifier", "order_id"),
            ({"order_id": 7}, "wrong_type", "order_id"),
            ({"order_id": ABSENT}, "missing_field", "order_id"),
            ({"rep_id": "a" * 65}, "bad_identifier", "rep_id"),
            ({"rep_id": "a\u0000"}, "bad_identifier", "rep_id"),
            ({"customer_id": None}, "wrong_type", "customer_id"),
            ({"customer_id": ""}, "bad_identifier", "customer_id"),
            ({"revision": -1}, "out_of_range", "revision"),
            ({"revision": 10_000}, "out_of_range", "revision"),
            ({"revision": True}, "wrong_type", "revision"),
            ({"revision": 1.0}, "wrong_type", "revision"),
            ({"lines": []}, "no_lines", "lines"),
            ({"lines": {}}, "wrong_type", "lines"),
            ({"lines": [A_LINE] * 201}, "too_many_lines", "lines"),
            ({"lines": [A_LINE, 5]}, "wrong_type", "lines[1]"),
            ({"lines": [A_LINE, {"product_id": "a"}]}, "missing_field", "lines[1].quantity"),
            ({"lines": [A_LINE | {"quantity": 0}]}, "out_of_range", "lines[0].quantity"),
            ({"lines": [A_LINE | {"quantity": 1001}]}, "out_of_range", "lines[0].quantity"),
            ({"lines": [A_LINE | {"quantity": 10**50}]}, "out_of_range", "lines[0].quantity"),
            ({"lines": [A_LINE | {"quantity": True}]}, "wrong_type", "lines[0].quantity"),
            ({"lines": [A_LINE | {"product_id": "\t"}]}, "bad_identifier", "lines[0].product_id"),
            ({"charged_price": ABSENT}, "missing_field", "charged_price"),
            ({"charged_price": None}, "wrong_type", "charged_price"),
            ({"charged_price": "12"}, "wrong_type", "charged_price"),
            ({"charged_price": True}, "wrong_type", "charged_price"),
            ({"charged_price": [1]}, "wrong_type", "charged_price"),
            ({"charged_price": -0.01}, "negative_money", "charged_price"),
            ({"charged_price": 1e9 + 1}, "out_of_range", "charged_price"),
            ({"charged_price": 0.1 + 0.2}, "too_precise", "charged_price"),
            ({"list_price": -1}, "negative_money", "list_price"),
            ({"standard_cost": 1.00001}, "too_precise", "standard_cost"),
            ({"state": 5}, "wrong_type", "state"),
            ({"currency": "usd"}, "bad_currency", "currency"),
            ({"currency": "USD\n"}, "bad_currency", "currency"),
            ({"ordered_at": "2026-11-23T02:00:00"}, "naive_time", "ordered_at"),
            ({"ordered_at": "2026-11-23"}, "bad_time", "ordered_at"),
            ({"ordered_at": 1_790_000_000}, "wrong_type", "ordered_at"),
        ],
    )
    def test_a_broken_field_is_named(self, changes: dict[str, Any], code: str, field: str) -> None:
        error = refused(order_body(**changes))
        assert (error.code, error.field) == (code, field)
        assert error.message.startswith(field)

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b"", "not_json"),
            (b"{", "not_json"),
            (b'{"order_id":7} x', "not_json"),
            (b"\xef\xbb\xbf" + order_body(), "not_json"),
            (b'{"order_id":"\xff"}', "not_utf8"),
            (order_body(note="x").replace(b'"x"', b'"\xff"'), "not_utf8"),
            (order_body(note="x").replace(b'"x"', b'"\\udc00"'), "not_json"),
            (order_body(note=float("nan")), "not_json"),
            (order_body(charged_price=float("nan")), "not_json"),
            (order_body(charged_price=float("inf")), "not_json"),
            (order_body(order_id=7, charged_price=float("-inf")), "not_json"),
            (order_body()[:-1] + b',"x":' + b"[" * 32 + b"]" * 32 + b"}", "too_deep"),
            (order_body()[:-1] + b',"x":' + b'{"x":' * 32 + b"0" + b"}" * 33, "too_deep"),
            (b"[" * 60_000, "too_deep"),
            (order_body() + b" " * MAXIMUM_BYTES, "too_large"),
            (b"null", "not_an_object"),
            (b"[{}]", "not_an_object"),
        ],
    )
    def test_a_body_that_is_no_json_object_is_named(self, body: bytes, code: str) -> None:
        error = refused(body)
        assert (error.code, error.field) == (code, "")

    def test_the_message_says_what_was_found_and_what_was_expected(self) -> None:
        error = refused(order_body(lines=[A_LINE, A_LINE | {"quantity": 0}]))
        assert str(error) == "lines[1].quantity is 0, expected an integer 1 to 1000"

    def test_a_body_of_exactly_64_kib_is_read_and_one_of_a_byte_more_is_not(self) -> None:
        body = order_body()
        largest = body + b" " * (65_536 - len(body))
        assert parse_order(largest).order_id == "o-1"
        assert refused(largest + b" ").code == "too_large"

    @pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"x":', b"}")])
    def test_32_levels_are_read_and_33_are_not(self, opening: bytes, closing: bytes) -> None:
        def nested(levels: int) -> bytes:
            inside = opening * (levels - 1) + b"0" + closing * (levels - 1)
            return order_body()[:-1] + b',"x":' + inside + b"}"

        assert parse_order(nested(32)).order_id == "o-1"
        assert refused(nested(33)).code == "too_deep"

    @pytest.mark.parametrize("text", ["[" * 40, '\\"[' * 40, '\\\\\\"{' * 40, '"' + "[" * 40])
    def test_brackets_in_strings_are_no_levels(self, text: str) -> None:
        assert parse_order(order_body(note=text, more=[text])).order_id == "o-1"

    @pytest.mark.parametrize("time", ["1969-12-31T23:59:59Z", "1970-01-01T00:59:59+01:00"])
    def test_a_time_before_1970_is_refused(self, time: str) -> None:
        error = refused(order_body(ordered_at=time))
        assert (error.code, error.field) == ("bad_time", "ordered_at")
        assert str(error).endswith("expected 1970-01-01T00:00:00Z or later")

    def test_the_first_moment_of_1970_is_an_order_in_any_offset(self) -> None:
        for time in ("1970-01-01T00:00:00Z", "1969-12-31T23:30:00-00:30"):
            assert parse_order(order_body(ordered_at=time)).ordered_at.year == 1970


class TestTheWorkOfReading:
    """No body of the allowed size costs more than some passes over it."""

    @pytest.mark.parametrize("body", [*WORST_BODIES.values()], ids=[*WORST_BODIES])
    def test_it_is_in_proportion_to_the_characters_of_a_body(self, body: bytes) -> None:
        lines = 0

        def count(frame: FrameType, event: str, _: object) -> Any:
            nonlocal lines
            lines += event == "line"
            return count

        assert len(body) <= MAXIMUM_BYTES
        sys.settrace(count)
        try:
            with contextlib.suppress(OrderError):
                parse_order(body)
        finally:
            sys.settrace(None)
        assert lines <= 6 * len(body)


class TestTheSchema:
    @given(
        st.dictionaries(
            st.sampled_from([*order_fields(), "revision", "list_price", "state", "currency"]),
            st.sampled_from(ODD_VALUES),
            max_size=2,
        )
    )
    def test_it_accepts_what_the_parser_accepts(self, changes: dict[str, Any]) -> None:
        found = violations("order", order_fields(**changes))
        assert bool(found) == (error_of(order_body(**changes)) is not None), found
