"""Order ids show which orders are new, which are sent again, and which reuse another's id.

The function and the backtest admit orders by the same `RecentOrders`, one at a time, so that the
result does not depend on how a stream is cut into batches.

Two orders with one id are compared by rep, customer, lines and charge. If these are the same, it is
the same order, sent again. A higher revision of the same rep replaces the one before. Any other
order under a known id reuses the id: it is scored, and the reuse is a finding.
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
from operator import attrgetter
from typing import Any, NamedTuple, Self

from shared.formats import money_e4, utc_time
from shared.order import Order, OrderLine

RECENT_ORDERS = 2_000
"""The most orders that a partition remembers.

A producer that sends an order twice does so within seconds, and 2,000 orders last for seconds even
at full load. More would only make each commit larger (34 bytes an order). The store is asked about
an order that may have been forgotten (`RecentOrders.may_be_forgotten`).
"""

_ENTRY = struct.Struct(">QHIIIQI")
_REUSED = 0x8000  # beside a revision, which is 9,999 at most
_ENTRY_OF_VERSION_1 = struct.Struct(">QH")  # 64-bit hash of the order id, revision
_UNKNOWN = 2**64 - 1  # a charge that an older release did not remember
_LATEST_SECOND = 2**32 - 1


class Admission(enum.Enum):
    """The answer to an order that has arrived."""

    SCORE = "score"
    DUPLICATE = "duplicate"  # the same order, sent again
    STALE = "stale"  # a lower revision than one that has been scored


class Use(NamedTuple):
    """One use of an order id: hashes of id, rep, customer and lines, with the charge.

    ``second`` is when the order was placed (seconds since 1970, rounded up). ``reused`` says that
    the id was a different order's before. An older release remembered only id and revision. Such a
    use counts as one by the same rep and customer as any order that it is compared with.
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
        """Return the use that an order makes of its id."""
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
        """Return the use by the order of a stored alert; None where the alert cannot be read.

        The order is not parsed again, because it was accepted when it arrived.
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
        """Return whether more than id and revision is known."""
        return self.charged_e4 != _UNKNOWN

    def of_rep(self, other: "Use") -> bool:
        """Return whether both are by one rep."""
        return not self.known or self.rep == other.rep

    def of_customer(self, other: "Use") -> bool:
        """Return whether both are for one customer."""
        return not self.known or self.customer == other.customer

    def repeated_by(self, other: "Use") -> bool:
        """Return whether the other one has the same revision, rep, customer, lines and charge."""
        if not self.known:
            return self.revision == other.revision
        return self[1:6] == other[1:6]


@dataclass(frozen=True, slots=True)
class Change:
    """The changes that a revision made.

    Attributes:
        revision: number of the revision before.
        charged_e4: charge of the revision before.
        customer: whether the customer changed.
        lines: whether the lines changed.
    """

    revision: int
    charged_e4: int
    customer: bool
    lines: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on an order, by its id.

    Attributes:
        admission: whether it is scored.
        use: its use of the id.
        reused: whether the id was used for a different order before.
        change: what it changed in the revision before, where that is remembered.
    """

    admission: Admission
    use: Use
    reused: bool = False
    change: Change | None = None


class RecentOrders:
    """The uses that the latest orders of a partition made of their ids.

    Args:
        uses: in order of arrival.
        forgotten_until: every order placed later than this (aware UTC) is still remembered; None
            while all orders are.
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
        """Return what to do with an order, without remembering it."""
        use = Use.of(order)
        return verdict(use, self._by_id.get(use.order_id, ()))

    def of_id(self, use: Use) -> tuple[Use, ...]:
        """Return the remembered uses of the same id, in order of arrival."""
        return self._by_id.get(use.order_id, ())

    def may_be_forgotten(self, order: Order) -> bool:
        """Return whether an order may have come before and been forgotten since."""
        return self.forgotten_until is not None and order.ordered_at <= self.forgotten_until

    def horizon(self, arriving: int) -> datetime | None:
        """Return ``forgotten_until`` as it will be at the latest after so many more orders."""
        dropped = islice(self._uses, max(len(self._uses) + arriving - RECENT_ORDERS, 0))
        times = [datetime.fromtimestamp(use.second, UTC) for use in dropped]
        if self.forgotten_until is not None:
            times.append(self.forgotten_until)
        return max(times, default=None)

    def remember(self, use: Use) -> None:
        """Remember an order that is scored, and forget the oldest one if there is no room.

        A revision replaces the ones before it. An earlier revision for another customer stays, so
        that it is known when it is sent again.
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
        """Judge an order, and remember it if it is scored."""
        judged = self.judge(order)
        if judged.admission is Admission.SCORE:
            self.remember(judged.use)
        return judged

    def forget(self, use: Use) -> None:
        """Forget an order that became a dead letter, so that it is scored when it is sent again."""
        self._drop(use)

    def copy(self) -> "RecentOrders":
        """Return an independent copy."""
        twin = RecentOrders(forgotten_until=self.forgotten_until)
        twin._uses, twin._by_id = self._uses.copy(), self._by_id.copy()
        return twin

    def __len__(self) -> int:
        return len(self._uses)

    def _drop(self, use: Use) -> None:
        if use not in self._uses:
            return
        del self._uses[use]
        left = tuple(kept for kept in self._by_id[use.order_id] if kept != use)
        if left:
            self._by_id[use.order_id] = left
        else:
            del self._by_id[use.order_id]

    def packed(self) -> str:
        """Return base64 of 34 bytes an order, the oldest first."""
        entries = [
            _ENTRY.pack(use[0], use[1] | _REUSED if use.reused else use[1], *use[2:7])
            for use in self._uses
        ]
        return base64.b64encode(b"".join(entries)).decode()

    def packed_as_version_1(self) -> str:
        """Return base64 of 10 bytes an order: its id and its highest revision."""
        highest: dict[int, int] = {}
        for use in self._uses:
            highest[use.order_id] = max(highest.pop(use.order_id, 0), use.revision)
        packed = b"".join([_ENTRY_OF_VERSION_1.pack(*entry) for entry in highest.items()])
        return base64.b64encode(packed).decode()

    @classmethod
    def unpacked(cls, text: str, forgotten_until: datetime | None = None) -> Self:
        """Read a text that `packed` wrote; raise ValueError for any other text."""
        uses = (
            Use._make((entry[0], entry[1] & ~_REUSED, *entry[2:], bool(entry[1] & _REUSED)))
            for entry in _entries(_ENTRY, text)
        )
        return cls(uses, forgotten_until)

    @classmethod
    def unpacked_from_version_1(cls, text: str, last_at: datetime | None) -> Self:
        """Read a text of `packed_as_version_1`; ``last_at`` is when its latest order came."""
        # It is unknown when each was placed, but at most a day after the latest of them came.
        second = 0 if last_at is None else min(_second(last_at) + 86_400, _LATEST_SECOND)
        uses = [
            Use(order_id, revision, 0, 0, 0, _UNKNOWN, second)
            for order_id, revision in _entries(_ENTRY_OF_VERSION_1, text)
        ]
        return cls(uses, last_at if len(uses) >= RECENT_ORDERS else None)


def verdict(use: Use, known: Sequence[Use]) -> Verdict:
    """Return what to do with an order, given the known uses of its id, the oldest first."""
    if not known:
        return Verdict(Admission.SCORE, use)
    own = [earlier for earlier in known if earlier.of_rep(use)]
    same = next((earlier for earlier in own if earlier.repeated_by(use)), None)
    if same is not None:
        return Verdict(Admission.DUPLICATE, use._replace(reused=same.reused))
    # An id belongs to the rep who used it first; the orders of other reps reuse it.
    reused = all(earlier.reused for earlier in own) and any(
        not earlier.reused for earlier in known if not earlier.of_rep(use)
    )
    use = use._replace(reused=reused)
    last = max(own, key=attrgetter("revision"), default=None)
    if last is None:
        return Verdict(Admission.SCORE, use, reused)
    if use.revision > last.revision:
        return Verdict(Admission.SCORE, use, reused, _change(last, use))
    if any(later.revision > use.revision and later.of_customer(use) for later in own):
        return Verdict(Admission.STALE, use)
    return Verdict(Admission.SCORE, use._replace(reused=True), reused=True)


def _change(last: Use, use: Use) -> Change | None:
    if not last.known:
        return None
    return Change(
        last.revision, last.charged_e4, last.customer != use.customer, last.lines != use.lines
    )


def contents_name(use: Use) -> str:
    """Return eight hex digits of an order's contents, which name the second order of one id.

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
    # With 64 bits of an id, one order in 10^16 is wrongly taken for a duplicate.
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=size).digest())
