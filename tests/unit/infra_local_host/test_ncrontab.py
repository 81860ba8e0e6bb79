"""NCRONTAB schedules name the moments they should, and only those."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.host.ncrontab import Schedule

START = dt.datetime(2024, 2, 27, 23, 59, 59, 500_000, dt.UTC)  # a Tuesday


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("* * * * * *", "2024-02-28T00:00:00"),
        ("0 */5 * * * *", "2024-02-28T00:00:00"),
        ("30 */5 * * * *", "2024-02-28T00:00:30"),
        ("*/5 * * * *", "2024-02-28T00:00:00"),  # five fields: at second 0
        ("0 30 2 * * *", "2024-02-28T02:30:00"),
        ("0 7/20 * * * *", "2024-02-28T00:07:00"),
        ("0 0 9-17/4 * * 1-5", "2024-02-28T09:00:00"),
        ("0 0 0 29 2 *", "2024-02-29T00:00:00"),
        ("0 0 0 29 feb sunday", "2032-02-29T00:00:00"),  # day AND weekday
        ("0 0 0 1 * *", "2024-03-01T00:00:00"),
        ("0 0 0 31 4,5 *", "2024-05-31T00:00:00"),
        ("0 0 0 * DEC-DEC Mon,fri", "2024-12-02T00:00:00"),
        ("59 59 23 31 12 *", "2024-12-31T23:59:59"),
    ],
)
def test_the_next_moment_is_found(text: str, expected: str) -> None:
    assert Schedule.parse(text).after(START) == dt.datetime.fromisoformat(expected + "+00:00")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not a schedule"),
        ("* * * *", "not a schedule"),
        ("0 0 0 * * * *", "not a schedule"),
        ("60 * * * * *", "'60' is no second"),
        ("0 -1 * * * *", "'-1' is no minute"),
        ("0 0 24 * * *", "'24' is no hour"),
        ("0 0 0 0 * *", "'0' is no day"),
        ("0 0 0 * 13 *", "'13' is no month"),
        ("0 0 0 * * 7", "'7' is no day-of-week"),
        ("0 0 5-1 * * *", "'5-1' is no hour"),
        ("*/0 * * * * *", "no second"),
        ("1/ * * * * *", "no second"),
        ("1,,2 * * * * *", "no second"),
        ("0 0 0 * foo *", "'foo' is no month"),
        ("0 0 0 * ma *", "'ma' is no month"),
    ],
)
def test_what_is_no_schedule_is_refused_by_field(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Schedule.parse(text)


def test_a_day_that_never_comes_is_refused() -> None:
    with pytest.raises(ValueError, match="no day that exists"):
        Schedule.parse("0 0 0 31 2 *").after(START)


def fields(low: int, high: int) -> st.SearchStrategy[frozenset[int]]:
    return st.frozensets(st.integers(low, high), min_size=1)


schedules = st.tuples(
    fields(0, 59),
    fields(0, 59),
    fields(0, 23),
    fields(1, 28),
    fields(1, 12),
    st.just(frozenset(range(7))),
)
moments = st.integers(946_684_800_000, 3_786_912_000_000).map(  # milliseconds, years 2000 to 2089
    lambda ms: dt.datetime.fromtimestamp(ms / 1000, dt.UTC)
)


def written(values: tuple[frozenset[int], ...]) -> str:
    return " ".join(",".join(map(str, sorted(field))) for field in values)


def allowed(values: tuple[frozenset[int], ...], at: dt.datetime) -> bool:
    parts = (at.second, at.minute, at.hour, at.day, at.month, at.isoweekday() % 7)
    return all(part in field for part, field in zip(parts, values, strict=True))


@given(schedules, moments)
def test_the_next_moment_is_later_and_allowed(
    values: tuple[frozenset[int], ...], moment: dt.datetime
) -> None:
    found = Schedule.parse(written(values)).after(moment)
    assert found > moment
    assert allowed(values, found)


@given(fields(0, 59), fields(0, 59), moments, st.integers(0, 3600))
def test_no_allowed_moment_is_skipped(
    seconds: frozenset[int], minutes: frozenset[int], moment: dt.datetime, later: int
) -> None:
    every = (
        frozenset(range(24)),
        frozenset(range(1, 32)),
        frozenset(range(1, 13)),
        frozenset(range(7)),
    )
    values = (seconds, minutes, *every)
    other = moment.replace(microsecond=0) + dt.timedelta(seconds=later + 1)
    if allowed(values, other):
        assert Schedule.parse(written(values)).after(moment) <= other
