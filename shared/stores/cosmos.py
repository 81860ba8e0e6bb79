"""Cosmos DB for synchronous callers."""

from collections.abc import Mapping
from typing import Any

from azure.cosmos import ContainerProxy, CosmosClient

from shared.documents import own_fields
from shared.stores.credential import Credential, credential
from shared.stores.error_translation import missing_is_fine, named_setting, translated
from shared.stores.settings import CosmosSettings
from shared.stores.timeouts import PATIENT_COSMOS


class Cosmos:
    """One database of a Cosmos DB account; it connects at its first use.

    Every method raises TransientError if the call may work next time; `translated` lists the other
    errors.
    """

    def __init__(self, settings: CosmosSettings) -> None:
        self._settings = settings
        self._secret: str | Credential = settings.key or credential(settings.identity)
        self._client: CosmosClient | None = None

    def query(
        self, container: str, text: str, parameters: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Return the documents that a query finds, without the store's own fields."""
        named = [{"name": name, "value": value} for name, value in (parameters or {}).items()]
        with translated(f"read {container}"):
            documents = self._container(container).query_items(
                text, parameters=named or None, enable_cross_partition_query=True
            )
            return [own_fields(document) for document in documents]

    def delete(self, container: str, item: str, partition_key: str) -> None:
        """Delete a document; a document that is missing is fine."""
        with translated(f"delete in {container}"), missing_is_fine():
            self._container(container).delete_item(item, partition_key)

    def _container(self, name: str) -> ContainerProxy:
        if self._client is None:
            self._client = self._connected()
        return self._client.get_database_client(self._settings.database).get_container_client(name)

    def _connected(self) -> CosmosClient:
        ours = self._settings
        with named_setting("COSMOS_ENDPOINT or COSMOS_KEY", "an address and a key"):
            return CosmosClient(
                ours.endpoint,
                self._secret,
                # The endpoint that an emulator's account names is of no use, so it is not looked
                # up.
                enable_endpoint_discovery=not ours.key,
                **PATIENT_COSMOS,
            )

    def close(self) -> None:
        """Give the connections back."""
        if self._client is not None:
            self._client.close()
        if not isinstance(self._secret, str):
            self._secret.close()
