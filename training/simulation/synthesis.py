"""Draws a stream of orders with known frauds from a `Company`; vectorised and seeded.

Everything is drawn in columns: an order is a row of `SimulatedOrders`, a unit a row of `Units`.
All money is exact: prices in ten-thousandths times discounts in basis points stay integers until
the charge is rounded once, at the end.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from shared.arrays import Bools, Ints, Times
from shared.errors import ConfigurationError
from training.history.price_arrays import PriceTable
from training.simulation.company import (
    AddedItems,
    Baskets,
    Company,
    HiddenDiscounts,
    Rounding,
    Volume,
)
from training.simulation.discount_draws import Generator, Sale, choices, draw_discounts, shelf

WHOLE = 10_000
"""Basis points in a whole."""

MOST_A_DAY = 1e9
LAST_DAY = date(9999, 12, 30)

LARGEST_E4 = 90_000_000_000
"""The dearest order (9 million) whose exact charge still fits 64 bits."""


@dataclass(frozen=True, slots=True)
class Units:
    """One row a unit sold, sorted by order and product.

    ``order`` and ``product`` are positions in the stream and in the price table, ``discount`` is
    in basis points of the unit's list price, ``added`` marks the unit that a rep added.
    """

    order: Ints
    product: Ints
    discount: Ints
    added: Bools


@dataclass(frozen=True, slots=True)
class SimulatedOrders:
    """A stream in time order, with its truth.

    ``times`` are naive UTC; ``rep``, ``customer`` and ``state`` count from 0; ``hidden`` is the
    hidden percentage in basis points (0: none); money is in `_e4`.
    """

    times: Times
    rep: Ints
    customer: Ints
    state: Ints
    hidden: Ints
    list_e4: Ints
    cost_e4: Ints
    charged_e4: Ints
    units: Units


def draw_orders(company: Company, prices: PriceTable, count: int, seed: int) -> SimulatedOrders:
    """Draw ``count`` orders; the same arguments give the same orders.

    Raises:
        ConfigurationError: no orders, too many, or the catalogue lacks a family's products.
    """
    rng = np.random.default_rng(seed)
    times = draw_times(company.volume, count, rng)
    days = times.astype("datetime64[D]").astype(np.int64)
    customer = rng.integers(company.customers, size=count)
    weights = np.array([weight for _, weight in company.states], dtype=float)
    homes = rng.choice(len(weights), size=company.customers, p=weights / weights.sum())
    rep = rng.integers(company.reps, size=count)
    hidden = _draw_hidden(company.hidden, days, rng)
    units = _draw_units(company, prices, Sale(days=days, rep=rep), rng)
    periods = prices.periods(times)[units.order]
    unit_list = prices.list_e4[units.product, periods]
    list_e4 = _per_order(units.order, unit_list, count)
    if list_e4.max() > LARGEST_E4:
        raise ConfigurationError(f"an order lists above {LARGEST_E4 // WHOLE}: lower the prices")
    off_e8 = _per_order(units.order, unit_list * units.discount, count)
    return SimulatedOrders(
        times=times,
        rep=rep,
        customer=customer,
        state=homes[customer],
        hidden=hidden,
        list_e4=list_e4,
        cost_e4=_per_order(units.order, prices.cost_e4[units.product, periods], count),
        charged_e4=charge(list_e4, off_e8, hidden, company.rounding),
        units=units,
    )


def charge(list_e4: Ints, off_e8: Ints, hidden: Ints, rounding: Rounding) -> Ints:
    """What is charged: (list - unit discounts) less the hidden percentage, rounded half up.

    ``off_e8`` is the sum of unit list prices (`_e4`) times their discounts in basis points.
    """
    exact_e12 = (list_e4 * WHOLE - off_e8) * (WHOLE - hidden)
    step = WHOLE * WHOLE * (100 if rounding == "cents" else 1)
    charged = (exact_e12 + step // 2) // step * (step // WHOLE // WHOLE)
    if rounding == "float32":
        single = (charged / 1e4).astype(np.float32).astype(np.float64)
        charged = np.rint(single * 1e4).astype(np.int64)
    return np.asarray(charged)


def _per_order(order: Ints, values: Ints, count: int) -> Ints:
    totals = np.zeros(count, dtype=np.int64)
    np.add.at(totals, order, values)
    return totals


def draw_times(volume: Volume, count: int, rng: Generator) -> Times:
    """The times of the first ``count`` orders, to the millisecond and in time order.

    Raises:
        ConfigurationError: no orders, or more than come in a hundred years.
    """
    if count < 1:
        raise ConfigurationError(f"{count} orders: expected 1 or more")
    day = volume.start
    per_day: list[int] = []
    total = 0
    while total < count:
        years = len(per_day) / 365.25
        mean = volume.orders_per_day * volume.yearly_growth**years * volume.seasons[day.month - 1]
        if mean > MOST_A_DAY:
            raise ConfigurationError(f"{mean:.3g} orders a day: expected at most {MOST_A_DAY:g}")
        per_day.append(int(rng.poisson(mean)))
        total += per_day[-1]
        if day >= LAST_DAY:
            raise ConfigurationError(f"the orders would go on past {LAST_DAY}: an earlier start")
        day += timedelta(days=1)
        if len(per_day) > 100 * 366:
            raise ConfigurationError("the orders would take more than a hundred years: more a day")
    per_day[-1] -= total - count
    days = np.repeat(np.arange(len(per_day)), per_day)
    opens, closes = volume.opens * 3_600_000, volume.closes * 3_600_000
    within = rng.integers(opens, closes, size=count)
    milliseconds = np.sort(days * 86_400_000 + within)
    times: Times = np.datetime64(volume.start, "ms") + milliseconds.astype("timedelta64[ms]")
    return times


def _draw_hidden(settings: HiddenDiscounts, days: Ints, rng: Generator) -> Ints:
    """The hidden percentage of each order (basis points, 0: none), decided by its day."""
    by_day = _draw_episodes(settings, int(days[-1] - days[0]) + 1, rng)
    percent: Ints = by_day[days - days[0]]
    return percent


def _draw_episodes(settings: HiddenDiscounts, days: int, rng: Generator) -> Ints:
    """The hidden percentage of each day.

    Runs are scattered evenly: what the days leave after runs and least gaps is split at random
    between the gaps, so that a gap is a few days or many months. A run that no longer fits is
    left out.
    """
    shortest, longest = settings.episode_days
    wanted = settings.episodes
    if wanted is None:
        expected = settings.rate * days * 2 / (shortest + longest)
        wanted = int(expected + rng.random())
    lengths = rng.integers(shortest, longest + 1, size=wanted)
    percents = rng.choice(np.array(settings.percents), size=wanted)
    taken = np.cumsum(lengths + settings.gap_days) - settings.gap_days
    fitting = int(np.searchsorted(taken, days, side="right"))
    by_day = np.zeros(days, dtype=np.int64)
    slack = days - int(taken[fitting - 1]) if fitting else 0
    offsets = np.sort(rng.integers(0, slack + 1, size=fitting))
    for run in range(fitting):
        start = int(taken[run] - lengths[run] + offsets[run])
        by_day[start : start + int(lengths[run])] = percents[run]
    return by_day


def _draw_units(company: Company, prices: PriceTable, sale: Sale, rng: Generator) -> Units:
    """The units of normal baskets with their discounts, and the added ones among them."""
    count = len(sale.days)
    order, product = _draw_baskets(company.baskets, prices, count, rng)
    discount = draw_discounts(company, prices, sale, order, product, rng)
    victims, extra, deep = _draw_added(company.added, len(prices.product_ids), count, rng)
    added = np.repeat([False, True], [len(order), len(victims)])
    order, product = np.append(order, victims), np.append(product, extra)
    discount = np.append(discount, deep)
    sorting = np.lexsort((product, order))  # the added unit's place must not give it away
    return Units(order[sorting], product[sorting], discount[sorting], added[sorting])


def _draw_baskets(
    baskets: Baskets, prices: PriceTable, count: int, rng: Generator
) -> tuple[Ints, Ints]:
    """Order and product of every unit of normal baskets."""
    bikes = 1 + choices(baskets.bike_shares, count, rng)
    bike_order = np.repeat(np.arange(count), bikes)
    family = choices([entry.share for entry in baskets.families], len(bike_order), rng)
    accessories = 1 + choices(baskets.accessory_shares, len(bike_order), rng)
    orders = [bike_order, np.repeat(bike_order, accessories)]
    families = [family, np.repeat(family, accessories)]
    products = [np.zeros(len(column), dtype=np.int64) for column in orders]
    for number, entry in enumerate(baskets.families):
        for kind, subcategories in enumerate((entry.bikes, entry.accessories)):
            offered = shelf(prices, subcategories)
            mine = families[kind] == number
            products[kind][mine] = rng.choice(offered, size=int(mine.sum()))
    return np.concatenate(orders), np.concatenate(products)


def _draw_added(
    added: AddedItems, products: int, count: int, rng: Generator
) -> tuple[Ints, Ints, Ints]:
    """Order, product and discount of every unit that a rep added."""
    victims = np.flatnonzero(rng.random(count) < added.rate)
    product = rng.integers(products, size=len(victims))
    return victims, product, rng.choice(np.array(added.steps), size=len(victims))


def aware(time: np.datetime64) -> datetime:
    """A naive UTC time of numpy as Python's aware one."""
    moment: datetime = time.astype("datetime64[us]").astype(datetime)
    return moment.replace(tzinfo=UTC)
