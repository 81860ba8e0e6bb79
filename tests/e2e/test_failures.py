"""Whatever dies, every order is scored or set aside once: killed for real, and counted outside."""

from __future__ import annotations

import asyncio
import shutil
import urllib.request

import pytest

from infra.local.stack import Stack
from tests.e2e.company import Company
from tests.e2e.flow import Counts, Flow, until

MANY_FRAUDS = ("--added-rate", "0.5")  # so that a batch has many alerts to write


async def test_a_host_killed_in_the_middle_of_a_batch_loses_and_doubles_nothing(
    flow: Flow, company: Company
) -> None:
    orders = company.simulated("killed", 800, *MANY_FRAUDS)
    expected = company.backtested(orders)
    await asyncio.to_thread(flow.stack.stop, "host")
    await flow.producer.send(orders)
    await asyncio.to_thread(flow.stack.start, "host")
    await flow.frozen_mid_batch("host")
    await asyncio.to_thread(flow.stack.kill, "host")

    assert await flow.stores.uncommitted()
    assert (await flow.counts()).scored < len(orders)
    await asyncio.to_thread(flow.stack.start, "host")
    assert await flow.check(orders, expected) == Counts(scored=800)


async def test_a_store_that_fails_for_20_seconds_costs_no_order(
    flow: Flow, company: Company
) -> None:
    orders = company.simulated("outage", 500, *MANY_FRAUDS)
    expected = company.backtested(orders)
    async with asyncio.TaskGroup() as sending:
        sending.create_task(flow.producer.send(orders, a_second=20))
        await flow.producer.progressed(100)
        await asyncio.to_thread(fail_cosmos, flow.stack, 20)
        with pytest.raises(OSError, match="503"):
            await asyncio.to_thread(
                urllib.request.urlopen, flow.stack.settings()["COSMOS_ENDPOINT"]
            )
        await flow.producer.progressed(200)
    assert await flow.check(orders, expected) == Counts(scored=500)


def fail_cosmos(stack: Stack, seconds: int) -> None:
    """Have Cosmos DB answer 503 to everything for so long."""
    url = f"{stack.settings()['COSMOS_ENDPOINT']}/_local/fail?seconds={seconds}&status=503"
    urllib.request.urlopen(urllib.request.Request(url, method="POST")).close()


@pytest.mark.parametrize("server", ["azurite", "eventhubs", "cosmos"])
async def test_a_server_killed_and_started_again_while_orders_flow_costs_none(
    server: str, flow: Flow, company: Company
) -> None:
    orders = company.simulated(server, 400, *MANY_FRAUDS)
    expected = company.backtested(orders)
    async with asyncio.TaskGroup() as sending:
        sending.create_task(flow.producer.send(orders, a_second=100))
        await flow.producer.progressed(100)
        await asyncio.to_thread(flow.stack.kill, server)
        if server != "eventhubs":  # the one that a producer cannot do without
            await flow.producer.progressed(100)
        await asyncio.to_thread(flow.stack.start, server)

    counts = await flow.check(orders, expected)
    # An order whose acknowledgement died with the hub was sent, and is there, twice.
    repeated = counts.duplicates if server == "eventhubs" else 0
    assert counts == Counts(scored=400, duplicates=repeated)


async def test_two_hosts_share_the_orders_and_one_that_is_killed_is_replaced(
    flow: Flow, company: Company
) -> None:
    orders = company.simulated("shared", 800, *MANY_FRAUDS)
    expected = company.backtested(orders)
    (first,) = set((await flow.stores.owners()).values())
    await asyncio.to_thread(flow.stack.start, "host-2")

    async def shared() -> list[str] | None:
        owners = await flow.stores.owners()
        second = [partition for partition, owner in owners.items() if owner != first]
        return second if len(owners) == 4 and len(second) == 2 else None

    second = await until("each host owns two partitions", shared)
    async with asyncio.TaskGroup() as sending:
        sending.create_task(flow.producer.send(orders, a_second=100))
        await flow.frozen_mid_batch("host-2", second)
        await asyncio.to_thread(flow.stack.kill, "host-2")  # the other may take over at once
    assert await flow.check(orders, expected) == Counts(scored=800)
    assert set((await flow.stores.owners()).values()) == {first}


async def test_a_hub_created_anew_is_read_from_its_beginning(flow: Flow, company: Company) -> None:
    old = company.simulated("old", 300)
    poison = [b"no order in the old hub", b"no order in the new hub"]
    await flow.producer.send(old)
    await flow.producer.send_as(poison[0], "rep-01")
    await flow.check(old, company.backtested(old), poison[:1])

    await asyncio.to_thread(recreate_hub, flow)
    await flow.stores.forget_checkpoints()
    await asyncio.to_thread(flow.stack.start, "host")

    new = company.simulated("new", 300)
    await flow.producer.send_as(poison[1], "rep-01")
    await flow.producer.send([*old[:50], *new])
    counts = await flow.check([*old, *new], company.backtested([*old, *new]), poison)
    assert counts == Counts(scored=600, dead_lettered=2, duplicates=50)
    states = await flow.stores.states()
    assert sum(state.sequence_number + 1 for state in states.values()) == 351


def recreate_hub(flow: Flow) -> None:
    """The hub as after deleting it and making it again; its readers are stopped meanwhile."""
    flow.stack.stop("host")
    flow.stack.stop("eventhubs")
    shutil.rmtree(flow.stack.state / "eventhubs")
    flow.stack.start("eventhubs")
