"""Numbers, times and names as the report writes them."""

from datetime import UTC, datetime

import pytest

from shared.typologies import TYPOLOGY_NAMES
from training.report.words import NOTHING, amount, count, minute, name_of, percent, signed, span


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.004, "0"), (-0.004, "0"), (0.005001, "0.01"), (99.994, "99.99"), (-12.5, "-12.50"),
     (100, "100"), (1_234_567.8, "1,234,568")],
)  # fmt: skip
def test_money_has_cents_only_below_a_hundred_and_is_never_minus_nothing(
    value: float, text: str
) -> None:
    assert amount(value) == text


def test_a_share_is_written_in_percent_and_a_missing_one_as_a_dash() -> None:
    assert percent(0.12345) == "12.3 %"
    assert percent(0.12345, 2) == "12.35 %"
    assert percent(None) == NOTHING


def test_a_difference_always_has_a_sign_and_never_a_negative_nothing() -> None:
    assert [signed(value, 1) for value in (0.0, -0.04, 0.04, 1.26, -1.26)] == [
        "+0.0", "+0.0", "+0.0", "+1.3", "-1.3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("hours", "text"),
    [(0.01, "at once"), (0.25, "15 minutes"), (1, "1.0 hours"), (47.9, "47.9 hours"),
     (48, "2.0 days")],
)  # fmt: skip
def test_a_length_of_time_is_written_in_the_unit_that_fits_it(hours: float, text: str) -> None:
    assert span(hours) == text


def test_every_typology_has_words_and_one_of_a_later_release_its_own_name() -> None:
    assert all("_" not in name_of(name) for name in TYPOLOGY_NAMES)
    assert name_of("sold_twice") == "sold_twice"


def test_counts_are_grouped_and_times_end_at_the_minute() -> None:
    assert count(1_234_567) == "1,234,567"
    assert minute(datetime(2026, 3, 1, 9, 5, 59, tzinfo=UTC)) == "2026-03-01 09:05"
