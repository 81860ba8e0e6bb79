"""Cosmos DB for async callers."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from azure.core.pipeline import PipelineResponse
from azure.cosmos.aio import ContainerProxy, CosmosClient

from shared.documents import own_fields
from shared.errors import WriteConflict
from shared.stores.aio.credential import Credential, credential
from shared.stores.aio.measures import NOWHERE, Measures, timed
from shared.stores.conditional_write import only_over
from shared.stores.error_translation import missing_is_fine, named_setting, translated
from shared.stores.settings import CosmosSettings
from shared.stores.timeouts import QUICK_COSMOS

type Document = dict[str, Any]
type Version = str
"""An ETag."""


class Cosmos:
    """One database of a Cosmos DB account; it connects at its first use.

    ``doing`` says what a call is for: an error's message begins with it. Every method raises
    TransientError if the call may work next time; `translated` lists the other errors.
    """

    def __init__(
        self,
        settings: CosmosSettings,
        measures: Measures = NOWHERE,
        options: Mapping[str, Any] = QUICK_COSMOS,
    ) -> None:
        self._database = settings.database
        self._measures = measures
        self._secret: str | Credential = settings.key or credential(settings.identity)
        with named_setting("COSMOS_ENDPOINT or COSMOS_KEY", "an address and a key"):
            self._client = CosmosClient(
                settings.endpoint,
                self._secret,
                # The endpoint that an emulator's account names is of no use, so it is not looked
                # up.
                enable_endpoint_discovery=not settings.key,
                raw_response_hook=self._take_charge,
                **options,
            )
        self._connecting = asyncio.Lock()
        self._connected = False

    async def read(
        self, container: str, item: str, partition_key: str, *, doing: str
    ) -> tuple[Document, Version] | None:
        """Return a document and its version; None where there is no such document."""
        async with self.container(container, doing) as client:
            with missing_is_fine():
                document = await client.read_item(item, partition_key)
                return own_fields(document), document["_etag"]
        return None

    async def query(
        self,
        container: str,
        text: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        doing: str,
        partition_key: str | None = None,
    ) -> list[Any]:
        """Return all that a query finds, in one partition or (None) in every one."""
        named = [{"name": name, "value": value} for name, value in (parameters or {}).items()]
        only: dict[str, Any] = {} if partition_key is None else {"partition_key": partition_key}
        async with self.container(container, doing) as client:
            return [row async for row in client.query_items(text, parameters=named or None, **only)]

    async def create(self, container: str, document: Document, *, doing: str) -> bool:
        """Create a document; return False, and change nothing, where it exists already."""
        try:
            await self.write(container, document, None, doing=doing)
        except WriteConflict:
            return False
        return True

    async def write(
        self, container: str, document: Document, version: Version | None, *, doing: str
    ) -> None:
        """Replace the version that was read, or create the document where that is None.

        Raises:
            WriteConflict: it is another version by now.
        """
        async with self.container(container, doing) as client:
            await _write(client, document, version, no_response=True)

    async def write_again(
        self, container: str, document: Document, version: Version | None, *, doing: str
    ) -> Version:
        """Write as `write` does, and return the new version, which the next write replaces."""
        async with self.container(container, doing) as client:
            written = await _write(client, document, version, no_response=False)
        etag: Version = written["_etag"]
        return etag

    async def patch(
        self,
        container: str,
        item: str,
        partition_key: str,
        changes: list[dict[str, Any]],
        *,
        only_where: str,
        doing: str,
    ) -> None:
        """Change fields of a document that meets a condition.

        Nothing happens where the document does not meet it, or is gone.
        """
        with suppress(WriteConflict):
            async with self.container(container, doing) as client:
                with missing_is_fine():
                    await client.patch_item(
                        item,
                        partition_key,
                        changes,
                        filter_predicate=f"from c where {only_where}",
                        no_response=True,
                    )

    @asynccontextmanager
    async def container(self, name: str, doing: str) -> AsyncIterator[ContainerProxy]:
        """Give the SDK's client of a container; measure and translate what is done with it."""
        with timed(self._measures, name), translated(f"{doing} in {name}"):
            await self._connect()
            yield self._client.get_database_client(self._database).get_container_client(name)

    async def _connect(self) -> None:
        async with self._connecting:
            if not self._connected:
                await self._client.__aenter__()
                self._connected = True

    def _take_charge(self, response: PipelineResponse[Any, Any]) -> None:
        """Measure what a request to a container was charged; the local emulator charges nothing."""
        charge = response.http_response.headers.get("x-ms-request-charge")
        _, _, path = response.http_request.url.partition("/colls/")
        if charge and path:
            self._measures.charged(path.partition("/")[0], float(charge))

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.close()
        if not isinstance(self._secret, str):
            await self._secret.close()


async def _write(
    client: ContainerProxy, document: Document, version: Version | None, *, no_response: bool
) -> Document:
    if version is None:
        return await client.create_item(document, no_response=no_response)
    return await client.replace_item(
        document["id"], document, no_response=no_response, **only_over(version)
    )
