"""The scenarios that detection is judged on: a base, and what makes detection hard, each by name.

A scenario is a company to learn from and the same company later, to be judged on. Both differ from
the base in the figures below and in nothing else.
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
"""Share of the history's days on which the promotion that analysts know of runs."""
NEW_PRICES_FACTOR = 1.06
NEW_PRICES_SPREAD = 0.15
UNSEEN_BP = 70
EPISODE_SHARE = 0.25
"""Share of days in an episode in the scenario with many episodes."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A company's history and its later stream, with the prices of both.

    ``target`` is the average precision over both frauds that must be reached, None where no target
    is set. ``last`` is the last day of the stream. ``decided`` says that analysts have decided on
    alerts of the last part of the history, and that the classifier learns from these decisions.
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
        """The number of days in the stream."""
        return (self.last - self.cut).days + 1


def make_scenarios(names: Sequence[str], history: int, orders: int, seed: int) -> list[Scenario]:
    """Make scenarios by name (see `NAMES`), with ``history`` orders to learn from.

    The stream has ``orders`` orders. Its days are those of orders drawn with ``seed + 1``, the
    history's those of orders drawn with ``seed``. The stream goes on at the volume that the history
    has grown to. Both have at least one hidden-discount episode.

    Raises:
        ConfigurationError: a number of orders is 0 or too large.
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
        history=replace(company, hidden=_with_episodes(company.hidden, days)),
        stream=replace(company, volume=volume, hidden=_with_episodes(company.hidden, stream_days)),
        last=after - timedelta(days=1),
        catalogue=packaged_catalogue(),
    )
    return [_named(name, base) for name in names]


def _named(name: str, base: Scenario) -> Scenario:
    about, target, change = _SCENARIOS[name]
    return change(replace(base, name=name, about=about, target=target))


def _after(volume: Volume, orders: int, seed: int) -> tuple[date, int]:
    """Return the day after the last order, and the number of days that the orders take."""
    last = draw_times(volume, orders, np.random.default_rng(seed))[-1]
    day: date = last.astype("datetime64[D]").astype(date) + timedelta(days=1)
    return day, (day - volume.start).days


def _with_episodes(hidden: HiddenDiscounts, days: int) -> HiddenDiscounts:
    """Set as many episodes as the rate gives on average, and at least one."""
    mean = sum(hidden.episode_days) / 2
    return replace(hidden, episodes=max(1, round(hidden.rate * days / mean)))


def _both(scenario: Scenario, change: Callable[[Company], Company]) -> Scenario:
    return replace(scenario, history=change(scenario.history), stream=change(scenario.stream))


def _base(scenario: Scenario) -> Scenario:
    return scenario


def _cents(scenario: Scenario) -> Scenario:
    return _both(scenario, lambda company: replace(company, rounding="cents"))


def _other_ladder(scenario: Scenario) -> Scenario:
    return _both(scenario, lambda company: replace(company, ladder=OTHER_LADDER, added=OTHER_ADDED))


def _drifting_ladder(scenario: Scenario) -> Scenario:
    first = scenario.history.volume.start
    drift = Drift(towards=DRIFTED, first=first, days=(scenario.last - first).days + 1)
    return _both(scenario, lambda company: replace(company, drift=drift))


def _hidden(hidden_bp: int) -> "_Change":
    def change(company: Company) -> Company:
        return replace(company, hidden=replace(company.hidden, percents_bp=(hidden_bp,)))

    return lambda scenario: _both(scenario, change)


def _episodes(days: int) -> "_Change":
    def change(company: Company, length: int) -> Company:
        hidden = replace(company.hidden, episode_days=(days, days))
        return replace(company, hidden=_with_episodes(hidden, length))

    def both(scenario: Scenario) -> Scenario:
        return replace(
            scenario,
            history=change(scenario.history, (scenario.cut - scenario.history.volume.start).days),
            stream=change(scenario.stream, scenario.stream_days),
        )

    return both


def _unseen(scenario: Scenario) -> Scenario:
    """Hide a percentage in the stream that the history does not have."""
    hidden = replace(scenario.stream.hidden, percents_bp=(UNSEEN_BP,))
    return replace(scenario, stream=replace(scenario.stream, hidden=hidden))


def _many_episodes(scenario: Scenario) -> Scenario:
    episodes = max(1, int(scenario.stream_days * EPISODE_SHARE))
    hidden = replace(scenario.stream.hidden, episode_days=(1, 1), episodes=episodes)
    return replace(scenario, stream=replace(scenario.stream, hidden=hidden))


def _many_reps(scenario: Scenario) -> Scenario:
    return _both(scenario, lambda company: replace(company, reps=250))


def _added_inside(scenario: Scenario) -> Scenario:
    def change(company: Company) -> Company:
        return replace(company, added=AddedItems(steps_bp=company.ladder.steps_bp))

    return _both(scenario, change)


def _promotion(scenario: Scenario) -> Scenario:
    """Add a promotion to the stream that the history does not have."""
    first = scenario.cut + timedelta(days=scenario.stream_days // 4)
    days = min(PROMOTION_DAYS, max(scenario.stream_days // 2, 1))
    weeks = Promotion(PROMOTED, PROMOTION_BP, first, days)
    return replace(scenario, stream=replace(scenario.stream, promotions=(weeks,)))


def _long_promotion(scenario: Scenario) -> Scenario:
    """Add a promotion that begins late in the history and runs on in the stream."""
    days = (scenario.cut - scenario.history.volume.start).days
    first = scenario.cut - timedelta(days=round(days * LONG_PROMOTION_SHARE))
    weeks = Promotion(PROMOTED, PROMOTION_BP, first, (scenario.last - first).days + 1)
    return _both(scenario, lambda company: replace(company, promotions=(weeks,)))


def _new_prices(scenario: Scenario) -> Scenario:
    """Change all prices in the middle of the stream."""
    day = scenario.cut + timedelta(days=scenario.stream_days // 2)
    data = repriced_from(
        scenario.catalogue,
        datetime.combine(day, time(), UTC),
        factor=NEW_PRICES_FACTOR,
        spread=NEW_PRICES_SPREAD,
        seed=1,
    )
    return replace(scenario, catalogue=Catalogue.from_csv(data))


def _no_fraud(scenario: Scenario) -> Scenario:
    clean = replace(scenario.stream, added=AddedItems(rate=0.0), hidden=HiddenDiscounts(episodes=0))
    return replace(scenario, stream=clean)


def _generous_rep(scenario: Scenario) -> Scenario:
    return _both(scenario, lambda company: replace(company, generosity=GENEROUS))


def _decided(change: "_Change") -> "_Change":
    return lambda scenario: replace(change(scenario), decided=True)


_Change = Callable[[Scenario], Scenario]

_SCENARIOS: dict[str, tuple[str, float | None, _Change]] = {
    "base": ("the figures of the historical table", 0.985, _base),
    "cents": ("charges rounded to whole cents", 0.96, _cents),
    "other-ladder": ("other steps, shares and deep discounts", 0.96, _other_ladder),
    "drifting-ladder": ("steps and shares move until the end", None, _drifting_ladder),
    "hidden-0.5": ("hidden discounts of 0.5 %", 0.96, _hidden(50)),
    "hidden-1.7": ("hidden discounts of 1.7 %", None, _hidden(170)),
    "hidden-unseen": ("hidden discounts of 0.7 % after a history of 1 %", None, _unseen),
    "runs-1-day": ("hidden discounts that last one day", None, _episodes(1)),
    "runs-2-weeks": ("hidden discounts that last two weeks", None, _episodes(14)),
    "many-runs": ("a hidden discount on about every fourth day", None, _many_episodes),
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
"""The names of all scenarios."""
