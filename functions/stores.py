"""The ports on Cosmos DB and Blob Storage; what their errors mean is decided here, once."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline import PipelineResponse
from azure.core.settings import settings as sdk_settings
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.exceptions import EventHubError
from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential
from azure.storage.blob.aio import BlobServiceClient, LinearRetry

from functions.alert_query import AlertQuery, statement
from functions.documents import (
    dead_letter_document,
    dead_letter_path,
    dead_letter_path_anew,
    own_fields,
)
from functions.metrics import REQUEST_UNITS, STORE_DURATION
from functions.ports import (
    DeadLetter,
    NotThereError,
    RefusedError,
    StreamKey,
    Telemetry,
    WriteConflict,
)
from functions.settings import HubSettings, Settings
from functions.telemetry import SILENT
from shared.alert import finding_document
from shared.alert import version_1 as alert_of_version_1
from shared.containers import ALERTS, DEAD_LETTERS, INCIDENTS, SHADOW, STATE
from shared.errors import TransientError
from shared.formats import time_text
from shared.incidents import number_of
from shared.incidents import version_1 as incident_of_version_1
from shared.pending_alerts import Revisited
from shared.shadow import ShadowState, ShadowTotals
from shared.stream import StreamState

_REFUSED = {400, 413}
_CONFLICT = {409, 412}

# One call may take 10 s with all its retries; then the whole batch is tried again, at leisure.
_CALL_SECONDS = 10
_COSMOS_OPTIONS: dict[str, Any] = {
    "connection_timeout": 5,
    "read_timeout": 8,
    "timeout": _CALL_SECONDS,
    "retry_total": 3,
    "retry_throttle_total": 3,
    "retry_throttle_backoff_max": 4,
    # Every write here is a create with a fixed id, a replacement of a known version or a patch
    # that changes nothing the second time: safe to send again.
    "retry_write": True,
}
_BLOB_OPTIONS: dict[str, Any] = {"connection_timeout": 5, "read_timeout": 8}


def _blob_retries() -> LinearRetry:
    """Waits for 0 to 2 s before it tries again; by itself the SDK waits for 15 s and more."""
    return LinearRetry(backoff=1, retry_total=2, random_jitter_range=1)


# The SDKs' own spans carry URLs, and the URL of an alert names its order.
sdk_settings.tracing_enabled = False

type Credential = ManagedIdentityCredential | DefaultAzureCredential


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn what an SDK raises into what it means for an order.

    409 and 412 say that somebody was first, 400 and 413 that this document will never do; all
    else may pass (a missing permission or container too, once its operator has acted).
    """
    try:
        yield
    except HttpResponseError as error:
        message = f"{doing}: {error.status_code} {error.reason}"
        if error.status_code in _CONFLICT:
            raise WriteConflict(message) from error
        if error.status_code in _REFUSED:
            raise RefusedError(message) from error
        raise TransientError(message) from error
    except (AzureError, OSError, TimeoutError) as error:
        raise TransientError(f"{doing}: {type(error).__name__}") from error


@contextmanager
def timed(telemetry: Telemetry, store: str) -> Iterator[None]:
    """Measure one call of a store, however it ends."""
    started = time.perf_counter()
    try:
        yield
    finally:
        telemetry.measure(STORE_DURATION, (time.perf_counter() - started) * 1000, store)


def credential(settings: Settings) -> Credential:
    """The app's identity: the managed one in Azure, a developer's own elsewhere."""
    if settings.in_azure:
        return ManagedIdentityCredential(client_id=settings.azure_client_id)
    return DefaultAzureCredential()


class Cosmos:
    """One database of a Cosmos DB account; connects at its first use."""

    def __init__(self, settings: Settings, telemetry: Telemetry = SILENT) -> None:
        key = settings.cosmos_key
        self._telemetry = telemetry
        self._client = CosmosClient(
            settings.cosmos_endpoint,
            key or credential(settings),
            # With a key it is an emulator, whose account names no endpoint worth discovering.
            enable_endpoint_discovery=not key,
            raw_response_hook=self._charged,
            **_COSMOS_OPTIONS,
        )
        self._database = settings.cosmos_database
        self._connecting = asyncio.Lock()
        self._connected = False

    @asynccontextmanager
    async def container(self, name: str, doing: str) -> AsyncIterator[ContainerProxy]:
        """A container to do something with; errors are `translated`."""
        with timed(self._telemetry, name), translated(f"{doing} in {name}"):
            async with self._connecting:
                if not self._connected:
                    await self._client.__aenter__()
                    self._connected = True
            yield self._client.get_database_client(self._database).get_container_client(name)

    def _charged(self, response: PipelineResponse[Any, Any]) -> None:
        """Measure what a request to a container was charged; the local emulator charges nothing."""
        charge = response.http_response.headers.get("x-ms-request-charge")
        _, _, path = response.http_request.url.partition("/colls/")
        if charge and path:
            self._telemetry.measure(REQUEST_UNITS, float(charge), path.partition("/")[0])

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.close()


async def replace_version(
    container: ContainerProxy,
    document: dict[str, Any],
    version: str | None,
    *,
    no_response: bool = False,
) -> dict[str, Any]:
    """Replace the version (ETag) of a document that was read; None: create it.

    Returns:
        The document as it is stored; nothing in it where ``no_response`` saves sending it back.
    """
    if version is None:
        return await container.create_item(document, no_response=no_response)
    return await container.replace_item(
        document["id"],
        document,
        etag=version,
        match_condition=MatchConditions.IfNotModified,
        no_response=no_response,
    )


@dataclass(frozen=True, slots=True)
class CosmosAlerts:
    """Alerts in Cosmos DB (`functions.ports.AlertStore`).

    ``stored_version`` is the schema version that is written.
    """

    cosmos: Cosmos
    stored_version: int = 2

    async def create(self, alert: dict[str, Any]) -> bool:
        if self.stored_version == 1:
            alert = alert_of_version_1(alert)
        try:
            async with self.cosmos.container(ALERTS, "create alert") as alerts:
                await alerts.create_item(alert, no_response=True)
        except WriteConflict:
            return False
        return True

    async def supersede(
        self, rep_id: str, order_id: str, revision: int, successor: str, before: tuple[str, int]
    ) -> int:
        async with self.cosmos.container(ALERTS, "find older revisions") as alerts:
            found = alerts.query_items(
                "SELECT c.id FROM c WHERE c.order_id = @order_id"
                " AND c.revision < @revision AND NOT IS_DEFINED(c.superseded_by)"
                " AND (c.event.enqueued_at < @at OR (c.event.enqueued_at = @at"
                " AND c.event.sequence_number < @number))",
                parameters=[
                    {"name": "@order_id", "value": order_id},
                    {"name": "@revision", "value": revision},
                    {"name": "@at", "value": before[0]},
                    {"name": "@number", "value": before[1]},
                ],
                partition_key=rep_id,
            )
            older = [one["id"] async for one in found]
        for item in older:
            await self._mark(item, rep_id, successor)
        return len(older)

    async def earlier(self, rep_id: str, order_id: str) -> list[dict[str, Any]]:
        async with self.cosmos.container(ALERTS, "find alerts of an order") as alerts:
            found = alerts.query_items(
                # Little of each: there may be any number of them, and large ones.
                "SELECT VALUE {'id': c.id, 'rep_id': c.rep_id, 'customer_id': c.customer_id,"
                " 'order_id': c.order_id, 'revision': c.revision, 'ordered_at': c.ordered_at,"
                " 'event': c.event, 'order': {'lines': c['order'].lines,"
                " 'charged_price': c['order'].charged_price}}"
                " FROM c WHERE c.order_id = @order_id",
                parameters=[{"name": "@order_id", "value": order_id}],
                partition_key=rep_id,
            )
            return [alert async for alert in found]

    async def _mark(self, item: str, rep_id: str, successor: str) -> None:
        try:
            async with self.cosmos.container(ALERTS, "mark older revision") as alerts:
                await alerts.patch_item(
                    item,
                    rep_id,
                    [{"op": "add", "path": "/superseded_by", "value": successor}],
                    filter_predicate="from c where NOT IS_DEFINED(c.superseded_by)",
                    no_response=True,
                )
        except WriteConflict:
            return  # marked in the meantime, by the same event in another process

    async def revisit(self, revisited: Revisited, incident_id: str, at: datetime) -> None:
        changes: list[dict[str, Any]] = [
            {"op": "add", "path": "/incident_id", "value": incident_id},
            {"op": "add", "path": "/revisited_at", "value": time_text(at)},
        ]
        if revisited.finding is not None:
            finding = finding_document(revisited.finding)
            changes.append({"op": "add", "path": "/findings/-", "value": finding})
        try:
            async with self.cosmos.container(ALERTS, "revisit alert") as alerts:
                try:
                    await alerts.patch_item(
                        revisited.alert_id,
                        revisited.rep_id,
                        changes,
                        filter_predicate="from c where NOT IS_DEFINED(c.revisited_at)",
                        no_response=True,
                    )
                except HttpResponseError as error:
                    if error.status_code != 404:  # its order was too large to be held or stored
                        raise
        except WriteConflict:
            return  # revisited before, by the same event

    async def find(self, query: AlertQuery) -> list[dict[str, Any]]:
        """One more alert than the query's limit where there are that many, newest first."""
        text, parameters = statement(query)
        # With the key, only the rep's own partition is asked.
        only: dict[str, Any] = {"partition_key": query.rep_id} if query.rep_id else {}
        async with self.cosmos.container(ALERTS, "find alerts") as alerts:
            found = alerts.query_items(text, parameters=parameters, **only)
            return [alert async for alert in found]

    async def latest(self) -> str | None:
        """When the latest alert was made; None while there is none."""
        async with self.cosmos.container(ALERTS, "find the latest alert") as alerts:
            found = alerts.query_items(
                "SELECT TOP 1 VALUE c.scored_at FROM c ORDER BY c.scored_at DESC"
            )
            # The SDK's types know documents only, not the bare values of SELECT VALUE.
            times: list[Any] = [scored_at async for scored_at in found]
            return times[0] if times else None


@dataclass(frozen=True, slots=True)
class CosmosIncidents:
    """Incidents in Cosmos DB (`functions.ports.IncidentStore`); a version is an ETag.

    ``stored_version`` is the schema version that is written.
    """

    cosmos: Cosmos
    stored_version: int = 2

    async def read(self, kind: str, incident_id: str) -> tuple[dict[str, Any], str] | None:
        async with self.cosmos.container(INCIDENTS, "read incident") as incidents:
            try:
                document = await incidents.read_item(incident_id, kind)
            except HttpResponseError as error:
                if error.status_code != 404:
                    raise
                return None
        return own_fields(document), document["_etag"]

    async def joinable(
        self, kind: str, percent: float, ended_since: str, seen_since: str
    ) -> list[tuple[dict[str, Any], str]]:
        async with self.cosmos.container(INCIDENTS, "find incidents") as incidents:
            found = incidents.query_items(
                "SELECT * FROM c WHERE c.percent = @percent AND (c.ended_at >= @ended_since"
                " OR (IS_NULL(c.ended_at) AND c.last_seen_at >= @seen_since))",
                parameters=[
                    {"name": "@percent", "value": percent},
                    {"name": "@ended_since", "value": ended_since},
                    {"name": "@seen_since", "value": seen_since},
                ],
                partition_key=kind,
            )
            return [(own_fields(document), document["_etag"]) async for document in found]

    async def highest(self, kind: str) -> int:
        async with self.cosmos.container(INCIDENTS, "find the latest incident") as incidents:
            found = incidents.query_items(
                "SELECT TOP 1 c.id FROM c ORDER BY c.id DESC", partition_key=kind
            )
            return max([number_of(document) async for document in found], default=0)

    async def put(self, incident: dict[str, Any], version: str | None) -> None:
        if self.stored_version == 1:
            incident = incident_of_version_1(incident)
        async with self.cosmos.container(INCIDENTS, "write incident") as incidents:
            await replace_version(incidents, incident, version, no_response=True)


@dataclass(frozen=True, slots=True)
class CosmosStates:
    """The state documents in Cosmos DB (`functions.ports.StateStore`); a version is an ETag.

    ``stored_version`` is the schema version that is written.
    """

    cosmos: Cosmos
    stored_version: int = 2

    async def read(self, key: StreamKey) -> tuple[StreamState, str | None]:
        async with self.cosmos.container(STATE, "read state") as states:
            try:
                document = await states.read_item(str(key), str(key))
            except HttpResponseError as error:
                if error.status_code != 404:
                    raise
                return StreamState(), None
        return StreamState.from_document(document), document["_etag"]

    async def write(self, key: StreamKey, state: StreamState, version: str | None) -> str:
        document = {
            "id": str(key),
            "hub": key.hub,
            "consumer_group": key.consumer_group,
            "partition_id": key.partition_id,
            **state.to_document(self.stored_version),
        }
        async with self.cosmos.container(STATE, "write state") as states:
            written = await replace_version(states, document, version)
        etag: str = written["_etag"]
        return etag


@dataclass(frozen=True, slots=True)
class CosmosShadows:
    """Shadow documents in Cosmos DB (`functions.ports.ShadowStore`); a version is an ETag.

    ``stored_version`` is the schema version that is written.
    """

    cosmos: Cosmos
    stored_version: int = 2

    async def read(self, key: StreamKey, challenger: str) -> tuple[ShadowState, str | None]:
        name = f"{key}.{challenger}"
        async with self.cosmos.container(SHADOW, "read shadow") as shadows:
            try:
                document = await shadows.read_item(name, name)
            except HttpResponseError as error:
                if error.status_code != 404:
                    raise
                return ShadowState(ShadowTotals(challenger)), None
        return ShadowState.from_document(document), document["_etag"]

    async def write(self, key: StreamKey, state: ShadowState, version: str | None) -> None:
        document = {
            "id": f"{key}.{state.totals.version}",
            "hub": key.hub,
            "consumer_group": key.consumer_group,
            "partition_id": key.partition_id,
            **state.to_document(self.stored_version),
        }
        async with self.cosmos.container(SHADOW, "write shadow") as shadows:
            await replace_version(shadows, document, version, no_response=True)


class Blobs:
    """The blob containers of one storage account (`functions.ports.Files`)."""

    def __init__(self, settings: Settings, telemetry: Telemetry = SILENT) -> None:
        self._telemetry = telemetry
        # The retries are this client's own: the SDK chains them into its requests.
        options = _BLOB_OPTIONS | {"retry_policy": _blob_retries()}
        if settings.blob_connection:
            self._service = BlobServiceClient.from_connection_string(
                settings.blob_connection, **options
            )
        else:
            assert settings.blob_account_url is not None  # Settings has the one or the other
            self._service = BlobServiceClient(
                settings.blob_account_url, credential(settings), **options
            )

    async def read(
        self, container: str, name: str, known: str | None = None
    ) -> tuple[bytes, str] | None:
        """A blob and its ETag; None while it is still the ``known`` one.

        Raises:
            NotThereError: there is no such blob.
            TransientError: whether there is cannot be known.
        """
        condition: dict[str, Any] = {}
        if known is not None:
            condition = {"etag": known, "match_condition": MatchConditions.IfModified}
        async with self._call(container, f"read {container}/{name}"):
            try:
                download = await self._service.get_blob_client(container, name).download_blob(
                    **condition
                )
                return await download.readall(), download.properties.etag
            except HttpResponseError as error:
                if error.status_code == 304:
                    return None
                if error.status_code == 404:
                    raise NotThereError(f"{container}/{name}") from error
                raise

    async def write(self, container: str, name: str, data: bytes, version: str | None) -> None:
        """Replace the version that was read (None: create).

        Raises:
            WriteConflict: it is no longer that version.
            TransientError: it may be written next time.
        """
        condition: dict[str, Any] = {}
        if version is not None:
            condition = {"etag": version, "match_condition": MatchConditions.IfNotModified}
        async with self._call(container, f"write {container}/{name}"):
            blob = self._service.get_blob_client(container, name)
            await blob.upload_blob(data, overwrite=version is not None, **condition)

    @asynccontextmanager
    async def _call(self, container: str, doing: str) -> AsyncIterator[None]:
        """One call with all its retries: measured, translated, and over in `_CALL_SECONDS`."""
        with timed(self._telemetry, container), translated(doing):
            async with asyncio.timeout(_CALL_SECONDS):
                yield

    async def names(self, container: str) -> list[str]:
        """The names of a container's blobs, in order."""
        with translated(f"list {container}"):
            found = self._service.get_container_client(container).list_blob_names()
            return [name async for name in found]

    async def size(self, container: str, folder: str) -> int:
        """Bytes of a container's blobs that lie in a folder of this name, at any depth."""
        with translated(f"list {container}"):
            found = self._service.get_container_client(container).list_blobs()
            return sum([blob.size async for blob in found if folder in blob.name.split("/")[:-1]])

    async def close(self) -> None:
        """Give the connections back."""
        await self._service.close()


@dataclass(frozen=True, slots=True)
class BlobDeadLetters:
    """Dead letters as blobs (`functions.ports.DeadLetterStore`), for scoring and for redriving.

    ``stored_version`` is the schema version that is written.
    """

    blobs: Blobs
    stored_version: int = 2

    async def add(self, letter: DeadLetter) -> None:
        document = dead_letter_document(letter, self.stored_version)
        if not await self._create(dead_letter_path(letter), document):
            await self._create(dead_letter_path_anew(letter), document)

    async def _create(self, path: str, document: dict[str, Any]) -> bool:
        """False when another event's dead letter has this name."""
        try:
            await self.blobs.write(DEAD_LETTERS, path, json.dumps(document).encode(), None)
        except WriteConflict:
            kept, _ = await self.read(path)
            same: bool = kept["event"]["enqueued_at"] == document["event"]["enqueued_at"]
            return same
        return True

    async def paths(self) -> list[str]:
        """Every dead letter, by name."""
        return await self.blobs.names(DEAD_LETTERS)

    async def read(self, path: str) -> tuple[dict[str, Any], str]:
        """A dead letter and its version; NotThereError if there is none."""
        found = await self.blobs.read(DEAD_LETTERS, path)
        assert found is not None  # no version was known
        return json.loads(found[0]), found[1]

    async def replace(self, path: str, document: dict[str, Any], version: str) -> None:
        """Write a dead letter anew; WriteConflict if it is no longer that version."""
        await self.blobs.write(DEAD_LETTERS, path, json.dumps(document).encode(), version)


class Hub:
    """The orders' hub, to send to."""

    def __init__(self, settings: HubSettings) -> None:
        if settings.connection:
            self._producer = EventHubProducerClient.from_connection_string(
                settings.connection, eventhub_name=settings.orders_hub
            )
        else:
            assert settings.namespace is not None
            self._producer = EventHubProducerClient(
                settings.namespace, settings.orders_hub, DefaultAzureCredential()
            )

    async def send(self, body: bytes, partition_key: str | None) -> None:
        """Send one event; TransientError if the hub did not take it."""
        with translated("send to the hub"):
            try:
                await self._producer.send_batch([EventData(body)], partition_key=partition_key)
            except EventHubError as error:  # which is no AzureError
                raise TransientError(f"send to the hub: {type(error).__name__}") from error

    async def close(self) -> None:
        """Give the connection back."""
        await self._producer.close()
