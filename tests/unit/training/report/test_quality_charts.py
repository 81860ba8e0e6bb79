"""Charts of detection: no figure lost, and each point where counting puts it."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.unit.training.report.chart_data import (
    FRAUD,
    LATER,
    NEW,
    OLD,
    assert_stands_in_a_page,
    scores,
    texts,
)
from training.report import quality_charts as charts

BOTH: dict[str, Callable[[], str]] = {
    "precision_recall": lambda: charts.precision_recall("a", FRAUD, OLD, NEW),
    "calibration": lambda: charts.calibration("a", FRAUD, OLD, NEW),
    "score_distribution": lambda: charts.score_distribution("a", FRAUD, OLD, NEW),
    "cost_curve": lambda: charts.cost_curve(
        "a", LATER, scores(OLD), scores(NEW), (0.5, 100_000), "USD"
    ),
}


@pytest.mark.parametrize("name", BOTH)
def test_a_chart_is_the_same_every_time_and_stands_in_a_page_by_itself(name: str) -> None:
    svg = BOTH[name]()
    assert svg == BOTH[name]()
    assert_stands_in_a_page(svg)


@pytest.mark.parametrize("name", BOTH)
def test_the_champion_and_the_challenger_have_their_colours(name: str) -> None:
    svg = BOTH[name]()
    assert "var(--champion, #e69f00)" in svg
    assert "var(--challenger, #0072b2)" in svg


def test_without_a_champion_the_challenger_stands_alone() -> None:
    for svg in (
        charts.precision_recall("a", FRAUD, None, NEW),
        charts.calibration("a", FRAUD, None, NEW),
        charts.score_distribution("a", FRAUD, None, NEW),
        charts.cost_curve("a", LATER, None, scores(NEW), (0.5, 1), "USD"),
    ):
        assert_stands_in_a_page(svg)
        assert "champion" not in {text.removesuffix(" (champion)") for text in texts(svg)}
        assert "var(--champion" not in svg


def test_the_cost_at_a_threshold_is_reviews_and_missed_losses() -> None:
    cost = charts.costs(LATER, scores(NEW), 100_000)
    for at in (5, 24, 40):
        flagged = charts.THRESHOLDS[at] <= NEW
        expected = 10 * flagged.sum() + 99 * (FRAUD & ~flagged).sum()
        assert cost[at] == pytest.approx(expected)


def test_precision_and_recall_are_those_of_counting() -> None:
    recall, precision = charts.count_curve(NEW, FRAUD)
    assert (recall[0], recall[-1]) == (0.0, 1.0)
    for share, right in zip(recall[1:], precision[1:], strict=True):
        flagged = np.argsort(-NEW)[: round(share * FRAUD.sum() / max(right, 1e-9))]
        assert FRAUD[flagged].mean() == pytest.approx(right, abs=0.01)
