"""The containers the app expects: blobs in Azurite, documents in the Cosmos DB emulator.

In Azure the Bicep templates make them. The app itself never does.
"""

from __future__ import annotations

import contextlib
from typing import Any

from azure.core.exceptions import ResourceExistsError
from azure.cosmos import CosmosClient, PartitionKey
from azure.storage.blob import BlobServiceClient

from shared import containers
from shared.containers import ALERTS, INCIDENTS, PARTITION_KEYS

BLOB_CONTAINERS = ("azure-webjobs-eventhub", *containers.BLOB_CONTAINERS)
"""Sheriff's blob containers, and the one in which the host keeps its checkpoints."""

# ORDER BY two properties needs an index of both, in these directions or both reversed.
COMPOSITE_INDEXES = {
    ALERTS: [
        [("/status", "ascending"), ("/scored_at", "descending")],
        [("/rep_id", "ascending"), ("/scored_at", "descending")],
        [("/status", "ascending"), ("/expected_loss", "descending")],
        [("/scored_at", "descending"), ("/id", "ascending")],
    ],
    INCIDENTS: [[("/kind", "ascending"), ("/started_at", "descending")]],
}


def make_blob_containers(connection: str) -> None:
    """Create the blob containers that are missing."""
    with BlobServiceClient.from_connection_string(connection) as service:
        for name in BLOB_CONTAINERS:
            with contextlib.suppress(ResourceExistsError):
                service.create_container(name)


def make_cosmos_containers(endpoint: str, key: str, database: str) -> None:
    """Create the database and the containers that are missing, with their indexes."""
    with CosmosClient(endpoint, key) as client:
        proxy = client.create_database_if_not_exists(database)
        for name, partition_key in PARTITION_KEYS.items():
            proxy.create_container_if_not_exists(
                name, PartitionKey(partition_key), indexing_policy=_indexing(name)
            )


def _indexing(container: str) -> dict[str, Any] | None:
    indexes = COMPOSITE_INDEXES.get(container)
    if indexes is None:
        return None
    return {
        "compositeIndexes": [
            [{"path": path, "order": order} for path, order in index] for index in indexes
        ]
    }
