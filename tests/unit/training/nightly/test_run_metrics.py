"""The figures of a night have the names that the record knows, and what is unknown has none."""

from datetime import UTC, datetime

import numpy as np

from shared.shadow import ShadowTotals, Tally
from training.comparison.comparison import (
    Comparison,
    Difference,
    LaterOrders,
    Scores,
    TypologyFigures,
)
from training.nightly.run_metrics import comparison_metrics, shadow_metrics

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def scores(alerted: list[bool]) -> Scores:
    column = np.array([0.5, 0.5])
    flags = np.array(alerted)
    return Scores("v1", column, column, flags, column, column, flags, column, 0.25, 1_000)


def test_a_comparison_has_a_metric_for_every_figure_that_is_known() -> None:
    rows, flags = np.array([1, 2]), np.array([True, False])
    later = LaterOrders(rows, flags, flags, rows, rows)
    figures = {"added_item": TypologyFigures(8, 6, 0.75, 0.75, None)}
    comparison = Comparison(
        later=later,
        champion=scores([True, True]),
        challenger=scores([True, False]),
        champion_figures=figures,
        challenger_figures=figures,
        recall={"added_item": Difference(0.5, 0.75, 0.25, (0.1, 0.4))},
        average_precision={},
        log_likelihood=Difference(None, None, None, None),
        decisions=None,
        blind=None,
        golden_failed=("golden-01",),
    )
    metrics = comparison_metrics(comparison)
    assert metrics["challenger.added_item.planted"] == 8
    assert metrics["challenger.added_item.found"] == 6
    assert "challenger.added_item.average_precision" not in metrics
    assert metrics["champion.alerts_on_later_orders"] == 2
    assert metrics["challenger.alerts_on_later_orders"] == 1
    assert metrics["challenger.milliseconds_an_order"] == 0.25
    assert metrics["difference.recall.added_item"] == 0.25
    assert metrics["difference.recall.added_item.low"] == 0.1
    assert metrics["difference.recall.added_item.high"] == 0.4
    assert not any(name.startswith("difference.log_likelihood") for name in metrics)
    assert metrics["golden_orders_failed"] == 1


def test_a_challenger_in_shadow_has_metrics_and_none_has_none() -> None:
    totals = ShadowTotals(
        version="v2",
        champions=("v1",),
        orders=100,
        failed=0,
        champion=Tally(alerts=7),
        challenger=Tally(alerts=5),
        both=4,
        disagreements=(),
        first_at=NOON,
        last_at=NOON,
    )
    assert shadow_metrics(totals) == {
        "shadow.orders": 100,
        "shadow.champion_alerts": 7,
        "shadow.challenger_alerts": 5,
        "shadow.both": 4,
    }
    assert shadow_metrics(None) == {}
