"""Draws honest discounts: the ladder's, which reps give, and promotions."""

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
    """The day on which each order was placed (since 1970), and its rep (from 0)."""

    days: Ints
    rep: Ints


def draw_discounts(
    company: Company, prices: PriceTable, sale: Sale, order: Ints, product: Ints, rng: Generator
) -> Ints:
    """Draw the discount of every unit in basis points, 0 for none.

    ``order`` and ``product`` have one row a unit: its position in the stream and in the price
    table. A company draws no random numbers for drift, generous reps or promotions that it does not
    have. So its stream is the same as before these were added.
    """
    discount_bp = _draw_steps(company.ladder, len(order), rng)
    if company.drift is not None:
        moved = rng.random(len(order)) < _progress(company.drift, sale.days)[order]
        discount_bp[moved] = _draw_steps(company.drift.towards, int(moved.sum()), rng)
    if company.generosity is not None:
        generous = sale.rep[order] < company.generosity.reps
        discount_bp[generous] = _draw_steps(company.generosity.ladder, int(generous.sum()), rng)
    for promotion in company.promotions:
        offered = _promoted(promotion, prices, sale.days[order], product)
        discount_bp[offered] = np.maximum(discount_bp[offered], promotion.discount_bp)
    return discount_bp


def _draw_steps(ladder: Ladder, units: int, rng: Generator) -> Ints:
    shares = [1 - ladder.rate, *(ladder.rate * share for share in ladder.step_shares())]
    return np.array([0, *ladder.steps_bp])[choices(shares, units, rng)]


def _progress(drift: Drift, days: Ints) -> Floats:
    """Return the share of units (0-1) that take the new ladder on each day."""
    return np.clip((days - _day(drift.first)) / drift.days, 0.0, 1.0)


def _promoted(promotion: Promotion, prices: PriceTable, days: Ints, product: Ints) -> Bools:
    offered = np.isin(product, products_of(prices, promotion.subcategories))
    running = (days >= _day(promotion.first)) & (days < _day(promotion.end))
    return np.asarray(offered & running)


def _day(day: date) -> int:
    return int(np.datetime64(day, "D").astype(np.int64))


def products_of(prices: PriceTable, subcategories: tuple[str, ...]) -> Ints:
    """Return the positions of the products of some subcategories.

    Raises:
        ConfigurationError: the catalogue has no such product.
    """
    positions = [at for at, name in enumerate(prices.subcategories) if name in subcategories]
    if not positions:
        raise ConfigurationError(
            f"the catalogue has no product in subcategory {' or '.join(subcategories)}"
        )
    return np.array(positions, dtype=np.int64)


def choices(shares: Sequence[float], size: int, rng: Generator) -> Ints:
    """Draw positions with the given shares, which need not sum to 1."""
    weights = np.asarray(shares, dtype=float)
    return np.asarray(rng.choice(len(weights), size=size, p=weights / weights.sum()))
