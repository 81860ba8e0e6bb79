"""Draws the discounts that reps give of their own accord, and those of promotions: no frauds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from shared.arrays import Bools, Floats, Ints
from shared.errors import ConfigurationError
from training.history.price_arrays import PriceTable
from training.simulation.company import Company, Drift, Ladder, Promotion

Generator = np.random.Generator


@dataclass(frozen=True, slots=True)
class Sale:
    """When each order was placed (days since 1970) and by which rep (from 0)."""

    days: Ints
    rep: Ints


def draw_discounts(
    company: Company, prices: PriceTable, sale: Sale, order: Ints, product: Ints, rng: Generator
) -> Ints:
    """The discount of every unit in basis points, 0 for none.

    ``order`` and ``product`` say of each unit where it is in the stream and in the price table.
    What a market does not have takes no draw, so that its stream is the same as ever.
    """
    discount = _steps(company.ladder, len(order), rng)
    if company.drift is not None:
        moved = rng.random(len(order)) < _progress(company.drift, sale.days)[order]
        discount[moved] = _steps(company.drift.towards, int(moved.sum()), rng)
    if company.generosity is not None:
        generous = sale.rep[order] < company.generosity.reps
        discount[generous] = _steps(company.generosity.ladder, int(generous.sum()), rng)
    for promotion in company.promotions:
        offered = _promoted(promotion, prices, sale.days[order], product)
        discount[offered] = np.maximum(discount[offered], promotion.discount_bp)
    return discount


def _steps(ladder: Ladder, units: int, rng: Generator) -> Ints:
    shares = [1 - ladder.rate, *(ladder.rate * share for share in ladder.step_shares())]
    return np.array([0, *ladder.steps])[choices(shares, units, rng)]


def _progress(drift: Drift, days: Ints) -> Floats:
    """How far the drift has come on each day, 0 to 1."""
    return np.clip((days - _day(drift.first)) / drift.days, 0.0, 1.0)


def _promoted(promotion: Promotion, prices: PriceTable, days: Ints, product: Ints) -> Bools:
    offered = np.isin(product, shelf(prices, promotion.subcategories))
    running = (days >= _day(promotion.first)) & (days < _day(promotion.end))
    return np.asarray(offered & running)


def _day(day: date) -> int:
    return int(np.datetime64(day, "D").astype(np.int64))


def shelf(prices: PriceTable, subcategories: tuple[str, ...]) -> Ints:
    """Positions of the products of some subcategories.

    Raises:
        ConfigurationError: the catalogue has none.
    """
    found = [at for at, name in enumerate(prices.subcategories) if name in subcategories]
    if not found:
        raise ConfigurationError(
            f"the catalogue has no product in subcategory {' or '.join(subcategories)}"
        )
    return np.array(found, dtype=np.int64)


def choices(shares: Sequence[float], size: int, rng: Generator) -> Ints:
    """Positions drawn with the given shares, which need not sum to 1."""
    weights = np.asarray(shares, dtype=float)
    return np.asarray(rng.choice(len(weights), size=size, p=weights / weights.sum()))
