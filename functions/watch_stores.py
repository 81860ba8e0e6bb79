"""What `functions.watching` reads and keeps, in Cosmos DB beside the state documents."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from azure.core.exceptions import HttpResponseError

from functions.progress import Committed, Watch, from_document, to_document
from functions.stores import Cosmos, replace_version
from shared.containers import STATE
from shared.formats import FormatError, utc_time

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CosmosWatch:
    """State documents to look at, and one document a hub to remember (`functions.watching`)."""

    cosmos: Cosmos

    async def states(self, hub: str, consumer_group: str) -> list[Committed]:
        async with self.cosmos.container(STATE, "read how far partitions are") as states:
            found = states.query_items(
                "SELECT c.partition_id, c.sequence_number, c.enqueued_at, c.attempts, c.attempt"
                " FROM c WHERE c.hub = @hub AND c.consumer_group = @group",
                parameters=[
                    {"name": "@hub", "value": hub},
                    {"name": "@group", "value": consumer_group},
                ],
            )
            return [committed(document) async for document in found]

    async def read(self, hub: str, consumer_group: str) -> tuple[Watch | None, str | None]:
        name = _name(hub, consumer_group)
        async with self.cosmos.container(STATE, "read what was seen of the hub") as states:
            try:
                document = await states.read_item(name, name)
            except HttpResponseError as error:
                if error.status_code != 404:
                    raise
                return None, None
        watch = from_document(document)
        if watch is None:
            logger.warning("%s cannot be read and is written anew", name)
        return watch, document["_etag"]

    async def write(self, hub: str, consumer_group: str, watch: Watch, version: str | None) -> None:
        document = {"id": _name(hub, consumer_group), **to_document(watch)}
        async with self.cosmos.container(STATE, "write what was seen of the hub") as states:
            await replace_version(states, document, version, no_response=True)


def _name(hub: str, consumer_group: str) -> str:
    return f"hub.{hub}.{consumer_group}"


def committed(document: Mapping[str, Any]) -> Committed:
    """How far a state document says its partition is done, whichever release wrote it."""
    attempt = document.get("attempt")
    attempts = document.get("attempts")  # of version 1
    if isinstance(attempt, Mapping):
        attempts = 1 + bool(attempt.get("alone")) + len(attempt.get("vanished", ()))
    return Committed(
        str(document["partition_id"]),
        int(document["sequence_number"]),
        _time(document.get("enqueued_at")),
        attempts if isinstance(attempts, int) else 0,
    )


def _time(text: Any) -> datetime | None:
    try:
        return utc_time(text) if isinstance(text, str) and text else None
    except FormatError:
        return None
