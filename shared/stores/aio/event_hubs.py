"""Event Hubs for async callers: sending orders, and asking a hub about itself."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient
from azure.eventhub.exceptions import EventHubError

from shared.errors import TransientError
from shared.stores.aio.credential import Credential, credential
from shared.stores.error_translation import named_setting, translated
from shared.stores.settings import HubSettings

_LOOK_SECONDS = 20.0  # for the whole look: each answer comes over a link of its own
_ASKED_AT_ONCE = 8
_LOOK_OPTIONS: dict[str, Any] = {
    "retry_total": 1,
    "retry_backoff_factor": 0.2,
    "auth_timeout": 10,
}

type Properties = Mapping[str, Any]
"""The service's answer about a hub or a partition, by the SDK's names."""


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    """Turn what the SDK raises into our errors: EventHubError is not an AzureError."""
    with translated(doing):
        try:
            yield
        except EventHubError as error:
            raise TransientError(f"{doing}: {type(error).__name__}") from error


class HubSender:
    """The orders' hub, to send to."""

    def __init__(self, settings: HubSettings) -> None:
        self._identity: Credential | None = None
        hub = settings.orders_hub
        if settings.connection is not None:
            with named_setting("EventHubConnection", "a connection string"):
                self._producer = EventHubProducerClient.from_connection_string(
                    settings.connection, eventhub_name=hub
                )
        else:
            assert settings.namespace is not None  # HubSettings has the one or the other
            self._identity = credential(settings.identity)
            self._producer = EventHubProducerClient(settings.namespace, hub, self._identity)

    async def send(self, body: bytes, partition_key: str | None) -> None:
        """Send one event.

        Raises:
            TransientError: the hub did not take it.
        """
        with _translated("send to the hub"):
            await self._producer.send_batch([EventData(body)], partition_key=partition_key)

    async def partitions(self) -> int:
        """Return how many partitions the hub has.

        Raises:
            TransientError: the hub does not answer.
        """
        with _translated("ask the hub for its partitions"):
            return len(await self._producer.get_partition_ids())

    async def send_in_order(self, partition: int, bodies: Sequence[bytes]) -> None:
        """Send events to one partition in their order, in as few batches as they fit.

        Raises:
            TransientError: the hub did not take all of them.
        """
        with _translated("send to the hub"):
            batch = await self._producer.create_batch(partition_id=str(partition))
            for body in bodies:
                event = EventData(body)
                try:
                    batch.add(event)
                except ValueError:  # full; an order is at most 64 KiB, so an empty batch takes it
                    await self._producer.send_batch(batch)
                    batch = await self._producer.create_batch(partition_id=str(partition))
                    batch.add(event)
            await self._producer.send_batch(batch)

    async def close(self) -> None:
        """Give the connection back."""
        await self._producer.close()
        if self._identity is not None:
            await self._identity.close()


class HubReader:
    """The orders' hub as one consumer group sees it, to ask about itself.

    The role Azure Event Hubs Data Receiver, which the trigger needs, is enough.
    """

    def __init__(self, settings: HubSettings, consumer_group: str) -> None:
        self._settings = settings
        self._group = consumer_group

    async def properties(self) -> tuple[Properties, list[Properties]]:
        """Return what the hub says of itself and of each of its partitions.

        Raises:
            TransientError: it does not answer, it does not exist, or it may not be asked.
        """
        with _translated("look at the hub"):
            async with asyncio.timeout(_LOOK_SECONDS), self._client() as client:
                hub: Properties = await client.get_eventhub_properties()
                return hub, await _of_partitions(client, hub["partition_ids"])

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[EventHubConsumerClient]:
        """Open a client for one look: at one look a minute a kept connection would go stale."""
        ours, group = self._settings, self._group
        if ours.connection is not None:
            with named_setting("EventHubConnection", "a connection string"):
                client = EventHubConsumerClient.from_connection_string(
                    ours.connection, group, eventhub_name=ours.orders_hub, **_LOOK_OPTIONS
                )
            async with client:
                yield client
            return
        assert ours.namespace is not None  # HubSettings has the one or the other
        async with (
            credential(ours.identity) as identity,
            EventHubConsumerClient(
                ours.namespace, ours.orders_hub, group, identity, **_LOOK_OPTIONS
            ) as client,
        ):
            yield client


async def _of_partitions(
    client: EventHubConsumerClient, partitions: Sequence[str]
) -> list[Properties]:
    turn = asyncio.Semaphore(_ASKED_AT_ONCE)

    async def ask(partition: str) -> Properties:
        async with turn:
            answer: Properties = await client.get_partition_properties(partition)
            return answer

    return await asyncio.gather(*map(ask, partitions))
