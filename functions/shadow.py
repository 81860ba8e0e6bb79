"""Let a challenger score the orders that the champion has committed, and count how they differ.

This is best effort. What goes wrong costs comparisons, which the shadow document then lacks, and
never a batch. Scoring ends at the batch's deadline, and the store gets `STORE_SECONDS` in all.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from functions.judgement import Scored
from functions.metrics import SHADOW_ORDERS
from functions.ports import ShadowStore, Telemetry
from functions.telemetry import SILENT
from shared.scoring import Scorer
from shared.shadow import ShadowState, compare
from shared.stream_key import StreamKey

logger = logging.getLogger(__name__)

STORE_SECONDS = 10.0
"""The seconds to read and write the document, on top of what is left of the batch's time."""


@dataclass
class Shadow:
    """Scores in shadow; ``chunk`` orders are scored between two looks at the clock.

    ``executor`` is the one that champions score on, so the shadow waits for its turn.
    """

    store: ShadowStore
    challenger: Callable[[], Scorer | None]
    executor: Executor
    chunk: int = 50
    clock: Callable[[], float] = time.monotonic
    telemetry: Telemetry = SILENT
    _failing: bool = False

    async def follow(self, key: StreamKey, committed: Sequence[Scored], deadline: float) -> None:
        """Let the challenger, if there is one, score the committed orders, in their order."""
        scorer = self.challenger()
        left = deadline - self.clock()
        if scorer is None or not committed or left <= 0:
            return
        try:
            async with asyncio.timeout(left + STORE_SECONDS):
                await self._compare(scorer, key, committed, deadline)
        except Exception as error:  # noqa: BLE001 - the batch is committed already
            if not self._failing:
                logger.warning("%s: shadow work is lost: %s", key, type(error).__name__)
            self._failing = True
        else:
            self._failing = False

    async def _compare(
        self, scorer: Scorer, key: StreamKey, committed: Sequence[Scored], deadline: float
    ) -> None:
        before, version = await self.store.read(key, scorer.bundle.version)
        fresh = [
            order
            for order in committed
            if before.is_new(order.event.sequence_number, order.event.enqueued_at)
        ]
        loop, state, scored = asyncio.get_running_loop(), before, 0
        for start in range(0, len(fresh), self.chunk):
            if self.clock() >= deadline:
                break
            chunk = fresh[start : start + self.chunk]
            state = await loop.run_in_executor(self.executor, _score, scorer, state, chunk)
            scored += len(chunk)
        if state is not before:
            await self.store.write(key, state, version)
            self.telemetry.measure(SHADOW_ORDERS, scored)


def _score(scorer: Scorer, state: ShadowState, scored: Sequence[Scored]) -> ShadowState:
    for order in scored:
        try:
            (assessment,), episode = scorer.score_many([order.order], state.episode)
        except Exception:  # noqa: BLE001 - it is counted: an order that fails does not stop the rest
            answer = None
        else:
            answer = (assessment, episode)
        event = order.event
        state = compare(state, order.assessment, answer, event.sequence_number, event.enqueued_at)
    return state
