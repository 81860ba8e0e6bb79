"""Writes numbers, times and names for the report."""

from datetime import datetime

from shared.typologies import TYPOLOGIES

NOTHING = "\N{EN DASH}"

NAMES = {typology.name: typology.words for typology in TYPOLOGIES}
"""Typologies as people read them."""


def amount(value: float) -> str:
    """Write money of the currency: whole from a hundred on, to the cent below.

    >>> amount(1234.56), amount(12.3), amount(-0.001)
    ('1,235', '12.30', '0')
    """
    cents = round(value, 2)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{cents:,.2f}" if cents else "0"


def count(value: int) -> str:
    """Write a number of things.

    >>> count(1234)
    '1,234'
    """
    return f"{value:,}"


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share (0-1) in percent.

    >>> percent(0.9312), percent(None) == NOTHING
    ('93.1 %', True)
    """
    return NOTHING if share is None else f"{100 * share:.{digits}f} %"


def minute(time: datetime) -> str:
    """Write a time (aware UTC) to the minute."""
    return f"{time:%Y-%m-%d %H:%M}"


def name_of(typology: str) -> str:
    """Write a typology in words.

    >>> name_of("below_cost"), name_of("of_a_later_release")
    ('Below cost', 'of_a_later_release')
    """
    return NAMES.get(typology, typology)


def signed(value: float, digits: int) -> str:
    """Write a difference with its sign; a difference that rounds to 0 has a plus.

    >>> signed(-0.04, 1), signed(-0.06, 1)
    ('+0.0', '-0.1')
    """
    return f"{round(value, digits) + 0.0:+.{digits}f}"


def span(hours: float) -> str:
    """Write a length of time.

    >>> span(0), span(0.5), span(5), span(50)
    ('at once', '30 minutes', '5.0 hours', '2.1 days')
    """
    if hours < 1 / 60:
        return "at once"
    if hours < 1:
        return f"{60 * hours:.0f} minutes"
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.1f} days"
