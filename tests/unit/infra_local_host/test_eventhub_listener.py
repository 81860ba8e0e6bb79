"""A batch is checkpointed after it ended, unless the host is stopping."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from azure.eventhub import EventData

from infra.local import services
from infra.local.host.config import EventHubOptions
from infra.local.host.eventhub import EventHubListener
from infra.local.host.functions import load_functions
from tests.patience import PATIENCE

APP = """
import asyncio
import typing
import azure.functions as func
app = func.FunctionApp()
calls, started, proceed = [], asyncio.Event(), asyncio.Event()
failures = 0

@app.event_hub_message_trigger(
    arg_name="events", event_hub_name="orders", connection="HUB", cardinality="many",
    data_type="binary",
)
@app.retry(strategy="fixed_delay", max_retry_count="2", delay_interval="{delay}")
async def score(events: typing.List[func.EventHubEvent]) -> None:
    calls.append([event.get_body() for event in events])
    started.set()
    await proceed.wait()
    if len(calls) <= failures:
        raise RuntimeError("not yet")
"""
PROPERTIES = {
    b"x-opt-sequence-number": 7,
    b"x-opt-offset": b"70",
    b"x-opt-enqueued-time": int(dt.datetime(2024, 1, 1, tzinfo=dt.UTC).timestamp() * 1000),
}


class FakePartition:
    """What the SDK passes to its callbacks; it keeps the checkpoints in memory."""

    fully_qualified_namespace, eventhub_name = "local", "orders"
    consumer_group, partition_id = "$Default", "0"

    def __init__(self) -> None:
        self.checkpoints: list[EventData] = []

    async def update_checkpoint(self, event: EventData) -> None:
        self.checkpoints.append(event)


def events(*bodies: str) -> list[EventData]:
    made = [EventData(body) for body in bodies]
    for event in made:
        event._raw_amqp_message.annotations = PROPERTIES  # as received ones have
    return made


type Make = Callable[..., EventHubListener]


@pytest.fixture
async def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Make]:
    made: list[EventHubListener] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "function_app", raising=False)
    monkeypatch.setenv("HUB", services.event_hub_connection(1))

    def make(delay: str = "00:00:00", **options: Any) -> EventHubListener:
        (tmp_path / "function_app.py").write_text(APP.format(delay=delay))
        [function] = load_functions(tmp_path)
        storage = services.blob_connection(1)
        made.append(EventHubListener(function, EventHubOptions(**options), storage, zoned=False))
        return made[0]

    yield make
    for one in made:
        await one.stop()


def app() -> SimpleNamespace:
    return sys.modules["function_app"]  # type: ignore[return-value]


async def test_the_last_event_is_checkpointed_after_the_call_ended(listener: Make) -> None:
    host, partition, batch = listener(), FakePartition(), events("a", "b")
    receiving = asyncio.create_task(host._received(partition, batch))
    await app().started.wait()
    assert partition.checkpoints == []
    app().proceed.set()
    await receiving
    assert partition.checkpoints == [batch[-1]]
    assert app().calls == [[b"a", b"b"]]


async def test_a_batch_that_failed_for_good_is_checkpointed_too(listener: Make) -> None:
    host, partition, batch = listener(), FakePartition(), events("a")
    app().failures = 99
    app().proceed.set()
    await host._received(partition, batch)
    assert (len(app().calls), partition.checkpoints) == (3, batch)


async def test_a_checkpoint_may_follow_every_few_batches_only(listener: Make) -> None:
    host, partition = listener(batch_checkpoint_frequency=2), FakePartition()
    app().proceed.set()
    batches = [events(name) for name in "abcd"]
    for batch in batches:
        await host._received(partition, batch)
    assert partition.checkpoints == [batches[1][0], batches[3][0]]


async def test_a_lost_partition_s_batch_ends_undisturbed_and_writes_its_checkpoint(
    listener: Make,
) -> None:
    host, partition, batch = listener(), FakePartition(), events("a")
    receiving = asyncio.create_task(host._received(partition, batch))
    await app().started.wait()
    receiving.cancel()  # as the SDK does when another host took the partition
    with pytest.raises(asyncio.CancelledError):
        await receiving
    app().proceed.set()
    await ended(host)
    assert (len(app().calls), partition.checkpoints) == (1, batch)


async def test_a_lost_partition_s_batch_is_tried_again_until_it_ends(listener: Make) -> None:
    host, partition, batch = listener(), FakePartition(), events("a")
    app().failures = 2
    receiving = asyncio.create_task(host._received(partition, batch))
    await app().started.wait()
    receiving.cancel()
    app().proceed.set()
    await ended(host)
    assert (len(app().calls), partition.checkpoints) == (3, batch)


async def ended(host: EventHubListener) -> None:
    """Wait for the batches that run, not stopping anything."""
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*host._running)


async def test_a_batch_that_ends_well_after_the_stop_began_gets_no_checkpoint(
    listener: Make,
) -> None:
    host, partition = listener(), FakePartition()
    receiving = asyncio.create_task(host._received(partition, events("a")))
    await app().started.wait()
    stopping = asyncio.create_task(host.stop())
    await asyncio.sleep(0)  # the stop has begun
    app().proceed.set()
    await stopping
    await receiving
    assert (len(app().calls), partition.checkpoints) == (1, [])


async def test_a_batch_that_waits_for_its_turn_is_not_begun_once_the_host_stops(
    listener: Make,
) -> None:
    host, partition = listener(), FakePartition()
    first = asyncio.create_task(host._received(partition, events("a")))
    await app().started.wait()
    second = asyncio.create_task(host._received(partition, events("b")))
    await asyncio.sleep(0)
    stopping = asyncio.create_task(host.stop())
    await asyncio.sleep(0)
    app().proceed.set()
    await asyncio.gather(stopping, first, second)
    assert (len(app().calls), partition.checkpoints) == (1, [])


async def test_a_stop_breaks_off_retries_without_a_checkpoint(listener: Make) -> None:
    host, partition = listener(delay="01:00:00"), FakePartition()
    app().failures = 99
    app().proceed.set()
    receiving = asyncio.create_task(host._received(partition, events("a")))
    await app().started.wait()
    await host.stop()
    await receiving
    assert (len(app().calls), partition.checkpoints) == (1, [])


async def test_a_partition_that_came_back_waits_for_its_old_batch(listener: Make) -> None:
    host, partition = listener(), FakePartition()
    lost = asyncio.create_task(host._received(partition, events("a")))
    await app().started.wait()
    lost.cancel()
    again = asyncio.create_task(host._received(partition, events("a")))
    await asyncio.sleep(0)  # it runs as far as it can
    assert len(app().calls) == 1
    app().proceed.set()
    await again
    assert (len(app().calls), len(partition.checkpoints)) == (2, 2)
