"""Price, cost and category of a product as of a time."""

from dataclasses import dataclass
from datetime import datetime

from shared.order import Order


@dataclass(frozen=True, slots=True)
class Product:
    """A product at the price that holds from ``valid_from`` (aware UTC) on; money in `_e4`."""

    product_id: str
    name: str
    category: str
    subcategory: str
    list_e4: int
    cost_e4: int
    valid_from: datetime


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line whose product is known, at the price of the order's time."""

    product: Product
    quantity: int


@dataclass(frozen=True, slots=True)
class PricedOrder:
    """An order at catalogue prices; totals leave out the ``unknown`` products."""

    order: Order
    lines: tuple[PricedLine, ...]
    unknown: tuple[str, ...]
    list_total_e4: int
    cost_total_e4: int


class Catalogue:
    """Every product with its prices over time, in one currency.

    Attributes:
        currency: ISO 4217 code of every price.
        version: first 12 hex digits of the SHA-256 of the CSV.
        products: number of products.
    """

    currency: str
    version: str
    products: int

    @classmethod
    def from_csv(cls, data: bytes) -> "Catalogue":
        """Read ``product_id,name,category,subcategory,list_price,standard_cost,currency,valid_from``.

        Raises:
            ConfigurationError: names line, column, value and what was expected.
        """
        raise NotImplementedError

    def product(self, product_id: str, at: datetime) -> Product | None:
        """The product at its price as of ``at``; its first price before that; None if unknown."""
        raise NotImplementedError

    def price(self, order: Order) -> PricedOrder:
        """Look up every line of an order as of ``ordered_at``.

        Raises:
            OrderError: ``currency_mismatch`` where the order names another currency.
        """
        raise NotImplementedError


def packaged_catalogue() -> Catalogue:
    """The catalogue of 294 products that comes with Sheriff."""
    raise NotImplementedError
