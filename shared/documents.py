"""Documents as a store gives them back."""

from collections.abc import Mapping
from typing import Any


def own_fields(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document as it was written, without the fields that Cosmos DB adds to it."""
    return {name: value for name, value in document.items() if not name.startswith("_")}
