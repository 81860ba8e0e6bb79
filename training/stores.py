"""What training reads from and writes to Azure."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.identity.aio import DefaultAzureCredential

from shared.errors import ConfigurationError, TransientError

WRITES_AT_ONCE = 24


async def load_alerts(environment: Mapping[str, str], alerts: Sequence[dict[str, Any]]) -> int:
    """Create alerts in Cosmos DB; those that are there already stay as they are.

    ``COSMOS_ENDPOINT`` names the account and ``COSMOS_DATABASE`` the database (default
    ``sheriff``); ``COSMOS_KEY`` is set for an emulator only. Returns how many are new.

    Raises:
        ConfigurationError: the account is not named.
        TransientError: the store failed; loading again completes what is missing.
    """
    endpoint = environment.get("COSMOS_ENDPOINT")
    if not endpoint:
        raise ConfigurationError("--write needs COSMOS_ENDPOINT to be set")
    key = environment.get("COSMOS_KEY")
    # An emulator's account names no endpoint worth discovering.
    credential: Any = key or DefaultAzureCredential()
    try:
        async with CosmosClient(
            endpoint, credential, enable_endpoint_discovery=not key, retry_write=True
        ) as client:
            database = client.get_database_client(environment.get("COSMOS_DATABASE", "sheriff"))
            container = database.get_container_client("alerts")
            return await _create_all(container, alerts)
    except (AzureError, OSError) as error:
        message = str(error).partition("\n")[0]
        raise TransientError(f"alerts could not be written: {message}") from error
    finally:
        if not key:
            await credential.close()


async def _create_all(container: ContainerProxy, alerts: Sequence[dict[str, Any]]) -> int:
    turn = asyncio.Semaphore(WRITES_AT_ONCE)

    async def create(alert: dict[str, Any]) -> bool:
        async with turn:
            return await _create(container, alert)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(create(alert)) for alert in alerts]
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
