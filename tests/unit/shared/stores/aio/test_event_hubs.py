"""Sending to a hub and asking it about itself, on the local emulator in this process."""

from collections.abc import AsyncIterator

import pytest

from infra.local import services
from infra.local.eventhubs import Emulator, HubSpec, frames
from shared.errors import ConfigurationError, TransientError
from shared.stores.aio.event_hubs import HubReader, HubSender
from shared.stores.settings import HubSettings


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator([HubSpec("orders", 2)]) as running:
        yield running


def reached(emulator: Emulator) -> HubSettings:
    return HubSettings("orders", services.event_hub_connection(emulator.port), None)


def bodies_in(emulator: Emulator, partition: int) -> list[bytes]:
    log = emulator.hubs["orders"].partitions[partition].log
    return [
        frames.data_content(event.wire, section)
        for event in log.slice(0, log.next_sequence)
        for section in frames.sections(event.wire)
        if section.code == frames.DATA
    ]


async def test_events_keep_their_order_in_a_partition_over_as_many_batches_as_they_need(
    emulator: Emulator,
) -> None:
    bodies = [b"%04d" % number + b" " * 60_000 for number in range(40)]  # a batch takes 1 MB
    sender = HubSender(reached(emulator))
    assert await sender.partitions() == 2
    await sender.send_in_order(1, bodies)
    await sender.close()
    assert bodies_in(emulator, 1) == bodies
    assert bodies_in(emulator, 0) == []


async def test_a_hub_says_when_it_was_created_and_where_its_partitions_end(
    emulator: Emulator,
) -> None:
    sender = HubSender(reached(emulator))
    await sender.send_in_order(0, [b"a", b"b"])
    await sender.close()
    hub, partitions = await HubReader(reached(emulator), "$Default").properties()
    assert hub["created_at"].tzinfo is not None
    ends = {partition["id"]: partition["last_enqueued_sequence_number"] for partition in partitions}
    assert ends == {"0": 1, "1": -1}


async def test_a_hub_that_is_away_may_come_back() -> None:
    settings = HubSettings("orders", services.event_hub_connection(9), None)
    with pytest.raises(TransientError, match=r"^look at the hub: \w+$"):
        await HubReader(settings, "$Default").properties()


async def test_a_connection_that_cannot_be_used_is_named_and_its_key_is_not_shown() -> None:
    settings = HubSettings("orders", "SharedAccessKey=secret", None)
    with pytest.raises(
        ConfigurationError,
        match=r"^EventHubConnection cannot be used: expected a connection string$",
    ):
        HubSender(settings)
    with pytest.raises(
        ConfigurationError,
        match=r"^EventHubConnection cannot be used: expected a connection string$",
    ):
        await HubReader(settings, "$Default").properties()
