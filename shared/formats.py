"""How money and times are written where data comes in and goes out.

Inside the core money is an integer of ten-thousandths (`_e4`) and a time is aware UTC; outside,
money is a decimal number and a time is RFC 3339 text.
"""

import json
import re
from datetime import UTC, datetime
from decimal import Context, Decimal, InvalidOperation
from typing import Any, NoReturn

import msgspec

IDENTIFIER_PATTERN = r"^[^\u0000-\u001f\u007f]{1,64}$(?!\n)"
"""1-64 characters, none of them a control character; the same regex in Python and ECMAScript."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+")
_DATE_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]++)?+"
_OFFSET = r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
_TIME = re.compile(_DATE_TIME + _OFFSET)
_NAIVE_TIME = re.compile(_DATE_TIME)
_MAXIMUM_MONEY = Decimal(10**9)
_FOUR_DECIMALS = Decimal("0.0001")
_EXACT = Context(prec=28)  # own context: nobody else's traps or precision decide about money
_STEP = re.compile(r"([^.\[\]]++)|\[([0-9]{1,9}+)\]")


class FormatError(ValueError):
    """A text that does not say what it should; callers name the field and the value.

    Attributes:
        code: stable snake_case name of the violation.
        expected: what should have been written.
    """

    def __init__(self, code: str, expected: str) -> None:
        super().__init__(f"{code}: expected {expected}")
        self.code = code
        self.expected = expected


def money_e4(text: str) -> int:
    """Ten-thousandths from a JSON number, decided exactly on its decimal digits.

    What counts is the value: ``12.30000`` and ``1E2`` are fine, ``1e-5`` is too precise.

    >>> money_e4("12.34"), money_e4("1E2"), money_e4("-0")
    (123400, 1000000, 0)

    Raises:
        FormatError: ``wrong_type``, ``negative_money``, ``out_of_range`` or ``too_precise``.
    """
    if not _NUMBER.fullmatch(text):
        raise FormatError("wrong_type", "a number 0 to 1e9")
    try:
        amount = Decimal(text, _EXACT)
    except InvalidOperation as error:  # an exponent of a dozen digits
        raise FormatError("out_of_range", "a number 0 to 1e9") from error
    if not 0 <= amount <= _MAXIMUM_MONEY:
        code = "negative_money" if amount < 0 else "out_of_range"
        raise FormatError(code, "a number 0 to 1e9")
    rounded = amount.quantize(_FOUR_DECIMALS, context=_EXACT)
    if rounded != amount:
        raise FormatError("too_precise", "at most 4 decimals")
    return int(rounded.scaleb(4, _EXACT))


def money(amount_e4: int) -> float:
    """The currency amount as the nearest double: what documents carry.

    >>> money(123400)
    12.34
    """
    return amount_e4 / 10_000


def utc_time(text: str) -> datetime:
    """Aware UTC from RFC 3339 text with an offset.

    Lower-case ``t`` and ``z`` and a space for the ``T`` are fine, as RFC 3339 allows; digits past
    microseconds are cut off; a leap second (``:60``) has no place in ``datetime`` and is refused.

    >>> utc_time("2026-11-23T03:00:00.5+01:00").isoformat()
    '2026-11-23T02:00:00.500000+00:00'

    Raises:
        FormatError: ``naive_time`` without an offset, ``bad_time`` otherwise.
    """
    if not _TIME.fullmatch(text):
        code = "naive_time" if _NAIVE_TIME.fullmatch(text) else "bad_time"
        raise FormatError(code, "an RFC 3339 time with offset, as 2026-11-23T02:00:00Z")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise FormatError("bad_time", f"a time that exists ({error})") from error


def time_text(time: datetime) -> str:
    """Fixed-width UTC text, so that sorting texts sorts times.

    >>> time_text(utc_time("2026-11-23T02:00:00Z"))
    '2026-11-23T02:00:00.000000Z'
    """
    return time.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def received_json(text: str | bytes) -> Any:
    """JSON as it was received, able to be written again by any encoder.

    Numbers that no double or 64-bit integer holds stay texts of their digits. Of repeated keys
    the last counts, as everywhere in Sheriff.

    Raises:
        ValueError: not JSON.
        RecursionError: nested too deeply.
    """
    return json.loads(
        text, parse_int=_integer_or_text, parse_float=_float_or_text, parse_constant=_refuse
    )


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _integer_or_text(digits: str) -> int | str:
    return int(digits) if len(digits) <= 18 else digits


def _float_or_text(digits: str) -> float | str:
    number = float(digits)
    return number if abs(number) < float("inf") else digits


def blame(error: msgspec.ValidationError) -> tuple[str, str]:
    """The field path (``lines[2].quantity``, empty for the whole) and msgspec's complaint.

    A missing or unknown field is part of the path.
    """
    complaint, _, at = str(error).partition(" - at `$")
    path = at.removesuffix("`").removeprefix(".")
    if complaint.startswith("Object ") and complaint.endswith("`"):
        name = complaint.split("`")[1]
        path = f"{path}.{name}" if path else name
    return path, complaint


def value_at(document: Any, path: str) -> Any:
    """The value at a field path of `blame`, or the deepest one above it; None if there is none."""
    value = document
    for name, index in _STEP.findall(path):
        try:
            value = value[int(index)] if index else value[name]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def shortened(text: str, limit: int = 40) -> str:
    """A text for a message: printable ASCII on one line, cut after ``limit`` characters."""
    start = text[: limit + 1]  # escapes only make it longer
    plain = start.isascii() and start.isprintable()
    printable = start if plain else ascii(start)[1:-1]
    return printable if len(printable) <= limit else printable[: limit - 3] + "..."


def amount_text(amount_e4: int, currency: str) -> str:
    """An amount as people write it, to the cent.

    >>> amount_text(12_345_600, "USD")
    '1,234.56 USD'
    """
    return f"{amount_e4 / 1e4:,.2f} {currency}"


def alert_id(order_id: str, revision: int, contents: str = "") -> str:
    """``id`` of an order's alert: the same for every replay.

    ``contents`` (`shared.uses.contents_name`) tells an order that reuses the id of another one.

    >>> alert_id("o-1", 0), alert_id("o-1", 0, "0a1b2c3d")
    ('o-1.0', 'o-1.0.~0a1b2c3d')
    """
    return f"{order_id}.{revision}" + (f".~{contents}" if contents else "")
