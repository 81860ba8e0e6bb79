"""What README and docs say is so: the examples run, the order that is sent arrives as the alert."""

import asyncio
import doctest
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from azure.eventhub.aio import EventHubConsumerClient

from infra.local.eventhubs import Emulator, HubSpec
from infra.local.services import event_hub_connection
from shared.alert import EventPosition, alert_document
from shared.episodes import EpisodeState
from shared.order import parse_order, received_order
from shared.partitions import partition_for_key
from tests.patience import PATIENCE
from tests.unit.functions.model_loader_world import FakeFiles, loader

ROOT = Path(__file__).parents[2]


def blocks(language: str, page: str) -> list[str]:
    """The fenced blocks of a language on a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_the_worked_example_gives_the_figures_it_shows() -> None:
    shown = blocks("pycon", "README.md") + blocks("pycon", "docs/detection.md")
    example = doctest.DocTestParser().get_doctest("".join(shown), {}, "README.md", "README.md", 0)
    assert len(example.examples) > 20
    said: list[str] = []
    results = doctest.DocTestRunner().run(example, out=said.append)
    assert results.failed == 0, "".join(said)


async def test_the_order_it_sends_arrives_in_its_reps_partition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sending, signing_in = blocks("python", "docs/orders.md")
    names: dict[str, Any] = {}
    async with Emulator([HubSpec("orders", 4)]) as hub:
        connection = event_hub_connection(hub.port)
        monkeypatch.setenv("EventHubConnection", connection)
        monkeypatch.setenv("ORDERS_HUB", "orders")
        await asyncio.to_thread(exec, sending, names)
        partition, body = await _first_event(connection)
    order = parse_order(body)
    assert order.order_id == names["order"]["order_id"]
    assert partition == str(partition_for_key(order.rep_id, 4))

    exec(signing_in, names)
    assert names["producer"].eventhub_name == "orders"
    names["producer"].close()


async def test_the_order_it_sends_becomes_the_alert_it_shows_where_packaged_tables_serve() -> None:
    sending, _ = blocks("python", "docs/orders.md")
    [shown] = blocks("json", "docs/orders.md")
    names: dict[str, Any] = {}
    exec(sending[sending.index("order = {") : sending.index("producer = ")], names)
    body = json.dumps(names["order"]).encode()
    with ThreadPoolExecutor(1) as executor:
        scorer = await loader(FakeFiles(), executor).scorer()  # nothing was ever put there
    (found,), _ = scorer.score_many([parse_order(body)], EpisodeState())
    assert found.alerted
    now = datetime(2026, 3, 4, 11, tzinfo=UTC)
    position = EventPosition("0", 0, now)
    alert = alert_document(found, received=received_order(body), position=position, scored_at=now)
    assert _as_shown(alert, json.loads(shown)) == json.loads(shown)


def _as_shown(whole: Any, shown: Any) -> Any:
    """A document with the fields alone that are shown of it, and chances to four decimals."""
    if isinstance(shown, dict):
        return {name: _as_shown(whole[name], part) for name, part in shown.items()}
    if isinstance(shown, list):
        return [_as_shown(one, part) for one, part in zip(whole, shown, strict=True)]
    return round(whole, 4) if isinstance(whole, float) else whole


async def _first_event(connection: str) -> tuple[str, bytes]:
    """Partition and body of the first event that a reader of the hub gets."""
    found: asyncio.Future[tuple[str, bytes]] = asyncio.get_running_loop().create_future()

    async def note(context: Any, event: Any) -> None:
        if not found.done():
            found.set_result((context.partition_id, event.body_as_str().encode()))

    client = EventHubConsumerClient.from_connection_string(
        connection, "$Default", eventhub_name="orders", load_balancing_interval=0.2
    )
    async with client:
        receiving = asyncio.create_task(client.receive(note, starting_position="-1"))
        try:
            return await asyncio.wait_for(found, PATIENCE)
        finally:
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)


def test_the_shares_of_the_worked_example_are_those_that_are_computed() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = [float(share) / 100 for share in re.findall(r"\| ([\d.]+) % \|$", text, re.MULTILINE)]
    detection = (ROOT / "docs" / "detection.md").read_text(encoding="utf-8")
    [computed] = re.findall(r"in weights\]\n\[([\d., ]+)\]", detection)
    assert len(shown) == 3
    assert shown == [round(float(share), 3) for share in computed.split(",")]
