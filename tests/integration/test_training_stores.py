"""What training sends and stores, on real servers through the real SDKs."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos import CosmosClient
from azure.eventhub.aio import EventHubConsumerClient

from infra.local import resources, services
from infra.local.eventhubs import Emulator, HubSpec
from shared.errors import ConfigurationError, TransientError
from shared.partitions import partition_for_key
from tests.patience import PATIENCE
from training import simulate
from training.simulate import send
from training.stores import load_alerts

KEY = "bG9jYWw="


async def test_orders_sent_keep_their_partition_and_its_order_of_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulate, "SEND_CHUNK", 700)
    path = tmp_path / "o.jsonl"
    simulate.main([
        *("--orders", "2000", "--reps", "50"),
        *("--out", str(path), "--truth", str(tmp_path / "t.csv")),
    ])  # fmt: skip
    async with Emulator([HubSpec("orders", 4)]) as hub:
        connection = services.event_hub_connection(hub.port)
        assert await send(path, connection, "orders") == 2000
        received = await _received(connection, 2000)
    orders = [json.loads(line) for line in path.read_bytes().splitlines()]
    for partition in range(4):
        mine = [o["order_id"] for o in orders if partition_for_key(o["rep_id"], 4) == partition]
        assert [order["order_id"] for order in received[str(partition)]] == mine


async def _received(connection: str, count: int) -> dict[str, list[dict[str, Any]]]:
    """Everything in the hub, by partition, in its order."""
    found: dict[str, list[dict[str, Any]]] = {}
    complete = asyncio.Event()

    async def note(context: Any, event: Any) -> None:
        found.setdefault(context.partition_id, []).append(json.loads(event.body_as_str()))
        if sum(map(len, found.values())) >= count:
            complete.set()

    client = EventHubConsumerClient.from_connection_string(
        connection, "$Default", eventhub_name="orders", load_balancing_interval=0.2
    )
    async with client:
        receiving = asyncio.create_task(client.receive(note, starting_position="-1"))
        await asyncio.wait_for(complete.wait(), PATIENCE)
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)
    return found


async def test_alerts_are_loaded_once_and_never_over_a_decision(
    cosmos: str, unique_name: str
) -> None:
    resources.make_cosmos_containers(cosmos, KEY, unique_name)
    environment = {
        "SHERIFF_LOCAL": "on", "COSMOS_ENDPOINT": cosmos, "COSMOS_KEY": KEY,
        "COSMOS_DATABASE": unique_name,
    }  # fmt: skip
    alerts = [{"id": f"o-{n}.0", "rep_id": f"rep-{n % 7}", "status": "open"} for n in range(60)]
    assert await load_alerts(environment, alerts[:40]) == 40
    with CosmosClient(cosmos, KEY) as client:
        container = client.get_database_client(unique_name).get_container_client("alerts")
        container.upsert_item({**alerts[3], "status": "dismissed"})
        assert await load_alerts(environment, alerts) == 20
        stored = container.query_items("SELECT * FROM c", enable_cross_partition_query=True)
        assert Counter(alert["status"] for alert in stored) == {"open": 59, "dismissed": 1}


async def test_a_store_that_is_not_there_is_one_error() -> None:
    with pytest.raises(ConfigurationError, match="COSMOS_ENDPOINT"):
        await load_alerts({}, [{"id": "a", "rep_id": "b"}])
    nowhere = {
        "SHERIFF_LOCAL": "on",
        "COSMOS_ENDPOINT": "http://127.0.0.1:1",
        "COSMOS_KEY": KEY,
    }
    with pytest.raises(TransientError, match="load an alert in alerts"):
        await load_alerts(nowhere, [{"id": "a", "rep_id": "b"}])
