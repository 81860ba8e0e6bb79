"""Orders as they come from a file or an archive: the highest revision of each, kept small."""

from dataclasses import dataclass, field

from shared.order import Order, OrderLine


class Shared:
    """One copy of whatever orders repeat: the names of reps, customers and products, their lines.

    A million orders name a few hundred products a few million times, and every parsed name is an
    object of its own.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._lines: dict[tuple[str, int], OrderLine] = {}

    def name(self, text: str) -> str:
        """The one copy of a text."""
        return self._names.setdefault(text, text)

    def line(self, product_id: str, quantity: int) -> OrderLine:
        """The one copy of a line."""
        found = self._lines.get((product_id, quantity))
        if found is None:
            found = OrderLine(self.name(product_id), quantity)
            self._lines[found.product_id, quantity] = found
        return found

    def compact(self, order: Order) -> Order:
        """An equal order made of shared parts."""
        return Order(
            order.order_id,
            order.revision,
            order.ordered_at,
            self.name(order.rep_id),
            self.name(order.customer_id),
            tuple([self.line(line.product_id, line.quantity) for line in order.lines]),
            order.charged_e4,
            order.list_e4,
            order.cost_e4,
            None if order.state is None else self.name(order.state),
            None if order.currency is None else self.name(order.currency),
        )


@dataclass(slots=True)
class LatestOrders:
    """Each order at its highest revision; of equal revisions the first that came.

    Attributes:
        duplicates: orders that came in a revision that was already there.
        superseded: revisions that a higher one took the place of, whichever came first.
    """

    duplicates: int = 0
    superseded: int = 0
    _latest: dict[str, Order] = field(default_factory=dict)
    _shared: Shared = field(default_factory=Shared)

    def __len__(self) -> int:
        return len(self._latest)

    def add(self, order: Order) -> None:
        """Take note of the next order."""
        known = self._latest.get(order.order_id)
        if known is None or order.revision > known.revision:
            self._latest[order.order_id] = self._shared.compact(order)
        if known is None:
            return
        if order.revision == known.revision:
            self.duplicates += 1
        else:
            self.superseded += 1

    def in_time_order(self) -> tuple[Order, ...]:
        """The orders by time; those of one time as they first came."""
        return tuple(sorted(self._latest.values(), key=lambda order: order.ordered_at))
