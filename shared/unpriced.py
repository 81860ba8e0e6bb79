"""Orders with products that no catalogue knows: what is known of their price all the same.

Such lines cost nothing or more, so the gap of an order is at least the known list total less the
charge, and more than that where they cost something. Three things tell more: the total at list
price that the sales system recorded fixes what they cost together; a product that was sold often
has a usual price (`UsualPrice`); and if neither does, half of such lines are taken to
cost nothing, and any other cost to be as likely up to the list total of the rest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec

from shared.catalogue import AssumedPrice, PricedLine, PricedOrder, Product
from shared.ranges import Count, Name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

MOST_UNPRICED_REPS = 1_000
"""Reps whose orders with lines without a price are counted, those with the most such orders."""

MOST_USUAL_PRICES = 1_000
"""Products without a price whose usual one is remembered, those in the most orders."""

FREE = 0.5
"""Chance that lines without any price cost nothing: a gift wrap, a voucher, a sample."""

MOST_E4 = 10**13
"""No order is charged more, so no unknown products are taken to cost more than that together."""

AS_USUAL = 0.95
"""Chance that a product without a price costs what it usually does."""


class UsualPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a product that no catalogue knows usually costs.

    ``price_e4`` is the price of one unit in ten-thousandths, ``orders`` the number of orders that
    agree on it.
    """

    price_e4: Annotated[int, msgspec.Meta(ge=0, le=10**13)]
    orders: Count


class UnpricedOrders(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many of some orders have lines whose price nothing tells (``unpriced``)."""

    orders: Count = 0
    unpriced: Count = 0


class Unpriced(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How usual it is in the history that a line has no price.

    ``with_unknown`` of all orders have a product that no catalogue knows; ``total`` counts those
    whose price not even a usual one or a recorded total tells, ``by_rep`` the same of the reps
    who have the most of them.
    """

    with_unknown: Count = 0
    total: UnpricedOrders = UnpricedOrders()
    by_rep: Annotated[dict[Name, UnpricedOrders], msgspec.Meta(max_length=MOST_UNPRICED_REPS)] = {}


NEVER_UNPRICED = Unpriced()
"""Of a history in which every product is known. A bundle's file leaves it out, as all defaults, so
that an earlier release reads it, too."""


def with_assumed_prices(priced: PricedOrder, usual: Mapping[str, UsualPrice]) -> PricedOrder:
    """The order with what can be taken as the price of its unknown products.

    A total that the sales system recorded decides: where the usual prices do not add up to what
    it leaves for the unknown products, they are not taken. What it leaves for several products
    together becomes one unit of that price, named by the first of them.
    """
    if not priced.unknown:
        return priced
    order = priced.order
    units = {
        one.product_id: one.quantity for one in order.lines if one.product_id in priced.unknown
    }
    usually = {name: usual[name] for name in units if name in usual}
    total = sum(one.price_e4 * units[name] for name, one in usually.items())
    if total > MOST_E4:
        usually, total = {}, 0
    left = None if order.list_e4 is None else order.list_e4 - priced.list_total_e4
    if left is not None and left < 0:
        left = None  # less than the known products cost: the record is wrong, and says nothing
    if left is not None and (total > left or (len(usually) == len(units) and total != left)):
        usually, total = {}, 0
    without = tuple(name for name in units if name not in usually)
    assumed = [
        AssumedPrice((name,), one.price_e4 * units[name], one.orders)
        for name, one in usually.items()
    ]
    at = order.ordered_at
    lines = [_line(name, one.price_e4, units[name], at) for name, one in usually.items()]
    if without and left is not None:
        rest = left - total
        assumed.append(AssumedPrice(without, rest))
        quantity = units[without[0]]
        alone = len(without) == 1 and rest % quantity == 0
        lines.append(
            _line(without[0], rest // quantity if alone else rest, quantity if alone else 1, at)
        )
        without = ()
    return replace(
        priced,
        lines=(*priced.lines, *lines),
        list_total_e4=priced.list_total_e4 + sum(one.amount_e4 for one in assumed),
        assumed=tuple(assumed),
        open=without,
    )


def _line(product_id: str, price_e4: int, quantity: int, at: datetime) -> PricedLine:
    product = Product(product_id, product_id, "", "", price_e4, 0, at)
    return PricedLine(product, quantity)


class Certainty(NamedTuple):
    """How sure the prices of an order are: with the chance ``as_priced`` they are as assumed, and
    ``otherwise`` (0-1) is the chance that they are not and could make up the order's gap."""

    as_priced: float
    otherwise: float


CERTAIN = Certainty(1.0, 0.0)


def certainty(
    priced: PricedOrder, none: float, largest_step: int, tolerance_e4: float
) -> Certainty:
    """How sure an order's prices are, and whether the unknown ones could make up its gap.

    Whatever they cost: what is missing of the known list total, a discount must have taken off
    known products.

    Args:
        priced: with its assumed prices.
        none: chance of a unit to have no discount, 0-1.
        largest_step: the largest discount of the ladder, in basis points.
        tolerance_e4: how far a charge may be from its exact value.
    """
    if not priced.unknown:
        return CERTAIN
    most = largest_step / 10_000  # of a list total, that discounts take off it
    recorded = [one for one in priced.assumed if one.orders is None]
    if recorded:
        # Discounts on some of several products, of which only the sum is known, can be any amount.
        together = any(len(one.product_ids) > 1 for one in recorded)
        gap = priced.list_total_e4 - priced.order.charged_e4
        possible = tolerance_e4 < gap <= most * priced.list_total_e4 + tolerance_e4
        return Certainty(1.0, 1.0 - none if together and possible else 0.0)
    as_priced = (FREE if priced.open else 1.0) * AS_USUAL ** len(priced.assumed)
    known_e4 = priced.list_total_e4 - sum(one.amount_e4 for one in priced.assumed)
    short = known_e4 - priced.order.charged_e4
    if short <= tolerance_e4:
        return Certainty(as_priced, 1.0 - as_priced)
    if short > most * known_e4 + tolerance_e4:
        return Certainty(as_priced, 0.0)
    known = priced.lines[: len(priced.lines) - len(priced.assumed)]
    some = 1.0 - none ** sum(line.quantity for line in known)
    return Certainty(as_priced, (1.0 - as_priced) * some)
