"""python -m tests.bench.worst: what the worst legal bodies and orders cost, in milliseconds.

Times are CPU times; the last column is scaled as in `tests.bench.scoring`. Both should be 50 ms or
less.
"""

import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import msgspec
from rich.console import Console
from rich.table import Table

from shared.catalogue import Catalogue, Product
from shared.episodes import EpisodeState
from shared.errors import OrderError
from shared.ladder import DiscountShare
from shared.model import BasketTable, ModelBundle, packaged_bundle
from shared.order import Order, OrderLine, parse_order
from shared.policy import Policy
from shared.scoring import Scorer
from tests.bench.machine import plain_loop
from tests.bench.scoring import seconds
from tests.orders import WORST_BODIES

WANTED = 0.050
AT = datetime(2026, 1, 1, tzinfo=UTC)
SIZES = ((1, 1), (3, 1), (6, 1), (7, 1), (12, 1), (60, 1), (61, 1), (200, 1), (200, 2), (200, 1000))
"""Lines of different prices, and the units of each."""
CHARGED = (0.97, 0.85, 0.5, 0.0)
"""Shares of the list total."""


def catalogue() -> Catalogue:
    """Return 400 products, each at a different price."""
    draw = random.Random(1)
    names = [f"product {at:03}" for at in range(400)]
    prices = draw.sample(range(10_000, 40_000_000), len(names))
    products = {
        name: (Product(name, name, "", "", price, 1, AT),)
        for name, price in zip(names, prices, strict=True)
    }
    return Catalogue(products, "USD", "worst")


def bundle(names: list[str]) -> ModelBundle:
    """Return a bundle of 20 steps, 20 + 8 discounts, and products that all go together."""
    steps = [50 * at + 37 for at in range(1, 20)]
    together = {cause: dict.fromkeys(names, 0.001) for cause in names}
    return msgspec.structs.replace(
        packaged_bundle(),
        ladder=(DiscountShare(0, 0.8), *(DiscountShare(step, 0.2 / 19) for step in steps)),
        off_ladder=tuple(DiscountShare(100 + 97 * at, 0.05) for at in range(20)),
        hidden=tuple(DiscountShare(31 + 17 * at, 0.125) for at in range(8)),
        baskets=BasketTable(10_000, together, dict.fromkeys(names, 0.01)),
    )


def orders(prices: Catalogue) -> Iterator[tuple[str, list[Order]]]:
    """Yield orders of each size, at several charges."""
    names = [product.product_id for product in prices]
    for lines, units in SIZES:
        taken = random.Random(lines).sample(names, lines)
        ordered = tuple(OrderLine(name, units) for name in sorted(taken))
        plain = Order("worst", 0, AT, "rep", "customer", ordered, 0)
        listed = prices.price(plain).list_total_e4
        charged = [round(share * listed / 100) * 100 for share in CHARGED]
        yield (
            f"{lines} lines of {units:,} units",
            [Order("worst", 0, AT, "rep", "customer", ordered, each) for each in charged],
        )


def _read(body: bytes) -> None:
    with suppress(OrderError):
        parse_order(body)


def measure() -> Table:
    """Return the times of every worst body and every worst order, each at its slowest."""
    table = Table("what", "measured", "scaled (estimate)", "", title="The worst legal input")
    for column in table.columns[1:3]:
        column.justify = "right"
    slow = plain_loop()
    times = [
        (f"body: {name}", seconds(lambda body=body: _read(body)))
        for name, body in WORST_BODIES.items()
    ]
    prices = catalogue()
    scorer = Scorer(bundle([product.product_id for product in prices]), prices, Policy())
    for name, same in orders(prices):
        spent = [
            seconds(lambda order=order: scorer.score_many([order], EpisodeState()))
            for order in same
        ]
        times.append((f"order: {name}", max(spent)))
    slow = (slow + plain_loop()) / 2
    for name, spent in times:
        verdict = "" if spent / slow <= WANTED else f"over {WANTED * 1e3:.0f} ms"
        table.add_row(name, f"{spent * 1e3:.1f} ms", f"{spent / slow * 1e3:.1f} ms", verdict)
    return table


def main() -> None:
    """Measure and print."""
    Console().print(measure())


if __name__ == "__main__":
    main()
