"""The containers Sheriff keeps its documents in: data, for whoever creates them.

In Azure the Bicep templates do (an identity cannot); on one machine `stores.create_containers`.
"""

from dataclasses import dataclass, field
from typing import Any

ALERTS = "alerts"
STATE = "state"
INCIDENTS = "incidents"
DECISIONS = "decisions"

DEAD_LETTERS = "dead-letters"
MODELS = "models"
REFERENCE = "reference"
BLOB_CONTAINERS = (DEAD_LETTERS, MODELS, REFERENCE)


@dataclass(frozen=True, slots=True)
class Container:
    """A Cosmos DB container; an empty policy leaves every path indexed."""

    name: str
    partition_key: str
    indexing_policy: dict[str, Any] = field(default_factory=dict)


COSMOS_CONTAINERS = (
    Container(
        ALERTS,
        "/rep_id",
        {
            "indexingMode": "consistent",
            "includedPaths": [{"path": "/*"}],
            # Read as a whole, never searched: most of a write's cost would be theirs.
            "excludedPaths": [
                {"path": path}
                for path in ("/features/*", "/order/*", "/explanation/*", "/reasons/*", "/event/*")
            ],
            # The list of alerts, newest first, a page at a time.
            "compositeIndexes": [
                [
                    {"path": "/scored_at", "order": "descending"},
                    {"path": "/id", "order": "descending"},
                ]
            ],
        },
    ),
    Container(
        STATE,
        "/id",
        {
            "indexingMode": "consistent",
            "includedPaths": [],
            "excludedPaths": [{"path": "/*"}],
        },
    ),
    Container(INCIDENTS, "/kind"),
    Container(DECISIONS, "/rep_id"),
)
