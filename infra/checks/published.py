"""Tables that Microsoft publishes: what the templates name is held against them.

Each file in `tables/` says what it was taken from, and when. Nothing in them was worked out here.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

TABLES = Path(__file__).with_name("tables")


@cache
def role_names() -> dict[str, str]:
    """What Azure and Cosmos DB call each of their built-in roles, by its id."""
    table = _table("built-in-roles")
    every = table["roles"] | table["cosmosDb"]["roles"]
    return {guid: name for name, guid in every.items()}


@cache
def private_link() -> dict[str, dict[str, list[str]]]:
    """The zones that a private endpoint's name lies in, by type and group.

    A name within another's zone is left out: its records lie in that zone.
    """
    return {
        kind: {group: _outermost(zones) for group, zones in groups.items()}
        for kind, groups in _table("private-link")["resources"].items()
    }


def log_categories(kind: str) -> set[str]:
    """The categories and category groups of a type's logs; none for a type that has none."""
    table = _table("log-categories")
    categories = table["categories"].get(kind)
    return {*categories, *table["groups"]} if categories else set()


@cache
def flex_deprecations() -> tuple[set[str], set[str]]:
    """App settings, and properties of a site in lower case, that Flex Consumption does not take."""
    table = _table("flex-deprecations")
    return set(table["settings"]), {one.lower() for one in table["properties"]}


def _outermost(zones: list[str]) -> list[str]:
    return [one for one in zones if not any(one.endswith(f".{other}") for other in zones)]


@cache
def _table(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((TABLES / f"{name}.json").read_text(encoding="utf-8"))
    return found
