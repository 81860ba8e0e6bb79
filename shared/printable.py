"""Text from outside, made fit for a terminal."""

import json
import unicodedata

_JOINERS = (
    "\u200c\u200d"  # zero width; Persian, the scripts of India and emoji are written with them
)


def printable(text: str, *, lines: bool = False) -> str:
    r"""A text in which nothing can steer a terminal or reorder what is read.

    Control characters (C0, DEL, C1), bidirectional overrides and isolates, other invisible
    characters, lone surrogates and unassigned ones are written as JSON escapes them; letters,
    marks, spaces and emoji of any script stay. ``lines`` keeps line feeds and tabs, too.

    >>> printable("Zoë \x1b[2J\u202e")
    'Zoë \\u001b[2J\\u202e'
    """
    if text.isprintable():
        return text
    kept = _JOINERS + ("\n\t" if lines else "")
    return "".join(one if one in kept or _shows(one) else json.dumps(one)[1:-1] for one in text)


def _shows(one: str) -> bool:
    return one.isprintable() or unicodedata.category(one) == "Zs"
