"""The next events of a partition, and all that their judgement depends on: pure values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from shared.errors import OrderError
from shared.formats import time_text
from shared.order import Order, parse_order
from shared.order_event import OrderEvent
from shared.scoring import Scorer
from shared.stream import Arrival, StreamState
from shared.stream_key import StreamKey

MOST_AHEAD = timedelta(days=1)
"""An order's own time may be at most this long after the time at which it entered the hub."""

type OrderName = tuple[str, str]
"""A rep and an order id."""

type EarlierAlerts = Mapping[OrderName, Sequence[Mapping[str, Any]]]
"""The alerts that the store has of some orders, of every revision."""


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event with the order in it, or with the error that says why it holds none."""

    event: OrderEvent
    order: Order | Exception

    @property
    def name(self) -> OrderName:
        """Rep and id of the order; the event's number where there is no order to name."""
        if isinstance(self.order, Order):
            return self.order.rep_id, self.order.order_id
        return "", f"event {self.event.sequence_number}"


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one partition to judge. Equal batches get equal judgements.

    Attributes:
        scorer: scores the orders.
        key: the partition.
        state: what the partition knows before these events.
        events: at least one, in order of sequence.
        now: the time that documents carry (aware UTC).
        earlier: the store's alerts of the orders that are `doubtful`.
    """

    scorer: Scorer
    key: StreamKey
    state: StreamState
    events: tuple[ReceivedEvent, ...]
    now: datetime
    earlier: EarlierAlerts = field(default_factory=dict)

    def only(self, received: ReceivedEvent, state: StreamState) -> "Batch":
        """Return a batch of one of these events, which follows ``state``."""
        return replace(self, events=(received,), state=state)


def receive(event: OrderEvent) -> ReceivedEvent:
    """Read the order in an event, once; all later steps use the result.

    An order must keep the contract, and may not be dated far after it came: its date would hold
    the stream's clock back. Any other error is kept as well, so that one order cannot stop the
    others.
    """
    try:
        order = parse_order(event.body)
        _check_time(order, event)
    except Exception as error:  # noqa: BLE001 - judged with the event, as a fault of this order alone
        return ReceivedEvent(event, error)
    return ReceivedEvent(event, order)


def _check_time(order: Order, event: OrderEvent) -> None:
    if order.ordered_at - event.enqueued_at > MOST_AHEAD:
        message = (
            f"ordered_at is {time_text(order.ordered_at)}, expected at most a day after the order "
            f"arrived ({time_text(event.enqueued_at)})"
        )
        raise OrderError("bad_time", "ordered_at", message)


def doubtful(state: StreamState, events: Sequence[ReceivedEvent]) -> set[OrderName]:
    """Return the orders that may have come before without the partition remembering them.

    The partition has forgotten them, or will have by the time they are judged. Ask the store for
    the alerts of these.
    """
    horizon = state.recent.horizon(len(events))
    if horizon is None:
        return set()
    return {
        received.name
        for received in events
        if isinstance(received.order, Order) and received.order.ordered_at <= horizon
    }


def unseen(
    state: StreamState, events: Sequence[OrderEvent]
) -> tuple[StreamState, list[OrderEvent]]:
    """Return the events that are not committed yet, and the state that they follow.

    A new hub starts its sequence numbers again, so the state that is returned has no position
    then. What the partition knows of orders (counts, recent ids, the episode's belief) does not
    depend on positions and is kept.
    """
    for start, event in enumerate(events):
        arrival = state.place(event.sequence_number, event.enqueued_at)
        if arrival is Arrival.SEEN:
            continue
        if arrival is Arrival.NEW_HUB:
            state = replace(
                state, sequence_number=-1, enqueued_at=None, attempt=None, marks=(),
                hubs=state.hubs + 1,
            )  # fmt: skip
        # Events are in order of sequence: after the first new one all are new.
        return state, list(events[start:])
    return state, []
