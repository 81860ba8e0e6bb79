"""A batch of the Event Hub trigger reaches the handler as it was sent."""

import asyncio
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest
from azure.functions.eventhub import EventHubTriggerConverter
from azure.functions.meta import Datum

from functions import score_orders as trigger
from functions import wiring
from shared.errors import TransientError
from shared.order_event import OrderEvent
from shared.stream_key import StreamKey
from tests.unit.functions.world import FakeTelemetry

FIRST_RUN = SimpleNamespace(retry_context=SimpleNamespace(retry_count=0, max_retry_count=-1))


FOURTH_RUN = SimpleNamespace(retry_context=SimpleNamespace(retry_count=3, max_retry_count=-1))


def delivered(
    partition: str = "3", naive: bool = True, properties: Any = None
) -> list[func.EventHubEvent]:
    """Two events as the host hands them over."""
    at = "2026-03-01T12:00:00.123" + ("" if naive else "Z")
    system = [
        {"SequenceNumber": n, "Offset": str(n * 96), "PartitionKey": key, "EnqueuedTimeUtc": at}
        for n, key in ((7, "Annie Corns"), (8, None))
    ]
    metadata = {
        "SystemPropertiesArray": Datum(json.dumps(system), "json"),
        "PartitionContext": Datum(json.dumps({"PartitionId": partition}), "json"),
    }
    if properties is not None:
        metadata["PropertiesArray"] = Datum(json.dumps(properties), "json")
    bodies = Datum(SimpleNamespace(bytes=[b"\xff", b"{}"]), "collection_bytes")
    events: list[func.EventHubEvent] = EventHubTriggerConverter.decode(
        bodies, trigger_metadata=metadata
    )
    return events


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the trigger hands to the handler."""
    batches: list[Any] = []

    async def score_batch(context: Any, key: StreamKey, events: list[OrderEvent]) -> None:
        batches.append((key, events))

    monkeypatch.setattr(trigger, "score_batch", score_batch)
    monkeypatch.setattr(wiring, "scoring_context", object)
    ours = SimpleNamespace(orders_hub="orders", orders_consumer_group="$Default")
    monkeypatch.setattr(wiring, "settings", lambda: ours)
    return batches


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> FakeTelemetry:
    ours = FakeTelemetry()
    monkeypatch.setattr(wiring, "telemetry", lambda: ours)
    return ours


@pytest.mark.parametrize("naive", [True, False])
async def test_a_batch_reaches_the_handler_whole_and_its_times_are_utc(
    scored: list[Any], naive: bool
) -> None:
    await trigger.score_orders(delivered(naive=naive), FIRST_RUN)
    at = datetime(2026, 3, 1, 12, 0, 0, 123000, tzinfo=UTC)
    assert scored == [
        (
            StreamKey("orders", "$Default", "3"),
            [
                OrderEvent(b"\xff", 7, at, "Annie Corns", "672"),
                OrderEvent(b"{}", 8, at, None, "768"),
            ],
        )
    ]


@pytest.mark.parametrize("cut", [asyncio.CancelledError(), SystemExit(1)])
async def test_a_batch_that_is_cut_short_is_answered_as_a_failure(
    scored: list[Any], monkeypatch: pytest.MonkeyPatch, cut: BaseException
) -> None:
    async def score_batch(*_: Any) -> None:
        raise cut

    monkeypatch.setattr(trigger, "score_batch", score_batch)
    with pytest.raises(TransientError, match="cut short"):
        await trigger.score_orders(delivered(), FIRST_RUN)


async def test_a_producers_trace_context_comes_with_its_event(scored: list[Any]) -> None:
    sent = f"00-{'a' * 32}-{'b' * 16}-01"
    properties = [{"source": "till"}, {"Diagnostic-Id": sent}]
    await trigger.score_orders(delivered(properties=properties), FIRST_RUN)
    [(_, events)] = scored
    assert [event.traceparent for event in events] == [None, sent]


@pytest.mark.parametrize("properties", [[{"traceparent": "x"}], "text", {"traceparent": "x"}])
async def test_properties_of_another_shape_cost_no_batch(
    scored: list[Any], properties: Any
) -> None:
    await trigger.score_orders(delivered(properties=properties), FIRST_RUN)
    [(_, events)] = scored
    assert [event.traceparent for event in events] == [None, None]


@pytest.mark.parametrize(("run", "retries"), [(FIRST_RUN, 0), (FOURTH_RUN, 1)])
async def test_every_run_of_a_batch_after_its_first_counts_as_a_retry(
    scored: list[Any], heard: FakeTelemetry, run: Any, retries: int
) -> None:
    await trigger.score_orders(delivered(), run)
    assert heard.total("sheriff.retries") == retries
