"""Reads how far partitions are, and keeps what was last seen of their hub, in Cosmos DB."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from functions.progress import Committed, Watch, from_document, to_document
from shared.containers import STATE
from shared.formats import FormatError, utc_time
from shared.stores.aio.cosmos import Cosmos

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CosmosWatch:
    """Reads the state documents, and keeps one document a hub (`functions.watching`)."""

    cosmos: Cosmos

    async def states(self, hub: str, consumer_group: str) -> list[Committed]:
        documents = await self.cosmos.query(
            STATE,
            "SELECT c.partition_id, c.sequence_number, c.enqueued_at, c.attempts, c.attempt"
            " FROM c WHERE c.hub = @hub AND c.consumer_group = @group",
            {"@hub": hub, "@group": consumer_group},
            doing="read how far partitions are",
        )
        return [committed(document) for document in documents]

    async def read(self, hub: str, consumer_group: str) -> tuple[Watch | None, str | None]:
        name = _name(hub, consumer_group)
        stored = await self.cosmos.read(STATE, name, name, doing="read what was seen of the hub")
        if stored is None:
            return None, None
        document, version = stored
        watch = from_document(document)
        if watch is None:
            logger.warning("%s cannot be read and is written anew", name)
        return watch, version

    async def write(self, hub: str, consumer_group: str, watch: Watch, version: str | None) -> None:
        document = {"id": _name(hub, consumer_group), **to_document(watch)}
        await self.cosmos.write(STATE, document, version, doing="write what was seen of the hub")


def _name(hub: str, consumer_group: str) -> str:
    return f"hub.{hub}.{consumer_group}"


def committed(document: Mapping[str, Any]) -> Committed:
    """Return how far a partition is done, by its state document of any release."""
    attempt = document.get("attempt")
    attempts = document.get("attempts")  # version 1 counts them, later versions list them
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
