"""The Cosmos DB emulator behaves as the service does, asked by the real SDK; and it remembers."""

from __future__ import annotations

import asyncio
import json
import resource
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosBatchOperationError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from infra.local import processes, services

KEY = "bG9jYWw="
LARGE = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
INDEX = {
    "compositeIndexes": [
        [{"path": "/status", "order": "ascending"}, {"path": "/scored_at", "order": "descending"}]
    ]
}


@asynccontextmanager
async def opened(endpoint: str, database: str, **policy: Any) -> AsyncIterator[ContainerProxy]:
    async with CosmosClient(endpoint, KEY) as client:
        made = await client.create_database_if_not_exists(database)
        yield await made.create_container_if_not_exists(
            "alerts", PartitionKey("/rep_id"), indexing_policy=INDEX, **policy
        )


@pytest.fixture
async def container(cosmos: str, unique_name: str) -> AsyncIterator[ContainerProxy]:
    async with opened(cosmos, unique_name) as made:
        yield made


def alert(n: int, rep: str = "Ann", **fields: Any) -> dict[str, Any]:
    return {"id": f"A{n}", "rep_id": rep, "status": "open", "scored_at": n, **fields}


async def test_a_second_create_conflicts(container: ContainerProxy) -> None:
    await container.create_item(alert(1))
    with pytest.raises(CosmosResourceExistsError):
        await container.create_item(alert(1))


async def test_a_missing_document_is_not_found(container: ContainerProxy) -> None:
    with pytest.raises(CosmosResourceNotFoundError):
        await container.read_item("none", partition_key="Ann")


async def test_a_document_is_found_under_its_own_partition_key_only(
    container: ContainerProxy,
) -> None:
    await container.create_item(alert(1))
    assert (await container.read_item("A1", partition_key="Ann"))["scored_at"] == 1
    with pytest.raises(CosmosResourceNotFoundError):
        await container.read_item("A1", partition_key="Bob")


async def test_a_create_in_a_missing_container_is_not_found(
    cosmos: str, container: ContainerProxy, unique_name: str
) -> None:
    async with CosmosClient(cosmos, KEY) as client:
        missing = client.get_database_client(unique_name).get_container_client("missing")
        with pytest.raises(CosmosResourceNotFoundError):
            await missing.create_item(alert(1))


async def test_an_upsert_creates_and_then_replaces(container: ContainerProxy) -> None:
    await container.upsert_item(alert(1))
    await container.upsert_item(alert(1, status="dismissed"))
    assert (await container.read_item("A1", partition_key="Ann"))["status"] == "dismissed"


async def test_a_replace_with_a_stale_etag_fails(container: ContainerProxy) -> None:
    old = await container.create_item(alert(1))
    await container.upsert_item(alert(1, note="newer"))
    with pytest.raises(CosmosAccessConditionFailedError):
        await replace(container, alert(1), old["_etag"])


async def replace(container: ContainerProxy, body: dict[str, Any], etag: str) -> Any:
    return await container.replace_item(
        body["id"], body, etag=etag, match_condition=MatchConditions.IfNotModified
    )


async def test_a_patch_predicate_decides_and_keeps_its_letter_case(
    container: ContainerProxy,
) -> None:
    await container.create_item(alert(1, status="Open", decidedBy="Zoe"))
    touch = [{"op": "set", "path": "/revisited_at", "value": 9}]
    passed = await container.patch_item(
        "A1",
        "Ann",
        touch,
        filter_predicate="from c where c.status = 'Open' and c.decidedBy = 'Zoe'",
    )
    assert passed["revisited_at"] == 9
    with pytest.raises(CosmosAccessConditionFailedError):
        await container.patch_item(
            "A1", "Ann", touch, filter_predicate="from c where c.status = 'open'"
        )


async def test_a_patch_predicate_asks_its_own_partition(container: ContainerProxy) -> None:
    await container.create_item(alert(1, rep="Ann", status="dismissed"))
    await container.create_item(alert(1, rep="Bob", status="open"))
    with pytest.raises(CosmosAccessConditionFailedError):
        await container.patch_item(
            "A1",
            "Ann",
            [{"op": "set", "path": "/note", "value": ""}],
            filter_predicate="from c where c.status = 'open'",
        )


async def test_a_batch_is_done_whole(container: ContainerProxy) -> None:
    operations = [("create", (alert(1),)), ("upsert", (alert(2),)), ("delete", ("A1",))]
    results = await container.execute_item_batch(operations, partition_key="Ann")
    assert [result["statusCode"] for result in results] == [201, 201, 204]
    assert await ids(container, "SELECT c.id FROM c") == ["A2"]


async def test_a_batch_that_fails_changes_nothing(container: ContainerProxy) -> None:
    await container.create_item(alert(2, note="first"))
    operations = [
        ("create", (alert(1),)),
        ("replace", ("A2", alert(2, note="second"))),
        ("create", (alert(2),)),
    ]
    with pytest.raises(CosmosBatchOperationError) as failure:
        await container.execute_item_batch(operations, partition_key="Ann")
    assert (failure.value.status_code, failure.value.error_index) == (409, 2)
    assert await ids(container, "SELECT c.id FROM c") == ["A2"]
    assert (await container.read_item("A2", partition_key="Ann"))["note"] == "first"


async def ids(container: ContainerProxy, query: str, **options: Any) -> list[str]:
    return [item["id"] async for item in container.query_items(query, **options)]


@pytest.fixture
async def filled(container: ContainerProxy) -> ContainerProxy:
    for n in range(6):
        await container.create_item(alert(n, "Ann" if n % 2 else "Bob", status="ab"[n // 4]))
    return container


@pytest.mark.parametrize(
    "query", ["SELECT c.id FROM c", "SELECT c.id FROM c WHERE c.scored_at > 1"]
)
async def test_a_query_with_a_partition_key_sees_that_partition(
    filled: ContainerProxy, query: str
) -> None:
    found = [item["id"] async for item in filled.query_items(query, partition_key="Ann")]
    assert found == [f"A{n}" for n in (1, 3, 5) if n > 1 or "WHERE" not in query]


async def test_a_query_may_name_the_partition_key_in_its_where(filled: ContainerProxy) -> None:
    query = "SELECT c.id FROM c WHERE c.rep_id = @rep AND c.status = 'a'"
    parameters = [{"name": "@rep", "value": "Bob"}]
    assert await ids(filled, query, parameters=parameters) == ["A0", "A2"]


async def test_two_sort_keys_follow_the_composite_index(filled: ContainerProxy) -> None:
    query = "SELECT c.id FROM c ORDER BY c.status ASC, c.scored_at DESC"
    found = [item["id"] async for item in filled.query_items(query, partition_key="Bob")]
    assert found == ["A2", "A0", "A4"]


async def test_pages_continue_where_the_last_one_ended(filled: ContainerProxy) -> None:
    query, pages, token = "SELECT c.id FROM c", [], None
    while token is not None or not pages:
        pager = filled.query_items(query, partition_key="Ann", max_item_count=2).by_page(token)
        pages.append([item["id"] async for item in await anext(pager)])
        token = pager.continuation_token
    assert pages == [["A1", "A3"], ["A5"]]


class Launched:
    """A Cosmos DB emulator of a test's own, to be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, processes.free_port()
        self.journal = folder / "cosmos.jsonl"
        self.child: processes.Child | None = None

    def start(self) -> str:
        service = services.cosmos(self.port, self.folder)
        self.child = processes.start("cosmos", service.command, self.folder / "log")
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        if self.child:
            processes.kill(self.child)

    def limit_files(self, size: int) -> None:
        """Let no file grow past ``size`` bytes: what would fill the disk fails after a part."""
        assert self.child is not None
        resource.prlimit(self.child.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[Launched]:
    emulator = Launched(tmp_path)
    yield emulator
    emulator.kill()


async def test_a_killed_emulator_remembers_every_acknowledged_write(launched: Launched) -> None:
    endpoint = launched.start()
    async with opened(endpoint, "sheriff") as container:
        await container.create_item(alert(1))
        stale = (await container.create_item(alert(2)))["_etag"]
        kept = (await container.upsert_item(alert(2, note="newer")))["_etag"]
        await container.create_item(alert(3))
        await container.delete_item("A1", partition_key="Ann")
        await container.patch_item("A3", "Ann", [{"op": "incr", "path": "/scored_at", "value": 4}])
        await container.execute_item_batch([("create", (alert(4),))], partition_key="Ann")
    launched.kill()
    launched.start()
    async with opened(endpoint, "sheriff") as container:
        assert await ids(container, "SELECT * FROM c ORDER BY c.id") == ["A2", "A3", "A4"]
        assert (await container.read_item("A3", partition_key="Ann"))["scored_at"] == 7
        with pytest.raises(CosmosAccessConditionFailedError):
            await replace(container, alert(2), stale)
        await replace(container, alert(2, note="newest"), kept)
        query = "SELECT c.id FROM c ORDER BY c.status ASC, c.scored_at DESC"  # the index came along
        assert await ids(container, query) == ["A3", "A4", "A2"]


async def test_writes_racing_with_a_kill_are_kept_if_acknowledged(launched: Launched) -> None:
    endpoint = launched.start()
    acknowledged: list[str] = []

    async def write(container: ContainerProxy, worker: int) -> None:
        for n in range(worker, 10_000, 8):
            await container.create_item(alert(n), no_response=True)
            acknowledged.append(f"A{n}")
            if len(acknowledged) == 200:
                launched.kill()

    async with opened(endpoint, "sheriff") as container:
        ends = await asyncio.gather(
            *(write(container, worker) for worker in range(8)), return_exceptions=True
        )
    assert all(isinstance(end, Exception) for end in ends)
    launched.start()
    async with opened(endpoint, "sheriff") as container:
        stored = await ids(container, "SELECT c.id FROM c")
    assert len(stored) == len(set(stored))
    assert set(acknowledged) <= set(stored)


async def test_dropped_containers_and_databases_stay_dropped(launched: Launched) -> None:
    endpoint = launched.start()
    async with opened(endpoint, "one") as container, CosmosClient(endpoint, KEY) as client:
        await container.create_item(alert(1))
        await client.get_database_client("one").delete_container("alerts")
        await client.create_database("two")
        await client.delete_database("two")
    launched.kill()
    launched.start()
    async with CosmosClient(endpoint, KEY) as client:
        assert [database["id"] async for database in client.list_databases()] == ["one"]
    async with opened(endpoint, "one") as container:
        assert await ids(container, "SELECT * FROM c") == []


async def test_a_torn_last_line_is_forgotten(launched: Launched) -> None:
    endpoint = launched.start()
    async with opened(endpoint, "sheriff") as container:
        await container.create_item(alert(1))
        await container.create_item(alert(2))
    launched.kill()
    whole = launched.journal.read_bytes()
    launched.journal.write_bytes(whole[:-9])
    launched.start()
    async with opened(endpoint, "sheriff") as container:
        assert await ids(container, "SELECT * FROM c") == ["A1"]


async def test_a_start_shortens_the_journal_to_what_is_stored(launched: Launched) -> None:
    endpoint = launched.start()
    async with opened(endpoint, "sheriff") as container:
        for n in range(20):
            await container.upsert_item(alert(1, note=str(n)))
    launched.kill()
    launched.start()
    lines = [json.loads(line) for line in launched.journal.read_text().splitlines()]
    assert [change["path"] for line in lines for change in line] == [
        [],
        ["sheriff"],
        ["sheriff", "alerts"],
    ]


def test_a_damaged_journal_is_refused_in_one_line(launched: Launched) -> None:
    launched.journal.write_text("[]\nnonsense\n[]\n")
    with pytest.raises(processes.StackError, match=r"line 2 is not a journal entry"):
        launched.start()


async def test_it_fails_as_long_as_it_was_asked_to(launched: Launched) -> None:
    endpoint = launched.start()
    async with opened(endpoint, "sheriff") as container:
        request = f"{endpoint}/_local/fail?seconds=60&status=500"
        await asyncio.to_thread(
            urllib.request.urlopen, urllib.request.Request(request, method="POST")
        )
        with pytest.raises(CosmosHttpResponseError) as failure:
            await container.read_item("A1", partition_key="Ann")
        assert failure.value.status_code == 500
        request = f"{endpoint}/_local/fail?seconds=0"
        await asyncio.to_thread(
            urllib.request.urlopen, urllib.request.Request(request, method="POST")
        )
        await container.create_item(alert(1))


async def test_a_write_of_which_only_a_part_fits_is_refused_and_gone(launched: Launched) -> None:
    endpoint = launched.start()
    acknowledged, refused = [], []
    async with opened(endpoint, "sheriff") as container:
        await container.create_item(alert(0, note="first"))
        launched.limit_files(launched.journal.stat().st_size + 3_000)
        for n in range(1, 9):
            big = n % 2 == 1  # every second one does not fit: small ones after it do
            try:
                await container.create_item(alert(n, note="x" * (5_000 if big else 1)))
                acknowledged.append(f"A{n}")
            except CosmosHttpResponseError as error:
                refused.append((f"A{n}", error.status_code))
        with pytest.raises(CosmosHttpResponseError):
            await container.upsert_item(alert(0, note="x" * 5_000))
        assert (await container.read_item("A0", partition_key="Ann"))["note"] == "first"
        assert await ids(container, "SELECT c.id FROM c") == ["A0", *acknowledged]
        assert acknowledged == ["A2", "A4", "A6", "A8"]
        assert refused == [(f"A{n}", 503) for n in (1, 3, 5, 7)]
    launched.kill()
    launched.start()
    async with opened(endpoint, "sheriff") as container:
        assert await ids(container, "SELECT c.id FROM c") == ["A0", *acknowledged]
        assert (await container.read_item("A0", partition_key="Ann"))["note"] == "first"


async def test_a_start_without_room_to_shorten_the_journal_keeps_the_long_one(
    launched: Launched,
) -> None:
    endpoint = launched.start()
    async with opened(endpoint, "sheriff") as container:
        await container.create_item(alert(1))
    launched.kill()
    blocked = launched.folder / "cosmos.jsonl.new"
    (blocked / "in the way").mkdir(parents=True)
    launched.start()
    async with opened(endpoint, "sheriff") as container:
        await container.create_item(alert(2))
    launched.kill()
    launched.start()
    async with opened(endpoint, "sheriff") as container:
        assert await ids(container, "SELECT c.id FROM c") == ["A1", "A2"]


@LARGE
async def test_a_document_of_more_than_2_mb_is_refused(container: ContainerProxy) -> None:
    def sized(size: int) -> dict[str, Any]:
        empty = alert(1, note="")
        return {**empty, "note": "x" * (size - len(json.dumps(empty, separators=(",", ":"))))}

    stored = await container.create_item(sized(2_097_152))
    calls = [
        container.create_item({**sized(2_097_153), "id": "A2"}),
        container.upsert_item(sized(2_097_153)),
        replace(container, sized(2_097_153), stored["_etag"]),
        container.patch_item("A1", "Ann", [{"op": "set", "path": "/more", "value": "x" * 100}]),
    ]
    for call in calls:
        with pytest.raises(CosmosHttpResponseError) as failure:
            await call
        assert failure.value.status_code == 413
    assert await ids(container, "SELECT c.id FROM c") == ["A1"]
    kept = await container.read_item("A1", partition_key="Ann")
    assert kept["_etag"] == stored["_etag"]


@LARGE
async def test_limits_count_bytes_not_characters(container: ContainerProxy) -> None:
    await container.create_item({"id": "é" * 511, "rep_id": "é" * 1_024})
    for document in (
        {"id": "é" * 512, "rep_id": "Ann"},
        {"id": "A1", "rep_id": "é" * 1_024 + "x"},
        {"id": "A1", "rep_id": "Ann", "note": "é" * 1_048_576},
    ):
        with pytest.raises(CosmosHttpResponseError) as failure:
            await container.create_item(document)
        assert failure.value.status_code == (413 if "note" in document else 400)
    assert len(await ids(container, "SELECT c.id FROM c")) == 1


@pytest.mark.parametrize("name", ["a/b", "a\\b", "a?b", "a#b"])
async def test_an_id_with_a_character_of_paths_is_refused(
    cosmos: str, container: ContainerProxy, unique_name: str, name: str
) -> None:
    with pytest.raises(ValueError, match="illegal char"):  # the SDK knows the rule, too
        await container.create_item({"id": name, "rep_id": "Ann"})
    request = urllib.request.Request(  # another client might not
        f"{cosmos}/dbs/{unique_name}/colls/alerts/docs",
        json.dumps({"id": name, "rep_id": "Ann"}).encode(),
        {"x-ms-documentdb-partitionkey": '["Ann"]'},
    )
    with pytest.raises(urllib.error.HTTPError) as failure:
        await asyncio.to_thread(urllib.request.urlopen, request)
    assert failure.value.code == 400
    assert "one of the characters" in json.load(failure.value)["message"]


@LARGE
@pytest.mark.parametrize(
    ("count", "note", "status"), [(100, "", 0), (101, "", 400), (2, "x" * 1_048_576, 413)]
)
async def test_a_batch_has_the_service_s_limits(
    container: ContainerProxy, count: int, note: str, status: int
) -> None:
    operations = [("create", (alert(n, note=note),)) for n in range(count)]
    if not status:
        await container.execute_item_batch(operations, partition_key="Ann")
        return
    with pytest.raises(CosmosHttpResponseError) as failure:
        await container.execute_item_batch(operations, partition_key="Ann")
    assert failure.value.status_code == status
    assert await ids(container, "SELECT c.id FROM c") == []
