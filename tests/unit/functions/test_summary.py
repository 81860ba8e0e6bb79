"""What the log and the metrics say about a batch."""

import pytest

from tests.unit.functions.streams import undisturbed


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
