"""What the templates name is held against tables that Microsoft publishes (data.py)."""

from __future__ import annotations

from functools import cache

from infra.checks.data import published


@cache
def role_names() -> dict[str, str]:
    """What Azure and Cosmos DB call each of their built-in roles, by its id."""
    table = published("built-in-roles")
    every = table["roles"] | table["cosmosDb"]["roles"]
    return {guid: name for name, guid in every.items()}


@cache
def private_link() -> dict[str, dict[str, list[str]]]:
    """The zones that a private endpoint's name lies in, by type and group.

    A name within another's zone is left out: its records lie in that zone.
    """
    return {
        kind: {group: _outermost(zones) for group, zones in groups.items()}
        for kind, groups in published("private-link")["resources"].items()
    }


def log_categories(kind: str) -> set[str]:
    """The categories and category groups of a type's logs; none for a type that has none."""
    table = published("log-categories")
    categories = table["categories"].get(kind)
    return {*categories, *table["groups"]} if categories else set()


@cache
def flex_deprecations() -> tuple[set[str], set[str]]:
    """App settings, and properties of a site in lower case, that Flex Consumption does not take."""
    table = published("flex-deprecations")
    return set(table["settings"]), {one.lower() for one in table["properties"]}


def _outermost(zones: list[str]) -> list[str]:
    return [one for one in zones if not any(one.endswith(f".{other}") for other in zones)]
