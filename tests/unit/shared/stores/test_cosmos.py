"""The synchronous client of Cosmos DB, on a server that answers what a test says."""

import json
from collections.abc import Iterator
from contextlib import closing

import pytest

from shared.errors import TransientError
from shared.stores.cosmos import Cosmos
from shared.stores.settings import CosmosSettings
from tests.unit.shared.stores.store_server import KEY, Answer, StoreServer

DOCUMENTS = "/dbs/sheriff/colls/alerts/docs"


@pytest.fixture
def cosmos(server: StoreServer) -> Iterator[Cosmos]:
    with closing(Cosmos(CosmosSettings(server.url, KEY))) as opened:
        yield opened


def test_it_connects_at_its_first_use(server: StoreServer, cosmos: Cosmos) -> None:
    assert server.requests == []
    cosmos.delete("alerts", "a", "Bo Ek")
    assert server.requests != []


def test_what_a_query_finds_comes_without_the_stores_own_fields(
    server: StoreServer, cosmos: Cosmos
) -> None:
    found = {"Documents": [{"id": "a", "_etag": "e", "_ts": 1}, {"id": "b", "_rid": "r"}]}
    server.answers["POST", f"{DOCUMENTS}/"] = Answer(document=found)
    text = "SELECT * FROM c WHERE c.rep_id = @rep"
    assert cosmos.query("alerts", text, {"@rep": "Bo Ek"}) == [{"id": "a"}, {"id": "b"}]
    sent = [json.loads(request.body) for request in server.asked("POST", f"{DOCUMENTS}/")]
    parameters = [{"name": "@rep", "value": "Bo Ek"}]
    assert {"query": text, "parameters": parameters} in sent


def test_deleting_what_is_gone_is_fine_and_what_may_not_be_deleted_is_told(
    server: StoreServer, cosmos: Cosmos
) -> None:
    for status in (204, 404):
        server.answers["DELETE", f"{DOCUMENTS}/a/"] = Answer(status)
        cosmos.delete("alerts", "a", "Bo Ek")
    server.answers["DELETE", f"{DOCUMENTS}/a/"] = Answer(403)
    with pytest.raises(TransientError, match=r"^delete in alerts: 403"):
        cosmos.delete("alerts", "a", "Bo Ek")
