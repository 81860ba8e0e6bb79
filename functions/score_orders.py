"""The Event Hub trigger. Orders come in batches, each from one partition."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any, List

import azure.functions as func

from functions import wiring
from functions.handlers import score_batch
from functions.metrics import RETRIES
from functions.trace_context import traceparent_of
from shared.errors import TransientError
from shared.order_event import OrderEvent
from shared.stream_key import StreamKey

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("score_orders")
@blueprint.event_hub_message_trigger(
    arg_name="events",
    connection="EventHubConnection",
    event_hub_name="%ORDERS_HUB%",
    consumer_group="%ORDERS_CONSUMER_GROUP%",
    cardinality=func.Cardinality.MANY,
    data_type=func.DataType.BINARY,
)
# Endless: while anything is raised, the checkpoint waits. A limit would lose the batch.
@blueprint.retry(
    strategy="exponential_backoff",
    max_retry_count="-1",
    minimum_interval="00:00:02",
    maximum_interval="00:01:00",
)
async def score_orders(events: List[func.EventHubEvent], context: func.Context) -> None:
    """Score a batch of orders; once this returns, every order is dealt with."""
    try:
        if context.retry_context.retry_count:
            wiring.telemetry().measure(RETRIES, 1)
        await score_batch(wiring.scoring_context(), stream_key(events[0]), order_events(events))
    except (asyncio.CancelledError, SystemExit) as error:
        # The runtime answers only to ordinary exceptions: these would leave the partition hanging.
        raise TransientError(f"the batch was cut short: {error!r}") from error


def stream_key(event: func.EventHubEvent) -> StreamKey:
    """Return the partition that a batch came from; its events share their metadata."""
    context: Mapping[str, Any] = (event.metadata or {}).get("PartitionContext") or {}
    partition = {name.lower(): value for name, value in context.items()}.get("partitionid")
    if partition is None:
        raise TransientError("the host does not say which partition these events are from")
    ours = wiring.settings()
    return StreamKey(ours.orders_hub, ours.orders_consumer_group, str(partition))


def order_events(events: Sequence[func.EventHubEvent]) -> list[OrderEvent]:
    """Return the events of a batch; the metadata that they share holds their properties."""
    properties = (events[0].metadata or {}).get("PropertiesArray")
    if not isinstance(properties, list) or len(properties) != len(events):
        properties = [None] * len(events)
    return [
        _event(event, traceparent_of(sent)) for event, sent in zip(events, properties, strict=True)
    ]


def _event(event: func.EventHubEvent, traceparent: str | None) -> OrderEvent:
    assert event.enqueued_time is not None
    assert event.sequence_number is not None
    return OrderEvent(
        body=event.get_body(),
        sequence_number=event.sequence_number,
        # The host leaves the zone out, and means UTC.
        enqueued_at=event.enqueued_time.replace(tzinfo=event.enqueued_time.tzinfo or UTC),
        partition_key=event.partition_key,
        offset=None if event.offset is None else str(event.offset),
        traceparent=traceparent,
    )
