"""Promotion is a pure decision: harm refuses, a measured gain promotes, neither waits in shadow."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.policy import Policy
from training.comparison.comparison import (
    Comparison,
    Difference,
    LaterOrders,
    Scores,
    TypologyFigures,
)
from training.comparison.promotion import LARGEST_BYTES, decide

POLICY = Policy()
SAME = Difference(0.9, 0.9, 0.0, (0.0, 0.0))
BETTER = Difference(0.9, 0.95, 0.05, (0.01, 0.08))
WORSE = Difference(0.9, 0.8, -0.1, (-0.14, -0.06))
ENOUGH = {"rows": 30, "days": 5}
"""Decisions by which a model may be judged."""

UNSURE = Difference(0.9, 0.9, 0.0, (-0.05, 0.05))
NOTHING = Difference(None, None, None, None)


def scores(p: float = 0.1, milliseconds: float = 0.3, size: int = 10_000) -> Scores:
    column, flags = np.full(100, p), np.zeros(100, dtype=bool)
    return Scores("v", column, column * 0, flags, column, column * 0, flags, column, milliseconds,
                  size)  # fmt: skip


def comparison(**changes: object) -> Comparison:
    fraud = np.arange(100) < 10
    later = LaterOrders(np.arange(100), fraud, fraud & False, fraud * 1, np.arange(100))
    figures = {
        typology: TypologyFigures(50, 45, 0.9, 0.9, 0.9)
        for typology in ("added_item", "hidden_discount")
    }
    base = Comparison(
        later=later,
        champion=scores(),
        challenger=scores(),
        champion_figures=figures,
        challenger_figures=figures,
        recall=dict.fromkeys(figures, SAME),
        average_precision=dict.fromkeys(figures, SAME),
        log_likelihood=SAME,
        decisions=None,
        blind=None,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def both(typology: str, found: Difference) -> dict[str, Difference]:
    return {"added_item": SAME, "hidden_discount": SAME} | {typology: found}


def test_no_harm_and_no_good_waits_in_shadow() -> None:
    verdict = decide(comparison(), POLICY, champion_degraded=False)
    assert verdict.outcome == "shadow"
    assert "neither better nor worse" in verdict.reasons[0]


def test_no_harm_is_enough_against_packaged_tables() -> None:
    assert decide(comparison(), POLICY, champion_degraded=True).outcome == "promoted"


@pytest.mark.parametrize("typology", ["added_item", "hidden_discount"])
def test_a_recall_that_falls_refuses_whatever_else_is_better(typology: str) -> None:
    found = comparison(recall=both(typology, WORSE), log_likelihood=BETTER)
    for degraded in (False, True):
        verdict = decide(found, POLICY, champion_degraded=degraded)
        assert verdict.outcome == "refused"
        assert "Recall of" in verdict.reasons[0]
        assert "-0.14" in verdict.reasons[0]


def test_a_recall_that_may_have_fallen_by_more_than_is_tolerated_refuses() -> None:
    found = comparison(recall=both("added_item", UNSURE), log_likelihood=BETTER)
    assert decide(found, POLICY, champion_degraded=False).outcome == "refused"
    patient = Policy(recall_tolerance=0.06)
    assert decide(found, patient, champion_degraded=False).outcome == "promoted"


@pytest.mark.parametrize(
    "changes",
    [
        {"log_likelihood": BETTER},
        {"recall": both("hidden_discount", BETTER)},
        {"average_precision": both("added_item", BETTER)},
        {"decisions": replace(BETTER, **ENOUGH)},
        {"blind": replace(BETTER, **ENOUGH)},
    ],
)
def test_any_measured_gain_without_harm_promotes_and_says_so(changes: dict[str, object]) -> None:
    verdict = decide(comparison(**changes), POLICY, champion_degraded=False)
    assert verdict.outcome == "promoted"
    assert "+0.0100 to +0.0800" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"log_likelihood": WORSE}, "later charges"),
        ({"decisions": replace(WORSE, **ENOUGH)}, "analysts' decisions"),
        ({"blind": replace(WORSE, **ENOUGH)}, "blind sample"),
        ({"average_precision": both("added_item", WORSE)}, "Average precision"),
        ({"golden_failed": ("golden-03",)}, "golden-03"),
        ({"challenger": scores(size=LARGEST_BYTES + 1)}, "KiB"),
        ({"challenger": scores(milliseconds=2.1)}, "times as long"),
        ({"challenger": scores(p=0.4)}, "Probabilities are off"),
    ],
)
def test_each_kind_of_harm_refuses_and_is_named(changes: dict[str, object], words: str) -> None:
    found = comparison(**({"log_likelihood": BETTER} | changes))
    verdict = decide(found, POLICY, champion_degraded=False)
    assert verdict.outcome == "refused"
    assert len(verdict.reasons) == 1
    assert words in verdict.reasons[0]


def test_a_noisy_clock_refuses_nobody_who_is_fast_enough() -> None:
    found = comparison(challenger=scores(milliseconds=1.9), log_likelihood=BETTER)
    assert decide(found, POLICY, champion_degraded=False).outcome == "promoted"


def test_too_few_injected_frauds_say_nothing_about_recall() -> None:
    few = {
        name: TypologyFigures(3, 0, None, 0.0, 0.1) for name in ("added_item", "hidden_discount")
    }
    found = comparison(champion_figures=few, recall=dict.fromkeys(few, WORSE))
    assert decide(found, POLICY, champion_degraded=False).outcome == "shadow"


def test_where_there_is_nothing_to_compare_nothing_is_better_and_nothing_worse() -> None:
    names = ("added_item", "hidden_discount")
    found = comparison(
        recall=dict.fromkeys(names, NOTHING),
        average_precision=dict.fromkeys(names, NOTHING),
        log_likelihood=NOTHING,
    )
    assert decide(found, POLICY, champion_degraded=False).outcome == "shadow"


_LEVEL = st.floats(-0.2, 0.2)


@given(low=_LEVEL, width=st.floats(0, 0.2), tolerance=st.floats(0, 0.1))
def test_no_challenger_is_promoted_whose_recall_may_have_fallen_further_than_tolerated(
    low: float, width: float, tolerance: float
) -> None:
    found = Difference(0.9, 0.9 + low + width / 2, low + width / 2, (low, low + width))
    compared = comparison(recall=both("added_item", found), log_likelihood=BETTER)
    policy = Policy(recall_tolerance=tolerance)
    verdict = decide(compared, policy, champion_degraded=False)
    assert (verdict.outcome == "promoted") == (low >= -tolerance)
    # Packaged tables are not the company's: there a fall must be sure.
    verdict = decide(compared, policy, champion_degraded=True)
    assert (verdict.outcome == "promoted") == (low + width >= -tolerance)


@pytest.mark.parametrize("name", ["decisions", "blind"])
@pytest.mark.parametrize(
    ("rows", "days", "words"),
    [
        (1, 1, "too few decisions to judge by, 1 of at least 30"),
        (29, 29, "too few decisions to judge by, 29 of at least 30"),
        (500, 4, "decisions on too few days to judge by, 4 of at least 5"),
    ],
)
@pytest.mark.parametrize("found", [BETTER, WORSE, Difference(-0.04, -0.04, -1e-9, (-1e-9, -1e-9))])
def test_a_few_decisions_neither_refuse_a_night_nor_promote_it_and_it_says_so(
    name: str, rows: int, days: int, words: str, found: Difference
) -> None:
    few = replace(found, rows=rows, days=days)
    verdict = decide(comparison(**{name: few}), POLICY, champion_degraded=False)
    assert verdict.outcome == "shadow"
    (check,) = (check for check in verdict.checks if check.name == name)
    assert check.passed is None
    assert words in check.message


def test_a_difference_that_nobody_could_notice_refuses_nobody() -> None:
    hair = Difference(-0.0409, -0.0409, -1e-9, (-1e-9, -1e-9))
    found = comparison(decisions=replace(hair, rows=99, days=9), log_likelihood=hair)
    assert decide(found, POLICY, champion_degraded=False).outcome == "shadow"
