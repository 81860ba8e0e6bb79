"""NCRONTAB, the timer trigger's schedule: {second} {minute} {hour} {day} {month} {day-of-week}.

A field is `*`, numbers, ranges `a-b`, lists `a,b` and steps `/n`; months and days may be named.
Unlike cron, day *and* day-of-week must both match. Times are UTC.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Self

_MONTHS = "january february march april may june july august september october november december"
_DAYS = "sunday monday tuesday wednesday thursday friday saturday"
_HORIZON_YEARS = 9  # two leap years are at most 8 years apart


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def parse(self, text: str) -> frozenset[int]:
        values: set[int] = set()
        for item in text.lower().split(","):
            span, slash, step = item.partition("/")
            low, high = self._span(span, bool(slash))
            every = int(step) if slash else 1
            if not self.low <= low <= high <= self.high or every < 1:
                raise ValueError(item)
            values.update(range(low, high + 1, every))
        return frozenset(values)

    def _span(self, text: str, stepped: bool) -> tuple[int, int]:
        if text == "*":
            return self.low, self.high
        first, dash, last = text.partition("-")
        low = self._number(first)
        if dash:
            return low, self._number(last)
        return low, self.high if stepped else low

    def _number(self, text: str) -> int:
        for index, name in enumerate(self.names):
            if len(text) >= 3 and name.startswith(text):
                return index + self.low
        return int(text)


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, tuple(_MONTHS.split())),
    _Field("day-of-week", 0, 6, tuple(_DAYS.split())),
)


@dataclass(frozen=True)
class Schedule:
    """The moments that an NCRONTAB expression names, as the sets that its fields allow."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse six fields, or five (at second 0); ValueError names the field that is wrong."""
        parts = text.split()
        if len(parts) == 5:
            parts.insert(0, "0")
        if len(parts) != 6:
            raise ValueError(f"{text!r} is not a schedule of 5 or 6 fields")
        values = []
        for field, part in zip(_FIELDS, parts, strict=True):
            try:
                values.append(field.parse(part))
            except ValueError:
                raise ValueError(f"{text!r}: {part!r} is no {field.name}") from None
        return cls(*values)

    def after(self, moment: dt.datetime) -> dt.datetime:
        """Return the first moment of the schedule after `moment`; raise ValueError without any."""
        at = moment.replace(microsecond=0) + dt.timedelta(seconds=1)
        end = at.year + _HORIZON_YEARS
        while at.year < end:
            later = self._skip(at)
            if later is None:
                return at
            at = later
        raise ValueError("the schedule names no day that exists")

    def _skip(self, at: dt.datetime) -> dt.datetime | None:
        """Return the start of the next unit if `at` is not allowed; check large units first."""
        day = at.replace(hour=0, minute=0, second=0)
        if at.month not in self.months:
            return (day.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
        if at.day not in self.days or at.isoweekday() % 7 not in self.weekdays:
            return day + dt.timedelta(days=1)
        if at.hour not in self.hours:
            return at.replace(minute=0, second=0) + dt.timedelta(hours=1)
        if at.minute not in self.minutes:
            return at.replace(second=0) + dt.timedelta(minutes=1)
        if at.second not in self.seconds:
            return at + dt.timedelta(seconds=1)
        return None
