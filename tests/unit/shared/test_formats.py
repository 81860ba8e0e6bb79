"""Money and times: exact where they come in, fixed where they go out."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.formats import FormatError, money_e4, time_text, utc_time

amounts_e4 = st.integers(0, 10**13)


class TestMoney:
    @given(amounts_e4)
    def test_four_decimals_are_read_exactly(self, e4: int) -> None:
        assert money_e4(f"{e4 // 10_000}.{e4 % 10_000:04d}") == e4

    @given(amounts_e4)
    def test_no_double_of_four_decimals_is_read_as_its_neighbour(self, e4: int) -> None:
        assert money_e4(json.dumps(e4 / 10_000)) == e4

    @given(st.integers(0, 10**12), st.integers(1, 9), st.integers(5, 30))
    def test_a_fifth_decimal_is_refused_however_small(
        self, whole: int, digit: int, place: int
    ) -> None:
        amount = Decimal(whole % 10**9) + Decimal(digit).scaleb(-place)
        with pytest.raises(FormatError, match="too_precise"):
            money_e4(str(amount) if place < 20 else f"{whole % 10**9}.{digit:0{place}d}")

    @pytest.mark.parametrize(
        ("text", "e4"),
        [
            ("12.30000", 123_000),
            ("1E2", 1_000_000),
            ("1e9", 10**13),
            ("-0", 0),
            ("-0.0", 0),
            ("1e-4", 1),
            ("10000e-8", 1),
            ("0e999999999", 0),
        ],
    )
    def test_the_value_counts_and_not_its_notation(self, text: str, e4: int) -> None:
        assert money_e4(text) == e4

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("1e-5", "too_precise"),
            ("1e-999999999", "too_precise"),
            ("1e400", "out_of_range"),
            ("1e99999999999999999999", "out_of_range"),
            ("1000000000.0001", "out_of_range"),
            ("-1e-9", "negative_money"),
            *((text, "wrong_type") for text in ("NaN", "1_0", "\u0661", "", " 1", "01", "1.")),
        ],
    )
    def test_what_is_no_amount_is_named(self, text: str, code: str) -> None:
        with pytest.raises(FormatError, match=code):
            money_e4(text)


class TestTimes:
    @given(st.datetimes(), st.integers(-1439, 1439))
    def test_the_offset_is_taken_into_account(self, local: datetime, minutes: int) -> None:
        assume(1 < local.year < 9999)
        time = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
        assert utc_time(time.isoformat()) == time
        assert utc_time(time.isoformat()).tzinfo is UTC

    @pytest.mark.parametrize("text", ["2026-11-23t02:00:00z", "2026-11-23 02:00:00.0000009-00:00"])
    def test_the_spellings_of_rfc_3339_are_read(self, text: str) -> None:
        assert utc_time(text) == datetime(2026, 11, 23, 2, tzinfo=UTC)

    @pytest.mark.parametrize(
        "text",
        [
            "2026-02-30T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2016-12-31T23:59:60Z",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "0000-01-01T00:00:00Z",
            "2026-11-23T02:00Z",
            "20261123T020000Z",
            "2026-11-23T02:00:00+0100",
            "2026-11-23T02:00:00,5Z",
            "2026-11-23T02:00:00+24:00",
            "2026-11-23T02:00:00Z\n",
            "",
        ],
    )
    def test_other_texts_are_refused(self, text: str) -> None:
        with pytest.raises(FormatError, match="bad_time"):
            utc_time(text)

    @given(st.lists(st.datetimes(timezones=st.timezones()), max_size=5))
    def test_sorting_texts_sorts_times(self, times: list[datetime]) -> None:
        inside = [time for time in times if 1 < time.year < 9999]
        assert sorted(map(time_text, inside)) == [time_text(time) for time in sorted(inside)]
