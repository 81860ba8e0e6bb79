"""A history of orders as arrays: what was bought, at which prices, and the gap to the charge."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from shared.arrays import Ints
from shared.catalogue import Catalogue
from shared.errors import ConfigurationError, OrderError
from shared.order import Order
from training.console import progress
from training.history.files import read_lines
from training.history.price_arrays import PriceTable, naive_utc, price_table
from training.history.revisions import LatestOrders


@dataclass(frozen=True, slots=True)
class OrderFile:
    """The orders of a file, sorted by time (ties: file order), each at its highest revision.

    ``refused`` counts the lines that are not an order, by code; ``superseded`` counts orders that
    came again, in the same revision or another; ``sha256`` is the file's.
    """

    orders: tuple[Order, ...]
    refused: dict[str, int]
    superseded: int
    sha256: str

    @property
    def first(self) -> datetime:
        """Return when the first order was placed."""
        return self.orders[0].ordered_at

    @property
    def last(self) -> datetime:
        """Return when the last order was placed."""
        return self.orders[-1].ordered_at


def read_history(path: Path) -> OrderFile:
    """Read a file of orders to learn from.

    Raises:
        ConfigurationError: not one line of the file is an order.
    """
    latest = LatestOrders()
    refused: dict[str, int] = {}
    for line in progress(read_lines(path), "reading orders"):
        order = line.order
        if isinstance(order, OrderError):
            refused[order.code] = refused.get(order.code, 0) + 1
            continue
        latest.add(order)
    if not len(latest):
        raise ConfigurationError(f"{path}: not one line is an order ({refused})")
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    repeated = latest.duplicates + latest.superseded
    return OrderFile(latest.in_time_order(), refused, repeated, sha256)


@dataclass(frozen=True, slots=True)
class History:
    """Orders that the catalogue can price, as columns; money in `_e4`.

    Rows of the ``line_`` columns are sorted by order. ``gap_e4`` is list total less charge:
    negative where more was charged than listed. ``units`` counts the units of an order.
    """

    orders: tuple[Order, ...]
    line_order: Ints
    line_product: Ints
    line_quantity: Ints
    line_price_e4: Ints
    units: Ints
    list_e4: Ints
    charged_e4: Ints
    gap_e4: Ints
    prices: PriceTable

    def unit_prices(self, selected: Ints, units: int) -> Ints:
        """Return the list price of each unit of orders that all have ``units`` units.

        The shape is (orders, units); the units of a line are neighbours.
        """
        chosen = np.zeros(len(self.orders), dtype=bool)
        chosen[selected] = True
        mine = chosen[self.line_order]
        flat = np.repeat(self.line_price_e4[mine], self.line_quantity[mine])
        return flat.reshape(-1, units)


def price_history(orders: tuple[Order, ...], catalogue: Catalogue) -> History:
    """Price orders by the catalogue, without orders of unknown products or of another currency.

    Raises:
        ConfigurationError: not one order can be priced.
    """
    table = price_table(catalogue)
    index = {product_id: at for at, product_id in enumerate(table.product_ids)}
    priced = tuple(
        order
        for order in orders
        if order.currency in {None, catalogue.currency}
        and all(line.product_id in index for line in order.lines)
    )
    if not priced:
        raise ConfigurationError("the catalogue does not know the products of any order")
    line_order, line_product, quantity = line_columns(priced, index)
    periods = table.periods(naive_utc([order.ordered_at for order in priced]))
    price = table.list_e4[line_product, periods[line_order]]
    list_e4 = _sums(line_order, price * quantity, len(priced))
    charged = np.array([order.charged_e4 for order in priced], dtype=np.int64)
    return History(
        orders=priced,
        line_order=line_order,
        line_product=line_product,
        line_quantity=quantity,
        line_price_e4=price,
        units=_sums(line_order, quantity, len(priced)),
        list_e4=list_e4,
        charged_e4=charged,
        gap_e4=list_e4 - charged,
        prices=table,
    )


def line_columns(orders: Sequence[Order], index: dict[str, int]) -> tuple[Ints, Ints, Ints]:
    """Return all lines as columns: position of the order, index of the product, quantity."""
    counts = np.fromiter((len(order.lines) for order in orders), np.int64, len(orders))
    # Straight into arrays: a list of millions of rows would take its memory beside them.
    lines = (line for order in orders for line in order.lines)
    flat = (number for line in lines for number in (index[line.product_id], line.quantity))
    pairs = np.fromiter(flat, np.int64, 2 * int(counts.sum())).reshape(-1, 2)
    product, quantity = pairs.T.copy()
    return np.repeat(np.arange(len(orders)), counts), product, quantity


def _sums(group: Ints, values: Ints, groups: int) -> Ints:
    totals = np.zeros(groups, dtype=np.int64)
    np.add.at(totals, group, values)
    return totals
