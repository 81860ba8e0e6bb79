"""The containers that Sheriff keeps documents and files in: the one table of their names and keys.

In Azure the Bicep templates make them, on one machine the local stack does; the app makes none.
A test compares this table with the templates.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

ALERTS: Final = "alerts"
INCIDENTS: Final = "incidents"
STATE: Final = "state"
DECISIONS: Final = "decisions"
SHADOW: Final = "shadow"

PARTITION_KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {ALERTS: "/rep_id", INCIDENTS: "/kind", STATE: "/id", DECISIONS: "/rep_id", SHADOW: "/id"}
)
"""The containers of Cosmos DB, each with the path of its partition key."""

ARCHIVE: Final = "orders-archive"
"""The orders as Event Hubs captured them."""

DEAD_LETTERS: Final = "dead-letters"
"""The events that could not be scored, with the reason."""

MODELS: Final = "models"
"""The bundles, and the pointers to the one that serves and the one that challenges it."""

REFERENCE: Final = "reference"
"""The company's catalogue and policy."""

TRAINING: Final = "training"
"""The files of the nightly runs: snapshots, results, reports, and the lease."""

BLOB_CONTAINERS: Final = (ARCHIVE, DEAD_LETTERS, MODELS, REFERENCE, TRAINING)
"""The containers of Blob Storage."""
