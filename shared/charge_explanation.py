"""The best explanation of an order's charge, in the words of its alert."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.evidence import Evidence


@dataclass(frozen=True, slots=True)
class UnitDiscount:
    """The discount that the likeliest explanation gives to some units of a product."""

    product_id: str
    units: int
    percent: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """The best explanation of the charge.

    ``gap_e4`` is the list total minus the charge. ``unexplained_e4`` is the part of the gap that
    the discounts leave unexplained.
    """

    list_total_e4: int
    charged_e4: int
    gap_e4: int
    unit_discounts: tuple[UnitDiscount, ...]
    order_discount_percent: float
    unexplained_e4: int


def explanation_of(evidence: Evidence) -> Explanation:
    """Return what best explains the charge."""
    listed, charged = evidence.priced.list_total_e4, evidence.priced.order.charged_e4
    return Explanation(
        list_total_e4=listed,
        charged_e4=charged,
        gap_e4=listed - charged,
        unit_discounts=_name_units(evidence),
        order_discount_percent=evidence.hidden_bp / 100,
        unexplained_e4=evidence.unexplained_e4,
    )


def _name_units(evidence: Evidence) -> tuple[UnitDiscount, ...]:
    """Return the unit discounts by product.

    The evidence names only the price of each discounted unit, and products may share a price. So
    the first discount goes to the suspect, and each other one to the first product of its price
    that has a unit left.
    """
    if not evidence.unit_discounts:
        return ()
    lines = evidence.priced.lines
    left = {line.product.product_id: line.quantity for line in lines}
    named: Counter[tuple[str, int]] = Counter()
    for at, (price, discount_bp) in enumerate(evidence.unit_discounts):
        product = (
            evidence.suspect.product_id
            if at == 0 and evidence.suspect is not None
            else next(
                line.product.product_id
                for line in lines
                if line.product.list_e4 == price and left[line.product.product_id]
            )
        )
        left[product] -= 1
        named[product, discount_bp] += 1
    return tuple(
        UnitDiscount(product, units, discount_bp / 100)
        for (product, discount_bp), units in named.items()
    )
