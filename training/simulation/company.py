"""Every figure of a simulated company: what it sells, how it discounts, how it is defrauded.

The defaults were measured on 99,180 orders of a bicycle wholesaler (2014-2017). The detector knows
no figure of this module: it learns its own from history.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from shared.errors import ConfigurationError

Rounding = Literal["exact", "cents", "float32"]

MOST_SHARE = 1e9
"""Largest share that is accepted, so that the sum of all shares stays exact enough."""

STATES: tuple[tuple[str, int], ...] = (
    ("Alabama", 25), ("Arizona", 36), ("California", 139), ("Colorado", 9), ("Connecticut", 20),
    ("Delaware", 1), ("Florida", 95), ("Georgia", 14), ("Idaho", 10), ("Illinois", 38),
    ("Indiana", 11), ("Iowa", 10), ("Kansas", 4), ("Kentucky", 23), ("Louisiana", 27),
    ("Maine", 1), ("Maryland", 3), ("Massachusetts", 6), ("Minnesota", 35), ("Mississippi", 2),
    ("Montana", 5), ("Nebraska", 4), ("Nevada", 25), ("New Hampshire", 5), ("New Jersey", 7),
    ("New Mexico", 7), ("New York", 116), ("North Carolina", 1), ("North Dakota", 3),
    ("Ohio", 75), ("Oregon", 23), ("Pennsylvania", 31), ("Rhode Island", 5),
    ("South Carolina", 9), ("South Dakota", 5), ("Tennessee", 29), ("Texas", 12), ("Utah", 15),
    ("Vermont", 1), ("Virginia", 24), ("Washington", 32), ("Wisconsin", 39), ("Wyoming", 2),
)  # fmt: skip
"""The states that customers live in, and how many of a thousand customers live there."""


@dataclass(frozen=True, slots=True)
class Family:
    """Bikes and the accessories sold with them, both named by their catalogue subcategory."""

    name: str
    share: float
    bikes: tuple[str, ...]
    accessories: tuple[str, ...]


FAMILIES = (
    Family("road", 0.543, ("Road Bikes",), ("Bike Stands", "Bike Racks", "Locks")),
    Family("touring", 0.278, ("Touring Bikes",), ("Gloves", "Fenders", "Cranksets")),
    Family(
        "mountain",
        0.179,
        ("Mountain Bikes",),
        ("Headsets", "Derailleurs", "Panniers", "Bib-Shorts"),
    ),
)


@dataclass(frozen=True, slots=True)
class Volume:
    """The volume of orders, and the times at which they come.

    ``orders_per_day`` is the mean at the start. It grows by the factor ``yearly_growth`` a year,
    and is multiplied by the month's factor in ``seasons``. Orders come between the hours ``opens``
    and ``closes`` of the day (UTC).
    """

    start: date = date(2025, 1, 1)
    orders_per_day: float = 130.0
    yearly_growth: float = 1.4
    seasons: tuple[float, ...] = (
        1.02, 0.94, 1.05, 0.99, 0.99, 1.02, 0.96, 1.04, 1.00, 0.95, 1.05, 1.07,
    )  # fmt: skip
    opens: int = 8
    closes: int = 18

    def __post_init__(self) -> None:
        _above("orders_per_day", self.orders_per_day, 0)
        _above("yearly_growth", self.yearly_growth, 0)
        if len(self.seasons) != 12 or min(self.seasons) <= 0:
            raise ConfigurationError("seasons are 12 factors above 0")
        if not 0 <= self.opens < self.closes <= 24:
            raise ConfigurationError(
                f"opening hours {self.opens}-{self.closes}: expected 0 <= opens < closes <= 24"
            )


@dataclass(frozen=True, slots=True)
class Baskets:
    """The contents of a normal order: some bikes, each with accessories of its family.

    The shares are of orders with 1, 2, ... bikes and of bikes with 1, 2, ... accessories.
    """

    families: tuple[Family, ...] = FAMILIES
    bike_shares: tuple[float, ...] = (0.64, 0.28, 0.055, 0.02, 0.004, 0.001)
    accessory_shares: tuple[float, ...] = (0.51, 0.3, 0.1, 0.09)

    def __post_init__(self) -> None:
        _shares("bike_shares", self.bike_shares)
        _shares("accessory_shares", self.accessory_shares)
        _shares("family shares", [family.share for family in self.families])


@dataclass(frozen=True, slots=True)
class Ladder:
    """Discounts that reps may give: each unit gets a step of the ladder, or no discount."""

    steps_bp: tuple[int, ...] = (100, 150, 200, 500, 800, 1000, 1500, 2000)
    shares: tuple[float, ...] = ()
    """The share of each step among the discounted units; empty means evenly."""
    rate: float = 0.2
    """Share of units with a discount."""

    def __post_init__(self) -> None:
        _check_bp("ladder", self.steps_bp)
        _share("discount rate", self.rate)
        if self.shares:
            _shares("ladder shares", self.shares)
            if len(self.shares) != len(self.steps_bp):
                raise ConfigurationError(
                    f"{len(self.shares)} ladder shares for {len(self.steps_bp)} ladder steps"
                )

    def step_shares(self) -> tuple[float, ...]:
        """Return the shares of the steps among discounted units; they sum to 1."""
        shares = self.shares or (1.0,) * len(self.steps_bp)
        return tuple(share / sum(shares) for share in shares)


@dataclass(frozen=True, slots=True)
class Drift:
    """A ladder that is replaced by another one.

    From ``first`` on, evenly over ``days`` days, more and more units take the new ladder; after
    that all units do.
    """

    towards: Ladder
    first: date
    days: int

    def __post_init__(self) -> None:
        _above("days of a drift", self.days, 0)


@dataclass(frozen=True, slots=True)
class Generosity:
    """Honest reps with a ladder of their own: the first ``reps`` reps of the company."""

    reps: int
    ladder: Ladder

    def __post_init__(self) -> None:
        _above("generous reps", self.reps, 0)


@dataclass(frozen=True, slots=True)
class Promotion:
    """An honest discount on some products for everybody, for ``days`` days from ``first`` on.

    A unit keeps its discount from the ladder where that is deeper.
    """

    subcategories: tuple[str, ...]
    discount_bp: int
    first: date
    days: int

    def __post_init__(self) -> None:
        _check_bp("promotion", (self.discount_bp,))
        _above("days of a promotion", self.days, 0)
        if self.days > (date.max - self.first).days:
            raise ConfigurationError("a promotion ends by 9999-12-31")

    @property
    def end(self) -> date:
        """The day after the last day of the promotion."""
        return self.first + timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class AddedItems:
    """A fraud: a rep adds a unit of any product to a customer's order, at a deep discount."""

    rate: float = 0.046
    """Share of orders with an added unit."""
    steps_bp: tuple[int, ...] = (1000, 2000, 3000, 5000, 8000)
    """The discounts of added units; each is as likely as the others."""

    def __post_init__(self) -> None:
        _share("added-item rate", self.rate)
        _check_bp("added percents", self.steps_bp)


@dataclass(frozen=True, slots=True)
class HiddenDiscounts:
    """A fraud: for days, every order is charged less than its unit discounts explain.

    Such a stretch of days is an episode.
    """

    percents_bp: tuple[int, ...] = (100,)
    """Percentages that are taken off whole orders; each episode draws one of them."""
    rate: float = 0.05
    """Share of days in an episode; it decides how many episodes there are where these are None."""
    episodes: int | None = None
    episode_days: tuple[int, int] = (1, 5)
    """Days of the shortest and of the longest episode, both included."""
    gap_days: int = 3
    """Fewest days between two episodes."""

    def __post_init__(self) -> None:
        _check_bp("hidden percents", self.percents_bp)
        _share("hidden rate", self.rate)
        shortest, longest = self.episode_days
        if not 1 <= shortest <= longest:
            raise ConfigurationError(
                f"episode days {shortest}-{longest}: expected 1 <= first <= last"
            )
        if self.gap_days < 1 or (self.episodes is not None and self.episodes < 0):
            raise ConfigurationError("gap days are 1 or more, episodes 0 or more")


@dataclass(frozen=True, slots=True)
class Company:
    """Everything that decides a simulated stream, except its length, its seed and the catalogue."""

    volume: Volume = field(default_factory=Volume)
    baskets: Baskets = field(default_factory=Baskets)
    ladder: Ladder = field(default_factory=Ladder)
    drift: Drift | None = None
    generosity: Generosity | None = None
    promotions: tuple[Promotion, ...] = ()
    added: AddedItems = field(default_factory=AddedItems)
    hidden: HiddenDiscounts = field(default_factory=HiddenDiscounts)
    reps: int = 30
    customers: int = 143_881
    states: tuple[tuple[str, int], ...] = STATES
    rounding: Rounding = "exact"
    """The form in which a charge is stored: 4 decimals, whole cents, or single-precision noise."""

    def __post_init__(self) -> None:
        _above("reps", self.reps, 0)
        _above("customers", self.customers, 0)
        if self.generosity is not None and self.generosity.reps > self.reps:
            raise ConfigurationError(f"{self.generosity.reps} generous of {self.reps} reps")


def _above(name: str, value: float, limit: float) -> None:
    if not value > limit:
        raise ConfigurationError(f"{name} {value}: expected more than {limit}")


def _share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ConfigurationError(f"{name} {value}: expected 0 to 1")


def _shares(name: str, values: Sequence[float]) -> None:
    if not values or not 0 <= min(values) <= max(values) <= MOST_SHARE or sum(values) <= 0:
        raise ConfigurationError(
            f"{name}: expected shares of 0 to {MOST_SHARE:g}, at least one above 0"
        )


def _check_bp(name: str, values: Sequence[int]) -> None:
    if not values or not all(0 < value < 10_000 for value in values):
        raise ConfigurationError(f"{name}: expected percents above 0 and below 100")
    if len(set(values)) != len(values):
        raise ConfigurationError(f"{name}: a percent is repeated")
