"""Products that are not in the catalogue: which price to assume for them.

An unknown product costs nothing or more, so the gap of its order is at least the list total of the
known products minus the charge. Two things tell more. If the sales system recorded the list total
of the order, it fixes what the unknown products cost together. And a product that is sold often has
a usual price. If neither helps, the product is assumed to be free with an even chance. Otherwise it
may cost any amount up to the list total of the rest.
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
"""A bundle counts orders with unpriced lines for at most this many reps: those with the most."""

MOST_USUAL_PRICES = 1_000
"""A bundle remembers a usual price for at most this many products: those in the most orders."""

FREE = 0.5
"""Chance that a line without any price is free, such as a gift wrap, a voucher or a sample."""

MOST_E4 = 10**13
"""The most that the unknown products of an order can cost together: no order is charged more."""

AS_USUAL = 0.95
"""Chance that a product without a price costs what it usually does."""


class UsualPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The usual price of a product that is not in the catalogue.

    Attributes:
        price_e4: price of one unit, in ten-thousandths of the currency.
        orders: number of orders that agree on it.
    """

    price_e4: Annotated[int, msgspec.Meta(ge=0, le=10**13)]
    orders: Count


class UnpricedOrders(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number of orders, and how many of them have a line without any price (``unpriced``)."""

    orders: Count = 0
    unpriced: Count = 0


class Unpriced(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The counts that say how common lines without a price are in the history.

    Attributes:
        with_unknown: orders with a product that is not in the catalogue.
        total: all orders, and those in which neither a usual price nor a recorded total tells the
            price of such a product.
        by_rep: the same for each of the reps who have the most of them.
    """

    with_unknown: Count = 0
    total: UnpricedOrders = UnpricedOrders()
    by_rep: Annotated[dict[Name, UnpricedOrders], msgspec.Meta(max_length=MOST_UNPRICED_REPS)] = {}


NEVER_UNPRICED = Unpriced()
"""The counts of a history in which every product is known. A bundle's file leaves defaults out, so
that an earlier release can read it, too."""


def with_assumed_prices(priced: PricedOrder, usual: Mapping[str, UsualPrice]) -> PricedOrder:
    """Return the order with a price for each unknown product where one can be assumed.

    The list total that the sales system recorded decides. Where the usual prices do not add up to
    what it leaves for the unknown products, they are not used. What it leaves for several products
    together becomes one unit of that price, named by the first of them.
    """
    if not priced.unknown:
        return priced
    units = {
        line.product_id: line.quantity
        for line in priced.order.lines
        if line.product_id in priced.unknown
    }
    left_e4 = _left_by_record(priced)
    usable = _usable(usual, units, left_e4)
    assumed = [
        AssumedPrice((name,), price.price_e4 * units[name], price.orders)
        for name, price in usable.items()
    ]
    at = priced.order.ordered_at
    lines = [_line(name, price.price_e4, units[name], at) for name, price in usable.items()]
    without = tuple(name for name in units if name not in usable)
    if without and left_e4 is not None:
        rest_e4 = left_e4 - sum(price.amount_e4 for price in assumed)
        assumed.append(AssumedPrice(without, rest_e4))
        quantity = units[without[0]]
        even = len(without) == 1 and rest_e4 % quantity == 0
        lines.append(
            _line(without[0], rest_e4 // quantity, quantity, at)
            if even
            else _line(without[0], rest_e4, 1, at)
        )
        without = ()
    return replace(
        priced,
        lines=(*priced.lines, *lines),
        list_total_e4=priced.list_total_e4 + sum(price.amount_e4 for price in assumed),
        assumed=tuple(assumed),
        open=without,
    )


def _left_by_record(priced: PricedOrder) -> int | None:
    """Return what the recorded list total leaves for the unknown products, if that makes sense."""
    recorded_e4 = priced.order.list_e4
    # A total below what the known products cost is wrong, and tells nothing.
    if recorded_e4 is None or recorded_e4 < priced.list_total_e4:
        return None
    return recorded_e4 - priced.list_total_e4


def _usable(
    usual: Mapping[str, UsualPrice], units: Mapping[str, int], left_e4: int | None
) -> dict[str, UsualPrice]:
    """Return the usual prices of unknown products, unless the recorded total contradicts them."""
    usable = {name: usual[name] for name in units if name in usual}
    total_e4 = sum(price.price_e4 * units[name] for name, price in usable.items())
    if total_e4 > MOST_E4:
        return {}
    if left_e4 is None:
        return usable
    fits = total_e4 == left_e4 if len(usable) == len(units) else total_e4 <= left_e4
    return usable if fits else {}


def _line(product_id: str, price_e4: int, quantity: int, at: datetime) -> PricedLine:
    product = Product(product_id, product_id, "", "", price_e4, 0, at)
    return PricedLine(product, quantity)


class Certainty(NamedTuple):
    """The chances that the prices of an order are right.

    Attributes:
        as_priced: chance (0-1) that they are as assumed.
        otherwise: chance (0-1) that they are not, and that the real ones could make up the gap.
    """

    as_priced: float
    otherwise: float


CERTAIN = Certainty(1.0, 0.0)


def certainty(
    priced: PricedOrder, p_no_discount: float, largest_bp: int, tolerance_e4: float
) -> Certainty:
    """Return how sure an order's prices are, and whether unknown prices could make up its gap.

    Whatever the unknown products cost, a discount must have taken off known products what is
    missing from the known list total.

    Args:
        priced: the order with its assumed prices.
        p_no_discount: chance (0-1) that a unit has no discount.
        largest_bp: the largest discount of the ladder.
        tolerance_e4: how far a charge may be from its exact value.
    """
    if not priced.unknown:
        return CERTAIN
    most = largest_bp / 10_000  # the largest share of a list total that discounts take off
    recorded = [assumed for assumed in priced.assumed if assumed.orders is None]
    if recorded:
        # If only the sum of several prices is known, a discount on one of them can be any amount.
        together = any(len(assumed.product_ids) > 1 for assumed in recorded)
        gap = priced.list_total_e4 - priced.order.charged_e4
        possible = tolerance_e4 < gap <= most * priced.list_total_e4 + tolerance_e4
        return Certainty(1.0, 1.0 - p_no_discount if together and possible else 0.0)
    as_priced = (FREE if priced.open else 1.0) * AS_USUAL ** len(priced.assumed)
    known_e4 = priced.list_total_e4 - sum(assumed.amount_e4 for assumed in priced.assumed)
    short = known_e4 - priced.order.charged_e4
    if short <= tolerance_e4:
        return Certainty(as_priced, 1.0 - as_priced)
    if short > most * known_e4 + tolerance_e4:
        return Certainty(as_priced, 0.0)
    known = priced.lines[: len(priced.lines) - len(priced.assumed)]
    p_any_discount = 1.0 - p_no_discount ** sum(line.quantity for line in known)
    return Certainty(as_priced, (1.0 - as_priced) * p_any_discount)
