"""What a process tells of its own condition."""

import json
from datetime import timedelta

from functions.condition import Conditions
from tests.unit.functions.world import NOON, FakeTelemetry

LATER = NOON + timedelta(minutes=5)


def test_a_fuse_is_known_since_it_blew_first_and_why_it_blew_last() -> None:
    heard = FakeTelemetry()
    ours = Conditions(heard)
    ours.note_fuse("3", NOON, "12 of 40 orders: KeyError")
    ours.note_fuse("3", LATER, "40 of 40 orders: RecursionError")
    assert ours.document()["fuses"] == {
        "3": {"since": "2026-03-01T12:00:00.000000Z", "why": "40 of 40 orders: RecursionError"}
    }
    assert not ours.well
    assert heard.of("sheriff.fuse") == [(1, ""), (1, "")]


def test_a_fuse_is_gone_once_the_partition_moves_and_a_new_one_begins_anew() -> None:
    ours = Conditions()
    ours.moving("3")
    ours.note_fuse("3", NOON, "x")
    ours.moving("3")
    assert ours.well
    ours.note_fuse("3", LATER, "x")
    assert ours.fuses["3"].since == LATER


def test_a_partition_fails_since_its_first_failed_run_until_it_moves() -> None:
    ours = Conditions()
    ours.failed("0", NOON)
    ours.failed("0", LATER)
    failing = {"0": {"since": "2026-03-01T12:00:00.000000Z", "attempts": 2}}
    assert ours.document() == {"fuses": {}, "failing": failing}
    assert ours.well  # trying again is what a store that is away is for
    ours.moving("0")
    assert ours.document() == {"fuses": {}, "failing": {}}


def test_the_document_is_json_and_short_whatever_the_reason() -> None:
    ours = Conditions()
    ours.note_fuse("0", NOON, "x" * 10**6)
    assert len(json.dumps(ours.document())) < 400
