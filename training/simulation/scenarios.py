"""The businesses that detection is judged on: the base, and what makes it hard, each by name.

A scenario is a market to learn from and a later one to be judged on, which differ from the base in
the figures below and in nothing else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from shared.catalogue import Catalogue, packaged_catalogue
from training.history.price_arrays import repriced_from
from training.simulation.company import (
    AddedItems,
    Company,
    Drift,
    Generosity,
    HiddenDiscounts,
    Ladder,
    Promotion,
    Volume,
)
from training.simulation.synthesis import draw_times

OTHER_LADDER = Ladder(
    steps_bp=(75, 125, 300, 400, 700, 1200, 1800),
    shares=(0.22, 0.08, 0.2, 0.15, 0.17, 0.1, 0.08),
    rate=0.27,
)
OTHER_ADDED = AddedItems(steps_bp=(1500, 2500, 4000, 6000, 7500))
DRIFTED = Ladder(
    steps_bp=(100, 200, 250, 500, 600, 1000, 1200, 2000),
    shares=(0.05, 0.2, 0.2, 0.1, 0.2, 0.05, 0.15, 0.05),
    rate=0.3,
)
GENEROUS = Generosity(reps=1, ladder=Ladder(shares=(1, 1, 2, 3, 5, 7, 8, 8), rate=0.75))
PROMOTED = ("Touring Bikes", "Gloves", "Fenders", "Cranksets")
PROMOTION_BP = 1200
PROMOTION_DAYS = 21
LONG_PROMOTION_SHARE = 0.3
"""Share of the history's days that a promotion runs for which analysts know."""
NEW_PRICES_FACTOR = 1.06
NEW_PRICES_SPREAD = 0.15
UNSEEN_BP = 70
EPISODE_SHARE = 0.25
"""Share of days in a run where runs are many."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Two markets, one after the other, with the prices of both.

    ``target`` is the average precision over both frauds that is asked for, None where nothing is;
    ``last`` the last day of the stream. Where it is ``decided``, analysts have decided on alerts of
    the history's last part, and the classifier learns from them.
    """

    name: str
    about: str
    target: float | None
    history: Company
    stream: Company
    last: date
    catalogue: Catalogue
    decided: bool = False

    @property
    def cut(self) -> date:
        """The first day of the stream; the history ends the day before."""
        return self.stream.volume.start

    @property
    def stream_days(self) -> int:
        """How many days the stream takes."""
        return (self.last - self.cut).days + 1


def make_scenarios(names: Sequence[str], history: int, orders: int, seed: int) -> list[Scenario]:
    """The scenarios of that name (of `NAMES`), for that many orders to learn from and to judge.

    The days are those of a history drawn with ``seed`` and a stream drawn with ``seed + 1``. The
    stream goes on at the volume that the history has grown to; both have a hidden run at least.

    Raises:
        ConfigurationError: no orders, or too many.
    """
    company = Company()
    cut, days = _after(company.volume, history, seed)
    pace = company.volume.orders_per_day * company.volume.yearly_growth ** (days / 365.25)
    volume = replace(company.volume, start=cut, orders_per_day=pace)
    after, stream_days = _after(volume, orders, seed + 1)
    base = Scenario(
        name="base",
        about="",
        target=None,
        history=replace(company, hidden=_with_runs(company.hidden, days)),
        stream=replace(company, volume=volume, hidden=_with_runs(company.hidden, stream_days)),
        last=after - timedelta(days=1),
        catalogue=packaged_catalogue(),
    )
    return [_named(name, base) for name in names]


def _named(name: str, base: Scenario) -> Scenario:
    about, target, change = _SCENARIOS[name]
    return change(replace(base, name=name, about=about, target=target))


def _after(volume: Volume, orders: int, seed: int) -> tuple[date, int]:
    """The day after the last of the orders, and how many days they take."""
    last = draw_times(volume, orders, np.random.default_rng(seed))[-1]
    day: date = last.astype("datetime64[D]").astype(date) + timedelta(days=1)
    return day, (day - volume.start).days


def _with_runs(hidden: HiddenDiscounts, days: int) -> HiddenDiscounts:
    """As many runs as the rate asks for on average, and one at least."""
    mean = sum(hidden.episode_days) / 2
    return replace(hidden, episodes=max(1, round(hidden.rate * days / mean)))


def _both(one: Scenario, change: Callable[[Company], Company]) -> Scenario:
    return replace(one, history=change(one.history), stream=change(one.stream))


def _base(one: Scenario) -> Scenario:
    return one


def _cents(one: Scenario) -> Scenario:
    return _both(one, lambda company: replace(company, rounding="cents"))


def _other_ladder(one: Scenario) -> Scenario:
    return _both(one, lambda company: replace(company, ladder=OTHER_LADDER, added=OTHER_ADDED))


def _drifting_ladder(one: Scenario) -> Scenario:
    first = one.history.volume.start
    drift = Drift(towards=DRIFTED, first=first, days=(one.last - first).days + 1)
    return _both(one, lambda company: replace(company, drift=drift))


def _hidden(percent: int) -> "_Change":
    return lambda one: _both(
        one, lambda company: replace(company, hidden=replace(company.hidden, percents_bp=(percent,)))
    )


def _episodes(days: int) -> "_Change":
    def change(company: Company, length: int) -> Company:
        hidden = replace(company.hidden, episode_days=(days, days))
        return replace(company, hidden=_with_runs(hidden, length))

    def both(one: Scenario) -> Scenario:
        return replace(
            one,
            history=change(one.history, (one.cut - one.history.volume.start).days),
            stream=change(one.stream, one.stream_days),
        )

    return both


def _unseen(one: Scenario) -> Scenario:
    """A percentage in the stream that the history knows nothing of."""
    hidden = replace(one.stream.hidden, percents_bp=(UNSEEN_BP,))
    return replace(one, stream=replace(one.stream, hidden=hidden))


def _many_runs(one: Scenario) -> Scenario:
    episodes = max(1, int(one.stream_days * EPISODE_SHARE))
    hidden = replace(one.stream.hidden, episode_days=(1, 1), episodes=episodes)
    return replace(one, stream=replace(one.stream, hidden=hidden))


def _many_reps(one: Scenario) -> Scenario:
    return _both(one, lambda company: replace(company, reps=250))


def _added_inside(one: Scenario) -> Scenario:
    return _both(
        one, lambda company: replace(company, added=AddedItems(steps_bp=company.ladder.steps_bp))
    )


def _promotion(one: Scenario) -> Scenario:
    """A promotion in the stream that the history knows nothing of."""
    first = one.cut + timedelta(days=one.stream_days // 4)
    days = min(PROMOTION_DAYS, max(one.stream_days // 2, 1))
    weeks = Promotion(PROMOTED, PROMOTION_BP, first, days)
    return replace(one, stream=replace(one.stream, promotions=(weeks,)))


def _long_promotion(one: Scenario) -> Scenario:
    """A promotion that began late in the history, and runs on."""
    days = (one.cut - one.history.volume.start).days
    first = one.cut - timedelta(days=round(days * LONG_PROMOTION_SHARE))
    weeks = Promotion(PROMOTED, PROMOTION_BP, first, (one.last - first).days + 1)
    return _both(one, lambda company: replace(company, promotions=(weeks,)))


def _new_prices(one: Scenario) -> Scenario:
    """Other prices from the middle of the stream on."""
    day = one.cut + timedelta(days=one.stream_days // 2)
    data = repriced_from(
        one.catalogue,
        datetime.combine(day, time(), UTC),
        factor=NEW_PRICES_FACTOR,
        spread=NEW_PRICES_SPREAD,
        seed=1,
    )
    return replace(one, catalogue=Catalogue.from_csv(data))


def _no_fraud(one: Scenario) -> Scenario:
    clean = replace(one.stream, added=AddedItems(rate=0.0), hidden=HiddenDiscounts(episodes=0))
    return replace(one, stream=clean)


def _generous_rep(one: Scenario) -> Scenario:
    return _both(one, lambda company: replace(company, generosity=GENEROUS))


def _decided(change: "_Change") -> "_Change":
    return lambda one: replace(change(one), decided=True)


_Change = Callable[[Scenario], Scenario]

_SCENARIOS: dict[str, tuple[str, float | None, _Change]] = {
    "base": ("the figures of the historical table", 0.985, _base),
    "cents": ("charges rounded to whole cents", 0.96, _cents),
    "other-ladder": ("other steps, shares and deep discounts", 0.96, _other_ladder),
    "drifting-ladder": ("steps and shares move until the end", None, _drifting_ladder),
    "hidden-0.5": ("hidden discounts of 0.5 %", 0.96, _hidden(50)),
    "hidden-1.7": ("hidden discounts of 1.7 %", None, _hidden(170)),
    "hidden-unseen": ("hidden discounts of 0.7 % after a history of 1 %", None, _unseen),
    "runs-1-day": ("hidden runs of one day", None, _episodes(1)),
    "runs-2-weeks": ("hidden runs of two weeks", None, _episodes(14)),
    "many-runs": ("a hidden run of a day about every fourth", None, _many_runs),
    "250-reps": ("250 reps instead of 30", 0.96, _many_reps),
    "added-inside": ("added items discounted by steps of the ladder", 0.93, _added_inside),
    "promotion": ("a family at 12 % for weeks, never seen before; no fraud", None, _promotion),
    "new-prices": ("other prices from the middle of the stream on", None, _new_prices),
    "no-fraud": ("not one fraud in the stream", None, _no_fraud),
    "generous-rep": ("a rep who discounts most units, deeply and honestly", None, _generous_rep),
    "base-decided": ("the base, with decisions on earlier alerts", 0.985, _decided(_base)),
    "added-inside-decided": (
        "added items inside the ladder, with decisions on earlier alerts",
        0.93,
        _decided(_added_inside),
    ),
    "promotion-decided": (
        "a promotion that runs on, with decisions on earlier alerts",
        None,
        _decided(_long_promotion),
    ),
    "generous-rep-decided": (
        "a generous rep, with decisions on earlier alerts",
        None,
        _decided(_generous_rep),
    ),
}

NAMES = tuple(_SCENARIOS)
"""Every scenario."""
