"""The Event Hub trigger: one batch of a partition at a time, and a checkpoint after it.

It behaves as the Event Hubs extension does (seen in its runs, and read in its rules):

- The host writes a checkpoint after an invocation, whether that succeeded or failed for good.
- It writes no checkpoint if the invocation ends after a stop began. So after each stop, deployment
  and scale-in, the next host gets the running batches once more.
- A host that loses a partition hears of it only when its batch has ended. Until then it goes on
  beside the new owner, with retries. Then it writes its checkpoint, even over a later one.

Here a stop ends retries at once, as a plain stop in Azure does. In drain mode Azure keeps retrying
until the host is killed.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import os
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, PartitionContext
from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore

from infra.local.host import datums
from infra.local.host.config import EventHubOptions, InitialOffset, expand, setting
from infra.local.host.errors import HostError
from infra.local.host.functions import Function

log = logging.getLogger("host")

CHECKPOINT_CONTAINER = "azure-webjobs-eventhub"
_STOP_LIMIT_SECONDS = 30


@dataclass
class _Delivery:
    """A batch on its way through the function; setting `halt` ends its retries."""

    halt: asyncio.Event = field(default_factory=asyncio.Event)


class BatchCache:
    """Keeps a partition's events until there are `minimum`, or the oldest is `wait` seconds old."""

    def __init__(self, minimum: int, maximum: int, wait: float) -> None:
        self._minimum, self._maximum, self._wait = minimum, maximum, wait
        self._held: dict[str, tuple[float, list[EventData]]] = {}

    def add(self, partition: str, events: list[EventData], now: float) -> list[EventData]:
        """Add `events`; return the batch that is due at `now` (seconds, any clock), else []."""
        since, held = self._held.pop(partition, (now, []))
        held = held + events
        due = len(held) >= self._minimum or now - since >= self._wait
        rest = held[self._maximum :] if due else held
        if rest:
            self._held[partition] = (now if due else since, rest)
        return held[: self._maximum] if due else []

    def drop(self, partition: str) -> None:
        """Forget a partition's events: its next owner reads them again from the checkpoint."""
        self._held.pop(partition, None)


class EventHubListener:
    """Runs one function on the events of its hub, on the partitions this host owns."""

    def __init__(self, function: Function, options: EventHubOptions, storage: str, zoned: bool):
        self.function, self.options, self.zoned = function, options, zoned
        trigger = function.trigger
        # The runtime's enums have their wire value in `value`, but enums of data types in `name`.
        self.many = _member(trigger.get("cardinality"), "value", "one") == "many"
        self.binary = _member(trigger.get("dataType"), "name", "") == "binary"
        self._cache = BatchCache(
            options.min_event_batch_size, options.max_event_batch_size, options.max_wait_time
        )
        self._since_checkpoint: defaultdict[str, int] = defaultdict(int)  # batches
        self._order: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._running: dict[asyncio.Task[None], _Delivery] = {}
        self._draining = False
        self._store = BlobCheckpointStore.from_connection_string(storage, CHECKPOINT_CONTAINER)
        self._client = self._connect()
        self._task: asyncio.Task[None] | None = None

    def _connect(self) -> EventHubConsumerClient:
        trigger, options, name = self.function.trigger, self.options, self.function.name
        try:
            return EventHubConsumerClient.from_connection_string(
                setting(trigger["connection"], f"connection of {name}"),
                consumer_group=expand(trigger.get("consumerGroup") or "$Default", name),
                eventhub_name=expand(trigger["eventHubName"], f"hub of {name}"),
                checkpoint_store=self._store,
                load_balancing_interval=options.load_balancing_update_interval,
                partition_ownership_expiration_interval=(
                    options.partition_ownership_expiration_interval
                ),
            )
        except ValueError as error:
            raise HostError(f"{name}: setting {trigger['connection']}: {error}") from None

    async def start(self) -> asyncio.Task[None]:
        """Begin to receive; the task ends only by `stop`, or if receiving is impossible."""
        # With a minimum, the SDK must also call when nothing came: the oldest event may be due.
        beat = (
            min(1.0, self.options.max_wait_time) if self.options.min_event_batch_size > 1 else None
        )
        self._task = asyncio.create_task(
            self._client.receive_batch(
                self._received,
                on_error=self._failed,
                on_partition_close=self._closed,
                starting_position=_start(self.options.initial_offset_options),
                max_batch_size=self.options.max_event_batch_size,
                prefetch=self.options.prefetch_count,
                max_wait_time=beat,
            )
        )
        return self._task

    async def stop(self) -> None:
        """Take no more batches, and wait for the running ones; they get no checkpoint."""
        self._draining = True
        for delivery in self._running.values():
            delivery.halt.set()
        if self._running:
            _, late = await asyncio.wait(set(self._running), timeout=_STOP_LIMIT_SECONDS)
            for task in late:
                log.warning("%s: a batch was cut off; it comes again", self.function.name)
                task.cancel()
        await self._client.close()
        if self._task:
            self._task.cancel()
        await self._store.close()

    async def _received(self, context: PartitionContext, events: list[EventData]) -> None:
        if self._draining:
            await asyncio.Event().wait()  # until the closing client cancels this
        batch = self._cache.add(context.partition_id, events, time.monotonic())
        if not batch:
            return
        delivery = _Delivery()
        task = asyncio.create_task(self._process(context, batch, delivery))
        self._running[task] = delivery
        task.add_done_callback(self._running.pop)
        # The SDK cancels this when the partition is lost or the client closes. The batch goes on.
        await asyncio.shield(task)

    async def _process(
        self, context: PartitionContext, events: list[EventData], delivery: _Delivery
    ) -> None:
        """Process a batch, after the one before it: a lost partition may come back meanwhile."""
        partition = context.partition_id
        async with self._order[partition]:
            if self._draining:
                return
            final = await self._invoke(context, events, delivery.halt)
            if not final or self._draining:
                return
            self._since_checkpoint[partition] += 1
            if self._since_checkpoint[partition] >= self.options.batch_checkpoint_frequency:
                await context.update_checkpoint(events[-1])
                self._since_checkpoint[partition] = 0

    async def _invoke(
        self, context: PartitionContext, events: list[EventData], halt: asyncio.Event
    ) -> bool:
        """Return whether every event is done with: it succeeded, or failed for good."""
        where = datums.json_datum(
            {
                "FullyQualifiedNamespace": context.fully_qualified_namespace,
                "EventHubName": context.eventhub_name,
                "ConsumerGroup": context.consumer_group,
                "PartitionId": context.partition_id,
            }
        )
        if self.many:
            value, metadata = datums.event_batch(events, where, self.binary, self.zoned)
            return (await self.function.invoke(value, metadata, halt)).final
        for event in events:
            value, metadata = datums.single_event(event, where, self.binary, self.zoned)
            if halt.is_set() or not (await self.function.invoke(value, metadata, halt)).final:
                return False
        return True

    async def _failed(self, context: PartitionContext | None, error: Exception) -> None:
        where = f"partition {context.partition_id}" if context else "load balancing"
        text = (str(error) or repr(error)).splitlines()[0]
        log.warning("%s: %s: %s", self.function.name, where, text)

    async def _closed(self, context: PartitionContext, _reason: object) -> None:
        self._cache.drop(context.partition_id)
        self._since_checkpoint.pop(context.partition_id, None)


def _member(value: Any, attribute: str, default: str) -> str:
    return str(getattr(value, attribute, value) or default).lower()


def _start(options: InitialOffset) -> str | dt.datetime:
    """Return where the SDK starts a partition that has no checkpoint."""
    match options.type.lower():
        case "fromstart":
            return "-1"
        case "fromend":
            return "@latest"
        case "fromenqueuedtime" if options.enqueued_time_utc:
            return dt.datetime.fromisoformat(options.enqueued_time_utc)
    raise HostError(f"host.json: initialOffsetOptions: {options.type!r} cannot be used")


def zoned_times() -> bool:
    """Return whether LOCAL_HOST_ZONED_TIMES asks for enqueued times with a zone (see `datums`).

    Azure sends no zone; then azure.functions takes 0.2 ms an event to parse the time.
    """
    return os.environ.get("LOCAL_HOST_ZONED_TIMES", "").lower() in ("true", "1")
