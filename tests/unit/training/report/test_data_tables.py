"""What came in, what drifted, and what the report was made from."""

import math
from dataclasses import replace
from datetime import UTC, datetime

from tests.unit.training.report.report_parts import small_report
from training.learning.learned import Learned
from training.report.data_tables import drift_rows, intake_rows, moments
from training.report.drift import FeatureDrift
from training.report.words import NOTHING


def test_refused_events_are_counted_with_their_codes_the_most_frequent_first() -> None:
    night = small_report()
    data = replace(night.data, refused={"naive_time": 1, "unknown_field": 2_000}, duplicates=14)
    learned = Learned(night.learned.bundle, {"orders_unpriced": 5}, {})
    rows = {row["what"]: row for row in intake_rows(replace(night, data=data, learned=learned))}
    assert rows["Not orders"]["count"] == "2,001"
    assert rows["Not orders"]["note"] == "unknown_field 2,000, naive_time 1"
    assert rows["Sent twice"]["count"] == "14"
    assert rows["Not priced by the catalogue"]["count"] == "5"


def test_the_partitions_of_the_stream_are_added_up_where_there_are_any() -> None:
    state = {"orders_scored": 600, "dead_lettered": 2, "duplicates": 7, "stale": 1}
    rows = {row["what"]: row for row in intake_rows(small_report(states=(state, state)))}
    assert rows["Stream: scored"]["count"] == "1,200"
    assert rows["Stream: scored"]["note"].startswith("over 2 partitions")
    assert rows["Stream: came too late"]["count"] == "2"
    assert not any(row["what"].startswith("Stream") for row in intake_rows(small_report()))


def test_the_furthest_drifted_feature_comes_first_and_an_unmeasured_one_says_why() -> None:
    rows = drift_rows(small_report(drift=(
        FeatureDrift("margin_percent", math.nan, 1.0, note="120 orders, fewer than 200"),
        FeatureDrift("units", 2.0, 3.5, 0.2, 0.1, 0.001, alarm=True),
    )))  # fmt: skip
    assert [row["name"] for row in rows] == ["units", "margin percent"]
    assert (rows[0]["before"], rows[0]["now"], rows[0]["psi"]) == ("2", "3.5", "0.200")
    assert (rows[1]["before"], rows[1]["psi"]) == (NOTHING, NOTHING)
    assert rows[1]["limit"] == "120 orders, fewer than 200"


def test_when_later_orders_were_judged_is_said_only_if_there_were_any() -> None:
    night = small_report()
    judged = replace(night.data, later_from=datetime(2026, 2, 27, 8, tzinfo=UTC))
    assert "Judged on orders from" not in dict(moments(night))
    pairs = dict(moments(replace(night, data=judged)))
    assert pairs["Judged on orders from"] == "2026-02-27 08:00 UTC"
    assert pairs["Challenger"] == "20260301-aaaaaaaa"
    assert pairs["Learned from"] == "900 orders"
