"""What a report is gathered from: the night itself, and the documents that were stored."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.catalogue import packaged_catalogue
from shared.model import packaged_bundle
from shared.policy import Policy
from tests.unit.training.companies import simulated
from tests.unit.training.report.report_parts import alert, incident
from tests.unit.training.world import FakeBlobs, FakeDocuments
from training.comparison.comparison import Verdict
from training.history.dataset import Dataset, Quality
from training.learning.learned import Learned
from training.report.content import Report
from training.report.gather import TOP_ALERTS, WATCHED, Judged, gather_report, shadow_totals
from training.simulation.company import Company

NOW = datetime(2026, 3, 2, 2, tzinfo=UTC)


def judged(**changes: Any) -> Judged:
    """A night over 700 orders, of which the last 300 were not learned from."""
    orders = tuple(simulated(Company(), 700, 3))
    quality = Quality(1, 10, 705, 3, 2, {"naive_time": 4}, ("bad.avro",))
    data = Dataset("v", orders, "5f" * 32, quality, 2, (), {}, packaged_catalogue(), b"", Policy())
    night = Judged(
        data, orders[400:], Learned(packaged_bundle(), {}, {}), packaged_bundle(), None,
        Verdict("shadow", ()),
    )  # fmt: skip
    return replace(night, **changes)


@pytest.fixture(scope="module")
def documents() -> FakeDocuments:
    return FakeDocuments(
        stored_alerts=[
            *(alert(number) for number in range(30)),
            alert(40, "confirmed") | {"expected_loss": 999.0},
        ],
        stored_incidents=[incident(1, 1.5, 300.0)],
    )


@pytest.fixture(scope="module")
def report(documents: FakeDocuments) -> Report:
    return gather_report(judged(), FakeBlobs(), documents, NOW)


def test_the_data_is_counted_as_the_archive_was_read(report: Report) -> None:
    data = report.data
    assert (data.orders, data.duplicates, data.superseded) == (700, 3, 2)
    assert (data.refused, data.bad_files) == ({"naive_time": 4}, ("bad.avro",))
    assert data.later_from is not None
    assert data.first < data.later_from < data.last
    assert report.made_at == NOW


def test_all_alerts_are_summed_and_the_costliest_open_ones_are_shown(report: Report) -> None:
    assert (report.alerts.alerts, report.alerts.confirmed) == (31, 1)
    assert len(report.top_alerts) == TOP_ALERTS
    assert all(shown["status"] == "open" for shown in report.top_alerts)
    assert [shown["id"] for shown in report.incidents] == ["i-1"]


def test_drift_compares_the_later_orders_with_those_learned_from(report: Report) -> None:
    assert [feature.name for feature in report.drift] == list(WATCHED)
    assert all(feature.psi is not None for feature in report.drift)
    assert report.alert_rate is not None
    assert (report.alert_rate.orders_before, report.alert_rate.orders_now) == (400, 300)


def test_a_night_without_later_orders_measures_no_drift(documents: FakeDocuments) -> None:
    night = gather_report(judged(later=()), FakeBlobs(), documents, NOW)
    assert night.data.later_from is None
    assert all(feature.psi is None for feature in night.drift)


def test_without_a_challenger_in_shadow_there_is_nothing_to_tell_of_it(
    report: Report, documents: FakeDocuments
) -> None:
    assert report.shadow is None
    assert shadow_totals(FakeBlobs(), documents) is None
