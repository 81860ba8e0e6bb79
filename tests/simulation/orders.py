"""The streams that are scored: small, and with something of everything that arrives."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from shared.formats import time_text
from shared.order_event import OrderEvent
from shared.stream_key import StreamKey
from tests.orders import order_body
from tests.simulation.stores import LARGEST_ALERT

STREAMS = 16
"""How many different streams there are."""

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""When virtual time begins."""

REPEATS_WHAT_WAS_REFUSED = False
"""Whether an order whose alert is refused comes again. That it is refused is known only once its
batch is written: what comes after it in the same batch is judged as if it had been stored, what
comes in the next one as if it had never been there, and a clean pass is no measure of either."""

ARRIVES_WITHIN = 120
"""Seconds of virtual time in which all events arrive."""

PRICES = {
    "Road150Red44": 3578.27,
    "HitchRack4Bike": 120.0,
    "AllPurposeBikeStand": 159.0,
    "CableLock": 25.0,
    "HeadlightsDualBeam": 34.99,
}
_GARBAGE = (
    b"",
    b"not json",
    b"\xff\xfe",
    b"[]",
    b'{"order_id": "cut',
    order_body(order_id="a b"),
    order_body(order_id="other-currency", currency="EUR"),
    order_body(order_id="none", lines=[]),
    order_body(order_id="minus", charged_price=-1),
)


@dataclass(frozen=True, slots=True)
class Stream:
    """What the hub holds: the events of each partition, and what is wrong with some orders.

    ``bugs`` are the ids of orders that scoring fails on, ``kills`` those that end the process, and
    ``killers`` the partitions and sequence numbers of their events.
    """

    number: int
    partitions: dict[StreamKey, tuple[OrderEvent, ...]]
    bugs: frozenset[str]
    kills: frozenset[str]

    @property
    def killers(self) -> set[tuple[str, int]]:
        """See above."""
        named = [f'"{name}"'.encode() for name in self.kills]
        return {
            (key.partition_id, event.sequence_number)
            for key, events in self.partitions.items()
            for event in events
            if any(name in event.body for name in named)
        }


@cache
def stream(number: int) -> Stream:
    """One of the `STREAMS`."""
    chance = random.Random(f"stream {number}")
    keys = [StreamKey("orders", "scorers", str(p)) for p in range(chance.randint(1, 3))]
    drawn = {key: list(_bodies(chance, int(key.partition_id))) for key in keys}
    partitions = {key: _events(key, bodies) for key, bodies in drawn.items()}
    bugs = {f"p{key.partition_id}-3" for key in keys if number % 2}
    kills = {f"p{chance.choice(keys).partition_id}-10"} if number % 4 == 0 else set()
    return Stream(number, partitions, frozenset(bugs), frozenset(kills))


def _events(key: StreamKey, bodies: list[bytes]) -> tuple[OrderEvent, ...]:
    apart = ARRIVES_WITHIN / len(bodies)
    return tuple(
        OrderEvent(body, at, BEGIN + timedelta(seconds=apart * at), f"rep {key}", str(at))
        for at, body in enumerate(bodies)
    )


def _bodies(chance: random.Random, partition: int) -> Iterator[bytes]:
    """The events of a partition: quiet days, an episode, and quiet days again."""
    sent: list[dict[str, Any]] = []
    at = BEGIN - timedelta(days=12)
    hidden = set(range(5, 9)) if chance.random() < 0.8 else set()
    again = set(range(15, 18)) if chance.random() < 0.5 else set()
    for number in range(chance.choice((13, 22))):
        at += timedelta(minutes=chance.randint(1, 40), days=9 if number == 13 else 0)
        order = _order(chance, partition, number, at, 0.99 if number in hidden | again else 1.0)
        yield json.dumps(order).encode()
        if "remark" not in order or REPEATS_WHAT_WAS_REFUSED:
            sent.append(order)
        if sent:
            yield from _besides(chance, sent)


def _order(
    chance: random.Random, partition: int, number: int, at: datetime, of_list: float
) -> dict[str, Any]:
    products = ["Road150Red44", *chance.sample(sorted(PRICES)[:3], chance.randint(1, 2))]
    unpaid = chance.choice(products[1:]) if chance.random() < 0.15 else None
    charged = sum(PRICES[name] for name in products if name != unpaid) * of_list
    order: dict[str, Any] = json.loads(
        order_body(
            # Everybody counts from 1: some ids are those of other people's orders, too.
            order_id=f"all-{number}" if number % 7 == 5 else f"p{partition}-{number}",
            rep_id=f"rep {partition}-{chance.randrange(3)}",
            customer_id=f"{chance.randrange(100)}",
            ordered_at=time_text(at),
            lines=[{"product_id": name, "quantity": 1} for name in products],
            charged_price=round(charged, 4),
        )
    )
    if unpaid and chance.random() < 0.3:
        order["remark"] = "x" * LARGEST_ALERT  # its alert is too large to be stored
    return order


def _besides(chance: random.Random, sent: list[dict[str, Any]]) -> Iterator[bytes]:
    """What else comes after an order, now and then."""
    drawn, order = chance.random(), chance.choice(sent[-4:])
    if drawn < 0.08:
        yield json.dumps(order, indent=chance.choice((None, 1))).encode()  # sent again
    elif drawn < 0.2:
        charged = round(order["charged_price"] * chance.choice((1.0, 0.9, 0.5)), 4)
        revised = order | {"revision": order.get("revision", 0) + 1, "charged_price": charged}
        sent.append(revised)
        yield json.dumps(revised).encode()
    elif drawn < 0.25:
        yield json.dumps(order | {"charged_price": order["charged_price"] / 2}).encode()
    elif drawn < 0.32:
        yield chance.choice(_GARBAGE)
