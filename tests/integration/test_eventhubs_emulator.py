"""The Event Hubs emulator, met by the real SDK for Python, by the one for Node, and by garbage."""

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient, PartitionContext
from azure.eventhub.exceptions import EventHubError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.local import processes, services
from infra.local.eventhubs import Emulator, HubSpec, amqp, frames
from infra.local.eventhubs.frames import Limits
from infra.local.eventhubs.messages import Message
from shared.partitions import partition_for_key
from tests.patience import PATIENCE

HUB = "orders"
PARTITIONS = 4
NODE_MODULES = services.HERE / "node_modules"


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator([HubSpec(HUB, PARTITIONS, ("audit",))]) as running:
        yield running


def producer(port: int) -> EventHubProducerClient:
    return EventHubProducerClient.from_connection_string(
        services.event_hub_connection(port), eventhub_name=HUB, retry_total=0
    )


def consumer(port: int, group: str = "$Default", retry_total: int = 0) -> EventHubConsumerClient:
    return EventHubConsumerClient.from_connection_string(
        services.event_hub_connection(port),
        group,
        eventhub_name=HUB,
        retry_total=retry_total,
        load_balancing_interval=0.2,  # closing waits for it
    )


async def send(port: int, bodies: Iterable[str], **target: str) -> None:
    async with producer(port) as client:
        batch = await client.create_batch(**target)
        for body in bodies:
            batch.add(EventData(body))
        await client.send_batch(batch)


def put(emulator: Emulator, partition: str, *bodies: str) -> None:
    """Events straight into the log: quicker than a client where sending is not the question."""
    there = emulator.hubs[HUB].partition(partition)
    assert there
    for body in bodies:
        content = amqp.described(frames.DATA, amqp.binary(body.encode()))
        there.log.append([Message(None, (), content)], time.time_ns() // 1_000_000)
        time.sleep(0.002)  # times of their own, which count milliseconds
    there.wake()


class Reading:
    """What one client receives; `async with` starts and stops it."""

    def __init__(self, client: EventHubConsumerClient, **options: Any) -> None:
        self.events: list[tuple[str, EventData]] = []
        self.errors: asyncio.Queue[Exception] = asyncio.Queue()
        self._client = client
        self._options = {"starting_position": "-1", "max_wait_time": 0.2, **options}
        self._arrived = asyncio.Condition()

    async def __aenter__(self) -> "Reading":
        self._task = asyncio.create_task(
            self._client.receive_batch(self._take, on_error=self._fail, **self._options)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()
        await self._task

    async def _take(self, context: PartitionContext, events: list[EventData]) -> None:
        async with self._arrived:
            self.events += [(context.partition_id, event) for event in events]
            self._arrived.notify_all()

    async def _fail(self, _: PartitionContext, error: Exception) -> None:
        await self.errors.put(error)

    async def count(self, number: int) -> list[EventData]:
        async with asyncio.timeout(PATIENCE), self._arrived:
            await self._arrived.wait_for(lambda: len(self.events) >= number)
        return [event for _, event in self.events]

    async def error(self) -> Exception:
        return await asyncio.wait_for(self.errors.get(), PATIENCE)

    @property
    def bodies(self) -> list[str]:
        return [event.body_as_str() for _, event in self.events]


async def received(port: int, number: int, **options: Any) -> Reading:
    async with Reading(consumer(port), **options) as reading:
        await reading.count(number)
    return reading


async def test_events_arrive_once_in_order_with_their_place_and_key(emulator: Emulator) -> None:
    async with producer(emulator.port) as client:
        batch = await client.create_batch(partition_key="Annie Corns")
        for number in range(500):
            event = EventData(str(number))
            event.properties = {"number": number}
            batch.add(event)
        await client.send_batch(batch)

    reading = await received(emulator.port, 500)

    assert reading.bodies == [str(number) for number in range(500)]
    assert {partition for partition, _ in reading.events} == {
        str(partition_for_key("Annie Corns", PARTITIONS))
    }
    events = [event for _, event in reading.events]
    assert [event.sequence_number for event in events] == list(range(500))
    assert [int(event.offset) for event in events] == sorted({int(e.offset) for e in events})
    assert {event.partition_key for event in events} == {b"Annie Corns"}
    assert events[7].properties == {b"number": 7}
    assert events[0].enqueued_time.tzinfo is not None


async def test_a_single_event_of_many_frames_arrives_whole(emulator: Emulator) -> None:
    body = random.Random(1).randbytes(900_000)
    async with producer(emulator.port) as client:
        await client.send_event(EventData(body), partition_id="2")

    [event] = await (await received(emulator.port, 1)).count(1)

    assert b"".join(event.body) == body


async def test_events_sent_while_a_consumer_waits_reach_it(emulator: Emulator) -> None:
    put(emulator, "1", "old")
    async with Reading(consumer(emulator.port), partition_id="1") as reading:
        await reading.count(1)  # so its link is up
        put(emulator, "1", "new")
        await reading.count(2)

    assert reading.bodies == ["old", "new"]


async def test_a_consumer_starts_where_it_asks_to(emulator: Emulator) -> None:
    put(emulator, "0", "a", "b")
    first, second = await (await received(emulator.port, 2)).count(2)
    assert first.enqueued_time < second.enqueued_time

    async def bodies_from(position: object, inclusive: bool = False) -> list[str]:
        reading = await received(
            emulator.port,
            2 if inclusive else 1,
            starting_position=position,
            starting_position_inclusive=inclusive,
            partition_id="0",
        )
        return reading.bodies

    after = await asyncio.gather(
        bodies_from(first.offset),
        bodies_from(first.sequence_number),
        bodies_from(first.enqueued_time),
        bodies_from(first.sequence_number, inclusive=True),
    )

    assert after == [["b"], ["b"], ["b"], ["a", "b"]]


async def test_the_newest_consumer_of_an_epoch_takes_the_partition(emulator: Emulator) -> None:
    put(emulator, "0", "a")
    async with Reading(consumer(emulator.port), partition_id="0", owner_level=0) as one:
        await one.count(1)
        async with Reading(consumer(emulator.port), partition_id="0", owner_level=0) as two:
            error = await one.error()
            await two.count(1)

    assert "New receiver with epoch '0' is created" in str(error)


async def test_a_lower_epoch_is_refused_and_the_other_goes_on(emulator: Emulator) -> None:
    high = Reading(consumer(emulator.port), partition_id="0", owner_level=5)
    async with high:
        put(emulator, "0", "a")
        await high.count(1)
        async with Reading(consumer(emulator.port), partition_id="0", owner_level=4) as low:
            error = await low.error()
        put(emulator, "0", "b")
        await high.count(2)

    assert "higher epoch '5'" in str(error)
    assert high.errors.empty()


async def test_groups_read_on_their_own_whatever_the_case_of_their_names(
    emulator: Emulator,
) -> None:
    put(emulator, "0", "a")
    async with Reading(consumer(emulator.port, "AUDIT")) as reading:
        await reading.count(1)


async def test_who_asks_about_a_partition_that_is_not_there_hears_so(emulator: Emulator) -> None:
    async with producer(emulator.port) as client:
        with pytest.raises(EventHubError, match="404"):
            await client.get_partition_properties("77")


async def test_a_restart_keeps_a_hubs_created_time_and_a_new_log_has_another(
    tmp_path: Path,
) -> None:
    async def created() -> Any:
        kept = Emulator([HubSpec(HUB, 1)], directory=tmp_path)
        async with kept as emulator, producer(emulator.port) as client:
            return (await client.get_eventhub_properties())["created_at"]

    first = await created()
    assert await created() == first
    (tmp_path / f"{HUB}.0.log").unlink()
    assert await created() > first


async def test_a_message_above_the_limit_is_rejected_on_receipt_and_the_link_goes_on() -> None:
    limits = Limits(max_message=1000)
    async with Emulator([HubSpec(HUB, 1)], limits=limits) as emulator:
        async with producer(emulator.port) as client:
            await client.send_event(EventData(b"x" * 500))
            # The SDK checks a batch against the link's limit, but not what it has since learned.
            client._max_message_size_on_link = 1 << 20
            for handler in client._producers.values():
                handler._handler._link.remote_max_message_size = 1 << 20
            with pytest.raises(EventHubError, match="more than the limit of 1000"):
                await client.send_event(EventData(b"x" * 1001))
            await client.send_event(EventData(b"after"))
        reading = await received(emulator.port, 2)

    assert reading.bodies[1:] == ["after"]


async def test_a_client_learns_of_hubs_and_partitions(emulator: Emulator) -> None:
    put(emulator, "1", "a", "b")
    async with producer(emulator.port) as client:
        about = await client.get_eventhub_properties()
        full = await client.get_partition_properties("1")
        empty = await client.get_partition_properties("0")

    assert (about["eventhub_name"], about["partition_ids"]) == (HUB, ["0", "1", "2", "3"])
    assert about["created_at"].year > 2000
    assert (full["beginning_sequence_number"], full["last_enqueued_sequence_number"]) == (0, 1)
    assert not full["is_empty"]
    assert (empty["last_enqueued_sequence_number"], empty["is_empty"]) == (-1, True)


async def test_a_consumer_can_follow_the_end_of_its_partition(emulator: Emulator) -> None:
    put(emulator, "0", "a", "b", "c")
    seen: list[dict[str, Any]] = []
    done = asyncio.Event()

    async def take(context: PartitionContext, event: EventData | None) -> None:
        if event:
            seen.append(dict(context.last_enqueued_event_properties or {}))
            if len(seen) == 3:
                done.set()

    client = consumer(emulator.port)
    task = asyncio.create_task(
        client.receive(
            take,
            partition_id="0",
            starting_position="-1",
            track_last_enqueued_event_properties=True,
        )
    )
    await asyncio.wait_for(done.wait(), PATIENCE)
    await client.close()
    await task

    assert {properties["sequence_number"] for properties in seen} == {2}


# --- what comes and goes ---


class Server:
    """The emulator as a process of its own, as the stack runs it."""

    def __init__(self, folder: Path, *options: str, env: dict[str, str] | None = None) -> None:
        self.folder = folder
        self._options = options
        self._env = env or {}
        self.port = 0
        self._child: processes.Child | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "infra.local.eventhubs", f"{HUB}:{PARTITIONS}"]
        command += ["--port", str(self.port), "--dir", str(self.folder), *self._options]
        environ = {"PYTHONPATH": str(services.ROOT), **self._env}
        log = self.folder.parent / "eventhubs.log"
        self._child = processes.start("eventhubs", command, log, environ)
        self.port = self._child.port

    def kill(self) -> None:
        assert self._child
        processes.kill(self._child)

    def stop(self) -> int:
        assert self._child
        assert self._child.handle
        self._child.handle.send_signal(signal.SIGTERM)
        return self._child.handle.wait(10)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    running = Server(tmp_path / "state")
    running.start()
    yield running
    running.kill()


async def test_what_was_acknowledged_survives_the_server_being_killed(server: Server) -> None:
    acknowledged: list[str] = []
    under_way = asyncio.Event()

    async def send_until_killed() -> None:
        async with producer(server.port) as client:
            for number in range(100_000):
                await client.send_event(EventData(str(number)), partition_id="0")
                acknowledged.append(str(number))
                if number == 200:
                    under_way.set()

    sending = asyncio.create_task(send_until_killed())
    await asyncio.wait_for(under_way.wait(), PATIENCE)
    await asyncio.to_thread(server.kill)
    with pytest.raises(EventHubError):
        await sending
    with (server.folder / "orders.0.log").open("ab") as log:
        log.write(b"\x00\x00\x01\x00torn by the kill")

    server.start()
    await send(server.port, ["after"], partition_id="0")
    reading = await received(server.port, len(acknowledged) + 1)

    # The last one may have been stored without its client having heard of it.
    assert reading.bodies[: len(acknowledged)] == acknowledged
    assert reading.bodies[-1] == "after"
    assert len(reading.bodies) <= len(acknowledged) + 2


async def test_a_consumer_goes_on_by_itself_after_the_server_restarts(server: Server) -> None:
    await send(server.port, ["a"], partition_id="0")
    async with Reading(consumer(server.port, retry_total=3), partition_id="0") as reading:
        await reading.count(1)
        assert server.stop() == 0
        server.start()
        await send(server.port, ["b"], partition_id="0")
        await reading.count(2)

    assert reading.bodies == ["a", "b"]


async def test_a_second_server_on_the_same_folder_or_port_says_what_is_wrong(
    server: Server, tmp_path: Path
) -> None:
    folder, port = str(server.folder), str(server.port)
    for arguments, reason in [
        (["orders:4", "--port", "0", "--dir", folder], "is in use by another emulator"),
        (["orders:4", "--port", port], f"port {port} is taken"),
        (["orders:many"], "'many' in 'orders:many' is not a number of partitions"),
        (["orders", "ORDERS:2", "--port", "0"], "two hubs have the same name"),
        (["orders", "--capture", "archive"], "--capture needs the storage's connection string"),
    ]:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "infra.local.eventhubs",
            *arguments,
            cwd=services.ROOT,
            env={name: os.environ[name] for name in ("PATH",)},
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await asyncio.wait_for(child.communicate(), PATIENCE)
        assert reason in said.decode().splitlines()[-1]
        assert child.returncode in {1, 2}


# --- clients that are no clients ---


async def test_garbage_disconnects_its_sender_and_nobody_else(emulator: Emulator) -> None:
    handshake = bytes.fromhex("414d515003010000")

    async def poke(content: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", emulator.port)
        writer.write(content)
        writer.write_eof()
        await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()

    @settings(
        max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(st.binary(max_size=60), st.integers(0x10, 0x1A), st.booleans())
    def fuzz(content: bytes, code: int, framed: bool) -> None:
        body = bytes((0, 0x53, code)) + content
        sent.append((8 + len(body)).to_bytes(4) + b"\x02\x00\x00\x00" + body if framed else content)

    sent: list[bytes] = []
    fuzz()
    async with Reading(consumer(emulator.port), partition_id="0") as reading:
        put(emulator, "0", "before")
        await reading.count(1)
        for content in [b"GET / HTTP/1.1\r\n\r\n", *sent]:
            await poke(handshake + content)
        put(emulator, "0", "after")
        await reading.count(2)

    assert reading.bodies == ["before", "after"]
    assert reading.errors.empty()


# --- a second client ---


async def node(emulator: Emulator, command: str, **options: Any) -> Any:
    child = await asyncio.create_subprocess_exec(
        services.node(),
        str(Path(__file__).with_name("eventhubs_client.js")),
        services.event_hub_connection(emulator.port),
        HUB,
        command,
        json.dumps(options),
        env={**os.environ, "NODE_PATH": str(NODE_MODULES)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complaint = await asyncio.wait_for(child.communicate(), PATIENCE)
    assert child.returncode == 0, complaint.decode()
    return json.loads(said)


async def test_what_node_sends_python_receives_on_the_keys_partition(emulator: Emulator) -> None:
    bodies = [{"order_id": str(number)} for number in range(50)]
    await node(emulator, "send", key="Zoë Müller", bodies=bodies)
    await send(emulator.port, ['"from python"'], partition_key="Zoë Müller")

    reading = await received(emulator.port, 51)

    assert [json.loads(body) for body in reading.bodies] == [*bodies, "from python"]
    assert len({partition for partition, _ in reading.events}) == 1
    first, last = reading.events[0][1], reading.events[-1][1]
    assert first.partition_key == last.partition_key == "Zoë Müller".encode()
    assert first.properties == {b"from": b"js"}


async def test_what_python_sends_node_receives(emulator: Emulator) -> None:
    keys = ["Ann", "Bob", "Cid", "Dee", "Eve"]
    for key in keys:
        await send(emulator.port, [json.dumps(key)], partition_key=key)

    result = await node(emulator, "receive", count=len(keys))

    assert result["error"] is None
    found = {event["body"]: event for event in result["events"]}
    assert set(found) == set(keys)
    for key, event in found.items():
        assert event["key"] == key
        assert event["partition"] == str(partition_for_key(key, PARTITIONS))


async def test_node_chooses_the_partition_that_the_emulator_chooses(emulator: Emulator) -> None:
    keys = [f"rep-{number}" for number in range(60)]
    result = await node(emulator, "sendBuffered", keys=keys)

    reading = await received(emulator.port, len(keys))

    assert result == {"errors": []}
    for partition, event in reading.events:
        assert partition == str(partition_for_key(json.loads(event.body_as_str()), PARTITIONS))


async def test_node_learns_of_hubs_and_partitions(emulator: Emulator) -> None:
    put(emulator, "3", "a")

    about = await node(emulator, "properties")

    assert (about["name"], about["partitionIds"]) == (HUB, ["0", "1", "2", "3"])
    last = about["partitions"][3]
    assert (last["lastEnqueuedSequenceNumber"], last["isEmpty"]) == (0, False)
