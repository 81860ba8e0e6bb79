"""The functions' ports: which documents they write and read. The real stores are in
tests/integration/test_stores.py."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from functions.alert_query import AlertQuery
from functions.stores import (
    BlobDeadLetters,
    CosmosAlerts,
    CosmosIncidents,
    CosmosShadows,
    CosmosStates,
    StoreMeasures,
)
from shared.dead_letter import DeadLetter
from shared.errors import WriteConflict
from shared.pending_alerts import Revisited
from shared.shadow import ShadowState, ShadowTotals
from shared.stores.aio.blobs import Blobs
from shared.stores.aio.cosmos import Cosmos
from shared.stream import StreamState
from tests.unit.functions.world import KEY, NOON, FakeTelemetry, event


class FakeCosmos:
    """Documents by container and id; a query answers with ``rows``, and calls are kept."""

    def __init__(self, *rows: Any) -> None:
        self.rows = list(rows)
        self.documents: dict[tuple[str, str], dict[str, Any]] = {}
        self.queries: list[tuple[str, dict[str, Any] | None, str | None]] = []
        self.patches: list[tuple[str, str, list[dict[str, Any]], str]] = []

    async def read(
        self, container: str, item: str, partition_key: str, *, doing: str
    ) -> tuple[dict[str, Any], str] | None:
        document = self.documents.get((container, item))
        return None if document is None else (document, "v1")

    async def query(
        self,
        container: str,
        text: str,
        parameters: dict[str, Any] | None = None,
        *,
        doing: str,
        partition_key: str | None = None,
    ) -> list[Any]:
        self.queries.append((container, parameters, partition_key))
        return self.rows

    async def create(self, container: str, document: dict[str, Any], *, doing: str) -> bool:
        is_new = (container, document["id"]) not in self.documents
        self.documents.setdefault((container, document["id"]), document)
        return is_new

    async def write(
        self, container: str, document: dict[str, Any], version: str | None, *, doing: str
    ) -> None:
        self.documents[container, document["id"]] = document

    async def write_again(
        self, container: str, document: dict[str, Any], version: str | None, *, doing: str
    ) -> str:
        await self.write(container, document, version, doing=doing)
        return "v2"

    async def patch(
        self,
        container: str,
        item: str,
        partition_key: str,
        changes: list[dict[str, Any]],
        *,
        only_where: str,
        doing: str,
    ) -> None:
        assert container == "alerts"
        self.patches.append((item, partition_key, changes, only_where))


class FakeBlobs:
    """Blobs by name, each written once."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    async def read(self, container: str, name: str) -> tuple[bytes, str]:
        assert container == "dead-letters"
        return self.blobs[name], "v1"

    async def write(self, container: str, name: str, data: bytes, version: str | None) -> None:
        if name in self.blobs:
            raise WriteConflict(name)
        self.blobs[name] = data


def as_cosmos(fake: FakeCosmos) -> Cosmos:
    return cast("Cosmos", fake)


async def test_an_older_revision_is_marked_unless_it_is_marked_already() -> None:
    cosmos = FakeCosmos({"id": "a.0"}, {"id": "a.1"})
    marked = await CosmosAlerts(as_cosmos(cosmos)).supersede("Bo Ek", "a", 2, "a.2", ("t", 7))
    change = [{"op": "add", "path": "/superseded_by", "value": "a.2"}]
    condition = "NOT IS_DEFINED(c.superseded_by)"
    assert marked == 2
    assert cosmos.patches == [(alert, "Bo Ek", change, condition) for alert in ("a.0", "a.1")]
    parameters = {"@order_id": "a", "@revision": 2, "@at": "t", "@number": 7}
    assert cosmos.queries == [("alerts", parameters, "Bo Ek")]


async def test_an_alert_is_revisited_once_and_without_a_finding_gets_none() -> None:
    cosmos = FakeCosmos()
    revisited = Revisited("a.0", "Bo Ek", "b.0", None, None)
    await CosmosAlerts(as_cosmos(cosmos)).revisit(revisited, "hidden_discount-000001", NOON)
    [(item, _, changes, condition)] = cosmos.patches
    assert (item, condition) == ("a.0", "NOT IS_DEFINED(c.revisited_at)")
    assert {change["path"]: change["value"] for change in changes} == {
        "/incident_id": "hidden_discount-000001",
        "/revisited_at": "2026-03-01T12:00:00.000000Z",
    }


async def test_only_a_reps_own_partition_is_asked_for_the_alerts_of_a_rep() -> None:
    cosmos = FakeCosmos()
    alerts = CosmosAlerts(as_cosmos(cosmos))
    await alerts.find(AlertQuery(rep_id="Bo Ek"))
    await alerts.find(AlertQuery())
    assert [partition for _, _, partition in cosmos.queries] == ["Bo Ek", None]
    assert "Bo Ek" in (cosmos.queries[0][1] or {}).values()


async def test_the_latest_alert_and_the_highest_incident_are_none_and_zero_before_the_first() -> (
    None
):
    empty = as_cosmos(FakeCosmos())
    assert await CosmosAlerts(empty).latest() is None
    assert await CosmosIncidents(empty).highest("hidden_discount") == 0
    incidents = as_cosmos(FakeCosmos({"id": "hidden_discount-000012"}))
    assert await CosmosIncidents(incidents).highest("hidden_discount") == 12


async def test_state_and_shadow_say_which_partition_they_are_about_and_are_read_back() -> None:
    cosmos = FakeCosmos()
    states, shadows = CosmosStates(as_cosmos(cosmos)), CosmosShadows(as_cosmos(cosmos))
    assert await states.read(KEY) == (StreamState(), None)
    state = replace(StreamState(), sequence_number=7, enqueued_at=NOON)
    assert await states.write(KEY, state, None) == "v2"
    assert await states.read(KEY) == (state, "v1")
    shadow = ShadowState(ShadowTotals("c-1"))
    assert await shadows.read(KEY, "c-1") == (shadow, None)
    await shadows.write(KEY, shadow, None)
    assert await shadows.read(KEY, "c-1") == (shadow, "v1")
    names = [("state", f"{KEY}"), ("shadow", f"{KEY}.c-1")]
    assert list(cosmos.documents) == names
    for name in names:
        document = cosmos.documents[name]
        assert (document["hub"], document["partition_id"]) == (KEY.hub, KEY.partition_id)


async def test_a_dead_letter_is_kept_once_and_another_events_of_its_name_beside_it() -> None:
    blobs = FakeBlobs()
    letters = BlobDeadLetters(cast("Blobs", blobs))
    letter = DeadLetter(KEY, event(5, b"\xff"), "not_json", "m", "", NOON, 1)
    later = replace(letter.event, enqueued_at=letter.event.enqueued_at + timedelta(days=1))
    await letters.add(letter)
    await letters.add(replace(letter, code="again"))
    await letters.add(replace(letter, event=later))
    first = f"{KEY.hub}/{KEY.partition_id}/5"
    entered = f"{later.enqueued_at:%Y%m%dT%H%M%S%f}"
    assert list(blobs.blobs) == [f"{first}.json", f"{first}.{entered}.json"]
    assert json.loads(blobs.blobs[f"{first}.json"])["code"] == "not_json"


def test_what_a_store_measures_is_heard_under_its_container() -> None:
    heard = FakeTelemetry()
    measures = StoreMeasures(heard)
    measures.took("alerts", 12.5)
    measures.charged("alerts", 6.29)
    assert heard.of("sheriff.store.duration") == [(12.5, "alerts")]
    assert heard.of("sheriff.store.request_units") == [(6.29, "alerts")]
