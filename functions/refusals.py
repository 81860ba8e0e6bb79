"""Decide what becomes of orders whose alerts a store refuses for good: pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from functions.judgement import Judgement
from shared.dead_letter import DeadLetter
from shared.formats import utc_time
from shared.order_event import OrderEvent
from shared.stream_key import StreamKey
from shared.uses import Use


@dataclass(frozen=True, slots=True)
class Refusal:
    """An order whose alert a store will never take, and why."""

    event: OrderEvent
    use: Use | None
    why: str


def pending_refusal(document: dict[str, Any], why: str) -> Refusal:
    """Return the refusal of a pending alert: its order was scored before and belongs to an episode.

    The event is gone. What its alert says of it is enough for a dead letter.
    """
    place = document["event"]
    event = OrderEvent(
        body=json.dumps(document["order"]).encode(),
        sequence_number=place["sequence_number"],
        enqueued_at=utc_time(place["enqueued_at"]),
        partition_key=document["rep_id"],
    )
    return Refusal(event, Use.of_alert(document), why)


def refused(
    judgement: Judgement, key: StreamKey, refusals: Sequence[Refusal], now: datetime
) -> Judgement:
    """Return the judgement without the orders that were refused.

    They become dead letters, and the partition forgets them, so that they can be sent again.
    """
    if not refusals:
        return judgement
    state, recent = judgement.state, judgement.state.recent.copy()
    for refusal in refusals:
        if refusal.use is not None:
            recent.forget(refusal.use)
    letters = [
        DeadLetter(key, refusal.event, "store_refused", refusal.why, "", now, attempts=1)
        for refusal in refusals
    ]
    events = {refusal.event for refusal in refusals}
    return replace(
        judgement,
        scored=tuple(order for order in judgement.scored if order.event not in events),
        dead_letters=(*judgement.dead_letters, *letters),
        state=replace(
            state,
            orders_scored=state.orders_scored - len(refusals),
            dead_lettered=state.dead_lettered + len(refusals),
            recent=recent,
        ),
    )
