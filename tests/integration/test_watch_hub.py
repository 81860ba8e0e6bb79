"""Looking at a real local hub from outside the trigger, beside a real Cosmos DB emulator."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from functions import hub as command
from functions.hub import OrdersHub
from functions.progress import Committed
from functions.settings import Settings
from functions.stores import CosmosStates
from functions.watch_stores import CosmosWatch
from functions.watching import Watcher, told
from infra.local import resources, services
from infra.local.eventhubs import Emulator, HubSpec, amqp, frames
from infra.local.eventhubs.messages import Message
from shared.errors import TransientError, WriteConflict
from shared.stores.aio.cosmos import Cosmos
from shared.stores.settings import HubSettings
from shared.stream import StreamState
from shared.stream_key import StreamKey
from tests.unit.functions.world import FakeTelemetry

GROUP = "scorer"
EVENT = Message(None, (), amqp.described(frames.DATA, amqp.binary(b"{}")))


def environ(cosmos: str, database: str, port: int = 1) -> dict[str, str]:
    return {
        "SHERIFF_LOCAL": "on",
        "ORDERS_HUB": "orders",
        "ORDERS_CONSUMER_GROUP": GROUP,
        "COSMOS_ENDPOINT": cosmos,
        "COSMOS_KEY": "bG9jYWw=",
        "COSMOS_DATABASE": database,
        "BLOB_ACCOUNT_URL": "http://127.0.0.1:1",
        "EventHubConnection": services.event_hub_connection(port),
    }


class World:
    """A hub that can be made anew, and the documents of whoever reads it."""

    def __init__(self, folder: Path, cosmos: Cosmos, settings: dict[str, str]) -> None:
        self.folder, self.settings = folder, settings
        self.states, self.store = CosmosStates(cosmos), CosmosWatch(cosmos)
        self.emulator = self._opened()
        self.heard = FakeTelemetry()

    def _opened(self) -> Emulator:
        return Emulator([HubSpec("orders", 2, (GROUP,))], directory=self.folder)

    async def send(self, partition: int, number: int) -> None:
        log = self.emulator.hubs["orders"].partitions[partition].log
        log.append([EVENT] * number, time.time_ns() // 1_000_000)

    async def restart(self, *, anew: bool = False) -> None:
        await self.emulator.stop()
        if anew:
            for log in self.folder.glob("orders.*.log"):
                log.unlink()
        self.emulator = self._opened()
        await self.emulator.start()
        if anew:  # nobody makes a hub anew within a second
            self.emulator.hubs["orders"].created_ms += 5_000

    async def commit(self, partition: int, number: int) -> None:
        key = StreamKey("orders", GROUP, str(partition))
        state, version = await self.states.read(key)
        moved = replace(state, sequence_number=number, enqueued_at=datetime.now(UTC))
        await self.states.write(key, moved, version)

    def watcher(self, minutes: int = 0) -> Watcher:
        settings = HubSettings.from_environ(
            self.settings
            | {"EventHubConnection": services.event_hub_connection(self.emulator.port)}
        )
        reader = OrdersHub(settings, GROUP)
        now = datetime.now(UTC) + timedelta(minutes=minutes)
        return Watcher("orders", GROUP, self.store, reader, self.store, self.heard, lambda: now)


@pytest.fixture
async def world(cosmos: str, unique_name: str, tmp_path: Path) -> AsyncIterator[World]:
    resources.make_cosmos_containers(cosmos, "bG9jYWw=", unique_name)
    settings = environ(cosmos, unique_name)
    documents = Cosmos(Settings.from_environ(settings).cosmos)
    made = World(tmp_path, documents, settings)
    await made.emulator.start()
    yield made
    await made.emulator.stop()
    await documents.close()


async def test_a_look_says_how_far_each_partition_is_read_and_is_remembered(world: World) -> None:
    await world.send(0, 10)
    await world.commit(0, 6)
    seen = await world.watcher().look()
    partitions = told(seen)["partitions"]
    assert [partitions[one]["behind_events"] for one in ("0", "1")] == [3, 0]
    assert seen.made_anew is None
    known, version = await world.watcher().known()
    assert (known, version is not None) == (seen, True)
    assert world.heard.of("sheriff.partition.lag") == [(3, "0"), (0, "1")]


async def test_only_this_groups_state_documents_count_and_not_what_was_seen(world: World) -> None:
    await world.commit(0, 6)
    other = StreamKey("orders", "somebody-else", "0")
    await world.states.write(other, replace(StreamState(), sequence_number=99), None)
    await world.watcher().look()
    found = await world.store.states("orders", GROUP)
    assert [(one.partition_id, one.sequence_number) for one in found] == [("0", 6)]
    assert isinstance(found[0], Committed)


async def test_a_partition_that_stands_still_is_seen_after_some_looks(world: World) -> None:
    await world.send(1, 5)
    await world.commit(1, 2)
    seen = [await world.watcher(minutes).look() for minutes in range(6)]
    assert [one.stalled for one in seen] == [()] * 5 + [("1",)]


async def test_a_restart_of_the_hub_is_no_new_hub(world: World) -> None:
    await world.send(0, 10)
    await world.commit(0, 9)
    await world.watcher().look()
    await world.restart()
    await world.send(0, 5)
    assert (await world.watcher().look()).made_anew is None


@pytest.mark.parametrize("events", [30, 100, 150])
@pytest.mark.parametrize("looked_before", [True, False])
async def test_a_hub_made_anew_is_told_with_fewer_as_many_or_more_events_than_were_read(
    world: World, events: int, looked_before: bool
) -> None:
    await world.send(0, 100)
    await world.commit(0, 99)
    if looked_before:
        assert (await world.watcher().look()).made_anew is None
    await world.restart(anew=True)
    await world.send(0, events)
    seen = await world.watcher().look()
    assert seen.made_anew is not None
    assert seen.partitions["0"].behind_events == events
    assert world.heard.of("sheriff.hub.anew")[-1] == (1, "")


async def test_the_alarm_outlasts_the_trace_of_its_cause_until_it_is_acknowledged(
    world: World,
) -> None:
    await world.send(0, 100)
    await world.commit(0, 99)
    await world.watcher().look()
    await world.restart(anew=True)
    await world.send(0, 150)
    await world.watcher().look()
    await world.commit(0, 149)  # the trigger went on at 100: 100 orders were passed over
    assert (await world.watcher().look()).made_anew is not None
    await world.watcher().acknowledge()
    assert (await world.watcher().look()).made_anew is None


async def test_of_two_who_look_at_once_one_is_kept(world: World) -> None:
    await asyncio.gather(*(world.watcher().look() for _ in range(4)))
    known, version = await world.watcher().known()
    assert known is not None
    with pytest.raises(WriteConflict):
        await world.store.write("orders", GROUP, known, None)
    with pytest.raises(WriteConflict):
        await world.store.write("orders", GROUP, known, f"{version}-old")


@pytest.mark.parametrize("hub", ["orders", "nothing"])
async def test_a_hub_that_does_not_answer_is_one_clear_error_and_soon(
    world: World, hub: str
) -> None:
    if hub == "orders":
        await world.emulator.stop()
    settings = HubSettings(hub, services.event_hub_connection(world.emulator.port), None)
    with pytest.raises(TransientError, match=r"^look at the hub: \w+$"):
        await OrdersHub(settings, GROUP).look()


async def test_the_command_tells_and_acknowledges(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = world.emulator.port
    for name, value in (
        world.settings | {"EventHubConnection": services.event_hub_connection(port)}
    ).items():
        monkeypatch.setenv(name, value)

    async def run(*arguments: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(command.main, arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    code, out, _ = await run("acknowledge")
    assert (code, "nobody has looked" in out) == (0, True)
    await world.commit(0, 99)
    code, out, err = await run("look")
    assert (code, err) == (0, "")
    assert "the hub's last one is -1" in json.loads(out)["made_anew"]["why"]
    assert (await world.watcher().known()) == (None, None)  # looking changed nothing
    await world.watcher().look()
    code, out, _ = await run("acknowledge")
    assert (code, out.startswith("acknowledged: the hub created at 20")) == (0, True)
    assert (await world.watcher().look()).made_anew is None
    await world.emulator.stop()
    code, out, err = await run("look")
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
