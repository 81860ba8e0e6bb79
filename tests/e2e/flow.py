"""Orders through a running stack, and its books: all seen from outside, in its hub and stores.

What a test compares is always the producer's own list with what the stores hold.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psutil
from azure.core.exceptions import AzureError
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.exceptions import EventHubError
from azure.storage.blob.aio import BlobServiceClient

from infra.local.services import ORDERS_PARTITIONS
from infra.local.stack import Stack
from shared.formats import utc_time
from shared.order import Order, parse_order
from shared.stream import StreamState
from shared.uses import Admission
from tests.e2e.company import by_id
from tests.patience import PATIENCE

"""For anything to happen; far more than it takes, for machines that are busy."""

PARTITIONS = tuple(map(str, range(ORDERS_PARTITIONS)))

type Place = tuple[int, datetime]
"""Sequence number and enqueued time (aware UTC) of an event."""

NOWHERE: Place = (-1, datetime.min.replace(tzinfo=UTC))

NOT_COMPARED = ("scored_at", "revisited_at", "event", "incident_id")
"""What says when and where an order was scored, not what was found; incidents are numbered in the
order in which tests open them."""


async def until[T](
    what: str,
    look: Callable[[], Awaitable[T | None]],
    every: float = 0.1,
    patience: float = PATIENCE,
) -> T:
    """Look until there is something to see, for as many seconds as patience has; what was seen."""
    deadline = time.monotonic() + patience
    while True:
        if seen := await look():
            return seen
        assert time.monotonic() < deadline, f"never happened: {what}"
        await asyncio.sleep(every)


@dataclass
class Producer:
    """Sends orders one event each, the rep as its partition key, until each is acknowledged.

    As with any such producer, an order whose acknowledgement got lost is in the hub twice.
    """

    client: EventHubProducerClient
    acknowledged: int = 0

    async def send(self, orders: Iterable[bytes], a_second: float | None = None) -> None:
        """Send orders in their order, at most so many `a_second`."""
        for body in orders:
            await self.send_as(body, json.loads(body)["rep_id"])
            if a_second:
                await asyncio.sleep(1 / a_second)

    async def send_as(self, body: bytes, key: str) -> None:
        """Send one event with a key of its own."""

        async def sent() -> bool:
            try:
                await self.client.send_event(EventData(body), partition_key=key)
            except EventHubError:
                return False
            self.acknowledged += 1
            return True

        await until("the hub takes an order", sent)

    async def progressed(self, orders: int) -> None:
        """Wait until so many more orders are acknowledged."""
        goal = self.acknowledged + orders

        async def reached() -> bool:
            return self.acknowledged >= goal

        await until(f"{orders} more orders are sent", reached, every=0.01)

    async def ends(self) -> dict[str, Place]:
        """The last event of each partition that holds any."""
        ids = await self.client.get_partition_ids()
        found = await asyncio.gather(*map(self.client.get_partition_properties, ids))
        return {
            one["id"]: (
                one["last_enqueued_sequence_number"],
                one["last_enqueued_time_utc"].replace(tzinfo=UTC),
            )
            for one in found
            if not one["is_empty"]
        }


@dataclass(frozen=True)
class Counts:
    """What became of events, by the state documents; the sum over the partitions."""

    scored: int = 0
    dead_lettered: int = 0
    duplicates: int = 0
    stale: int = 0

    def __sub__(self, before: Counts) -> Counts:
        return Counts(
            self.scored - before.scored,
            self.dead_lettered - before.dead_lettered,
            self.duplicates - before.duplicates,
            self.stale - before.stale,
        )


def counted(states: Iterable[StreamState]) -> Counts:
    """The sum of the states' counts."""
    every = list(states)
    return Counts(
        sum(state.orders_scored for state in every),
        sum(state.dead_lettered for state in every),
        sum(state.duplicates for state in every),
        sum(state.stale for state in every),
    )


@dataclass(frozen=True)
class Stores:
    """Reads what the stack has written."""

    cosmos: CosmosClient
    database: str
    blobs: BlobServiceClient

    def _container(self, name: str) -> ContainerProxy:
        return self.cosmos.get_database_client(self.database).get_container_client(name)

    async def states(self) -> dict[str, StreamState]:
        """The state documents by partition."""
        documents = self._container("state").query_items(
            "SELECT * FROM c WHERE NOT IS_DEFINED(c.kind)"
        )
        return {
            document["partition_id"]: StreamState.from_document(document)
            async for document in documents
        }

    async def places(self) -> dict[str, Place]:
        """How far each partition is committed."""
        query = (
            "SELECT c.partition_id, c.sequence_number, c.enqueued_at FROM c"
            " WHERE NOT IS_DEFINED(c.kind)"
        )
        return {
            state["partition_id"]: (state["sequence_number"], utc_time(state["enqueued_at"]))
            async for state in self._container("state").query_items(query)
            if state["enqueued_at"]
        }

    async def uncommitted(self, partitions: Iterable[str] = PARTITIONS) -> list[str]:
        """Ids of alerts that are written while the state that says so is not."""
        places = await self.places()
        beyond = " OR ".join(
            f"(c.event.partition_id = '{partition}' AND c.event.sequence_number > {place})"
            for partition in partitions
            for place, _ in [places.get(partition, NOWHERE)]
        )
        found = self._container("alerts").query_items(f"SELECT c.id FROM c WHERE {beyond}")
        return [alert["id"] async for alert in found]

    async def alerts(self) -> dict[str, dict[str, Any]]:
        """The alerts by id, without the store's own fields."""
        documents = self._container("alerts").query_items("SELECT * FROM c")
        return by_id([
            {name: value for name, value in document.items() if not name.startswith("_")}
            async for document in documents
        ])  # fmt: skip

    async def incidents(self) -> list[dict[str, Any]]:
        """The incidents, in the order in which they were opened."""
        found = self._container("incidents").query_items("SELECT * FROM c ORDER BY c.id")
        return [
            {name: value for name, value in document.items() if not name.startswith("_")}
            async for document in found
        ]

    async def dead_letters(self) -> dict[str, dict[str, Any]]:
        """The dead letters by the name of their blob."""
        container = self.blobs.get_container_client("dead-letters")
        letters = {}
        async for name in container.list_blob_names():
            blob = await container.download_blob(name)
            letters[name] = json.loads(await blob.readall())
        return letters

    async def owners(self) -> dict[str, str]:
        """Which host owns each partition, by the host's own id."""
        container = self.blobs.get_container_client("azure-webjobs-eventhub")
        return {
            blob.name.rpartition("/")[2]: blob.metadata["ownerid"]
            async for blob in container.list_blobs(include=["metadata"])
            if "/ownership/" in blob.name and blob.metadata["ownerid"]
        }

    async def forget_checkpoints(self) -> None:
        """Delete the host's checkpoints, as an operator does who makes a hub anew."""
        container = self.blobs.get_container_client("azure-webjobs-eventhub")
        async for name in container.list_blob_names():
            await container.delete_blob(name)


def body_of(letter: dict[str, Any]) -> bytes:
    """The event that a dead letter keeps."""
    return base64.b64decode(letter["body"])


@dataclass
class Flow:
    """A stack, a producer for it, and the books as they were before the test."""

    stack: Stack
    producer: Producer
    stores: Stores
    counts_before: Counts = field(default_factory=Counts)
    letters_before: frozenset[str] = frozenset()

    async def open_books(self) -> None:
        """Count from here."""
        self.counts_before = counted((await self.stores.states()).values())
        self.letters_before = frozenset(await self.stores.dead_letters())

    async def counts(self) -> Counts:
        """What became of events so far, since the books were opened."""
        return counted((await self.stores.states()).values()) - self.counts_before

    async def settled(self) -> Counts:
        """Wait until every event in the hub is committed; what became of those since the start.

        Nothing can be counted after that: the state documents stand at the ends of the log.
        """
        ends = await self.producer.ends()

        async def caught_up() -> bool:
            try:
                places = await self.stores.places()
            except (AzureError, OSError):
                return False  # a server is away
            return all(places.get(partition) == end for partition, end in ends.items())

        await until("every event is committed", caught_up)
        return await self.counts()

    async def new_letters(self) -> list[dict[str, Any]]:
        """The dead letters since the books were opened."""
        letters = await self.stores.dead_letters()
        return [letters[name] for name in letters.keys() - self.letters_before]

    async def check(
        self,
        orders: Sequence[bytes],
        expected: dict[str, dict[str, Any]],
        poison: Sequence[bytes] = (),
    ) -> Counts:
        """Hold the producer's list against the books, once settled; the counts.

        Every order of the list is scored or set aside, once; the alerts are the `expected` ones,
        by id and in all they say, `NOT_COMPARED` excepted.
        """
        counts = await self.settled()
        parsed = [parse_order(body) for body in orders]
        assert counts.scored == len({(order.order_id, order.revision) for order in parsed})
        states = (await self.stores.states()).values()
        lost = [
            order.order_id
            for order in parsed
            if not any(_remembers(state, order) for state in states)
        ]
        assert lost == []
        assert counts.dead_lettered == len(poison)
        bodies = [body_of(letter) for letter in await self.new_letters()]
        assert Counter(bodies) == Counter(poison)
        mine = {order.order_id for order in parsed}
        found = {k: v for k, v in (await self.stores.alerts()).items() if v["order_id"] in mine}
        assert found.keys() == expected.keys()
        for name, alert in found.items():
            assert _comparable(alert) == _comparable(expected[name])
        return counts

    async def frozen_mid_batch(self, host: str, partitions: Iterable[str] = PARTITIONS) -> None:
        """Freeze a host while it is between the first write and the commit of a batch.

        It owns these partitions. What is frozen (SIGSTOP) can be looked at in peace, and killed.
        """
        pid = self.stack.pid(host)
        assert pid is not None
        process = psutil.Process(pid)

        async def caught() -> bool:
            if not await self.stores.uncommitted(partitions):
                return False
            process.suspend()
            if await self.stores.uncommitted(partitions):
                return True
            process.resume()
            return False

        await until(f"{host} is in the middle of a batch", caught, every=0.01)


def _remembers(state: StreamState, order: Order) -> bool:
    return state.recent.judge(order).admission is not Admission.SCORE


def _comparable(alert: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in alert.items() if name not in NOT_COMPARED}
    return kept | {"in an incident": "incident_id" in alert, "revisited": "revisited_at" in alert}


@asynccontextmanager
async def opened(stack: Stack) -> AsyncIterator[Flow]:
    """A flow through a running stack."""
    settings = stack.settings()
    producer = EventHubProducerClient.from_connection_string(
        settings["EventHubConnection"], eventhub_name=settings["ORDERS_HUB"]
    )
    cosmos = CosmosClient(
        settings["COSMOS_ENDPOINT"], settings["COSMOS_KEY"], enable_endpoint_discovery=False
    )
    blobs = BlobServiceClient.from_connection_string(settings["BLOB_CONNECTION"])
    async with AsyncExitStack() as clients:
        await clients.enter_async_context(producer)
        await clients.enter_async_context(cosmos)
        await clients.enter_async_context(blobs)
        stores = Stores(cosmos, settings["COSMOS_DATABASE"], blobs)
        flow = Flow(stack, Producer(producer), stores)
        await flow.open_books()
        yield flow
