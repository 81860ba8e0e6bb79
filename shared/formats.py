"""Reads and writes money, times and ids.

Inside the core, money is an integer of ten-thousandths of the currency (`_e4`) and a time is aware
UTC. Outside, money is a decimal number and a time is RFC 3339 text.
"""

import json
import re
from datetime import UTC, datetime
from decimal import Context, Decimal, InvalidOperation
from typing import Any, NoReturn

import msgspec

IDENTIFIER_PATTERN = r"^[^\u0000-\u001f\u007f]{1,64}$(?!\n)"
"""1 to 64 characters without control characters. Python and ECMAScript read it the same way."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+")
_DATE_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]++)?+"
_OFFSET = r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
_TIME = re.compile(_DATE_TIME + _OFFSET)
_NAIVE_TIME = re.compile(_DATE_TIME)
_MAXIMUM_MONEY = Decimal(10**9)
_FOUR_DECIMALS = Decimal("0.0001")
_EXACT = Context(prec=28)  # its own context, so that no other code changes how money is read
_STEP = re.compile(r"([^.\[\]]++)|\[([0-9]{1,9}+)\]")


class FormatError(ValueError):
    """A text in the wrong format; the caller names the field and the value.

    Attributes:
        code: stable snake_case name of the violation.
        expected: what was expected, in words.
    """

    def __init__(self, code: str, expected: str) -> None:
        super().__init__(f"{code}: expected {expected}")
        self.code = code
        self.expected = expected


def money_e4(text: str) -> int:
    """Read a JSON number as ten-thousandths of the currency, exactly.

    ``12.30000`` and ``1E2`` are accepted; ``1e-5`` is too precise.

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
    """Return an amount as the nearest double, as documents carry it.

    >>> money(123400)
    12.34
    """
    return amount_e4 / 10_000


def utc_time(text: str) -> datetime:
    """Read RFC 3339 text with an offset as a time in aware UTC.

    As RFC 3339 allows, ``t`` and ``z`` may be lower-case and the ``T`` may be a space. Digits after
    microseconds are cut off. A leap second (``:60``) is refused, because ``datetime`` has none.

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
    """Return a time as UTC text of fixed width, so that sorting texts sorts times.

    >>> time_text(utc_time("2026-11-23T02:00:00Z"))
    '2026-11-23T02:00:00.000000Z'
    """
    return time.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def received_json(text: str | bytes) -> Any:
    """Read JSON so that any encoder can write it again.

    A number that no double or 64-bit integer can hold becomes a text of its digits. The last of
    repeated keys counts, as everywhere in Sheriff.

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
    """Return the path of the wrong field (``lines[2].quantity``) and msgspec's complaint.

    The path of the whole document is empty. The name of a missing or unknown field is part of it.
    """
    complaint, _, at = str(error).partition(" - at `$")
    path = at.removesuffix("`").removeprefix(".")
    if complaint.startswith("Object ") and complaint.endswith("`"):
        name = complaint.split("`")[1]
        path = f"{path}.{name}" if path else name
    return path, complaint


def value_at(document: Any, path: str) -> Any:
    """Return the value at a field path of `blame`; None where the document has none there."""
    value = document
    for name, index in _STEP.findall(path):
        try:
            value = value[int(index)] if index else value[name]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def shortened(text: str, limit: int = 40) -> str:
    """Return a text for a message: printable ASCII on one line, cut after ``limit`` characters."""
    start = text[: limit + 1]  # escapes only make it longer
    plain = start.isascii() and start.isprintable()
    printable = start if plain else ascii(start)[1:-1]
    return printable if len(printable) <= limit else printable[: limit - 3] + "..."


def amount_text(amount_e4: int, currency: str) -> str:
    """Return an amount as people write it, to the cent.

    >>> amount_text(12_345_600, "USD")
    '1,234.56 USD'
    """
    return f"{amount_e4 / 1e4:,.2f} {currency}"


def alert_id(order_id: str, revision: int, contents: str = "") -> str:
    """Return the id of an order's alert, which is the same for every replay.

    ``contents`` (`shared.uses.contents_name`) is given for an order that reuses another one's id.

    >>> alert_id("o-1", 0), alert_id("o-1", 0, "0a1b2c3d")
    ('o-1.0', 'o-1.0.~0a1b2c3d')
    """
    return f"{order_id}.{revision}" + (f".~{contents}" if contents else "")
