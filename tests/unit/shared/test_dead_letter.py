"""A dead letter, as it is stored and where."""

import base64
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.dead_letter import (
    DeadLetter,
    dead_letter_document,
    dead_letter_path,
    dead_letter_path_anew,
)
from shared.order_event import OrderEvent
from shared.stream_key import StreamKey
from tests.schemas import violations

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENT = OrderEvent(b"\xff\x00", 1042, NOON, "Annie Corns", "96")
LETTER = DeadLetter(
    StreamKey("orders", "$Default", "3"), EVENT, "not_json", "the body is not JSON", "", NOON, 2
)


def test_a_letter_lies_at_the_place_of_its_event_in_the_stream() -> None:
    assert dead_letter_path(LETTER) == "orders/3/1042.json"


def test_an_event_of_a_new_hub_has_a_path_of_its_own() -> None:
    assert dead_letter_path_anew(LETTER) == "orders/3/1042.20260301T120000000000.json"
    later = replace(LETTER, event=replace(EVENT, enqueued_at=NOON.replace(microsecond=1)))
    assert dead_letter_path_anew(later) != dead_letter_path_anew(LETTER)


@pytest.mark.parametrize("version", [1, 2])
def test_the_document_keeps_the_body_untouched_and_where_it_came_from(version: int) -> None:
    document = dead_letter_document(LETTER, version)
    assert violations("dead-letter", document) == []
    assert base64.b64decode(document["body"]) == b"\xff\x00"
    assert document["schema_version"] == version
    assert document["redriven_at"] is None
    assert document["event"] == {
        "hub": "orders",
        "consumer_group": "$Default",
        "partition_id": "3",
        "sequence_number": 1042,
        "offset": "96",
        "enqueued_at": "2026-03-01T12:00:00.000000Z",
        "partition_key": "Annie Corns",
    }
