"""The functions' ports on Cosmos DB and Blob Storage: which documents they read and write."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from functions.alert_query import AlertQuery, statement
from functions.metrics import REQUEST_UNITS, STORE_DURATION
from functions.ports import Telemetry
from shared.alert import finding_document
from shared.alert import version_1 as alert_of_version_1
from shared.containers import ALERTS, DEAD_LETTERS, INCIDENTS, SHADOW, STATE
from shared.dead_letter import (
    DeadLetter,
    dead_letter_document,
    dead_letter_path,
    dead_letter_path_anew,
)
from shared.documents import own_fields
from shared.errors import WriteConflict
from shared.formats import time_text
from shared.incidents import number_of
from shared.incidents import version_1 as incident_of_version_1
from shared.pending_alerts import Revisited
from shared.shadow import ShadowState, ShadowTotals
from shared.stores.aio.blobs import Blobs
from shared.stores.aio.cosmos import Cosmos
from shared.stream import StreamState
from shared.stream_key import StreamKey


@dataclass(frozen=True, slots=True)
class StoreMeasures:
    """Tells the telemetry what the stores measure (`shared.stores.aio.measures.Measures`)."""

    telemetry: Telemetry

    def took(self, container: str, milliseconds: float) -> None:
        self.telemetry.measure(STORE_DURATION, milliseconds, container)

    def charged(self, container: str, request_units: float) -> None:
        self.telemetry.measure(REQUEST_UNITS, request_units, container)


@dataclass(frozen=True, slots=True)
class CosmosAlerts:
    """Alerts in Cosmos DB (`functions.ports.AlertStore`).

    ``stored_version`` is the schema version that is written.
    """

    cosmos: Cosmos
    stored_version: int = 2

    async def create(self, alert: dict[str, Any]) -> bool:
        if self.stored_version == 1:
            alert = alert_of_version_1(alert)
        return await self.cosmos.create(ALERTS, alert, doing="create alert")

    async def supersede(
        self, rep_id: str, order_id: str, revision: int, successor: str, before: tuple[str, int]
    ) -> int:
        older = await self.cosmos.query(
            ALERTS,
            "SELECT c.id FROM c WHERE c.order_id = @order_id"
            " AND c.revision < @revision AND NOT IS_DEFINED(c.superseded_by)"
            " AND (c.event.enqueued_at < @at OR (c.event.enqueued_at = @at"
            " AND c.event.sequence_number < @number))",
            {
                "@order_id": order_id,
                "@revision": revision,
                "@at": before[0],
                "@number": before[1],
            },
            partition_key=rep_id,
            doing="find older revisions",
        )
        for alert in older:
            await self._mark(alert["id"], rep_id, successor)
        return len(older)

    async def _mark(self, alert_id: str, rep_id: str, successor: str) -> None:
        """Mark an older revision, unless the same event has marked it in another process."""
        await self.cosmos.patch(
            ALERTS,
            alert_id,
            rep_id,
            [{"op": "add", "path": "/superseded_by", "value": successor}],
            only_where="NOT IS_DEFINED(c.superseded_by)",
            doing="mark older revision",
        )

    async def earlier(self, rep_id: str, order_id: str) -> list[dict[str, Any]]:
        return await self.cosmos.query(
            ALERTS,
            # Only a few fields of each: there may be any number of alerts, and large ones.
            "SELECT VALUE {'id': c.id, 'rep_id': c.rep_id, 'customer_id': c.customer_id,"
            " 'order_id': c.order_id, 'revision': c.revision, 'ordered_at': c.ordered_at,"
            " 'event': c.event, 'order': {'lines': c['order'].lines,"
            " 'charged_price': c['order'].charged_price}}"
            " FROM c WHERE c.order_id = @order_id",
            {"@order_id": order_id},
            partition_key=rep_id,
            doing="find alerts of an order",
        )

    async def revisit(self, revisited: Revisited, incident_id: str, at: datetime) -> None:
        changes: list[dict[str, Any]] = [
            {"op": "add", "path": "/incident_id", "value": incident_id},
            {"op": "add", "path": "/revisited_at", "value": time_text(at)},
        ]
        if revisited.finding is not None:
            finding = finding_document(revisited.finding)
            changes.append({"op": "add", "path": "/findings/-", "value": finding})
        # The alert is missing where its order was too large to be held or stored.
        await self.cosmos.patch(
            ALERTS,
            revisited.alert_id,
            revisited.rep_id,
            changes,
            only_where="NOT IS_DEFINED(c.revisited_at)",
            doing="revisit alert",
        )

    async def find(self, query: AlertQuery) -> list[dict[str, Any]]:
        """Return the alerts of a query, newest first: one more than its limit if there are more."""
        text, parameters = statement(query)
        return await self.cosmos.query(
            ALERTS,
            text,
            {parameter["name"]: parameter["value"] for parameter in parameters},
            partition_key=query.rep_id or None,  # then only the rep's own partition is asked
            doing="find alerts",
        )

    async def latest(self) -> str | None:
        """Return when the latest alert was made; None while there is no alert."""
        times: list[str] = await self.cosmos.query(
            ALERTS,
            "SELECT TOP 1 VALUE c.scored_at FROM c ORDER BY c.scored_at DESC",
            doing="find the latest alert",
        )
        return times[0] if times else None


@dataclass(frozen=True, slots=True)
class CosmosIncidents:
    """Incidents in Cosmos DB (`functions.ports.IncidentStore`); a version is an ETag.

    ``stored_version`` is the schema version that is written.
    """

    cosmos: Cosmos
    stored_version: int = 2

    async def read(self, kind: str, incident_id: str) -> tuple[dict[str, Any], str] | None:
        return await self.cosmos.read(INCIDENTS, incident_id, kind, doing="read incident")

    async def joinable(
        self, kind: str, percent: float, ended_since: str, seen_since: str
    ) -> list[tuple[dict[str, Any], str]]:
        documents = await self.cosmos.query(
            INCIDENTS,
            "SELECT * FROM c WHERE c.percent = @percent AND (c.ended_at >= @ended_since"
            " OR (IS_NULL(c.ended_at) AND c.last_seen_at >= @seen_since))",
            {"@percent": percent, "@ended_since": ended_since, "@seen_since": seen_since},
            partition_key=kind,
            doing="find incidents",
        )
        return [(own_fields(document), document["_etag"]) for document in documents]

    async def highest(self, kind: str) -> int:
        documents = await self.cosmos.query(
            INCIDENTS,
            "SELECT TOP 1 c.id FROM c ORDER BY c.id DESC",
            partition_key=kind,
            doing="find the latest incident",
        )
        return max(map(number_of, documents), default=0)

    async def put(self, incident: dict[str, Any], version: str | None) -> None:
        if self.stored_version == 1:
            incident = incident_of_version_1(incident)
        await self.cosmos.write(INCIDENTS, incident, version, doing="write incident")


@dataclass(frozen=True, slots=True)
class CosmosStates:
    """The state documents in Cosmos DB (`functions.ports.StateStore`); a version is an ETag.

    ``stored_version`` is the schema version that is written.
    """

    cosmos: Cosmos
    stored_version: int = 2

    async def read(self, key: StreamKey) -> tuple[StreamState, str | None]:
        stored = await self.cosmos.read(STATE, str(key), str(key), doing="read state")
        if stored is None:
            return StreamState(), None
        document, version = stored
        return StreamState.from_document(document), version

    async def write(self, key: StreamKey, state: StreamState, version: str | None) -> str:
        document = _named(key, str(key), state.to_document(self.stored_version))
        return await self.cosmos.write_again(STATE, document, version, doing="write state")


@dataclass(frozen=True, slots=True)
class CosmosShadows:
    """Shadow documents in Cosmos DB (`functions.ports.ShadowStore`); a version is an ETag.

    ``stored_version`` is the schema version that is written.
    """

    cosmos: Cosmos
    stored_version: int = 2

    async def read(self, key: StreamKey, challenger: str) -> tuple[ShadowState, str | None]:
        name = f"{key}.{challenger}"
        stored = await self.cosmos.read(SHADOW, name, name, doing="read shadow")
        if stored is None:
            return ShadowState(ShadowTotals(challenger)), None
        document, version = stored
        return ShadowState.from_document(document), version

    async def write(self, key: StreamKey, state: ShadowState, version: str | None) -> None:
        name = f"{key}.{state.totals.version}"
        document = _named(key, name, state.to_document(self.stored_version))
        await self.cosmos.write(SHADOW, document, version, doing="write shadow")


def _named(key: StreamKey, name: str, document: dict[str, Any]) -> dict[str, Any]:
    """Return a document with its id and the partition that it is about."""
    return {
        "id": name,
        "hub": key.hub,
        "consumer_group": key.consumer_group,
        "partition_id": key.partition_id,
        **document,
    }


@dataclass(frozen=True, slots=True)
class BlobDeadLetters:
    """Dead letters as blobs (`functions.ports.DeadLetterStore`), to be kept and sent again.

    ``stored_version`` is the schema version that is written.
    """

    blobs: Blobs
    stored_version: int = 2

    async def add(self, letter: DeadLetter) -> None:
        document = dead_letter_document(letter, self.stored_version)
        if not await self._create(dead_letter_path(letter), document):
            await self._create(dead_letter_path_anew(letter), document)

    async def _create(self, path: str, document: dict[str, Any]) -> bool:
        """Create a dead letter; return False where another event's has this name."""
        try:
            await self.blobs.write(DEAD_LETTERS, path, json.dumps(document).encode(), None)
        except WriteConflict:
            kept, _ = await self.read(path)
            same: bool = kept["event"]["enqueued_at"] == document["event"]["enqueued_at"]
            return same
        return True

    async def paths(self) -> list[str]:
        """Return the names of all dead letters, in order."""
        return await self.blobs.names(DEAD_LETTERS)

    async def read(self, path: str) -> tuple[dict[str, Any], str]:
        """Return a dead letter and its version.

        Raises:
            NotThereError: there is no dead letter of this name.
        """
        stored = await self.blobs.read(DEAD_LETTERS, path)
        assert stored is not None  # only a read that knows a version answers None
        return json.loads(stored[0]), stored[1]

    async def replace(self, path: str, document: dict[str, Any], version: str) -> None:
        """Replace a dead letter.

        Raises:
            WriteConflict: it is another version by now.
        """
        await self.blobs.write(DEAD_LETTERS, path, json.dumps(document).encode(), version)
