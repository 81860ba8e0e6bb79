"""The HTTP API over a real Cosmos DB emulator: filters, pages, errors, health."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

from functions import alerts_api, wiring
from functions.answers import Remembered
from functions.condition import Conditions
from functions.model_loader import ModelLoader
from functions.progress import Partition, Watch
from functions.settings import Settings
from functions.stores import CosmosAlerts, CosmosIncidents
from infra.local import resources
from shared.stores.aio.blobs import Blobs
from shared.stores.aio.cosmos import Cosmos

# By second, and within one by id.
NEWEST_FIRST = sorted(range(20), key=lambda n: (-(n // 3), n))


def alert(n: int, **fields: Any) -> dict[str, Any]:
    """Three alerts a second from noon on: alerts of one batch share their time."""
    return {
        "id": f"o-{n:02}.0",
        "rep_id": "Annie Corns" if n % 2 else "Bo Ek",
        "order_id": f"o-{n:02}",
        "revision": 0,
        "status": "open",
        "scored_at": f"2026-03-01T12:00:{n // 3:02}.000000Z",
        "ordered_at": f"2026-02-{n + 1:02}T00:00:00.000000Z",
        "degraded": True,
        "expected_loss": float(n),
        "findings": [{"typology": "added_item" if n % 3 else "hidden_discount", "amount": n}],
        **({"incident_id": "hidden_discount-000001"} if n in {6, 12} else {}),
        **fields,
    }


@pytest.fixture
async def alerts(
    cosmos: str, azurite: str, unique_name: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[CosmosAlerts]:
    """Twenty alerts behind the API."""
    settings = Settings.from_environ(
        {
            "ORDERS_HUB": "orders",
            "COSMOS_ENDPOINT": cosmos,
            "SHERIFF_LOCAL": "on",
            "COSMOS_KEY": "bG9jYWw=",
            "COSMOS_DATABASE": unique_name,
            "BLOB_CONNECTION": azurite,
        }
    )
    database, blobs = Cosmos(settings.cosmos), Blobs(settings.blobs)
    resources.make_cosmos_containers(cosmos, "bG9jYWw=", unique_name)
    resources.make_blob_containers(azurite)
    made = CosmosAlerts(database)
    for n in range(20):
        await made.create(alert(n))
    monkeypatch.setattr(wiring, "alerts", lambda: made)
    monkeypatch.setenv("SHERIFF_LOCAL", "on")
    with ThreadPoolExecutor(1) as executor:
        monkeypatch.setattr(wiring, "model_loader", lambda: loader)
        loader = ModelLoader(blobs, executor, 30)
        yield made
        await loader.close()
    await database.close()
    await blobs.close()


async def get(**parameters: str) -> tuple[int, Any, str]:
    request = func.HttpRequest(
        "GET", "/api/alerts", headers={}, params=parameters, route_params={}, body=b""
    )
    response = await alerts_api.get_alerts(request)
    return response.status_code, json.loads(response.get_body()), response.mimetype


async def ids(**parameters: str) -> list[int]:
    status, body, _ = await get(**parameters)
    assert status == 200, body
    return [int(one["order_id"][2:]) for one in body["alerts"]]


@pytest.mark.usefixtures("alerts")
async def test_every_filter_narrows_the_list_and_it_is_newest_first() -> None:
    assert await ids() == NEWEST_FIRST
    assert await ids(rep_id="Bo Ek") == [n for n in NEWEST_FIRST if n % 2 == 0]
    assert await ids(rep_id="Bo Ek", typology="hidden_discount") == [18, 12, 6, 0]
    assert await ids(status="confirmed") == []
    assert await ids(incident_id="hidden_discount-000001") == [12, 6]
    noon = "2026-03-01T12:00:0"
    assert await ids(**{"from": f"{noon}2Z", "to": f"{noon}3Z"}) == [6, 7, 8]
    assert await ids(ordered_from="2026-02-19T01:00:00+02:00") == [18, 19]
    assert await ids(ordered_to="2026-02-03T00:00:00Z") == [0, 1]


async def test_pages_hold_every_alert_once_whatever_arrives_meanwhile(
    alerts: CosmosAlerts,
) -> None:
    seen: list[str] = []
    parameters = {"limit": "4"}
    while True:
        _, body, _ = await get(**parameters)
        seen += [one["id"] for one in body["alerts"]]
        if body["next"] is None:
            break
        parameters["cursor"] = body["next"]
        # One above everything, and one in the very second of the page that was just read.
        await alerts.create(alert(50 + len(seen)))
        await alerts.create(
            alert(19, id=f"a-{len(seen)}", scored_at=body["alerts"][-1]["scored_at"])
        )
    assert seen == [f"o-{n:02}.0" for n in NEWEST_FIRST]


@pytest.mark.usefixtures("alerts")
async def test_an_alert_comes_without_the_stores_own_fields() -> None:
    _, body, _ = await get(limit="1")
    assert body["alerts"] == [alert(18)]


async def test_the_documented_queries_run_as_they_stand(alerts: CosmosAlerts) -> None:
    text = (Path(__file__).parents[2] / "docs" / "queries.md").read_text()
    await CosmosIncidents(alerts.cosmos).put(
        {"id": "hidden_discount-000001", "kind": "hidden_discount", "status": "open"}, None
    )
    sections = re.findall(r"Container `(\w+)`(.*?)(?=Container `|\Z)", text, re.DOTALL)
    asked_for = [
        (container, query)
        for container, section in sections
        for query in re.findall(r"```sql\n(.*?)```", section, re.DOTALL)
    ]
    assert len(asked_for) == text.count("```sql") == 10
    for name, query in asked_for:
        async with alerts.cosmos.container(name, "ask") as asked:
            found = [row async for row in asked.query_items(query)]
        assert found or name in {"state", "shadow"} or "probability >=" in query, query


@pytest.mark.usefixtures("alerts")
async def test_a_bad_parameter_is_a_problem_document() -> None:
    status, body, mimetype = await get(colour="red")
    assert (status, mimetype) == (400, "application/problem+json")
    assert body["parameter"] == "colour"
    assert body["title"] == "Bad Request"


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> Remembered:
    """Health that nobody has asked for yet, in a process whose hub was looked at just now."""

    async def known() -> tuple[Watch, str]:
        return Watch(datetime.now(UTC), datetime.now(UTC), {"0": Partition(7)}), "1"

    made = Remembered(alerts_api.HEALTH_SECONDS)
    monkeypatch.setattr(alerts_api, "remembered", made)
    monkeypatch.setattr(wiring, "conditions", Conditions)
    monkeypatch.setattr(wiring, "watcher", lambda: SimpleNamespace(known=known))
    return made


@pytest.mark.usefixtures("unasked")
async def test_health_is_read_once_in_ten_seconds_however_many_ask(
    alerts: CosmosAlerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = 0

    async def latest() -> str | None:
        nonlocal reads
        reads += 1
        return await alerts.latest()

    monkeypatch.setattr(wiring, "alerts", lambda: SimpleNamespace(latest=latest))
    request = func.HttpRequest("GET", "/api/health", headers={}, params={}, body=b"")
    for _ in range(3):
        answers = await asyncio.gather(*(alerts_api.get_health(request) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}
    assert reads == 1


@pytest.mark.usefixtures("alerts", "unasked")
@pytest.mark.parametrize("role", ["desk", "trainer"])
async def test_health_of_a_part_that_does_not_score_reads_neither_hub_nor_what_it_may_not(
    role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> Any:
        raise AssertionError("its identity may not read this")

    monkeypatch.setenv("SHERIFF_ROLE", role)
    monkeypatch.setattr(wiring, "watcher", refused)
    if role == "desk":
        monkeypatch.setattr(wiring, "model_loader", refused)
    request = func.HttpRequest("GET", "/api/health", headers={}, params={}, body=b"")
    body = json.loads((await alerts_api.get_health(request)).get_body())
    assert (body["status"], body["role"]) == ("ok", role)
    assert "hub" not in body
    assert ("bundle_version" in body) == (role == "trainer")


@pytest.mark.usefixtures("alerts", "unasked")
async def test_health_has_read_the_store_and_names_what_serves() -> None:
    request = func.HttpRequest("GET", "/api/health", headers={}, params={}, body=b"")
    response = await alerts_api.get_health(request)
    body = json.loads(response.get_body())
    assert (response.status_code, body["status"]) == (200, "ok")
    assert body["hub"]["partitions"]["0"]["behind_events"] == 0
    assert body["latest_alert_at"] == "2026-03-01T12:00:06.000000Z"
    assert [one["table"] for one in body["degraded"]] == ["bundle", "catalogue"]
    assert body.keys() >= {"bundle_version", "catalogue_version", "policy_version", "refusals"}


@pytest.mark.usefixtures("unasked")
async def test_health_is_503_while_the_store_is_away(
    azurite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHERIFF_LOCAL", "on")
    environ = {
        "ORDERS_HUB": "orders",
        "COSMOS_ENDPOINT": "http://127.0.0.1:9",
        "SHERIFF_LOCAL": "on",
        "COSMOS_KEY": "bG9jYWw=",
        "BLOB_CONNECTION": azurite,
    }
    nowhere = Cosmos(Settings.from_environ(environ).cosmos)
    monkeypatch.setattr(wiring, "alerts", lambda: CosmosAlerts(nowhere))
    monkeypatch.setattr(wiring, "model_loader", object)
    request = func.HttpRequest("GET", "/api/health", headers={}, params={}, body=b"")
    response = await alerts_api.get_health(request)
    assert response.status_code == 503
    assert json.loads(response.get_body())["status"] == "unavailable"
    status, body, _ = await get()
    assert (status, body["status"]) == (503, 503)
    await nowhere.close()
