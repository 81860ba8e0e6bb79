"""Gather what a judgement needs, and compute it on a thread beside the event loop."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from functions.batch import Batch, EarlierAlerts, OrderName, ReceivedEvent, doubtful, receive
from functions.judgement import Judgement, judge
from functions.scoring_context import ScoringContext
from functions.summary import BatchSummary
from shared.order_event import OrderEvent
from shared.scoring import Scorer
from shared.stream import StreamState
from shared.stream_key import StreamKey


@dataclass(frozen=True, slots=True)
class Judging:
    """Judges the events of one batch from the hub.

    Attributes:
        context: where the process scores.
        key: the partition.
        scorer: scores the whole batch, even if another one serves by its end.
        summary: the record of the batch, which is kept even if the batch fails later.
    """

    context: ScoringContext
    key: StreamKey
    scorer: Scorer
    summary: BatchSummary

    async def judge(self, state: StreamState, events: Sequence[OrderEvent]) -> Judgement:
        """Judge events that follow a state; ask the store about orders that may be forgotten.

        Raises:
            TransientError: the store may answer next time.
        """
        received, forgotten = await self._computed(partial(_received, state, events))
        earlier = await self._earlier(sorted(forgotten))
        batch = self.batch(state, received, earlier)
        return await self._computed(partial(judge, batch))

    def batch(
        self,
        state: StreamState,
        events: Sequence[ReceivedEvent],
        earlier: EarlierAlerts | None = None,
    ) -> Batch:
        """Return events that follow a state as a batch to judge now."""
        now = self.context.now()
        return Batch(self.scorer, self.key, state, tuple(events), now, earlier or {})

    async def _earlier(self, orders: Sequence[OrderName]) -> EarlierAlerts:
        turn = asyncio.Semaphore(self.context.limits.writes)

        async def earlier(order: OrderName) -> list[dict[str, Any]]:
            async with turn:
                return await self.context.alerts.earlier(*order)

        alerts = await asyncio.gather(*map(earlier, orders))
        return dict(zip(orders, alerts, strict=True))

    async def _computed[T](self, work: Callable[[], T]) -> T:
        """Do some work on the thread that computes, and return its result."""
        loop = asyncio.get_running_loop()
        result, seconds = await loop.run_in_executor(self.context.executor, _timed, work)
        self.summary.scoring_seconds += seconds
        return result


def _received(
    state: StreamState, events: Sequence[OrderEvent]
) -> tuple[list[ReceivedEvent], set[OrderName]]:
    """Return the events as they were read, and the orders to ask the store for."""
    received = [receive(event) for event in events]
    return received, doubtful(state, received)


def _timed[T](work: Callable[[], T]) -> tuple[T, float]:
    """Do some work; return its result, and its seconds without the wait for the thread."""
    started = time.perf_counter()
    return work(), time.perf_counter() - started
