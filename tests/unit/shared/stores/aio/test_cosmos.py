"""The async client of Cosmos DB, on a server that answers what a test says."""

import json
from collections.abc import AsyncIterator

import pytest

from shared.errors import ConfigurationError, RefusedError, TransientError, WriteConflict
from shared.stores.aio.cosmos import Cosmos
from shared.stores.settings import CosmosSettings
from tests.unit.shared.stores.store_server import KEY, Answer, StoreServer

DOCUMENTS = "/dbs/sheriff/colls/alerts/docs"
ALERT = {"id": "a", "rep_id": "Bo Ek"}
STORED = {**ALERT, "_etag": '"7"', "_ts": 1}


class FakeMeasures:
    def __init__(self) -> None:
        self.charges: list[tuple[str, float]] = []
        self.timed: list[str] = []

    def took(self, container: str, milliseconds: float) -> None:
        self.timed.append(container)

    def charged(self, container: str, request_units: float) -> None:
        self.charges.append((container, request_units))


@pytest.fixture
def measures() -> FakeMeasures:
    return FakeMeasures()


@pytest.fixture
async def cosmos(server: StoreServer, measures: FakeMeasures) -> AsyncIterator[Cosmos]:
    opened = Cosmos(CosmosSettings(server.url, KEY), measures, {"retry_total": 0})
    yield opened
    await opened.close()


async def test_a_document_is_read_without_the_stores_own_fields_and_with_its_version(
    server: StoreServer, cosmos: Cosmos
) -> None:
    server.answers["GET", f"{DOCUMENTS}/a/"] = Answer(document=STORED)
    server.answers["GET", f"{DOCUMENTS}/b/"] = Answer(404)
    assert await cosmos.read("alerts", "a", "Bo Ek", doing="read alert") == (ALERT, '"7"')
    assert await cosmos.read("alerts", "b", "Bo Ek", doing="read alert") is None


async def test_a_query_of_one_partition_asks_no_other(server: StoreServer, cosmos: Cosmos) -> None:
    server.answers["POST", f"{DOCUMENTS}/"] = Answer(document={"Documents": [STORED]})
    text = "SELECT * FROM c"
    assert await cosmos.query("alerts", text, doing="find", partition_key="Bo Ek") == [STORED]
    (request,) = server.asked("POST", f"{DOCUMENTS}/")
    assert request.headers["x-ms-documentdb-partitionkey"] == '["Bo Ek"]'


async def test_a_document_is_created_once(server: StoreServer, cosmos: Cosmos) -> None:
    server.answers["POST", f"{DOCUMENTS}/"] = Answer(201, STORED)
    assert await cosmos.create("alerts", ALERT, doing="create alert")
    server.answers["POST", f"{DOCUMENTS}/"] = Answer(409)
    assert not await cosmos.create("alerts", ALERT, doing="create alert")
    with pytest.raises(WriteConflict, match=r"^write alert in alerts: 409"):
        await cosmos.write("alerts", ALERT, None, doing="write alert")


async def test_a_document_is_replaced_only_over_the_version_that_was_read(
    server: StoreServer, cosmos: Cosmos
) -> None:
    server.answers["PUT", f"{DOCUMENTS}/a/"] = Answer(200, STORED)
    assert await cosmos.write_again("alerts", ALERT, '"6"', doing="write alert") == '"7"'
    [request] = server.asked("PUT", f"{DOCUMENTS}/a/")
    assert request.headers["if-match"] == '"6"'
    server.answers["PUT", f"{DOCUMENTS}/a/"] = Answer(412)
    with pytest.raises(WriteConflict):
        await cosmos.write("alerts", ALERT, '"6"', doing="write alert")


async def test_a_patch_has_its_condition_and_passes_over_what_does_not_meet_it_or_is_gone(
    server: StoreServer, cosmos: Cosmos
) -> None:
    changes = [{"op": "add", "path": "/superseded_by", "value": "b"}]

    async def patch() -> None:
        await cosmos.patch(
            "alerts", "a", "Bo Ek", changes, only_where="c.revision < 3", doing="mark alert"
        )

    for status in (200, 412, 404):
        server.answers["PATCH", f"{DOCUMENTS}/a/"] = Answer(status, STORED)
        await patch()
    sent = json.loads(server.asked("PATCH", f"{DOCUMENTS}/a/")[0].body)
    assert sent == {"operations": changes, "condition": "from c where c.revision < 3"}
    server.answers["PATCH", f"{DOCUMENTS}/a/"] = Answer(400)
    with pytest.raises(RefusedError, match=r"^mark alert in alerts: 400"):
        await patch()


async def test_every_call_is_timed_and_every_request_to_a_container_is_charged_to_it(
    server: StoreServer, cosmos: Cosmos, measures: FakeMeasures
) -> None:
    charge = {"x-ms-request-charge": "6.29"}
    server.answers["GET", f"{DOCUMENTS}/a/"] = Answer(document=STORED, headers=charge)
    await cosmos.read("alerts", "a", "Bo Ek", doing="read alert")
    assert measures.timed == ["alerts"]
    assert measures.charges == [("alerts", 6.29)]


async def test_a_store_that_does_not_answer_may_next_time() -> None:
    nowhere = Cosmos(CosmosSettings("http://127.0.0.1:9", KEY), options={"retry_total": 0})
    with pytest.raises(TransientError, match=r"^read alert in alerts: ServiceRe"):
        await nowhere.read("alerts", "a", "Bo Ek", doing="read alert")
    await nowhere.close()


async def test_a_key_that_cannot_be_used_is_a_wrong_setting(server: StoreServer) -> None:
    wrong = Cosmos(CosmosSettings(server.url, "no key"))
    with pytest.raises(ConfigurationError, match=r"^read alert in alerts: a setting of the store"):
        await wrong.read("alerts", "a", "Bo Ek", doing="read alert")
    await wrong.close()
