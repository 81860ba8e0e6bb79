"""The stores on real servers: the Cosmos DB emulator and Azurite, through the real SDKs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from azure.core.settings import settings as sdk_settings

from functions.handlers import score_batch
from functions.scoring_context import ScoringContext
from functions.settings import Settings
from functions.shadow import Shadow
from functions.stores import (
    DEAD_LETTERS,
    BlobDeadLetters,
    CosmosAlerts,
    CosmosIncidents,
    CosmosShadows,
    CosmosStates,
    StoreMeasures,
)
from infra.local import processes, resources, services
from shared.catalogue import packaged_catalogue
from shared.containers import MODELS
from shared.dead_letter import DeadLetter
from shared.errors import NotThereError, RefusedError, TransientError, WriteConflict
from shared.findings import Finding
from shared.model import packaged_bundle
from shared.order_event import OrderEvent
from shared.pending_alerts import Revisited
from shared.policy import Policy
from shared.scoring import Scorer
from shared.shadow import ShadowState, ShadowTotals, Tally
from shared.stores.aio.blobs import Blobs
from shared.stores.aio.cosmos import Cosmos
from shared.stream import StreamState
from shared.stream_key import StreamKey
from shared.uses import Use
from tests.orders import an_order
from tests.schemas import violations
from tests.unit.functions.world import NOON, FakeScorer, FakeTelemetry, event, order_event

KEY = StreamKey("orders", "$Default", "3")


def settings(cosmos: str, azurite: str, database: str) -> Settings:
    return Settings.from_environ(
        {
            "ORDERS_HUB": "orders",
            "COSMOS_ENDPOINT": cosmos,
            "SHERIFF_LOCAL": "on",
            "COSMOS_KEY": "bG9jYWw=",
            "COSMOS_DATABASE": database,
            "BLOB_CONNECTION": azurite,
        }
    )


@pytest.fixture
async def database(cosmos: str, azurite: str, unique_name: str) -> AsyncIterator[Cosmos]:
    resources.make_cosmos_containers(cosmos, "bG9jYWw=", unique_name)
    made = Cosmos(settings(cosmos, azurite, unique_name).cosmos)
    yield made
    await made.close()


@pytest.fixture
async def blobs(cosmos: str, azurite: str, unique_name: str) -> AsyncIterator[Blobs]:
    resources.make_blob_containers(azurite)
    made = Blobs(settings(cosmos, azurite, unique_name).blobs)
    yield made
    await made.close()


def alert(order_id: str, revision: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"{order_id}.{revision}",
        "rep_id": "Annie Corns",
        "order_id": order_id,
        "revision": revision,
        "scored_at": "2026-03-01T12:00:00.000000Z",
        "customer_id": "34477",
        "ordered_at": "2026-03-01T12:00:00.000000Z",
        "event": {"enqueued_at": "2026-03-01T12:00:00.000000Z", "sequence_number": revision},
        "order": {
            "lines": [{"product_id": "HLFork", "quantity": 2}],
            "charged_price": 100.5,
            "state": "Ohio",
        },
        **fields,
    }


async def test_an_alert_is_written_once_and_what_was_decided_stays(database: Cosmos) -> None:
    alerts = CosmosAlerts(database)
    assert await alerts.create(alert("a", status="open"))
    assert not await alerts.create(alert("a", status="replayed"))
    async with database.container("alerts", "read") as container:
        kept = await container.read_item("a.0", "Annie Corns")
    assert kept["status"] == "open"


async def test_only_the_alerts_of_lower_revisions_are_marked_and_only_once(
    database: Cosmos,
) -> None:
    alerts = CosmosAlerts(database)
    others = (alert("a", 1, rep_id="Bo Ek"), alert("b"))
    for one in (alert("a"), alert("a", 2), alert("a", 3), *others):
        await alerts.create(one)
    at = "2026-03-01T12:00:00.000000Z"
    assert await alerts.supersede("Annie Corns", "a", 3, "a.3", (at, 1)) == 1
    assert await alerts.supersede("Annie Corns", "a", 3, "a.3", (at, 3)) == 1
    later = "2026-03-01T12:00:00.000001Z"
    assert await alerts.supersede("Annie Corns", "a", 4, "a.4", (later, 0)) == 1
    assert await alerts.supersede("Annie Corns", "a", 4, "a.4", (later, 0)) == 0
    async with database.container("alerts", "read") as container:
        marks = {
            found["id"]: found.get("superseded_by")
            async for found in container.query_items("SELECT * FROM c WHERE c.revision >= 0")
        }
    assert marks == {"a.0": "a.3", "a.2": "a.3", "a.3": "a.4", "a.1": None, "b.0": None}


async def test_a_reps_alerts_of_an_order_are_found_and_nobody_elses(database: Cosmos) -> None:
    alerts = CosmosAlerts(database)
    for one in (alert("a"), alert("a", 1), alert("a", 2, rep_id="Bo Ek"), alert("b")):
        await alerts.create(one)
    found = await alerts.earlier("Annie Corns", "a")
    assert sorted(one["id"] for one in found) == ["a.0", "a.1"]
    assert all(Use.of_alert(one) == Use.of_alert(alert("a", one["revision"])) for one in found)
    assert all(one["event"] == alert("a", one["revision"])["event"] for one in found)
    assert all("state" not in one["order"] for one in found)  # no more than tells orders apart


async def test_documents_are_written_in_the_version_that_is_asked_for(database: Cosmos) -> None:
    for version in (1, 2):
        states = CosmosStates(database, version)
        key = replace(KEY, partition_id=str(version))
        state = StreamState(sequence_number=7, enqueued_at=NOON, hubs=1)
        await states.write(key, state, None)
        assert (await CosmosStates(database).read(key))[0] == state
        async with database.container("state", "read") as container:
            stored = await container.read_item(str(key), str(key))
        assert stored["schema_version"] == version
        assert violations("state", stored) == []


REVISITED = Revisited(
    "a.0", "Annie Corns", "b.0", Finding("hidden_discount", 0.9, 10_000, "too little"), None
)


async def test_an_alert_is_revisited_once_and_what_was_decided_and_scored_stays(
    database: Cosmos,
) -> None:
    alerts = CosmosAlerts(database)
    scored = alert("a", status="dismissed", probability=0.2, findings=[{"typology": "below_cost"}])
    await alerts.create(scored)
    for minute in (1, 2):
        at = NOON + timedelta(minutes=minute)
        await alerts.revisit(REVISITED, "hidden_discount-000001", at)
    async with database.container("alerts", "read") as container:
        kept = await container.read_item("a.0", "Annie Corns")
    changed = {"findings", "incident_id", "revisited_at"}
    assert {name: kept[name] for name in scored if name not in changed} == {
        name: value for name, value in scored.items() if name not in changed
    }
    assert [one["typology"] for one in kept["findings"]] == ["below_cost", "hidden_discount"]
    assert kept["incident_id"] == "hidden_discount-000001"
    assert kept["revisited_at"] == "2026-03-01T12:01:00.000000Z"


async def test_revisiting_an_alert_that_is_not_there_does_nothing(database: Cosmos) -> None:
    await CosmosAlerts(database).revisit(REVISITED, "hidden_discount-000001", NOON)
    async with database.container("alerts", "read") as container:
        query = "SELECT VALUE COUNT(1) FROM c"
        assert [count async for count in container.query_items(query)] == [0]


async def test_incidents_are_created_once_and_replaced_only_over_the_version_read(
    database: Cosmos,
) -> None:
    incidents = CosmosIncidents(database)
    kind, ids = "hidden_discount", [f"hidden_discount-{n:06d}" for n in (1, 2)]
    assert await incidents.read(kind, ids[0]) is None
    assert await incidents.highest(kind) == 0
    first = {"id": ids[0], "kind": kind, "status": "open"}
    await incidents.put(first, None)
    with pytest.raises(WriteConflict):
        await incidents.put(first, None)
    read = await incidents.read(kind, ids[0])
    assert read is not None
    found, version = read
    assert found == first
    await incidents.put(first | {"status": "closed"}, version)
    with pytest.raises(WriteConflict):
        await incidents.put(first, version)
    await incidents.put(first | {"id": ids[1]}, None)
    assert await incidents.highest(kind) == 2


async def test_an_episode_may_join_what_is_open_or_ended_late_enough_in_its_percentage(
    database: Cosmos,
) -> None:
    incidents = CosmosIncidents(database)
    days = [f"2026-03-{day:02d}T00:00:00.000000Z" for day in range(1, 10)]
    cases = [
        (1, 1.0, days[3], days[3]),  # ended in time
        (2, 1.0, days[2], days[2]),  # ended too early
        (3, 1.0, None, days[2]),  # open, seen in time
        (4, 1.0, None, days[0]),  # open, and not seen for long
        (5, 0.5, None, days[5]),  # another percentage
    ]
    for number, percent, ended_at, last_seen_at in cases:
        document = {"id": f"hidden_discount-{number:06d}", "kind": "hidden_discount"}
        document |= {"percent": percent, "ended_at": ended_at, "last_seen_at": last_seen_at}
        await incidents.put(document, None)
    found = await incidents.joinable("hidden_discount", 1.0, days[3], days[1])
    assert sorted(document["id"][-1] for document, _ in found) == ["1", "3"]
    assert all("_etag" not in document for document, _ in found)


async def test_an_alert_that_the_store_refuses_is_told_from_a_passing_failure(
    database: Cosmos,
) -> None:
    with pytest.raises(RefusedError):
        await CosmosAlerts(database).create({"rep_id": "Annie Corns", "id": ""})


async def test_a_state_is_read_back_and_written_only_over_the_version_read(
    database: Cosmos,
) -> None:
    states = CosmosStates(database)
    assert await states.read(KEY) == (StreamState(), None)
    first = replace(StreamState(), sequence_number=7, enqueued_at=NOON, orders_scored=8)
    first.recent.admit(an_order(revision=3))
    version = await states.write(KEY, first, None)
    assert await states.read(KEY) == (first, version)
    with pytest.raises(WriteConflict):
        await states.write(KEY, first, None)
    newer = await states.write(KEY, replace(first, sequence_number=8), version)
    with pytest.raises(WriteConflict):
        await states.write(KEY, first, version)
    assert (await states.read(KEY))[1] == newer


async def test_a_store_that_does_not_answer_is_a_passing_failure(azurite: str) -> None:
    nowhere = Cosmos(settings("http://127.0.0.1:9", azurite, "none").cosmos)
    with pytest.raises(TransientError):
        await CosmosStates(nowhere).read(KEY)
    await nowhere.close()


async def test_a_store_that_comes_back_is_used_again(
    azurite: str, unique_name: str, tmp_path: Path
) -> None:
    def start(port: int) -> processes.Child:
        return processes.start("cosmos", services.cosmos(port, tmp_path).command, tmp_path / "log")

    server = start(0)
    endpoint = f"http://{processes.HOST}:{server.port}"
    resources.make_cosmos_containers(endpoint, "bG9jYWw=", unique_name)
    database = Cosmos(settings(endpoint, azurite, unique_name).cosmos)
    states = CosmosStates(database)
    version = await states.write(KEY, StreamState(), None)
    processes.kill(server)
    with pytest.raises(TransientError):
        await states.write(KEY, StreamState(), version)
    with pytest.raises(TransientError):
        await states.read(KEY)
    server = start(server.port)
    assert await states.read(KEY) == (StreamState(), version)
    assert await states.write(KEY, StreamState(), version) != version
    await database.close()
    processes.stop(server, 10)


def letter(
    body: bytes = b"\xff", enqueued_at: datetime = NOON, code: str = "not_json"
) -> DeadLetter:
    return DeadLetter(
        KEY, OrderEvent(body, 5, enqueued_at, "k", "99"), code, "m", "f", NOON, 1
    )  # fmt: skip


async def test_a_dead_letter_is_kept_once_and_another_events_beside_it(blobs: Blobs) -> None:
    letters = BlobDeadLetters(blobs)
    await letters.add(letter())
    await letters.add(letter(code="again"))
    await letters.add(letter(b"new", NOON + timedelta(days=1)))
    mine = [path for path in await letters.paths() if path.startswith("orders/3/5")]
    assert mine == ["orders/3/5.20260302T120000000000.json", "orders/3/5.json"]
    document, _ = await letters.read("orders/3/5.json")
    assert document == {
        "schema_version": 2,
        "code": "not_json",
        "message": "m",
        "field": "f",
        "body": "/w==",
        "event": {
            "hub": "orders",
            "consumer_group": "$Default",
            "partition_id": "3",
            "sequence_number": 5,
            "offset": "99",
            "enqueued_at": "2026-03-01T12:00:00.000000Z",
            "partition_key": "k",
        },
        "time": "2026-03-01T12:00:00.000000Z",
        "attempts": 1,
        "redriven_at": None,
    }


async def test_a_file_is_read_again_only_when_it_has_changed(
    blobs: Blobs, unique_name: str
) -> None:
    with pytest.raises(NotThereError):
        await blobs.read(MODELS, unique_name)
    await blobs.write(MODELS, unique_name, b"one", None)
    data, version = await blobs.read(MODELS, unique_name) or (b"", "")
    assert data == b"one"
    assert await blobs.read(MODELS, unique_name, version) is None
    await blobs.write(MODELS, unique_name, b"two", version)
    changed = await blobs.read(MODELS, unique_name, version)
    assert changed is not None
    assert changed[0] == b"two"
    with pytest.raises(WriteConflict):
        await blobs.write(MODELS, unique_name, b"three", version)
    with pytest.raises(WriteConflict):
        await blobs.write(MODELS, unique_name, b"four", None)


async def test_a_stream_scored_twice_is_stored_once(
    database: Cosmos, blobs: Blobs, unique_name: str
) -> None:
    async def told() -> Any:
        return FakeScorer(alerts={f"o-{n}" for n in range(0, 60, 3)})

    key = StreamKey(unique_name, "$Default", "0")
    challenger = Scorer(packaged_bundle(), packaged_catalogue(), Policy())
    stream = [
        *(event(n) for n in range(60)),
        event(60, b"not json"),
        order_event(61, "o-3", 1),
    ]
    for _ in range(2):
        context = ScoringContext(
            CosmosAlerts(database), CosmosIncidents(database), CosmosStates(database),
            BlobDeadLetters(blobs), told,
            now=lambda: datetime.now(UTC),
        )  # fmt: skip
        context.shadow = Shadow(CosmosShadows(database), lambda: challenger, context.executor)
        await score_batch(context, key, stream[:40])
        await score_batch(context, key, stream)
    shadow, _ = await CosmosShadows(database).read(key, challenger.bundle.version)
    assert (shadow.totals.orders, shadow.totals.champion.alerts) == (61, 21)
    state, _ = await CosmosStates(database).read(key)
    assert (state.orders_scored, state.dead_lettered) == (61, 1)
    async with database.container("alerts", "count") as container:
        found = [
            alert async for alert in container.query_items("SELECT * FROM c WHERE c.revision >= 0")
        ]
    assert {alert["id"] for alert in found} == {f"o-{n}.0" for n in range(0, 60, 3)} | {"o-3.1"}
    assert [alert["superseded_by"] for alert in found if alert["id"] == "o-3.0"] == ["o-3.1"]
    names = await blobs.names(DEAD_LETTERS)
    assert f"{unique_name}/0/60.json" in names


async def test_a_shadow_document_comes_back_as_written_and_only_once(database: Cosmos) -> None:
    shadows = CosmosShadows(database)
    state, version = await shadows.read(KEY, "v2")
    assert (state, version) == (ShadowState(ShadowTotals("v2")), None)
    counted = ShadowState(
        ShadowTotals("v2", ("v1",), orders=3, champion=Tally(1, {"added_item": 1}, 9)), 7, NOON
    )
    await shadows.write(KEY, counted, None)
    with pytest.raises(WriteConflict):
        await shadows.write(KEY, counted, None)
    found, version = await shadows.read(KEY, "v2")
    assert found == counted
    await shadows.write(KEY, msgspec.structs.replace(counted, sequence_number=8), version)
    with pytest.raises(WriteConflict):
        await shadows.write(KEY, counted, version)
    assert (await shadows.read(KEY, "v2"))[0].sequence_number == 8
    assert (await shadows.read(KEY, "v3"))[1] is None
    async with database.container("shadow", "read") as container:
        stored = await container.read_item(f"{KEY}.v2", f"{KEY}.v2")
    assert violations("shadow", stored) == []


async def test_an_archive_has_the_size_of_its_hubs_files(blobs: Blobs, unique_name: str) -> None:
    for name, data in (
        (f"local/{unique_name}/0/2026/03/01/12/00/00.avro", b"12345"),
        (f"local/{unique_name}/1/2026/03/01/12/00/00.avro", b"123"),
        (f"local/{unique_name}-other/0/2026/03/01/12/00/00.avro", b"1"),
        (f"local/other/0/{unique_name}.avro", b"1"),
    ):
        await blobs.write("orders-archive", name, data, None)
    assert await blobs.size("orders-archive", unique_name) == 8
    assert await blobs.size("orders-archive", "none") == 0


async def test_every_call_of_a_store_is_timed_under_its_container(
    cosmos: str, azurite: str, unique_name: str
) -> None:
    heard = FakeTelemetry()
    resources.make_cosmos_containers(cosmos, "bG9jYWw=", unique_name)
    resources.make_blob_containers(azurite)
    ours, measures = settings(cosmos, azurite, unique_name), StoreMeasures(heard)
    database, blobs = Cosmos(ours.cosmos, measures), Blobs(ours.blobs, measures)
    try:
        await CosmosStates(database).read(KEY)
        await CosmosAlerts(database).create(alert("o-1"))
        await CosmosIncidents(database).highest("hidden_discount")
        with pytest.raises(NotThereError):
            await blobs.read(MODELS, f"{unique_name}.json")
    finally:
        await database.close()
        await blobs.close()
    timed = heard.of("sheriff.store.duration")
    assert [store for _, store in timed] == ["state", "alerts", "incidents", "models"]
    assert all(milliseconds > 0 for milliseconds, _ in timed)


def test_no_request_is_traced_by_the_sdks_because_its_address_names_an_order() -> None:
    assert sdk_settings.tracing_enabled() is False
