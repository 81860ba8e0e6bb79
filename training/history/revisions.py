"""Keeps each order at its highest revision, in little memory."""

from dataclasses import dataclass, field, fields, replace
from typing import Any

from shared.order import Order


class Shared:
    """One copy of every text and line that orders repeat: of reps, customers and products.

    A million orders name a few hundred products a few million times, and parsing makes a new object
    of every name.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._items: dict[tuple[Any, ...], Any] = {}

    def name(self, text: str) -> str:
        """Return the one copy of a text."""
        return self._names.setdefault(text, text)

    def item[T](self, kind: type[T], *values: Any) -> T:
        """Return the one copy of a dataclass with these values of its fields, in their order."""
        item: T | None = self._items.get((kind, *values))
        if item is None:
            item = kind(*map(self._known, values))
            self._items[kind, *values] = item
        return item

    def compact[T: Order](self, order: T) -> T:
        """Return an equal order made of shared parts."""
        parts = {
            name: self._known(getattr(order, name))
            for name in _names_of(type(order))
            if name != "order_id"
        }
        return replace(order, **parts)

    def _known(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.name(value)
        if isinstance(value, tuple):
            return tuple([self.item(type(item), *_values(item)) for item in value])
        return value


def _names_of(kind: type[Any]) -> tuple[str, ...]:
    names = _NAMES.get(kind)
    if names is None:
        names = _NAMES[kind] = tuple(field.name for field in fields(kind))
    return names


_NAMES: dict[type[Any], tuple[str, ...]] = {}
"""The field names of each dataclass; looking them up takes longer than copying an order."""


def _values(item: Any) -> list[Any]:
    return [getattr(item, name) for name in _names_of(type(item))]


@dataclass(slots=True)
class LatestOrders:
    """Each order at its highest revision; of equal revisions the first that came.

    An order is named by its id and its rep; the same id from another rep is another order.

    Attributes:
        duplicates: orders that came in a revision that was already there.
        superseded: revisions that a higher one took the place of, whichever came first.
    """

    duplicates: int = 0
    superseded: int = 0
    _latest: dict[tuple[str, str], Order] = field(default_factory=dict)
    _shared: Shared = field(default_factory=Shared)

    def __len__(self) -> int:
        return len(self._latest)

    def add(self, order: Order) -> None:
        """Add the next order."""
        name = (order.order_id, order.rep_id)
        known = self._latest.get(name)
        if known is None or order.revision > known.revision:
            self._latest[name] = self._shared.compact(order)
        if known is None:
            return
        if order.revision == known.revision:
            self.duplicates += 1
        else:
            self.superseded += 1

    def in_time_order(self) -> tuple[Order, ...]:
        """Return the orders by time; orders of one time as they first came."""
        return tuple(sorted(self._latest.values(), key=lambda order: order.ordered_at))
