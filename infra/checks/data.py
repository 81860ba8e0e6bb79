"""The tables beside the code: our own (`NAME.toml`), and Microsoft's (`tables/NAME.json`).

A row of our own says what must be; a comment there says why. Each of Microsoft's says what it was
taken from, and when; nothing in them was worked out here.
"""

from __future__ import annotations

import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent


@cache
def ours(name: str) -> dict[str, Any]:
    """A table of our own, by its file's name without the ending."""
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def published(name: str) -> dict[str, Any]:
    """A table that Microsoft publishes: its source, its date, its rows."""
    text = (_FOLDER / "tables" / f"{name}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
