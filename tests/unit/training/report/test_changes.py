"""What changed: what moved beyond chance, and nothing else."""

import msgspec
import numpy as np

from shared.ladder import DiscountShare
from shared.model import ModelBundle, packaged_bundle
from training.report.changes import changes


def learned(**fields: object) -> ModelBundle:
    ladder = (
        DiscountShare(0, 0.8, 4_000),
        DiscountShare(200, 0.12, 600),
        DiscountShare(500, 0.08, 400),
    )
    base = msgspec.structs.replace(
        packaged_bundle(), version="a", trained_orders=5_000, ladder=ladder,
        charge_tolerance_e4=3.0,
        reps=frozenset({"Ann", "Bob"}), degraded=False,
    )  # fmt: skip
    return msgspec.structs.replace(base, **fields)


def lines(before: ModelBundle, after: ModelBundle) -> list[tuple[str, str, str, str]]:
    return [(c.table, c.what, c.champion, c.challenger) for c in changes(before, after)]


def test_two_bundles_of_the_same_company_do_not_differ() -> None:
    assert lines(learned(), learned(version="b")) == []


def test_shares_that_only_chance_moved_are_no_change() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        counts = rng.multinomial(5_000, [0.8, 0.12, 0.08])
        other = tuple(
            DiscountShare(step.discount_bp, count / 5_000, int(count))
            for step, count in zip(learned().ladder, counts, strict=True)
        )
        assert lines(learned(), learned(ladder=other)) == []


def test_a_step_that_came_one_that_went_and_one_that_moved_are_each_a_line() -> None:
    other = (
        DiscountShare(0, 0.79, 3_950), DiscountShare(300, 0.05, 250), DiscountShare(500, 0.16, 800),
    )  # fmt: skip
    assert lines(learned(), learned(ladder=other)) == [
        ("Ladder", "2 %", "12.0 %", "not there"),
        ("Ladder", "3 %", "not there", "5.0 %"),
        ("Ladder", "5 %", "8.0 %", "16.0 %"),
    ]


def test_rates_reps_own_ladders_and_where_tables_are_from_are_told() -> None:
    other = learned(
        added_item_rate=0.09, charge_tolerance_e4=50.0, reps=frozenset({"Ann", "Bob", "Cat"}),
        rep_ladders={"Cat": learned().ladder}, degraded=True,
    )  # fmt: skip
    found = {what: (before, after) for _, what, before, after in lines(learned(), other)}
    assert found["Orders with an added item"][1] == "9.00 %"
    assert found["Rounding: how far a charge may be off"][1] == "0.00500"
    assert found["known"] == ("2", "3 (new: Cat)")
    assert found["with a ladder of their own"] == ("none", "Cat")
    assert found["where from"] == ("learned from your orders", "packaged defaults")


def test_many_new_reps_are_counted_after_the_first_few() -> None:
    many = frozenset(f"rep-{number:02d}" for number in range(30)) | learned().reps
    (line,) = lines(learned(), learned(reps=many))
    assert line[3].startswith("32 (new: rep-00, rep-01")
    assert line[3].endswith("and 22 more)")
