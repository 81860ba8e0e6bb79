"""Totals of a history: money over time, and how much discount each rep gives."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from shared.arrays import Bools, Floats, Ints
from training.history.orders import History
from training.history.price_arrays import naive_utc

DAYS, WEEKS = 45, 400
"""Most days of a history that is shown by day, and by week; a longer one is shown by month."""

FEWEST_ORDERS = 30
"""Orders of a rep below which the rep's discounts are not judged."""

FALSE_ALARM = 0.01
"""Chance that any rep is said to stand apart although all discount alike."""

DEALS, SEED = 400, 1
"""The number of times that orders are dealt to reps at random, to see how far chance goes."""


@dataclass(frozen=True, slots=True)
class Period:
    """Totals of a day, week or month from ``start`` on; the history covers ``days`` days of it."""

    start: date
    days: int
    orders: int
    list_e4: int
    charged_e4: int
    cost_e4: int


@dataclass(frozen=True, slots=True)
class Periods:
    """All periods in time order, also those without orders; ``unit`` is day, week or month."""

    unit: str
    periods: tuple[Period, ...]


def totals_by_period(history: History) -> Periods:
    """Sum list, charged and cost by day, week or month, depending on the length of the history."""
    times = naive_utc([order.ordered_at for order in history.orders])
    day = times.astype("datetime64[D]")
    first, last = (moment.astype(date) for moment in (day.min(), day.max()))
    unit = _unit((last - first).days + 1)
    starts = _starts(first, last, unit)
    place = np.searchsorted(np.array(starts, dtype="datetime64[D]"), day, side="right") - 1
    orders = np.bincount(place, minlength=len(starts))
    sums = [
        _sums(place, column, len(starts))
        for column in (history.list_e4, history.charged_e4, costs_e4(history))
    ]
    ends = [*starts[1:], last + timedelta(days=1)]
    return Periods(
        unit,
        tuple(
            Period(
                start, (end - max(start, first)).days, int(orders[at]), *(int(s[at]) for s in sums)
            )
            for at, (start, end) in enumerate(zip(starts, ends, strict=True))
        ),
    )


def costs_e4(history: History) -> Ints:
    """Return the cost of each order by the catalogue, in `_e4`."""
    periods = history.prices.periods(naive_utc([order.ordered_at for order in history.orders]))
    cost = history.prices.cost_e4[history.line_product, periods[history.line_order]]
    return _sums(history.line_order, cost * history.line_quantity, len(history.orders))


def _unit(days: int) -> str:
    return "day" if days <= DAYS else "week" if days <= WEEKS else "month"


def _starts(first: date, last: date, unit: str) -> list[date]:
    start = first
    if unit == "week":
        start -= timedelta(days=first.weekday())
    elif unit == "month":
        start = first.replace(day=1)
    starts = []
    while start <= last:
        starts.append(start)
        if unit == "month":
            start = (start + timedelta(days=31)).replace(day=1)
        else:
            start += timedelta(days=7 if unit == "week" else 1)
    return starts


def _sums(group: Ints, values: Ints, groups: int) -> Ints:
    """Sum values by group, exactly: money stays integer."""
    totals = np.zeros(groups, dtype=np.int64)
    np.add.at(totals, group, values)
    return totals


@dataclass(frozen=True, slots=True)
class RepDiscount:
    """A rep's discounts in percent of the list total, with a 95 % interval.

    ``peers_percent`` is the same of all other reps. The interval is None where the orders are too
    few. ``apart`` says that chance does not explain the difference from the peers.
    """

    rep_id: str
    orders: int
    list_e4: int
    percent: float
    peers_percent: float
    interval: tuple[float, float] | None
    apart: bool


def discount_by_rep(history: History) -> tuple[RepDiscount, ...]:
    """Return every rep, the largest discounts first.

    A rep's percentage is a ratio of two sums. Its error follows from how far each order's gap is
    from the ratio times its list total (Cochran, "Sampling Techniques", 1977, chapter 6).
    """
    names, rep = np.unique([order.rep_id for order in history.orders], return_inverse=True)
    count = len(names)
    orders = np.bincount(rep, minlength=count)
    listed, gap = (_sums(rep, column, count) for column in (history.list_e4, history.gap_e4))
    ratio = _ratio(gap, listed)
    peers = _ratio(gap.sum() - gap, listed.sum() - listed)
    residual = (history.gap_e4 - ratio[rep] * history.list_e4) ** 2
    squares = np.bincount(rep, residual, minlength=count) * orders / np.maximum(orders - 1, 1)
    error = _ratio(np.sqrt(squares), listed)
    judged = (orders >= FEWEST_ORDERS) & (count > 1)
    apart = judged & _apart(history, rep, judged)
    discounts = [
        RepDiscount(
            rep_id=str(names[at]),
            orders=int(orders[at]),
            list_e4=int(listed[at]),
            percent=100 * float(ratio[at]),
            peers_percent=100 * float(peers[at]),
            interval=_around(ratio[at], error[at]) if judged[at] else None,
            apart=bool(apart[at]),
        )
        for at in range(count)
    ]
    return tuple(sorted(discounts, key=lambda rep: (-rep.percent, rep.rep_id)))


def _apart(history: History, rep: Ints, judged: Bools) -> Bools:
    """Return which reps are further from the common discount than random dealing puts any rep.

    Discounts are too skewed for a normal distribution, so the orders are dealt to the reps at
    random many times. The limits hold for all reps together (Westfall and Young, "Resampling-Based
    Multiple Testing", 1993).
    """
    listed = history.list_e4.astype(np.float64)
    share = float(history.gap_e4.sum()) / max(float(listed.sum()), 1.0)
    residual = history.gap_e4 - share * listed
    own = _distances(rep, residual, listed)
    if not judged.any():
        return judged
    rng = np.random.default_rng(SEED)
    dealt = np.array([
        _distances(rng.permutation(rep), residual, listed)[judged] for _ in range(DEALS)
    ])  # fmt: skip
    low = np.quantile(dealt.min(axis=1), FALSE_ALARM / 2, method="lower")
    high = np.quantile(dealt.max(axis=1), 1 - FALSE_ALARM / 2, method="higher")
    return np.asarray((own < low) | (own > high))


def _distances(rep: Ints, residual: Floats, listed: Floats) -> Floats:
    """Return how far each rep is from the common discount, in units that chance moves it by."""
    off, spread = np.bincount(rep, residual), np.sqrt(np.bincount(rep, listed**2))
    return np.asarray(off / np.maximum(spread, 1.0))


def _ratio(part: Ints | Floats, whole: Ints) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(whole > 0, part / whole, 0.0))


def _around(ratio: float, error: float) -> tuple[float, float]:
    half = 1.96 * error
    return 100 * float(ratio - half), 100 * float(ratio + half)
