"""The catalogue: price, cost and category of each product over time."""

import csv
import hashlib
import io
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from operator import attrgetter
from typing import NoReturn

from shared.errors import ConfigurationError, OrderError
from shared.formats import IDENTIFIER_PATTERN, FormatError, money_e4, shortened, utc_time
from shared.order import Order

COLUMNS = (
    "product_id",
    "name",
    "category",
    "subcategory",
    "list_price",
    "standard_cost",
    "currency",
    "valid_from",
)
MAXIMUM_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Product:
    """A product at the price that holds from ``valid_from`` (aware UTC) on.

    Neither ``list_e4`` nor ``cost_e4`` is negative; the cost may exceed the price.
    """

    product_id: str
    name: str
    category: str
    subcategory: str
    list_e4: int
    cost_e4: int
    valid_from: datetime


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line at the price that its product had when the order was placed."""

    product: Product
    quantity: int


@dataclass(frozen=True, slots=True)
class AssumedPrice:
    """The price that is assumed for products that are not in the catalogue.

    Attributes:
        product_ids: the products.
        amount_e4: what they cost together in this order.
        orders: number of orders in which that was their price; None where the list total that the
            sales system recorded leaves that amount for them.
    """

    product_ids: tuple[str, ...]
    amount_e4: int
    orders: int | None = None


@dataclass(frozen=True, slots=True)
class PricedOrder:
    """An order at catalogue prices.

    Attributes:
        order: the order.
        lines: its lines with a price, sorted by product id. Lines with an assumed price come last.
        unknown: its products that are not in the catalogue.
        list_total_e4: list total of ``lines``.
        cost_total_e4: cost of ``lines``; those with an assumed price add nothing to it.
        assumed: the prices that are assumed for unknown products (`shared.unpriced`).
        open: the unknown products that have no price at all.
    """

    order: Order
    lines: tuple[PricedLine, ...]
    unknown: tuple[str, ...]
    list_total_e4: int
    cost_total_e4: int
    assumed: tuple[AssumedPrice, ...] = ()
    open: tuple[str, ...] = ()


class Catalogue:
    """Every product with its prices over time, in one currency.

    Attributes:
        currency: ISO 4217 code of all prices.
        version: the first 12 hex digits of the SHA-256 of the CSV.
        products: number of products.
    """

    def __init__(self, prices: dict[str, tuple[Product, ...]], currency: str, version: str) -> None:
        """Take at least one price of each product, the oldest first."""
        self._prices = prices
        self.currency = currency
        self.version = version
        self.products = len(prices)

    @classmethod
    def from_csv(cls, data: bytes) -> "Catalogue":
        """Read UTF-8 CSV with the columns `COLUMNS`, in any order; it may begin with a BOM.

        Other columns are ignored. Prices are numbers from 0 to 1e9 with at most 4 decimals. A price
        holds from its ``valid_from`` until the next price of the product.

        Raises:
            ConfigurationError: names line, column, value and what was expected.
        """
        prices: dict[str, dict[datetime, Product]] = {}
        currencies: dict[str, int] = {}
        for number, row in _rows(data):
            product = _product(row, number)
            at_times = prices.setdefault(product.product_id, {})
            if product.valid_from in at_times:
                _refuse(number, "valid_from", row["valid_from"], "one price a product and time")
            at_times[product.valid_from] = product
            currencies.setdefault(_currency(row, number), number)
            if len(currencies) > 1:
                expected = f"{next(iter(currencies))} as in the lines before"
                _refuse(number, "currency", row["currency"], expected)
        if not prices:
            raise ConfigurationError("catalogue: no products, expected at least one line")
        oldest_first = {
            product_id: tuple(at_times[time] for time in sorted(at_times))
            for product_id, at_times in prices.items()
        }
        return cls(oldest_first, next(iter(currencies)), hashlib.sha256(data).hexdigest()[:12])

    def __iter__(self) -> Iterator[Product]:
        """Yield every price of every product: products as in the CSV, prices oldest first."""
        return (product for history in self._prices.values() for product in history)

    def product(self, product_id: str, at: datetime) -> Product | None:
        """Return the product at the price of a time, or at its first price if that came later."""
        history = self._prices.get(product_id)
        if history is None:
            return None
        if len(history) == 1:
            return history[0]
        return history[max(0, bisect_right(history, at, key=attrgetter("valid_from")) - 1)]

    def price(self, order: Order) -> PricedOrder:
        """Return an order at the prices of the time when it was placed.

        Raises:
            OrderError: ``currency_mismatch`` where the order names another currency.
        """
        self.check_currency(order)
        lines, unknown = [], []
        list_total_e4 = cost_total_e4 = 0
        for line in order.lines:
            product = self.product(line.product_id, order.ordered_at)
            if product is None:
                unknown.append(line.product_id)
                continue
            lines.append(PricedLine(product, line.quantity))
            list_total_e4 += product.list_e4 * line.quantity
            cost_total_e4 += product.cost_e4 * line.quantity
        return PricedOrder(order, tuple(lines), tuple(unknown), list_total_e4, cost_total_e4)

    def check_currency(self, order: Order) -> None:
        """Raise unless an order is in the catalogue's currency, or names none.

        Raises:
            OrderError: ``currency_mismatch``.
        """
        if order.currency is not None and order.currency != self.currency:
            message = f"currency is {order.currency}, expected {self.currency} as in the catalogue"
            raise OrderError("currency_mismatch", "currency", message)


@cache
def packaged_catalogue() -> Catalogue:
    """Return the catalogue of 294 products that comes with Sheriff."""
    return Catalogue.from_csv(files("shared").joinpath("data", "catalogue.csv").read_bytes())


def _rows(data: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of each row's last line (the header is line 1), and the row by column."""
    if len(data) > MAXIMUM_BYTES:
        raise ConfigurationError(
            f"catalogue: {len(data)} bytes, expected at most {MAXIMUM_BYTES}: refused"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"catalogue: not UTF-8: {error}") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        _check_header(header)
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                message = f"{len(cells)} cells, expected {len(header)} as in the header"
                raise ConfigurationError(f"catalogue line {reader.line_num}: {message}")
            yield reader.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise ConfigurationError(f"catalogue line {reader.line_num}: {error}") from error


def _check_header(header: list[str]) -> None:
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        message = f"{', '.join(missing)} missing, expected {','.join(COLUMNS)}"
        raise ConfigurationError(f"catalogue line 1: {message}")
    repeated = [column for column in COLUMNS if header.count(column) > 1]
    if repeated:
        raise ConfigurationError(f"catalogue line 1: {', '.join(repeated)} repeated")


def _product(row: dict[str, str], number: int) -> Product:
    if not re.search(IDENTIFIER_PATTERN, row["product_id"]):
        _refuse(number, "product_id", row["product_id"], "1 to 64 characters, none a control one")
    try:
        valid_from = utc_time(row["valid_from"])
    except FormatError as error:
        _refuse(number, "valid_from", row["valid_from"], error.expected)
    return Product(
        product_id=row["product_id"],
        name=row["name"],
        category=row["category"],
        subcategory=row["subcategory"],
        list_e4=_price(row, number, "list_price"),
        cost_e4=_price(row, number, "standard_cost"),
        valid_from=valid_from,
    )


def _price(row: dict[str, str], number: int, column: str) -> int:
    try:
        return money_e4(row[column])
    except FormatError as error:
        _refuse(number, column, row[column], error.expected)


def _currency(row: dict[str, str], number: int) -> str:
    if not re.fullmatch("[A-Z]{3}", row["currency"]):
        _refuse(number, "currency", row["currency"], "three letters A to Z")
    return row["currency"]


def _refuse(number: int, column: str, value: str, expected: str) -> NoReturn:
    raise ConfigurationError(
        f"catalogue line {number}: {column} is '{shortened(value)}', expected {expected}"
    )
