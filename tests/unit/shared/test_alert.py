"""The alert document: everything an analyst and a replay need, as JSON."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np

from shared.alert import EventPosition, alert_document
from shared.assessment import Assessment
from shared.charge_explanation import Explanation, UnitDiscount
from shared.findings import Finding, Reason
from shared.formats import alert_id
from shared.order import received_order
from tests.orders import an_order, order_body
from tests.schemas import violations

ASSESSMENT = Assessment(
    order=an_order(revision=3, ordered_at="2016-05-04T12:00:00+02:00"),
    p_added_item=0.9,
    p_hidden_discount=0.1,
    probability=0.91,
    expected_loss_e4=859_123,
    findings=(
        Finding("added_item", 0.9, 954_000, "An item was added", "AllPurposeBikeStand", 60.0),
        Finding("hidden_discount", 0.1, 39_900, "One percent is missing", percent=1.0),
        Finding("unknown_rep", 1.0, 0, "The rep is not known"),
    ),
    reasons=(Reason("rule", "off_ladder", "A discount nobody gives", 3.5),),
    explanation=Explanation(
        list_total_e4=3_990_000,
        charged_e4=3_036_000,
        gap_e4=954_000,
        unit_discounts=(UnitDiscount("AllPurposeBikeStand", 1, 60.0),),
        order_discount_percent=0.0,
        unexplained_e4=0,
    ),
    features={"gap_share": np.float64(0.25), "units": 3},
    model_version="m-1",
    policy_version="packaged",
    degraded=(("bundle", "nothing was published"),),
    alerted=True,
    catalogue_version="c-1",
    currency="USD",
)
POSITION = EventPosition("7", 42, datetime(2016, 5, 4, 10, 0, 1, 5, tzinfo=UTC))
SCORED_AT = datetime(2026, 11, 23, 3, tzinfo=timezone(timedelta(hours=1)))


def document_of(assessment: Assessment = ASSESSMENT, **changes: Any) -> dict[str, Any]:
    received = received_order(order_body(**changes))
    return alert_document(assessment, received=received, position=POSITION, scored_at=SCORED_AT)


def test_it_follows_the_published_schema() -> None:
    assert violations("alert", document_of()) == []


def test_it_is_json_and_comes_back_unchanged() -> None:
    document = document_of()
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_its_id_is_the_order_and_its_revision() -> None:
    assert document_of()["id"] == alert_id("o-1", 3) == "o-1.3"


def test_it_is_open_and_undecided() -> None:
    document = document_of()
    assert document["status"] == "open"
    assert [document[name] for name in ("decided_by", "decided_at", "note")] == [None] * 3
    assert not {"incident_id", "superseded_by", "revisited_at"} & document.keys()


def test_times_are_fixed_width_utc() -> None:
    document = document_of()
    assert document["ordered_at"] == "2016-05-04T10:00:00.000000Z"
    assert document["scored_at"] == "2026-11-23T02:00:00.000000Z"
    assert document["event"]["enqueued_at"] == "2016-05-04T10:00:01.000005Z"


def test_money_is_decimal_numbers_of_currency() -> None:
    document = document_of()
    assert document["expected_loss"] == 85.9123
    assert document["findings"][0]["amount"] == 95.4
    assert document["explanation"] == {
        "list_total": 399.0,
        "charged_price": 303.6,
        "gap": 95.4,
        "unit_discounts": [{"product_id": "AllPurposeBikeStand", "units": 1, "percent": 60.0}],
        "order_discount_percent": 0.0,
        "unexplained": 0.0,
    }


def test_findings_name_product_and_percent_only_where_there_is_one() -> None:
    added, hidden, unknown = document_of()["findings"]
    assert (added["product_id"], added["percent"]) == ("AllPurposeBikeStand", 60.0)
    assert (hidden.get("product_id"), hidden["percent"]) == (None, 1.0)
    assert unknown.keys() == {"typology", "probability", "amount", "message"}


def test_the_order_is_kept_as_it_was_received() -> None:
    assert document_of(colour="red", charged_price=399)["order"]["colour"] == "red"


def test_an_overcharge_has_a_negative_gap() -> None:
    explanation = replace(ASSESSMENT.explanation, gap_e4=-10_000)
    document = document_of(replace(ASSESSMENT, explanation=explanation))
    assert document["explanation"]["gap"] == -1.0
    assert violations("alert", document) == []
