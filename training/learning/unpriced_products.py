"""Products that no catalogue knows: what they usually cost, and who sells them.

Where the sales system recorded an order's total at list price, what it leaves for its one unknown
product is that product's price. Where it did not, the charge tells it, because most units have no
discount: of the orders that hold the product, the most agree on one price.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from shared.catalogue import Catalogue, PricedOrder
from shared.order import Order
from shared.unpriced import (
    MOST_UNPRICED_REPS,
    MOST_USUAL_PRICES,
    NEVER_UNPRICED,
    Unpriced,
    UnpricedOrders,
    UsualPrice,
    with_assumed_prices,
)

FEWEST_AGREEING = 5
"""Orders that must agree on a price."""

AGREEING_SHARE = 0.25
"""Share of the orders with the product that must; discounts make the others differ."""

LATEST = 400
"""Orders of a product, the latest, that its price is read off: prices change."""


@dataclass(frozen=True, slots=True)
class UnpricedLearned:
    """Usual prices by product, and how often lines have no price."""

    usual_prices: dict[str, UsualPrice]
    unpriced: Unpriced


def learn_unpriced(
    orders: Sequence[Order], catalogue: Catalogue, tolerance_e4: float
) -> UnpricedLearned:
    """What a history says of products that the catalogue does not know.

    Args:
        orders: in time order.
        catalogue: prices as of the orders' times.
        tolerance_e4: how far a charge may be from its exact value.
    """
    ours = [order for order in orders if order.currency in {None, catalogue.currency}]
    known = {product.product_id for product in catalogue}
    unknown = [
        catalogue.price(order)
        for order in ours
        if any(line.product_id not in known for line in order.lines)
    ]
    if not unknown:
        return UnpricedLearned({}, NEVER_UNPRICED)
    usual = _usual_prices(unknown, tolerance_e4)
    still = [one.order.rep_id for one in unknown if with_assumed_prices(one, usual).open]
    of_rep = Counter(still)
    named = {rep for rep, _ in of_rep.most_common(MOST_UNPRICED_REPS)}
    orders_of = Counter(order.rep_id for order in ours if order.rep_id in named)
    by_rep = {rep: UnpricedOrders(orders_of[rep], of_rep[rep]) for rep in sorted(named)}
    total = UnpricedOrders(len(ours), len(still))
    return UnpricedLearned(usual, Unpriced(len(unknown), total, by_rep))


def _usual_prices(unknown: Sequence[PricedOrder], tolerance_e4: float) -> dict[str, UsualPrice]:
    recorded: dict[str, list[int]] = {}
    charged: dict[str, list[int]] = {}
    for one in unknown:
        if len(one.unknown) != 1:
            continue
        name = one.unknown[0]
        quantity = next(line.quantity for line in one.order.lines if line.product_id == name)
        total = one.order.charged_e4 if one.order.list_e4 is None else one.order.list_e4
        prices = charged if one.order.list_e4 is None else recorded
        left = total - one.list_total_e4
        if left >= -tolerance_e4:
            prices.setdefault(name, []).append(max(round(left / quantity), 0))
    found = _agreed(charged, tolerance_e4) | _agreed(recorded, tolerance_e4)
    most = sorted(found.items(), key=lambda item: (-item[1].orders, item[0]))
    return dict(sorted(most[:MOST_USUAL_PRICES]))


def _agreed(prices: Mapping[str, Sequence[int]], tolerance_e4: float) -> dict[str, UsualPrice]:
    found = {name: _most_agreed(seen[-LATEST:], tolerance_e4) for name, seen in prices.items()}
    return {name: price for name, price in found.items() if price is not None}


def _most_agreed(seen: Collection[int], tolerance_e4: float) -> UsualPrice | None:
    """The price that the most orders agree on within the tolerance, if enough do."""
    ordered = sorted(seen)
    agreeing = [
        bisect_right(ordered, price + tolerance_e4) - bisect_left(ordered, price - tolerance_e4)
        for price in ordered
    ]
    orders = max(agreeing)
    if orders < FEWEST_AGREEING or orders < AGREEING_SHARE * len(ordered):
        return None
    alike = [price for price, count in zip(ordered, agreeing, strict=True) if count == orders]
    return UsualPrice(alike[len(alike) // 2], orders)
