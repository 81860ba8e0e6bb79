"""The dead-letter commands as an operator runs them, on Azurite and the Event Hubs emulator."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, PartitionContext

from functions.dead_letters import main
from functions.settings import Settings
from functions.stores import BlobDeadLetters
from infra.local import resources, services
from infra.local.eventhubs import Emulator, HubSpec
from shared.dead_letter import DeadLetter
from shared.order_event import OrderEvent
from shared.partitions import partition_for_key
from shared.stores.aio.blobs import Blobs
from shared.stream_key import StreamKey
from tests.orders import order_body
from tests.patience import PATIENCE
from tests.unit.functions.world import NOON

BODY = order_body(rep_id="Bo Ek", charged_price=-1)


@pytest.fixture
async def environ(azurite: str, unique_name: str) -> AsyncIterator[dict[str, str]]:
    """The operator's settings, with a hub that runs and two letters in storage."""
    resources.make_blob_containers(azurite)
    async with Emulator([HubSpec(unique_name, 4)]) as emulator:
        yield {
            **os.environ,
            "ORDERS_HUB": unique_name,
            "EventHubConnection": services.event_hub_connection(emulator.port),
            "COSMOS_ENDPOINT": "http://127.0.0.1:9",
            "SHERIFF_LOCAL": "on",
            "COSMOS_KEY": "bG9jYWw=",
            "BLOB_CONNECTION": azurite,
        }


async def put_aside(environ: dict[str, str], sequence: int, code: str, body: bytes) -> str:
    hub = environ["ORDERS_HUB"]
    letter = DeadLetter(
        StreamKey(hub, "$Default", "0"),
        OrderEvent(body, sequence, NOON, "Annie Corns"),
        code,
        f"it was {code}",
        "",
        NOON,
        1,
    )
    blobs = Blobs(Settings.from_environ(environ).blobs)
    await BlobDeadLetters(blobs).add(letter)
    await blobs.close()
    return f"{hub}/0/{sequence}.json"


@dataclass
class Operator:
    """Runs commands with the settings as environment, in a thread that has no loop of its own."""

    environ: dict[str, str]
    capsys: pytest.CaptureFixture[str]

    async def run(self, *words: str) -> tuple[int, str, str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("os.environ", self.environ)
            code = await asyncio.to_thread(main, words)
        return code, *self.capsys.readouterr()


@pytest.fixture
def operator(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> Operator:
    return Operator(environ, capsys)


async def received(environ: dict[str, str], count: int) -> list[tuple[str, bytes]]:
    """Partition and body of the first events of the hub."""
    events: list[tuple[str, bytes]] = []
    enough = asyncio.Event()

    async def note(context: PartitionContext, event: EventData) -> None:
        events.append((context.partition_id, b"".join(event.body)))
        if len(events) >= count:
            enough.set()

    consumer = EventHubConsumerClient.from_connection_string(
        environ["EventHubConnection"], "$Default", eventhub_name=environ["ORDERS_HUB"]
    )
    async with consumer:
        reading = asyncio.create_task(consumer.receive(note, starting_position="-1"))
        await asyncio.wait_for(enough.wait(), PATIENCE)
        reading.cancel()  # it would go on to wait for its next turn at balancing the load
        await asyncio.wait([reading])
    return events


async def test_the_letters_of_a_code_are_sent_again_once_and_then_out_of_the_list(
    environ: dict[str, str], operator: Operator
) -> None:
    path = await put_aside(environ, 7, "negative_money", BODY)
    other = await put_aside(environ, 8, "not_json", b"\xff")

    code, out, _ = await operator.run("list", "--code", "negative_money")
    assert code == 0
    assert f"{path}  2026-03-01T12:00:00.000000Z  negative_money  it was negative_money\n" in out

    code, out, _ = await operator.run("redrive", path)
    assert (code, out) == (0, f"{path}: sent\n")
    code, out, err = await operator.run("redrive", path)
    assert (code, out, err) == (0, "", "0 dead letters sent again\n")

    assert await received(environ, 1) == [(str(partition_for_key("Bo Ek", 4)), BODY)]
    _, out, _ = await operator.run("list")
    assert path not in out
    assert other in out
    _, out, _ = await operator.run("show", path)
    assert '"redriven_at": "20' in out
    assert out.endswith(f"{BODY.decode()}\n")


async def test_a_letter_that_is_not_there_is_one_clear_line(operator: Operator) -> None:
    code, out, err = await operator.run("show", "no/such/1.json")
    assert (code, out) == (1, "")
    assert err == "there is no dead letter dead-letters/no/such/1.json\n"


async def test_a_reader_that_has_seen_enough_ends_the_list_without_a_word(
    environ: dict[str, str],
) -> None:
    await put_aside(environ, 1, "not_json", b"\xff")
    command = [sys.executable, "-m", "functions.dead_letters", "list"]
    reading, writing = os.pipe()
    os.close(reading)  # as `head` does, once it has its lines
    listing = await asyncio.create_subprocess_exec(
        *command, cwd=services.ROOT, env=environ, stdout=writing, stderr=asyncio.subprocess.PIPE
    )
    os.close(writing)
    _, err = await listing.communicate()
    assert (listing.returncode, err.decode().splitlines()[1:]) == (141, [])


async def test_a_hub_that_does_not_answer_is_one_clear_line(
    environ: dict[str, str], operator: Operator
) -> None:
    path = await put_aside(environ, 9, "not_json", b"\xff")
    environ["EventHubConnection"] = services.event_hub_connection(9)
    code, out, err = await operator.run("redrive", path)
    assert (code, out, err) == (1, "", "send to the hub: ConnectError\n")
    environ["EventHubConnection"] = "nonsense"
    code, out, err = await operator.run("redrive", path)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("EventHubConnection cannot be used: ")
