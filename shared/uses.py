"""How a partition's latest orders used their ids: what is new, what repeats, what reuses an id.

The function and the backtest admit orders by the same `RecentOrders`, one order at a time; so the
result cannot depend on how a stream was cut into batches.

An order is told from another one by what it is about: its rep, customer, lines and charge. The same
id with the same contents is the same order, sent again. A higher revision of the same rep takes the
place of the one before. Everything else under a known id is a different order that reuses the id:
it is scored, and the reuse is a finding of its own.
"""

import base64
import enum
import hashlib
import math
import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple, Self

from shared.formats import money_e4, utc_time
from shared.order import Order, OrderLine

RECENT_ORDERS = 2_000
"""Orders a partition remembers.

A producer sends an order twice within seconds, and 2,000 orders are seconds even at full load;
more would only make every commit larger (34 bytes an order). Whether an order that may have been
forgotten has come before is asked of the store, see `RecentOrders.may_be_forgotten`.
"""

_ENTRY = struct.Struct(">QHIIIQI")
_REUSED = 0x8000  # beside a revision, which is 9,999 at most
_ENTRY_OF_VERSION_1 = struct.Struct(">QH")  # 64-bit hash of the order id, revision
_UNKNOWN = 2**64 - 1  # a charge that an older release did not remember
_LATEST_SECOND = 2**32 - 1


class Admission(enum.Enum):
    """What becomes of an order that has arrived."""

    SCORE = "score"
    DUPLICATE = "duplicate"  # the same order, sent again
    STALE = "stale"  # a lower revision than one that has been scored


class Use(NamedTuple):
    """One use of an order id: hashes of id, rep, customer and lines, and the charge (e4).

    ``second`` is when the order was placed (seconds since 1970, rounded up), ``reused`` whether the
    id was a different order's before. Where an older release remembered the id and the revision
    alone, the rest is unknown, and the use is taken for one by whoever asks.
    """

    order_id: int
    revision: int
    rep: int
    customer: int
    lines: int
    charged_e4: int
    second: int
    reused: bool = False

    @classmethod
    def of(cls, order: Order) -> Self:
        """The use that an order makes of its id."""
        return cls(
            _hash(order.order_id, 8),
            order.revision,
            _hash(order.rep_id, 4),
            _hash(order.customer_id, 4),
            _lines(order.lines),
            order.charged_e4,
            _second(order.ordered_at),
        )

    @classmethod
    def of_alert(cls, alert: Mapping[str, Any]) -> Self | None:
        """The same of the order of a stored alert; None where it cannot be read.

        The order is not parsed again: what may arrive today is no question here.
        """
        try:
            quantities: Counter[str] = Counter()
            for line in alert["order"]["lines"]:
                quantities[line["product_id"]] += line["quantity"]
            return cls(
                _hash(alert["order_id"], 8),
                alert["revision"],
                _hash(alert["rep_id"], 4),
                _hash(alert["customer_id"], 4),
                _lines([OrderLine(*line) for line in sorted(quantities.items())]),
                money_e4(str(alert["order"]["charged_price"])),
                _second(utc_time(alert["ordered_at"])),
                "~" in alert["id"],
            )
        except (KeyError, TypeError, ValueError):
            return None

    @property
    def known(self) -> bool:
        """Whether more than id and revision is known."""
        return self.charged_e4 != _UNKNOWN

    def of_rep(self, other: "Use") -> bool:
        """Whether both are of one rep."""
        return not self.known or self.rep == other.rep

    def of_customer(self, other: "Use") -> bool:
        """Whether both are of one customer."""
        return not self.known or self.customer == other.customer

    def repeated_by(self, other: "Use") -> bool:
        """Whether the other one is the same order: revision, rep, customer, lines and charge."""
        if not self.known:
            return self.revision == other.revision
        return self[1:6] == other[1:6]


@dataclass(frozen=True, slots=True)
class Change:
    """What a revision changed in the one before it, whose number and charge (e4) these are."""

    revision: int
    charged_e4: int
    customer: bool
    lines: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of an order, and what its id tells.

    Attributes:
        admission: whether it is scored.
        use: what it made of its id.
        reused: the id was used for a different order before.
        change: what it changed in the revision before, where that is remembered.
    """

    admission: Admission
    use: Use
    reused: bool = False
    change: Change | None = None


class RecentOrders:
    """The uses of the ids of a partition's latest orders.

    Args:
        uses: in order of arrival.
        forgotten_until: no order placed later than this (aware UTC) was let go; None while all
            are remembered.
    """

    def __init__(self, uses: Iterable[Use] = (), forgotten_until: datetime | None = None) -> None:
        self._uses: dict[Use, None] = dict.fromkeys(uses)  # the latest comes last
        self._by_id: dict[int, tuple[Use, ...]] = {}
        for use in self._uses:
            self._by_id[use.order_id] = (*self._by_id.get(use.order_id, ()), use)
        self.forgotten_until = forgotten_until

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, RecentOrders)
            and [*self._uses] == [*other._uses]
            and self.forgotten_until == other.forgotten_until
        )

    __hash__ = None  # type: ignore[assignment]  # changes as orders are remembered

    def judge(self, order: Order) -> Verdict:
        """What becomes of an order; remembers nothing."""
        use = Use.of(order)
        return verdict(use, self._by_id.get(use.order_id, ()))

    def of_id(self, use: Use) -> tuple[Use, ...]:
        """What is remembered of the id of a use, in order of arrival."""
        return self._by_id.get(use.order_id, ())

    def may_be_forgotten(self, order: Order) -> bool:
        """Whether an order that is not remembered may have come before all the same."""
        return self.forgotten_until is not None and order.ordered_at <= self.forgotten_until

    def horizon(self, more: int) -> datetime | None:
        """No order placed later than this will be forgotten by the time that so many more orders
        are remembered; None where none will be."""
        dropped = islice(self._uses, max(len(self._uses) + more - RECENT_ORDERS, 0))
        times = [datetime.fromtimestamp(use.second, UTC) for use in dropped]
        if self.forgotten_until is not None:
            times.append(self.forgotten_until)
        return max(times, default=None)

    def remember(self, use: Use) -> None:
        """Note an order as scored, at the cost of the oldest one when the memory is full; one that
        is remembered stays where it is.

        A revision takes the place of those before it. One that had another customer stays, so that
        it is known when it is sent again.
        """
        if use in self._uses:
            return
        for older in self.of_id(use):
            if older.of_rep(use) and older.of_customer(use) and older.revision < use.revision:
                self._drop(older)
        self._uses[use] = None
        self._by_id[use.order_id] = (*self._by_id.get(use.order_id, ()), use)
        if len(self._uses) > RECENT_ORDERS:
            oldest = next(iter(self._uses))
            self._drop(oldest)
            placed = datetime.fromtimestamp(oldest.second, UTC)
            self.forgotten_until = max(self.forgotten_until or placed, placed)

    def admit(self, order: Order) -> Verdict:
        """Judge an order, and remember it if it is to be scored."""
        found = self.judge(order)
        if found.admission is Admission.SCORE:
            self.remember(found.use)
        return found

    def forget(self, use: Use) -> None:
        """Drop an order that was set aside after all, so that sending it again scores it."""
        self._drop(use)

    def copy(self) -> "RecentOrders":
        """An independent copy."""
        twin = RecentOrders(forgotten_until=self.forgotten_until)
        twin._uses, twin._by_id = self._uses.copy(), self._by_id.copy()
        return twin

    def __len__(self) -> int:
        return len(self._uses)

    def _drop(self, use: Use) -> None:
        if use not in self._uses:
            return
        del self._uses[use]
        left = tuple(one for one in self._by_id[use.order_id] if one != use)
        if left:
            self._by_id[use.order_id] = left
        else:
            del self._by_id[use.order_id]

    def packed(self) -> str:
        """Base64 of 34 bytes an order, the oldest first."""
        entries = [
            _ENTRY.pack(use[0], use[1] | _REUSED if use.reused else use[1], *use[2:7])
            for use in self._uses
        ]
        return base64.b64encode(b"".join(entries)).decode()

    def packed_as_version_1(self) -> str:
        """Base64 of 10 bytes an order: its id and its highest revision."""
        highest: dict[int, int] = {}
        for use in self._uses:
            highest[use.order_id] = max(highest.pop(use.order_id, 0), use.revision)
        packed = b"".join([_ENTRY_OF_VERSION_1.pack(*entry) for entry in highest.items()])
        return base64.b64encode(packed).decode()

    @classmethod
    def unpacked(cls, text: str, forgotten_until: datetime | None = None) -> Self:
        """The inverse of `packed`; ValueError for anything else."""
        uses = (
            Use._make((one[0], one[1] & ~_REUSED, *one[2:], bool(one[1] & _REUSED)))
            for one in _entries(_ENTRY, text)
        )
        return cls(uses, forgotten_until)

    @classmethod
    def unpacked_from_version_1(cls, text: str, last_at: datetime | None) -> Self:
        """The inverse of `packed_as_version_1`; ``last_at`` is when the latest of them came."""
        # When each was placed is unknown: at most a day after the latest of them came.
        second = 0 if last_at is None else min(_second(last_at) + 86_400, _LATEST_SECOND)
        uses = [
            Use(order_id, revision, 0, 0, 0, _UNKNOWN, second)
            for order_id, revision in _entries(_ENTRY_OF_VERSION_1, text)
        ]
        return cls(uses, last_at if len(uses) >= RECENT_ORDERS else None)


def verdict(use: Use, known: Sequence[Use]) -> Verdict:
    """What becomes of an order by the uses of its id that are known, the oldest first."""
    if not known:
        return Verdict(Admission.SCORE, use)
    own = [one for one in known if one.of_rep(use)]
    same = next((one for one in own if one.repeated_by(use)), None)
    if same is not None:
        return Verdict(Admission.DUPLICATE, use._replace(reused=same.reused))
    # An id belongs to the rep who used it first; what others send under it reuses it.
    reused = all(one.reused for one in own) and any(
        not one.reused for one in known if not one.of_rep(use)
    )
    use = use._replace(reused=reused)
    last = max(own, key=lambda one: one.revision, default=None)
    if last is None:
        return Verdict(Admission.SCORE, use, reused)
    if use.revision > last.revision:
        return Verdict(Admission.SCORE, use, reused, _change(last, use))
    if any(one.revision > use.revision and one.of_customer(use) for one in own):
        return Verdict(Admission.STALE, use)
    return Verdict(Admission.SCORE, use._replace(reused=True), reused=True)


def _change(last: Use, use: Use) -> Change | None:
    if not last.known:
        return None
    return Change(
        last.revision, last.charged_e4, last.customer != use.customer, last.lines != use.lines
    )


def contents_name(use: Use) -> str:
    """Eight hex digits of what an order is about: names the second order of one id.

    >>> contents_name(Use(1, 0, 2, 3, 4, 500_0000, 6))
    'a03fb1ba'
    """
    return hashlib.blake2b(repr(use[2:6]).encode(), digest_size=4).hexdigest()


def _lines(lines: Iterable[OrderLine]) -> int:
    return _hash("\n".join([f"{line.product_id}\t{line.quantity}" for line in lines]), 4)


def _second(at: datetime) -> int:
    return min(max(math.ceil(at.timestamp()), 0), _LATEST_SECOND)


def _entries(entry: struct.Struct, text: str) -> Iterable[tuple[int, ...]]:
    try:
        return entry.iter_unpack(base64.b64decode(text, validate=True))
    except struct.error as error:
        raise ValueError(f"not a whole number of orders: {error}") from error


def _hash(text: str, size: int) -> int:
    # 64 bits of an id: a false match, an order taken for a duplicate, once in 10^16 orders.
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=size).digest())
