"""Nothing from outside steers a terminal or reorders what is read."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.printable import printable

HOSTILE = {
    "\x1b[2J\x1b]52;c;cm0gLXJm\x07": "\\u001b[2J\\u001b]52;c;cm0gLXJm\\u0007",
    "one\rtwo\btwo": "one\\rtwo\\btwo",
    "\x9b31m": "\\u009b31m",
    "\x7f": "\\u007f",
    "user\u202egnp.exe\u2066x\u2069": "user\\u202egnp.exe\\u2066x\\u2069",
    "\u200e\u200f\u061c": "\\u200e\\u200f\\u061c",
    "\u2028\u2029\ufeff": "\\u2028\\u2029\\ufeff",
    "\U000e0041": "\\udb40\\udc41",
    "\ud800": "\\ud800",
}
FINE = [
    *("", "Zoë Ångström", "Ünïcödé — 12 €", "日本語", "שלום", "سلام"),
    *("\u0645\u06cc\u200c\u0634", "👩\u200d💻", "a\u00a0b"),
]


@pytest.mark.parametrize(("text", "shown"), HOSTILE.items())
def test_what_steers_or_hides_is_shown_as_json_escapes_it(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("text", FINE)
def test_text_of_any_script_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_line_feeds_and_tabs_stay_only_where_lines_are_asked_for() -> None:
    assert printable("a\tb\nc") == "a\\tb\\nc"
    assert printable("a\tb\nc\r", lines=True) == "a\tb\nc\\r"


@given(st.text())
def test_no_control_format_or_unassigned_character_is_left(text: str) -> None:
    left = set(printable(text)) - {"\u200c", "\u200d"}
    assert not [one for one in left if unicodedata.category(one) in {"Cc", "Cf", "Cs", "Co", "Cn"}]
