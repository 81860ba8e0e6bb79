"""What training reads from the stores, and who it signs in as."""

import base64
import json
from datetime import UTC, datetime
from typing import Any, cast

from shared.stores.cosmos import Cosmos
from training.stores import CosmosDocuments, object_id


class FakeCosmos:
    """Answers every query with the documents it was given, and keeps what was asked."""

    def __init__(self, *documents: dict[str, Any]) -> None:
        self.documents = list(documents)
        self.asked: list[tuple[str, str, dict[str, Any] | None]] = []
        self.deleted: list[tuple[str, str, str]] = []

    def query(
        self, container: str, text: str, parameters: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        self.asked.append((container, text, parameters))
        return self.documents

    def delete(self, container: str, item: str, partition_key: str) -> None:
        self.deleted.append((container, item, partition_key))


def documents_in(cosmos: FakeCosmos) -> CosmosDocuments:
    return CosmosDocuments(cast("Cosmos", cosmos))


def decided(number: int, at: str, **fields: Any) -> dict[str, Any]:
    return {
        "order_id": f"o-{number}", "rep_id": "Bo Ek", "decision": "confirmed",
        "decided_by": "analyst", "decided_at": at, **fields,
    }  # fmt: skip


def test_decisions_are_sorted_by_time_up_to_a_time_and_others_are_counted_by_field() -> None:
    cosmos = FakeCosmos(
        decided(1, "2026-03-02T10:00:00Z"),
        decided(2, "2026-03-02T10:30:00+01:00"),
        decided(3, "2026-03-02T10:00:01Z"),
        decided(4, "2026-03-01T00:00:00Z", decision="perhaps"),
        decided(5, "yesterday"),
    )
    read = documents_in(cosmos).decisions(datetime(2026, 3, 2, 10, tzinfo=UTC))
    assert [decision.order_id for decision in read.decisions] == ["o-2", "o-1"]
    assert read.refused == {"decision": 1, "decided_at": 1}


def test_alerts_are_asked_for_by_loss_and_only_since_a_time_where_one_is_given() -> None:
    cosmos = FakeCosmos()
    documents_in(cosmos).alerts(None, 5)
    documents_in(cosmos).alerts("2026-03-01T00:00:00.000000Z", 7)
    assert cosmos.asked == [
        ("alerts", "SELECT TOP 5 * FROM c ORDER BY c.expected_loss DESC", {}),
        (
            "alerts",
            "SELECT TOP 7 * FROM c WHERE c.scored_at >= @since ORDER BY c.expected_loss DESC",
            {"@since": "2026-03-01T00:00:00.000000Z"},
        ),
    ]


def test_a_customers_alerts_are_found_and_one_is_deleted_in_its_reps_partition() -> None:
    cosmos = FakeCosmos({"id": "o-1.0", "rep_id": "Bo Ek"})
    documents = documents_in(cosmos)
    assert documents.alerts_of("34477") == [("o-1.0", "Bo Ek")]
    documents.delete_alert("o-1.0", "Bo Ek")
    assert cosmos.deleted == [("alerts", "o-1.0", "Bo Ek")]


def token(claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"head.{body}.signature"


def test_the_object_id_of_an_identity_is_read_from_its_token() -> None:
    assert object_id(token({"oid": "1f2e-3d", "name": "Ann"})) == "1f2e-3d"
    for other in (token({}), token([]), token({"oid": 7}), "", "a.b.c", "no token"):
        assert object_id(other) is None
