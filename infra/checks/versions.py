"""API versions are pinned: a type has one, everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infra.checks.data import ours
from infra.checks.deployment import every_type, nested

PINNED: Mapping[str, str] = ours("versions")


def problems(template: Mapping[str, Any]) -> Iterator[str]:
    """Types whose version is not the pinned one, or that nobody has pinned."""
    for symbol, inner in nested(template):
        for one in every_type(inner):
            of = next((of for of in PINNED if one["type"].startswith(of)), None)
            shown = f"the module {symbol}: {one['type']}@{one['apiVersion']}"
            if of is None:
                yield f"{shown}: no version is pinned"
            elif one["apiVersion"] != PINNED[of]:
                yield f"{shown}, expected {PINNED[of]}"
