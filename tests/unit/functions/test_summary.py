"""What the log and the metrics say about a batch."""

import pytest

from functions.judgement import Judgement
from functions.summary import BatchSummary
from functions.writes import Written
from shared.dead_letter import DeadLetter
from shared.stream import StreamState
from tests.unit.functions.streams import undisturbed
from tests.unit.functions.world import KEY, NOON, FakeTelemetry, event


async def test_the_log_line_of_a_batch_counts_and_names_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "functions")
    await undisturbed()
    [line] = [r.message for r in caplog.records if "events in" in r.message]
    assert "10 events" in line
    assert "5 scored, 4 alerts (0 known), 1 duplicates, 1 stale, 0 skipped" in line
    assert "not_json 1, scoring_failed 1, store_refused 1" in line
    assert "Annie" not in caplog.text


def test_commits_of_a_batch_add_up() -> None:
    summary = BatchSummary(events=4)
    letter = DeadLetter(KEY, event(1), "not_json", "", "", NOON, 1)
    first = StreamState(orders_scored=7, duplicates=1)
    second = StreamState(orders_scored=9, duplicates=1, dead_lettered=1)
    summary.add(StreamState(orders_scored=5), Written(Judgement((), (), first, 2), 1, 0))
    summary.add(first, Written(Judgement((), (letter,), second, 2), 0, 1))
    assert (summary.scored, summary.duplicates) == (4, 1)
    assert (summary.alerts, summary.known_alerts) == (1, 1)
    assert summary.dead_letters == {"not_json": 1}


def test_a_batch_of_which_nothing_is_committed_measures_its_age_and_no_belief() -> None:
    telemetry = FakeTelemetry()
    BatchSummary(events=2).measure(telemetry, KEY, [event(1), event(3)], event(10).enqueued_at)
    assert telemetry.of("sheriff.lag") == [(9.0, "oldest"), (7.0, "last")]
    assert telemetry.of("sheriff.belief") == []
    assert telemetry.of("sheriff.scoring.duration") == []
