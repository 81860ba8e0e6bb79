"""Text from outside, made safe for a terminal."""

import json
import unicodedata

_JOINERS = (
    "\u200c\u200d"  # zero width; Persian, the scripts of India and emoji are written with them
)


def printable(text: str, *, lines: bool = False) -> str:
    r"""Return a text that can neither control a terminal nor change the order of what is read.

    Control characters (C0, DEL, C1), bidirectional overrides and isolates, other invisible
    characters, lone surrogates and unassigned characters are written as JSON escapes. Letters,
    marks, spaces and emoji of any script stay. ``lines`` keeps line feeds and tabs, too.

    >>> printable("Zoë \x1b[2J\u202e")
    'Zoë \\u001b[2J\\u202e'
    """
    if text.isprintable():
        return text
    kept = _JOINERS + ("\n\t" if lines else "")
    return "".join(
        character if character in kept or _shows(character) else json.dumps(character)[1:-1]
        for character in text
    )


def _shows(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"
