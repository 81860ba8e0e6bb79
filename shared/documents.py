"""Documents and blobs as a store gives them back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


def own_fields(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document as it was written, without the fields that Cosmos DB adds to it."""
    return {name: value for name, value in document.items() if not name.startswith("_")}


@dataclass(frozen=True, slots=True)
class Stored:
    """A blob in a listing: its ``size`` is in bytes, its ``version`` names this writing of it."""

    name: str
    size: int
    version: str
