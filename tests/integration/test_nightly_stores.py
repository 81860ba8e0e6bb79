"""The nightly run's stores on a real Azurite and the Cosmos DB emulator."""

import io
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.core.exceptions import AzureError
from azure.cosmos import CosmosClient
from azure.storage.blob import BlobLeaseClient, BlobServiceClient

from infra.local import resources
from shared.documents import Stored
from shared.errors import LeaseHeld, TransientError, WriteConflict
from shared.stores.blobs import Blobs
from shared.stores.lease import BlobLease
from tests.integration.training_settings import KEY, settings_for
from tests.patience import PATIENCE
from training.stores import CosmosDocuments, opened


@pytest.fixture
def container(azurite: str, unique_name: str) -> str:
    with BlobServiceClient.from_connection_string(azurite) as service:
        service.create_container(unique_name)
    return unique_name


@pytest.fixture
def blobs(azurite: str) -> Iterator[Blobs]:
    with opened(settings_for(azurite)) as (found, _):
        yield found


def test_a_blob_is_created_once_and_replaced_only_as_it_was_read(
    blobs: Blobs, container: str
) -> None:
    assert blobs.read(container, "a/b.json") is None
    first = blobs.write(container, "a/b.json", b"one", None)
    assert blobs.read(container, "a/b.json") == (b"one", first)
    with pytest.raises(WriteConflict):
        blobs.write(container, "a/b.json", b"two", None)
    second = blobs.write(container, "a/b.json", b"two", first)
    with pytest.raises(WriteConflict):
        blobs.write(container, "a/b.json", b"three", first)
    with pytest.raises(WriteConflict):
        blobs.write(container, "not there", b"three", first)
    assert blobs.read(container, "a/b.json") == (b"two", second)
    third = blobs.write(container, "a/b.json", io.BytesIO(b"three"), None, replace=True)
    assert blobs.read(container, "a/b.json") == (b"three", third)
    assert len({first, second, third}) == 3


def test_blobs_are_listed_by_name_read_in_ranges_and_deleted(blobs: Blobs, container: str) -> None:
    versions = {
        name: blobs.write(container, name, b"0123456789", None) for name in ("y/2", "x", "y/1")
    }
    assert list(blobs.list(container, "y/")) == [
        Stored("y/1", 10, versions["y/1"]), Stored("y/2", 10, versions["y/2"]),
    ]  # fmt: skip
    assert [blob.name for blob in blobs.list(container)] == ["x", "y/1", "y/2"]
    assert list(blobs.folders(container)) == ["y/"]
    assert list(blobs.folders(container, "y/")) == []
    assert blobs.read_range(container, "x", 2, 3) == b"234"
    assert blobs.read_range(container, "x", 8, 100) == b"89"
    assert blobs.read_range(container, "z", 0, 1) is None
    blobs.delete(container, "x")
    blobs.delete(container, "x")
    assert [blob.name for blob in blobs.list(container)] == ["y/1", "y/2"]


def test_a_container_or_a_store_that_is_not_there_may_come_back(blobs: Blobs) -> None:
    with pytest.raises(TransientError, match="read nowhere/a: 404"):
        blobs.read("nowhere", "a")
    with pytest.raises(TransientError, match="list nowhere/"):
        blobs.list("nowhere")
    with pytest.raises(TransientError, match="write nowhere/a"):
        blobs.write("nowhere", "a", b"", None)


def test_of_two_runs_at_once_one_is_refused_until_the_other_has_ended(
    blobs: Blobs, container: str
) -> None:
    with blobs.lease(container, "lease", 15) as held:
        held.check()
        with pytest.raises(LeaseHeld, match="another run"), blobs.lease(container, "lease", 15):
            pytest.fail("both hold the lease")
        held.check()
    with blobs.lease(container, "lease", 15) as held:
        held.check()


def test_runs_that_start_together_make_one_lease(blobs: Blobs, container: str) -> None:
    outcomes: list[str] = []
    ready, done = threading.Barrier(4), threading.Barrier(4)

    def run() -> None:
        ready.wait()
        try:
            with blobs.lease(container, "new", 15):
                outcomes.append("held")
                done.wait()
        except LeaseHeld:
            outcomes.append("refused")
            done.wait()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(outcomes) == ["held", "refused", "refused", "refused"]


def test_a_lease_is_renewed_while_the_run_lasts(blobs: Blobs, leased: BlobLeaseClient) -> None:
    renewals = _Renewals(leased)
    with closing(BlobLease(leased, "lease", seconds=0.9)) as held:
        begun = held._held_since
        assert renewals.seen.acquire(timeout=PATIENCE)
        assert renewals.seen.acquire(timeout=PATIENCE)
        assert held._held_since > begun  # the first was noted before the second was asked for
        assert held._failure is None


def test_a_lease_that_somebody_broke_is_noticed_at_the_next_renewal(
    leased: BlobLeaseClient,
) -> None:
    renewals = _Renewals(leased)
    with closing(BlobLease(leased, "lease", seconds=0.9)) as held:
        leased.break_lease(lease_break_period=0)
        assert renewals.refused.acquire(timeout=PATIENCE)
        held._thread.join(PATIENCE)
        with pytest.raises(TransientError, match="the lease of lease is lost"):
            held.check()


@pytest.fixture
def leased(azurite: str, container: str) -> Iterator[BlobLeaseClient]:
    with BlobServiceClient.from_connection_string(azurite) as service:
        blob = service.get_blob_client(container, "lease")
        blob.upload_blob(b"")
        yield blob.acquire_lease(lease_duration=15)


class _Renewals:
    """Says when a lease was renewed, and when it could not be."""

    def __init__(self, lease: BlobLeaseClient) -> None:
        self.seen, self.refused = threading.Semaphore(0), threading.Semaphore(0)
        self._renew = lease.renew
        lease.renew = self._noted  # type: ignore[method-assign]

    def _noted(self, **options: Any) -> None:
        try:
            self._renew(**options)
        except AzureError:
            self.refused.release()
            raise
        self.seen.release()


@pytest.fixture
def database(cosmos: str, unique_name: str) -> str:
    resources.make_cosmos_containers(cosmos, KEY, unique_name)
    return unique_name


@pytest.fixture
def documents(azurite: str, cosmos: str, database: str) -> Iterator[CosmosDocuments]:
    with opened(settings_for(azurite, cosmos, database)) as (_, found):
        yield found


def put(cosmos: str, database: str, container: str, *documents: dict[str, Any]) -> None:
    with CosmosClient(cosmos, KEY) as client:
        found = client.get_database_client(database).get_container_client(container)
        for document in documents:
            found.upsert_item(document)


def decided(number: int, at: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"d-{number}", "schema_version": 1, "order_id": f"o-{number}", "revision": 0,
        "rep_id": f"rep-{number % 3}", "decision": "confirmed", "typology": "added_item",
        "decided_by": "analyst", "decided_at": at, **changes,
    }  # fmt: skip


def test_decisions_are_read_by_their_time_and_what_is_none_is_counted(
    cosmos: str, database: str, documents: CosmosDocuments
) -> None:
    put(
        cosmos, database, "decisions",
        decided(1, "2026-03-02T10:00:00Z"),
        decided(2, "2026-03-02T10:30:00+01:00"),
        decided(3, "2026-03-02T10:00:01Z"),
        decided(4, "2026-03-01T00:00:00Z", decision="perhaps"),
        decided(5, "yesterday"),
        decided(6, "2026-03-01T00:00:00Z", typology=None),
    )  # fmt: skip
    found = documents.decisions(datetime(2026, 3, 2, 10, tzinfo=UTC))
    assert [decision.order_id for decision in found.decisions] == ["o-6", "o-2", "o-1"]
    assert found.refused == {"decision": 1, "decided_at": 1}


def test_alerts_come_with_the_costliest_first(
    cosmos: str, database: str, documents: CosmosDocuments
) -> None:
    alerts = [
        {"id": f"o-{n}.0", "rep_id": f"rep-{n % 4}", "expected_loss": n * 7 % 10,
         "scored_at": f"2026-03-{n + 1:02d}T00:00:00.000000Z"}
        for n in range(10)
    ]  # fmt: skip
    put(cosmos, database, "alerts", *alerts)
    assert documents.alerts(None, 4) == sorted(alerts, key=lambda one: -one["expected_loss"])[:4]
    recent = documents.alerts("2026-03-06T00:00:00.000000Z", 100)
    assert [one["expected_loss"] for one in recent] == [9, 6, 5, 3, 2]


def test_the_alerts_of_a_customer_are_found_and_deleted_and_again_is_as_good_as_once(
    cosmos: str, database: str, documents: CosmosDocuments
) -> None:
    alerts = [
        {"id": f"o-{number}.0", "rep_id": "Bo Ek", "customer_id": customer}
        for number, customer in enumerate(("34477", "344", "34477"))
    ]
    put(cosmos, database, "alerts", *alerts)
    found = documents.alerts_of("34477")
    assert sorted(found) == [("o-0.0", "Bo Ek"), ("o-2.0", "Bo Ek")]
    for _ in range(2):
        for alert, rep in found:
            documents.delete_alert(alert, rep)
    assert documents.alerts_of("34477") == []
    assert documents.alerts_of("344") == [("o-1.0", "Bo Ek")]


def test_incidents_and_states_are_read_whole_without_the_store_s_own_fields(
    cosmos: str, database: str, documents: CosmosDocuments
) -> None:
    incidents = [
        {"id": f"i-{day}", "kind": "hidden_discount", "started_at": f"2026-03-0{day}T00:00:00Z"}
        for day in (1, 3, 2)
    ]
    states = [{"id": f"orders.{n}", "scored": n} for n in (2, 0, 1)]
    put(cosmos, database, "incidents", *incidents)
    put(cosmos, database, "state", *states, {"id": "hub.orders.$Default", "kind": "hub"})
    assert [one["id"] for one in documents.incidents()] == ["i-3", "i-2", "i-1"]
    assert documents.states() == [{"id": f"orders.{n}", "scored": n} for n in (0, 1, 2)]


def test_documents_that_cannot_be_reached_may_be_next_time(azurite: str) -> None:
    with (
        opened(settings_for(azurite)) as (_, documents),
        pytest.raises(TransientError, match="read state"),
    ):
        documents.states()
