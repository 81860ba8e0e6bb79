"""What an order is, and how its bytes become one."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One product of an order; ``quantity`` is 1-1000 units, repeated products added up."""

    product_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Order:
    """One order as a sales rep reported it.

    Money is integer ten-thousandths of the currency (``_e4``); ``ordered_at`` is aware UTC.
    ``list_e4`` and ``cost_e4`` are the totals the sales system recorded, where it did.
    ``currency`` is None where the order leaves it to the catalogue.
    """

    order_id: str
    revision: int
    ordered_at: datetime
    rep_id: str
    customer_id: str
    lines: tuple[OrderLine, ...]
    charged_e4: int
    list_e4: int | None = None
    cost_e4: int | None = None
    state: str | None = None
    currency: str | None = None


def parse_order(body: bytes) -> Order:
    """Read an order from the UTF-8 JSON of the contract.

    Raises:
        OrderError: the body breaks the contract; names field, value and what was expected.
    """
    raise NotImplementedError
