"""Score the orders of a partition: gather, decide, apply, and commit by one state document.

The state document says how far a partition is done. It is written last, and only when everything
before it was: so whatever dies in between, the same events come again, the same alerts are made
(their ids are fixed, their writes are sets), and nothing is lost or doubled.

An order that kills the process leaves no trace but an attempt that never came back. So a process
that does not know how the last run on a partition ended writes down its attempt before it scores;
a healthy batch costs no such write. Attempts found later make the events be scored one by one,
each noted in turn, until the order that ends them all is known and set aside.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from functions.judgement import Judgement, Scored, judge, set_aside, unseen
from functions.ports import (
    AlertStore,
    DeadLetterStore,
    IncidentStore,
    OrderEvent,
    ReadScorer,
    StateStore,
    StreamKey,
    Telemetry,
    WriteConflict,
)
from functions.shadow import Shadow
from functions.summary import BatchSummary
from functions.telemetry import SILENT
from functions.writes import Writer
from shared.errors import SheriffError, TransientError
from shared.scoring import Scorer
from shared.stream import StreamState

logger = logging.getLogger(__name__)

LONE_ATTEMPTS = 2
"""Attempts on an order on its own that may vanish; a scale-in can take one, hardly two."""

PATIENCE = 3
"""Runs of a batch in a row that fail once scoring has begun, before its orders are scored and
committed one by one; a store that is away as a whole fails them earlier."""

_CONFLICTS = 5  # a partition changes hands once or twice in a rebalance, never five times at once


@dataclass(frozen=True, slots=True)
class Limits:
    """How much at once: seconds for a batch, orders between two looks at the clock, writes."""

    deadline: float = 60
    chunk: int = 50
    writes: int = 24


@dataclass
class Desk:
    """Where a process scores: its stores, its one thread for computing, and what it remembers."""

    alerts: AlertStore
    incidents: IncidentStore
    states: StateStore
    dead_letters: DeadLetterStore
    read_scorer: ReadScorer
    limits: Limits = field(default_factory=Limits)
    shadow: Shadow | None = None
    telemetry: Telemetry = SILENT
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    clock: Callable[[], float] = time.monotonic
    # One thread: a second would only fight for the interpreter, and tables are shared.
    executor: Executor = field(default_factory=lambda: ThreadPoolExecutor(1, "score"))
    # Runs that got as far as scoring since the last success; a partition not in it is a new one.
    begun: dict[StreamKey, int] = field(default_factory=dict)
    noted_run: asyncio.Lock = field(default_factory=asyncio.Lock)


async def score_batch(desk: Desk, key: StreamKey, events: Sequence[OrderEvent]) -> BatchSummary:
    """Score events of one partition, which are in order of sequence, and commit them.

    Raises:
        TransientError: some events are not committed; the same batch must come again.
    """
    started = desk.clock()
    summary = BatchSummary(events=len(events))
    committed: list[Scored] = []
    with desk.telemetry.batch(key, events):
        try:
            await _settle(desk, key, events, started, summary, committed)
        finally:
            summary.measure(desk.telemetry, key, events, desk.now())
        desk.begun[key] = 0
        summary.log(key, desk.clock() - started)
    if desk.shadow is not None:
        await desk.shadow.follow(key, committed, started + desk.limits.deadline)
    return summary


async def _settle(
    desk: Desk,
    key: StreamKey,
    events: Sequence[OrderEvent],
    started: float,
    summary: BatchSummary,
    committed: list[Scored],
) -> None:
    """Score the events; read again and score again where another process got ahead."""
    for conflicts in range(_CONFLICTS):
        with contextlib.suppress(WriteConflict):
            run = _Run(desk, key, started, summary, committed, contested=conflicts > 0)
            await run.score(events)
            return
    raise TransientError(f"{key}: the state document keeps changing")


@dataclass
class _Run:
    """One reading of the state and the way from it to the end of the batch.

    ``contested``: another process has just written the state, so an attempt on record is its, and
    alive; it says nothing about any order.
    """

    desk: Desk
    key: StreamKey
    started: float
    summary: BatchSummary
    committed: list[Scored]
    contested: bool

    async def score(self, events: Sequence[OrderEvent]) -> None:
        desk = self.desk
        scorer = await desk.read_scorer()
        stored, self.version = await desk.states.read(self.key)
        self.state, fresh = unseen(stored, events)
        if self.state is not stored:
            logger.warning("%s: sequence numbers start again: this is a new hub", self.key)
        self.summary.skipped = len(events) - len(fresh)
        if not fresh:
            return
        known, begun = self.key in desk.begun, desk.begun.get(self.key, 0)
        desk.begun[self.key] = begun + 1
        alone = self.state.attempts > 0 or begun >= PATIENCE
        if self.contested or (known and not alone):
            await self._score_together(scorer, fresh)
            return
        # One noted run at a time, so that no order is suspected for what another one did.
        async with desk.noted_run:
            if not alone:
                await self._noted(scorer, fresh, attempts=1)
                return
            for event in fresh:
                await self._score_alone(scorer, event)

    async def _score_together(self, scorer: Scorer, events: Sequence[OrderEvent]) -> None:
        """Judge chunk by chunk; past the deadline commit what is judged and leave the rest."""
        judgement: Judgement | None = None
        chunk = self.desk.limits.chunk
        for start in range(0, len(events), chunk):
            if self._late():
                break
            state = judgement.state if judgement else self.state
            later = await self._judged(scorer, state, events[start : start + chunk])
            judgement = judgement.then(later) if judgement else later
        if judgement:
            await self._commit(judgement)
        if self.state.sequence_number != events[-1].sequence_number:
            raise TransientError(f"{self.key}: out of time; the rest of the batch comes again")

    async def _score_alone(self, scorer: Scorer, event: OrderEvent) -> None:
        if self._late():
            raise TransientError(f"{self.key}: out of time; the rest of the batch comes again")
        if self.state.attempts > LONE_ATTEMPTS:
            message = f"{LONE_ATTEMPTS} attempts to score this order on its own never came back"
            await self._commit(
                set_aside(
                    self.key, self.state, event, "attempts_vanished", "", message, self.desk.now()
                )
            )
            return
        # 1 stands for a whole batch, so an order's own attempts begin at 2.
        await self._noted(scorer, [event], attempts=max(self.state.attempts, 1) + 1)

    async def _noted(self, scorer: Scorer, events: Sequence[OrderEvent], attempts: int) -> None:
        """Score events whose attempt is on record for as long as it has not come back."""
        before = self.state.attempts
        await self._write_state(replace(self.state, attempts=attempts))
        try:
            await self._score_together(scorer, events)
        except Exception:
            # It came back, if only to fail: nothing to suspect. Where even this cannot be
            # written the record stays, which costs a slower run and no order.
            if self.state.attempts:
                with contextlib.suppress(SheriffError):
                    await self._write_state(replace(self.state, attempts=before))
            raise

    async def _judged(
        self, scorer: Scorer, state: StreamState, events: Sequence[OrderEvent]
    ) -> Judgement:
        loop = asyncio.get_running_loop()
        judgement, seconds = await loop.run_in_executor(
            self.desk.executor, _timed, scorer, self.key, state, events, self.desk.now()
        )
        self.summary.scoring_seconds += seconds
        return judgement

    async def _commit(self, judgement: Judgement) -> None:
        """Write what was judged, then the state that says so."""
        desk, before = self.desk, self.state
        writer = Writer(
            desk.alerts, desk.incidents, desk.dead_letters, desk.limits.writes, desk.telemetry
        )
        written = await writer.write(self.key, judgement, desk.now())
        await self._write_state(written.judgement.state)
        self.summary.add(before, written)
        self.committed += written.judgement.scored

    async def _write_state(self, state: StreamState) -> None:
        self.version = await self.desk.states.write(self.key, state, self.version)
        self.state = state

    def _late(self) -> bool:
        return self.desk.clock() - self.started > self.desk.limits.deadline


def _timed(
    scorer: Scorer,
    key: StreamKey,
    state: StreamState,
    events: Sequence[OrderEvent],
    now: datetime,
) -> tuple[Judgement, float]:
    """The judgement, and the seconds it took, without those of waiting for the thread."""
    started = time.perf_counter()
    return judge(scorer, key, state, events, now), time.perf_counter() - started
