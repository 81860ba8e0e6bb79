"""What training reads from and writes to Azure; what its errors mean is decided here, once.

The nightly run uses the synchronous clients, with threads where it reads in parallel;
`load_alerts` belongs to the backtest.
"""

import asyncio
import base64
import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from typing import IO, Any

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, HttpResponseError
from azure.cosmos import CosmosClient as SyncCosmosClient
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.identity import DefaultAzureCredential as SyncDefaultAzureCredential
from azure.identity import ManagedIdentityCredential
from azure.identity.aio import DefaultAzureCredential
from azure.storage.blob import BlobClient, BlobLeaseClient, BlobServiceClient

from shared.containers import ALERTS, DECISIONS, INCIDENTS, SHADOW, STATE
from shared.decision import Decision, parse_decision
from shared.errors import ConfigurationError, TransientError
from shared.locality import refuse_keys
from training.ports import Conflict, LeaseHeld, ReadDecisions, Stored
from training.settings import TrainingSettings

WRITES_AT_ONCE = 24

_CONFLICT = {409, 412}
_MISSING = 404

# Nobody waits for a nightly run: its clients keep trying for a minute or so, then it fails.
_BLOB_OPTIONS: dict[str, Any] = {"connection_timeout": 10, "read_timeout": 60, "retry_total": 4}
_COSMOS_OPTIONS: dict[str, Any] = {"connection_timeout": 10, "read_timeout": 60}

# A renewal must be over before the lease is: it is tried once more, and soon.
_LEASE_OPTIONS: dict[str, Any] = {"connection_timeout": 3, "read_timeout": 5, "retry_total": 1}

_logger = logging.getLogger(__name__)

type SyncCredential = ManagedIdentityCredential | SyncDefaultAzureCredential


@contextmanager
def opened(settings: TrainingSettings) -> Iterator[tuple["AzureBlobs", "CosmosDocuments"]]:
    """The stores of a run, and their connections given back at its end."""
    with closing(_credential(settings)) as identity:
        blobs = AzureBlobs(_blob_service(settings, identity))
        documents = CosmosDocuments(settings, identity)
        with closing(blobs), closing(documents):
            yield blobs, documents


def signed_in_as(settings: TrainingSettings) -> str | None:
    """The object id of the identity that opens the stores; None where its token does not say.

    Raises:
        TransientError: nobody is signed in, or it cannot be known now.
    """
    with closing(_credential(settings)) as identity, _translated("sign in"):
        return object_id(identity.get_token("https://storage.azure.com/.default").token)


def object_id(token: str) -> str | None:
    """The object id (``oid``) in an access token; None where it has none.

    The token is not verified: it is our own, and says only what is written down.
    """
    try:
        claims = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))).get("oid")
    except (ValueError, LookupError, AttributeError):
        return None
    return found if isinstance(found, str) else None


def _credential(settings: TrainingSettings) -> SyncCredential:
    """The managed identity in Azure, a developer's own elsewhere; unused where keys are set."""
    if settings.in_azure:
        return ManagedIdentityCredential(client_id=settings.azure_client_id)
    return SyncDefaultAzureCredential()


def _blob_service(settings: TrainingSettings, identity: SyncCredential) -> BlobServiceClient:
    if settings.blob_connection is not None:
        with _setting("BLOB_CONNECTION"):
            connection = settings.blob_connection
            return BlobServiceClient.from_connection_string(connection, **_BLOB_OPTIONS)
    assert settings.blob_account_url is not None  # settings have one of the two
    with _setting("BLOB_ACCOUNT_URL"):
        return BlobServiceClient(settings.blob_account_url, identity, **_BLOB_OPTIONS)


@contextmanager
def _setting(name: str) -> Iterator[None]:
    """Name the setting that an SDK cannot read; its value may hold a key, and is not shown."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigurationError(f"{name} cannot be used: {type(error).__name__}") from None


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    """Turn what an SDK raises into what it means for a run; all but a conflict may pass."""
    try:
        yield
    except HttpResponseError as error:
        message = f"{doing}: {error.status_code} {error.reason}"
        if error.status_code in _CONFLICT:
            raise Conflict(message) from error
        raise TransientError(message) from error
    except (AzureError, OSError, TimeoutError) as error:
        raise TransientError(f"{doing}: {type(error).__name__}") from error
    except ValueError as error:  # of an address or key that no request can be made of
        raise ConfigurationError(f"{doing}: a setting of the store cannot be used") from error


@contextmanager
def _missing_is_none() -> Iterator[None]:
    """Pass over a blob that is not there; that its container is not is an error all the same."""
    try:
        yield
    except HttpResponseError as error:
        if error.status_code != _MISSING or _code(error) == "ContainerNotFound":
            raise


def _code(error: HttpResponseError) -> str:
    return str(getattr(error, "error_code", "") or "")


class AzureBlobs:
    """Blob Storage (`training.ports.Blobs`); any number of threads may read at once."""

    def __init__(self, service: BlobServiceClient) -> None:
        self._service = service

    def close(self) -> None:
        """Give the connections back."""
        self._service.close()

    def read(self, container: str, name: str) -> tuple[bytes, str] | None:
        with _translated(f"read {container}/{name}"), _missing_is_none():
            found = self._service.get_blob_client(container, name).download_blob()
            return found.readall(), found.properties.etag
        return None

    def read_range(self, container: str, name: str, start: int, length: int) -> bytes | None:
        with _translated(f"read {container}/{name}"), _missing_is_none():
            blob = self._service.get_blob_client(container, name)
            return blob.download_blob(offset=start, length=length).readall()
        return None

    def write(
        self,
        container: str,
        name: str,
        data: bytes | IO[bytes],
        version: str | None,
        *,
        replace: bool = False,
    ) -> str:
        blob = self._service.get_blob_client(container, name)
        condition: dict[str, Any] = {"overwrite": replace}
        if version is not None and not replace:
            condition = {
                "overwrite": True,
                "etag": version,
                "match_condition": MatchConditions.IfNotModified,
            }
        with _translated(f"write {container}/{name}"):
            return str(blob.upload_blob(data, **condition)["etag"])

    def list(self, container: str, prefix: str = "") -> Sequence[Stored]:
        with _translated(f"list {container}/{prefix}"):
            found = self._service.get_container_client(container).list_blobs(prefix or None)
            # Listings leave out the quotes that are part of a version everywhere else.
            blobs = [Stored(blob.name, blob.size, f'"{blob.etag.strip('"')}"') for blob in found]
        return sorted(blobs, key=lambda blob: blob.name)

    def folders(self, container: str, prefix: str = "") -> Sequence[str]:
        with _translated(f"list {container}/{prefix}"):
            client = self._service.get_container_client(container)
            found = client.walk_blobs(prefix or None, delimiter="/")
            return sorted(blob.name for blob in found if blob.name.endswith("/"))

    def delete(self, container: str, name: str) -> None:
        with _translated(f"delete {container}/{name}"), _missing_is_none():
            self._service.get_blob_client(container, name).delete_blob()

    @contextmanager
    def lease(self, container: str, name: str, seconds: int = 30) -> Iterator["BlobLease"]:
        blob = self._service.get_blob_client(container, name)
        lease = BlobLease(_acquired(blob, f"lease {container}/{name}", seconds), name, seconds)
        with closing(lease):
            yield lease


def _acquired(blob: BlobClient, doing: str, seconds: int) -> BlobLeaseClient:
    try:
        with _translated(doing):
            with _missing_is_none():
                return blob.acquire_lease(lease_duration=seconds)
            with suppress(Conflict), _translated(doing):  # another run has made the blob meanwhile
                blob.upload_blob(b"")
            return blob.acquire_lease(lease_duration=seconds)
    except Conflict as error:
        raise LeaseHeld(f"{blob.blob_name}: another run is at work and holds the lease") from error


class BlobLease:
    """A lease that is held (`training.ports.Lease`), renewed by a thread until it is closed."""

    def __init__(self, lease: BlobLeaseClient, name: str, seconds: float) -> None:
        self._lease = lease
        self._name = name
        self._seconds = seconds
        self._held_since = time.monotonic()
        self._failure: str | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name=f"lease of {name}", daemon=True)
        self._thread.start()

    def check(self) -> None:
        late = time.monotonic() - self._held_since > self._seconds
        if self._failure is not None or late:
            why = self._failure or "it was not renewed in time"
            raise TransientError(f"the lease of {self._name} is lost: {why}")

    def close(self) -> None:
        """Stop renewing and let the next run have it; where that fails it runs out by itself."""
        self._over.set()
        self._thread.join()
        with suppress(AzureError):
            self._lease.release(**_LEASE_OPTIONS)

    def _renew(self) -> None:
        while not self._over.wait(self._seconds / 3):
            asked = time.monotonic()
            try:
                self._lease.renew(**_LEASE_OPTIONS)
            except AzureError as error:
                self._failure = str(error).partition("\n")[0]
                _logger.exception("the lease of %s was not renewed", self._name)
                return
            self._held_since = asked


class CosmosDocuments:
    """Documents of Cosmos DB (`training.ports.Documents`); connects at its first use."""

    def __init__(self, settings: TrainingSettings, identity: SyncCredential) -> None:
        self._settings = settings
        self._identity = identity
        self._client: SyncCosmosClient | None = None

    def close(self) -> None:
        """Give the connections back."""
        if self._client is not None:
            self._client.close()

    def decisions(self, until: datetime) -> ReadDecisions:
        # Times are compared here: texts with different offsets do not sort by time.
        decisions: list[Decision] = []
        refused: dict[str, int] = {}
        for document in self._query(DECISIONS, "SELECT * FROM c"):
            try:
                decisions.append(parse_decision(json.dumps(document).encode()))
            except ConfigurationError as error:
                field = str(error).partition(":")[0]
                refused[field] = refused.get(field, 0) + 1
                _logger.warning("decision %s is none: %s", document.get("id"), error)
        made = [decision for decision in decisions if decision.at <= until]
        return ReadDecisions(tuple(sorted(made, key=_order_of_decisions)), refused)

    def alerts(self, since: str | None, limit: int) -> list[dict[str, Any]]:
        where = "" if since is None else " WHERE c.scored_at >= @since"
        return self._query(
            ALERTS,
            f"SELECT TOP {int(limit)} * FROM c{where} ORDER BY c.expected_loss DESC",  # noqa: S608
            [] if since is None else [{"name": "@since", "value": since}],
        )

    def incidents(self) -> list[dict[str, Any]]:
        return self._query(INCIDENTS, "SELECT * FROM c ORDER BY c.started_at DESC")

    def states(self) -> list[dict[str, Any]]:
        return self._query(STATE, "SELECT * FROM c WHERE NOT IS_DEFINED(c.kind) ORDER BY c.id")

    def shadows(self, version: str) -> list[dict[str, Any]]:
        return self._query(
            SHADOW,
            "SELECT * FROM c WHERE c.version = @version ORDER BY c.id",
            [{"name": "@version", "value": version}],
        )

    def alerts_of(self, customer_id: str) -> list[tuple[str, str]]:
        """The alerts on a customer's orders: id and rep of each."""
        found = self._query(
            ALERTS,
            "SELECT c.id, c.rep_id FROM c WHERE c.customer_id = @customer_id",
            [{"name": "@customer_id", "value": customer_id}],
        )
        return [(alert["id"], alert["rep_id"]) for alert in found]

    def delete_alert(self, alert_id: str, rep_id: str) -> None:
        """Delete an alert; it is fine where there is none."""
        with _translated("delete an alert"):
            database = self._connected().get_database_client(self._settings.cosmos_database)
            try:
                database.get_container_client(ALERTS).delete_item(alert_id, rep_id)
            except HttpResponseError as error:
                if error.status_code != _MISSING:
                    raise

    def _query(
        self, container: str, query: str, parameters: list[dict[str, Any]] | None = None
    ) -> list[dict[str, Any]]:
        with _translated(f"read {container}"):
            database = self._connected().get_database_client(self._settings.cosmos_database)
            found = database.get_container_client(container).query_items(
                query, parameters=parameters, enable_cross_partition_query=True
            )
            return [
                {name: value for name, value in document.items() if not name.startswith("_")}
                for document in found
            ]

    def _connected(self) -> SyncCosmosClient:
        if self._client is None:
            key = self._settings.cosmos_key
            with _setting("COSMOS_ENDPOINT or COSMOS_KEY"):
                self._client = SyncCosmosClient(
                    self._settings.cosmos_endpoint,
                    key or self._identity,
                    # With a key it is an emulator: its account names no endpoint to discover.
                    enable_endpoint_discovery=not key,
                    **_COSMOS_OPTIONS,
                )
        return self._client


def _order_of_decisions(decision: Decision) -> tuple[datetime, str, str, int, str, str]:
    """By time, and then by what they are about: the same order every time they are read."""
    about = (decision.order_id, decision.rep_id, decision.revision, decision.typology or "")
    return decision.at, *about, decision.decided_by


async def load_alerts(environment: Mapping[str, str], alerts: Sequence[dict[str, Any]]) -> int:
    """Create alerts in Cosmos DB; those that are there already stay as they are.

    ``COSMOS_ENDPOINT`` names the account and ``COSMOS_DATABASE`` the database (default
    ``sheriff``); ``COSMOS_KEY`` is set for an emulator only. Returns how many are new.

    Raises:
        ConfigurationError: the account is not named, or by a key where only an identity may.
        TransientError: the store failed; loading again completes what is missing.
    """
    endpoint = environment.get("COSMOS_ENDPOINT")
    if not endpoint:
        raise ConfigurationError("--write needs COSMOS_ENDPOINT to be set")
    refuse_keys(environment, "COSMOS_KEY")
    key = environment.get("COSMOS_KEY")
    # An emulator's account names no endpoint worth discovering.
    credential: Any = key or DefaultAzureCredential()
    try:
        async with CosmosClient(
            endpoint, credential, enable_endpoint_discovery=not key, retry_write=True
        ) as client:
            database = client.get_database_client(environment.get("COSMOS_DATABASE", "sheriff"))
            container = database.get_container_client(ALERTS)
            return await _create_all(container, alerts)
    except (AzureError, OSError) as error:
        message = str(error).partition("\n")[0]
        raise TransientError(f"alerts could not be written: {message}") from error
    except ValueError as error:
        message = "COSMOS_ENDPOINT or COSMOS_KEY cannot be used"
        raise ConfigurationError(message) from error
    finally:
        if not key:
            await credential.close()


async def _create_all(container: ContainerProxy, alerts: Sequence[dict[str, Any]]) -> int:
    turn = asyncio.Semaphore(WRITES_AT_ONCE)

    async def create(alert: dict[str, Any]) -> bool:
        async with turn:
            return await _create(container, alert)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(create(alert)) for alert in alerts]
    except ExceptionGroup as error:  # the first says what the others would
        raise error.exceptions[0] from error
    return sum(task.result() for task in tasks)


async def _create(container: ContainerProxy, alert: dict[str, Any]) -> bool:
    """False where the alert exists: an analyst may have decided on it."""
    try:
        await container.create_item(alert, no_response=True)
    except HttpResponseError as error:
        if error.status_code == 409:
            return False
        raise
    return True
