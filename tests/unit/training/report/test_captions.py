"""Which charts there are, and what their captions say."""

import re

from tests.unit.training.report.report_parts import incident, rep, small_comparison, small_report
from training.report.captions import draw_charts


def captions(**changes: object) -> dict[str, str]:
    return {name: chart.caption for name, chart in draw_charts(small_report(**changes)).items()}


def test_a_chart_is_drawn_only_where_there_is_something_to_draw() -> None:
    assert set(captions()) == {"ladder", "money"}
    full = captions(
        comparison=small_comparison(), reps=(rep("Ann", 9.0),), incidents=(incident(1, 1.5, 3.0),)
    )
    assert set(full) == {
        "ladder", "money", "pr_added_item", "calibration", "scores", "cost", "reps", "incidents",
    }  # fmt: skip


def test_the_cheapest_threshold_is_named_beside_the_policys() -> None:
    """A review costs 10, a missed fraud 50: best is every threshold between 0.1 and 0.9."""
    caption = captions(comparison=small_comparison())["cost"]
    cheapest = re.search(r"cheapest for the challenger at (\d+) %", caption)
    assert cheapest is not None
    assert int(cheapest[1]) == 12  # the first of them on the chart's axis
    assert "over the 100 later orders" in caption
    assert caption.endswith("the policy alerts from 50 % on.")


def test_the_calibration_is_off_by_the_mean_distance_from_the_truth() -> None:
    """90 orders at 0.1 are no frauds, 10 at 0.9 are all frauds: everywhere off by 0.1."""
    assert "off by 10.0 percentage points" in captions(comparison=small_comparison())["calibration"]


def test_the_ladders_caption_says_how_many_units_have_no_discount() -> None:
    assert re.search(r"; \d\d\.\d % of units get none", captions()["ladder"])


def test_reps_who_stand_apart_are_counted() -> None:
    nobody = captions(reps=(rep("Ann", 9.0), rep("Bob", 4.0)))["reps"]
    one = captions(reps=(rep("Ann", 9.0, apart=True), rep("Bob", 4.0)))["reps"]
    two = captions(reps=(rep("Ann", 9.0, apart=True), rep("Bob", 1.0, apart=True)))["reps"]
    assert "nobody stands apart beyond chance." in nobody
    assert "1 stands apart beyond chance (diamonds)." in one
    assert "2 stand apart beyond chance (diamonds)." in two
