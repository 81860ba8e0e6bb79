"""Charts: the same bytes for the same input, fit to stand in a page, and no figure lost."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import date, timedelta

import matplotlib as mpl
import numpy as np
import pytest

from shared.arrays import Floats
from shared.ladder import DiscountShare
from training.comparison.comparison import LaterOrders, Scores
from training.report import charts
from training.report.totals import Period, Periods, RepDiscount

RNG = np.random.default_rng(1)
FRAUD = RNG.random(2_000) < 0.1
NEW = np.clip(0.7 * FRAUD + RNG.random(2_000) * 0.3, 0, 1)
OLD = np.clip(0.5 * FRAUD + RNG.random(2_000) * 0.5, 0, 1)
LATER = LaterOrders(
    np.arange(2_000) // 100,
    FRAUD,
    np.zeros(2_000, bool),
    np.where(FRAUD, 990_000, 0),
    np.arange(2_000) // 100,
)


def scores(p_added: Floats) -> Scores:
    flagged = p_added >= 0.5
    nothing = np.zeros(2_000)
    return Scores("v", p_added, nothing, flagged, p_added, nothing, flagged, nothing, 1.0, 1)


def reps(count: int) -> list[RepDiscount]:
    return [
        RepDiscount(f"rep-{at:03d}", 50, 1, 9 - at / count, 5.0, (8.0, 9.5), at == 0)
        for at in range(count)
    ]


def incident(day: int, status: str = "closed") -> dict[str, object]:
    time = f"2026-03-{day:02d}T%02d:00:00.000000Z"
    return {
        "started_at": time % 8, "detected_at": time % 9, "last_seen_at": time % 17,
        "percent": 0.5 + day, "status": status,
    }  # fmt: skip


TOTALS = Periods("day", tuple(
    Period(date(2026, 3, 1) + timedelta(at), 1, 9, 10**8, 9 * 10**7, 6 * 10**7) for at in range(9)
))  # fmt: skip
STEPS = (DiscountShare(0, 0.8), DiscountShare(150, 0.15), DiscountShare(1_250, 0.05))

DRAWN: dict[str, Callable[[], str]] = {
    "precision_recall": lambda: charts.precision_recall("a", FRAUD, OLD, NEW),
    "calibration": lambda: charts.calibration("a", FRAUD, OLD, NEW),
    "score_distribution": lambda: charts.score_distribution("a", FRAUD, OLD, NEW),
    "cost_curve": lambda: charts.cost_curve(
        "a", LATER, scores(OLD), scores(NEW), (0.5, 100_000), "USD"
    ),
    "without_champion": lambda: charts.cost_curve("a", LATER, None, scores(NEW), (0.5, 1), "USD"),
    "money_over_time": lambda: charts.money_over_time("a", TOTALS, "USD"),
    "rep_discounts": lambda: charts.rep_discounts("a", reps(8)),
    "many_reps": lambda: charts.rep_discounts("a", reps(250)),
    "ladder": lambda: charts.ladder("a", STEPS[:2], STEPS),
    "incident_times": lambda: charts.incident_times("a", [incident(1), incident(9, "open")]),
    "one_incident": lambda: charts.incident_times("a", [incident(1)]),
}


def texts(svg: str) -> list[str]:
    return ["".join(one.itertext()) for one in ET.fromstring(svg).iter("text")]


@pytest.mark.parametrize("name", DRAWN)
def test_a_chart_is_the_same_every_time_and_stands_in_a_page_by_itself(name: str) -> None:
    svg = DRAWN[name]()
    assert svg == DRAWN[name]()
    assert len(svg) < 60_000
    assert svg.startswith("<svg viewBox=")
    assert "http" not in svg
    assert "#0102" not in svg  # every stand-in became a colour of the page
    ids = re.findall(r' id="([^"]+)"', svg)
    assert len(ids) == len(set(ids))
    assert all(one.startswith("a-") for one in ids)
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg)) == set(ids)


def test_drawing_leaves_the_settings_of_matplotlib_as_they_were() -> None:
    before = dict(mpl.rcParams)
    DRAWN["ladder"]()
    assert dict(mpl.rcParams) == before


def test_every_step_of_either_ladder_is_named_and_no_discount_is_left_out() -> None:
    found = texts(charts.ladder("a", STEPS, (STEPS[0], DiscountShare(25, 0.2))))
    assert {"0.25 %", "1.5 %", "12.5 %"} <= set(found)
    long = [DiscountShare(step, 0.02) for step in range(100, 4_100, 100)]
    assert {f"{step} %" for step in range(1, 41)} <= set(texts(charts.ladder("a", None, long)))


def test_few_reps_are_all_named_and_of_many_both_ends() -> None:
    assert {one.rep_id for one in reps(8)} <= set(texts(charts.rep_discounts("a", reps(8))))
    found = texts(charts.rep_discounts("a", reps(250)))
    assert "all 250 reps" in found
    named = [text for text in found if text.startswith("rep-")]
    assert named == [f"rep-{at:03d}" for at in [*range(6), *range(244, 250)]]


def test_a_rep_may_be_called_anything(recwarn: pytest.WarningsRecorder) -> None:
    names = ["$x_1$", "<script>alert(1)</script>", "\u5c71\u7530", "a" * 64, "-->"]
    odd = [RepDiscount(name, 50, 1, 5.0 + at, 5.0, None, False) for at, name in enumerate(names)]
    svg = charts.rep_discounts("a", odd)
    assert "<script" not in svg
    assert {"$x_1$", "<script>alert(1\N{HORIZONTAL ELLIPSIS}", "\u5c71\u7530", "-->"} <= set(
        texts(svg)
    )
    assert not recwarn.list


def test_the_latest_incidents_are_shown() -> None:
    found = texts(charts.incident_times("a", [incident(day) for day in range(1, 20)]))
    assert [text for text in found if text.endswith(" %")] == [
        f"{0.5 + day:g} %" for day in range(8, 20)
    ]


def test_the_cost_at_a_threshold_is_reviews_and_missed_losses() -> None:
    cost = charts.costs(LATER, scores(NEW), 100_000)
    for at in (5, 24, 40):
        flagged = charts.THRESHOLDS[at] <= NEW
        expected = 10 * flagged.sum() + 99 * (FRAUD & ~flagged).sum()
        assert cost[at] == pytest.approx(expected)


def test_precision_and_recall_are_those_of_counting() -> None:
    recall, precision = charts._precision_recall(NEW, FRAUD)
    assert (recall[0], recall[-1]) == (0.0, 1.0)
    for share, right in zip(recall[1:], precision[1:], strict=True):
        flagged = np.argsort(-NEW)[: round(share * FRAUD.sum() / max(right, 1e-9))]
        assert FRAUD[flagged].mean() == pytest.approx(right, abs=0.01)


def test_the_champion_and_the_challenger_have_their_colours_everywhere() -> None:
    for name in ("precision_recall", "calibration", "score_distribution", "cost_curve", "ladder"):
        svg = DRAWN[name]()
        assert "var(--champion, #e69f00)" in svg
        assert "var(--challenger, #0072b2)" in svg
