"""Small histories made by hand."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from shared.catalogue import COLUMNS, Catalogue
from shared.order import Order, OrderLine
from training.history.orders import History, price_history

START = datetime(2026, 1, 1, 8, tzinfo=UTC)


def a_catalogue(prices: Mapping[str, float]) -> Catalogue:
    rows = "".join(
        f"{name},{name},part,part,{price},1,USD,2014-01-01T00:00:00Z\n"
        for name, price in prices.items()
    )
    return Catalogue.from_csv(f"{','.join(COLUMNS)}\n{rows}".encode())


def a_history(
    prices: Mapping[str, float], baskets: Sequence[Mapping[str, int]], gaps_e4: Sequence[int]
) -> History:
    """Orders an hour apart, each charged its list total less its gap."""
    orders = []
    for at, (basket, gap_e4) in enumerate(zip(baskets, gaps_e4, strict=True)):
        lines = tuple(OrderLine(name, basket[name]) for name in sorted(basket))
        list_e4 = sum(round(prices[name] * 10_000) * units for name, units in basket.items())
        placed = START + timedelta(hours=at)
        orders.append(Order(f"o-{at}", 0, placed, "rep", "customer", lines, list_e4 - gap_e4))
    return price_history(tuple(orders), a_catalogue(prices))
