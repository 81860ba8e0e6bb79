"""Charts of the business: everyone who must be named is named, whatever the name is."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from shared.ladder import DiscountShare
from tests.unit.training.report.chart_data import assert_stands_in_a_page, texts
from training.report import charts
from training.report.totals import Period, Periods, RepDiscount


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
    "money_over_time": lambda: charts.money_over_time("a", TOTALS, "USD"),
    "rep_discounts": lambda: charts.rep_discounts("a", reps(8)),
    "many_reps": lambda: charts.rep_discounts("a", reps(250)),
    "ladder": lambda: charts.ladder("a", STEPS[:2], STEPS),
    "incident_times": lambda: charts.incident_times("a", [incident(1), incident(9, "open")]),
    "one_incident": lambda: charts.incident_times("a", [incident(1)]),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_chart_is_the_same_every_time_and_stands_in_a_page_by_itself(name: str) -> None:
    svg = DRAWN[name]()
    assert svg == DRAWN[name]()
    assert_stands_in_a_page(svg)


def test_every_step_of_either_ladder_is_named_and_no_discount_is_left_out() -> None:
    svg = charts.ladder("a", STEPS, (STEPS[0], DiscountShare(25, 0.2)))
    assert {"0.25 %", "1.5 %", "12.5 %"} <= set(texts(svg))
    assert "var(--champion, #e69f00)" in svg
    assert "var(--challenger, #0072b2)" in svg
    long = [DiscountShare(step, 0.02) for step in range(100, 4_100, 100)]
    assert {f"{step} %" for step in range(1, 41)} <= set(texts(charts.ladder("a", None, long)))


def test_few_reps_are_all_named_and_of_many_both_ends() -> None:
    assert {rep.rep_id for rep in reps(8)} <= set(texts(charts.rep_discounts("a", reps(8))))
    named = texts(charts.rep_discounts("a", reps(250)))
    assert "all 250 reps" in named
    assert [text for text in named if text.startswith("rep-")] == [
        f"rep-{at:03d}" for at in [*range(6), *range(244, 250)]
    ]


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
    svg = charts.incident_times("a", [incident(day) for day in range(1, 20)])
    assert [text for text in texts(svg) if text.endswith(" %")] == [
        f"{0.5 + day:g} %" for day in range(8, 20)
    ]


def test_a_first_and_a_last_week_that_are_cut_short_are_not_drawn() -> None:
    days = (2, 7, 7, 7, 3)
    weeks = Periods("week", tuple(
        Period(date(2026, 3, 2) + timedelta(7 * at), covered, 9, 10**8, 9 * 10**7, 6 * 10**7)
        for at, covered in enumerate(days)
    ))  # fmt: skip
    assert [period.days for period in charts._long_enough(weeks)] == [7, 7, 7]
