"""How far partitions are and what was seen of their hub, as Cosmos DB keeps them."""

import logging
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from functions.progress import Committed, HubSeen, PartitionSeen, looked
from functions.watch_stores import CosmosWatch, committed
from shared.stores.aio.cosmos import Cosmos
from tests.unit.functions.world import NOON

NAME = "hub.orders.scorer"


class FakeCosmos:
    """One container of documents, each with the number of its writing as its version."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = list(rows)
        self.documents: dict[str, tuple[dict[str, Any], str]] = {}
        self.parameters: dict[str, Any] = {}

    async def query(
        self, container: str, text: str, parameters: dict[str, Any], *, doing: str
    ) -> list[dict[str, Any]]:
        assert container == "state"
        self.parameters = parameters
        return self.rows

    async def read(
        self, container: str, item: str, partition_key: str, *, doing: str
    ) -> tuple[dict[str, Any], str] | None:
        assert (container, partition_key) == ("state", item)
        return self.documents.get(item)

    async def write(
        self, container: str, document: dict[str, Any], version: str | None, *, doing: str
    ) -> None:
        self.documents[document["id"]] = (document, f"{version}+")


def stored_in(cosmos: FakeCosmos) -> CosmosWatch:
    return CosmosWatch(cast("Cosmos", cosmos))


async def test_the_states_of_one_reader_of_one_hub_are_asked_for() -> None:
    cosmos = FakeCosmos({"partition_id": "3", "sequence_number": 7})
    assert await stored_in(cosmos).states("orders", "scorer") == [Committed("3", 7)]
    assert cosmos.parameters == {"@hub": "orders", "@group": "scorer"}


async def test_what_was_seen_is_read_back_with_its_version() -> None:
    cosmos, seen = FakeCosmos(), HubSeen(NOON, (PartitionSeen("0", 0, 9, NOON),))
    watch = looked(None, [], seen, datetime(2026, 3, 1, 13, tzinfo=UTC))
    store = stored_in(cosmos)
    assert await store.read("orders", "scorer") == (None, None)
    await store.write("orders", "scorer", watch, None)
    assert cosmos.documents.keys() == {NAME}
    assert await store.read("orders", "scorer") == (watch, "None+")


async def test_what_cannot_be_read_is_said_and_its_version_is_replaced(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cosmos = FakeCosmos()
    cosmos.documents[NAME] = ({"id": NAME, "partitions": "many"}, "v1")
    with caplog.at_level(logging.WARNING):
        assert await stored_in(cosmos).read("orders", "scorer") == (None, "v1")
    assert caplog.messages == [f"{NAME} cannot be read and is written anew"]


@pytest.mark.parametrize(
    ("fields", "attempts"),
    [
        ({"attempts": 3}, 3),
        ({"attempts": 0, "attempt": None}, 0),
        ({"attempt": {"owner": "a", "at": "x", "alone": False, "vanished": []}}, 1),
        ({"attempt": {"owner": "a", "at": "x", "alone": True, "vanished": ["b", "c"]}}, 4),
        ({"attempt": {"owner": "a"}}, 1),
        ({}, 0),
        ({"attempts": "many"}, 0),
    ],
)
def test_a_state_document_of_either_release_says_how_far_it_is(
    fields: dict[str, object], attempts: int
) -> None:
    document = {"partition_id": "0", "sequence_number": 7, "enqueued_at": "2026-03-01T12:00:00Z"}
    assert committed(document | fields) == Committed("0", 7, NOON, attempts)
    assert committed(document | fields | {"enqueued_at": None}).enqueued_at is None
    assert committed(document | fields | {"enqueued_at": "soon"}).enqueued_at is None
