"""What the README says is so: its examples run, its links and commands exist, its order arrives."""

import asyncio
import doctest
import importlib.util
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
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The README's fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_the_worked_example_gives_the_figures_it_shows() -> None:
    example = doctest.DocTestParser().get_doctest(
        "".join(blocks("pycon")), {}, "README.md", "README.md", 0
    )
    assert len(example.examples) > 20
    said: list[str] = []
    results = doctest.DocTestRunner().run(example, out=said.append)
    assert results.failed == 0, "".join(said)


async def test_the_order_it_sends_arrives_in_its_reps_partition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sending, signing_in = blocks("python")
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
    sending, _ = blocks("python")
    [shown] = blocks("json")
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


def test_its_five_queries_are_documented_ones_which_are_run_on_a_store() -> None:
    documented = (ROOT / "docs" / "queries.md").read_text(encoding="utf-8")
    assert len(blocks("sql")) == 5
    assert [query for query in blocks("sql") if query not in documented] == []


def test_every_file_it_links_to_is_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_command_it_names_is_a_module() -> None:
    commands = set(re.findall(r"\b(?:training|infra\.local|functions)\.[a-z_]+\b", README))
    assert len(commands) >= 7
    assert [name for name in commands if importlib.util.find_spec(name) is None] == []


def test_every_make_target_it_names_is_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert {"demo", "test"} <= set(re.findall(r"(?:`|\$ )make ([a-z]+)", README)) <= targets
