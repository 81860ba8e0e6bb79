"""What the report says first: the decision, the key figures and the comparison."""

from dataclasses import replace

import pytest

from shared.model import packaged_bundle
from tests.unit.training.report.report_parts import (
    CHALLENGER,
    incident,
    small_comparison,
    small_report,
)
from training.comparison.comparison import Difference, Verdict
from training.report.drift import AlertRateDrift, FeatureDrift
from training.report.views import (
    change_rows,
    headline,
    key_figures,
    quality_rows,
    shadow_rows,
)
from training.report.words import NOTHING


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        ("promoted", "20260301-aaaaaaaa scores every order from now on, in place of the packaged "
         "bundle."),
        ("refused", "20260301-aaaaaaaa does not serve: the packaged bundle goes on scoring every "
         "order."),
        ("shadow", "20260301-aaaaaaaa is neither better nor worse than the packaged bundle: it "
         "scores beside it and alerts nobody."),
    ],
)  # fmt: skip
def test_the_headline_says_which_bundle_serves(outcome: str, sentence: str) -> None:
    line = headline(small_report(verdict=Verdict(outcome, ("One.", "Two.", "Three.", "Four."))))
    assert (line.outcome, line.sentence) == (outcome, sentence)
    assert line.reasons == ("One.", "Two.", "Three.")


def test_two_figures_of_detection_are_on_top_only_where_models_were_compared() -> None:
    plain, compared = small_report(), small_report(comparison=small_comparison())
    assert [figure.label for figure in key_figures(plain)] == [
        "Losses found", "Open alerts", "Open incidents", "Drift",
    ]  # fmt: skip
    first = key_figures(compared)[0]
    assert (first.label, first.value) == ("Added items found", "75.0 %")
    assert first.note == "30 of 40 injected; champion 50.0 %"


def test_an_open_incident_alarms_and_says_what_it_takes_a_day() -> None:
    """It took 300 in a day and a half."""
    quiet = small_report(incidents=(incident(1, 1.5, 300.0),))
    alarmed = small_report(incidents=(incident(1, 1.5, 300.0, "open"),))
    figures = [
        {figure.label: figure for figure in key_figures(report)}["Open incidents"]
        for report in (quiet, alarmed)
    ]
    assert [(figure.value, figure.note, figure.alarming) for figure in figures] == [
        ("0", "1 in all", False),
        ("1", "taking 200 USD a day", True),
    ]


def test_drift_alarms_by_a_feature_or_by_the_rate_of_alerts() -> None:
    calm, drifted = (FeatureDrift("units", 2, 3, 0.2, 0.1, 0.0, alarm) for alarm in (False, True))
    rate = AlertRateDrift(900, 900, 0.1, 0.3, 0.0, alarm=True)
    notes = []
    for report in (
        small_report(),
        small_report(drift=(calm,)),
        small_report(drift=(calm, drifted)),
        small_report(drift=(calm,), alert_rate=rate),
    ):
        figure = key_figures(report)[-1]
        notes.append((figure.value, figure.note, figure.alarming))
    assert notes == [
        (NOTHING, "not measured", False),
        ("0 of 1", "features of orders have changed", False),
        ("1 of 2", "features of orders have changed", True),
        ("0 of 1", "features of orders have changed; the rate of alerts has", True),
    ]


def test_shares_are_compared_in_points_and_likelihoods_in_nats() -> None:
    rows = [
        (row["typology"], row["champion"], row["challenger"], row["difference"], row["interval"])
        for row in quality_rows(small_report(comparison=small_comparison()))
    ]
    assert rows == [
        ("Added item", "50.0 %", "75.0 %", "+25.0", "+10.0 to +40.0"),
        ("Added item", "70.0 %", "80.0 %", "+10.0", ""),
        ("Added item", "80.0 %", NOTHING, NOTHING, ""),
        ("Charges", "-1.5000", "-1.2500", "+0.2500", "+0.2000 to +0.3000"),
    ]
    assert quality_rows(small_report()) == []


def test_decisions_and_the_blind_sample_have_a_row_where_there_are_any() -> None:
    measured = Difference(-0.3, -0.2, 0.1, (0.0, 0.2), rows=40, days=9)
    comparison = replace(small_comparison(), decisions=measured, blind=measured)
    rows = quality_rows(small_report(comparison=comparison))
    assert [row["typology"] for row in rows[-2:]] == ["Decisions", "Blind sample"]


def test_what_changed_is_told_from_champion_to_challenger() -> None:
    (row,) = (row for row in change_rows(small_report()) if row.what == "30 %")
    packaged = {step.discount_bp: step.share for step in packaged_bundle().off_ladder}
    assert row.challenger == "75.0 %"
    assert row.champion == f"{100 * packaged[3_000]:.1f} %"
    assert change_rows(small_report(champion=CHALLENGER)) == ()


def test_a_challenger_in_shadow_has_its_counts() -> None:
    assert shadow_rows(small_report()) == []
    rows = shadow_rows(small_report(shadow={"orders": 1_200, "both": 60}))
    assert [row["count"] for row in rows] == ["1,200", "60"]
