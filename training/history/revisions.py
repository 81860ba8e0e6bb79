"""Orders as they come from a file or an archive: the highest revision of each, kept small."""

from dataclasses import dataclass, field, fields, replace
from typing import Any

from shared.order import Order


class Shared:
    """One copy of whatever orders repeat: the names of reps, customers and products, their lines.

    A million orders name a few hundred products a few million times, and every parsed name is an
    object of its own.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._items: dict[tuple[Any, ...], Any] = {}

    def name(self, text: str) -> str:
        """The one copy of a text."""
        return self._names.setdefault(text, text)

    def item[T](self, kind: type[T], *values: Any) -> T:
        """The one copy of a dataclass with these values of its fields, in their order."""
        found: T | None = self._items.get((kind, *values))
        if found is None:
            found = kind(*map(self._known, values))
            self._items[kind, *values] = found
        return found

    def compact[T: Order](self, order: T) -> T:
        """An equal order made of shared parts."""
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
            return tuple([self.item(type(one), *_values(one)) for one in value])
        return value


def _names_of(kind: type[Any]) -> tuple[str, ...]:
    found = _NAMES.get(kind)
    if found is None:
        found = _NAMES[kind] = tuple(one.name for one in fields(kind))
    return found


_NAMES: dict[type[Any], tuple[str, ...]] = {}
"""The fields of each dataclass met: looking them up anew takes longer than copying an order."""


def _values(one: Any) -> list[Any]:
    return [getattr(one, name) for name in _names_of(type(one))]


@dataclass(slots=True)
class LatestOrders:
    """Each order at its highest revision; of equal revisions the first that came.

    An order is named by its id and its rep: the same id from another rep is another order, whose
    revisions take the place of none of this one's.

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
        """Take note of the next order."""
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
        """The orders by time; those of one time as they first came."""
        return tuple(sorted(self._latest.values(), key=lambda order: order.ordered_at))
