"""Score the orders of a partition: gather, decide, apply, and commit by one state document.

The state document says how far a partition is done. It is written last, and only when everything
before it was: so whatever dies in between, the same events come again, the same alerts are made
(their ids are fixed, their writes are sets), and nothing is lost or doubled.

An order that kills the process leaves no trace but an attempt that never came back. So a process
that does not know how the last run on a partition ended writes down its attempt, under its own
name, before it scores; a healthy batch costs no such write. An attempt of another process may be
alive for as long as a batch may take, and is waited for; after that it has vanished. Then the
events are scored one by one, each noted in turn until it is judged, until the order that ends them
all is known and set aside. Only dead processes count: if a process is still alive, its attempt has
ended somehow.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

from functions.condition import Conditions
from functions.judgement import (
    Earlier,
    Judgement,
    Name,
    Received,
    Scored,
    blamed,
    doubtful,
    judge,
    receive,
    set_aside,
    unseen,
)
from functions.ports import (
    AlertStore,
    DeadLetterStore,
    IncidentStore,
    ReadScorer,
    StateStore,
    Telemetry,
)
from functions.shadow import Shadow
from functions.summary import BatchSummary
from functions.telemetry import SILENT
from functions.writes import Writer
from shared.errors import SheriffError, TransientError, WriteConflict
from shared.order_event import OrderEvent
from shared.scoring import Scorer
from shared.stream import NOBODY, Attempt, StreamState
from shared.stream_key import StreamKey

logger = logging.getLogger(__name__)

DEATHS = 5
"""Processes that must have died on an order on its own before it is set aside: scale-ins, deploys
and kills take one or two, hardly five."""

PATIENCE = 3
"""Runs of a batch in a row that fail once scoring has begun, before its orders are scored and
committed one by one; a store that is away as a whole fails them earlier."""

FUSE_EVENTS, FUSE_SHARE = 10, 0.2
"""Where scoring fails on more orders than this share of a batch of so many events, the fault is
ours and not the orders': nothing is set aside, and the batch waits for us."""

_ENDINGS = 3  # tries to write down that an attempt has ended

_CONFLICTS = 5  # a partition changes hands once or twice in a rebalance, never five times at once


class FuseError(TransientError):
    """Too many orders of a batch failed in scoring: nothing of it is set aside."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much at once: seconds for a batch, orders between two looks at the clock, writes."""

    deadline: float = 60
    chunk: int = 50
    writes: int = 24


@dataclass
class ScoringContext:
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
    owner: str = field(default_factory=lambda: uuid4().hex)  # names this process, and no other one
    # Runs that got as far as scoring since the last success; a partition not in it is a new one.
    begun: dict[StreamKey, int] = field(default_factory=dict)
    # What health tells: fuses that have blown, and what fails again and again.
    conditions: Conditions = field(default_factory=Conditions)
    noted_run: asyncio.Lock = field(default_factory=asyncio.Lock)


async def score_batch(
    context: ScoringContext, key: StreamKey, events: Sequence[OrderEvent]
) -> BatchSummary:
    """Score events of one partition, which are in order of sequence, and commit them.

    Raises:
        TransientError: some events are not committed; the same batch must come again.
    """
    summary = BatchSummary(events=len(events))
    committed: list[Scored] = []
    with context.telemetry.batch(key, events):
        try:
            scorer = await context.read_scorer()
            # What serves may take long to be read; the batch's own time begins here.
            started = context.clock()
            await _settle(context, key, events, scorer, started, summary, committed)
        except Exception:
            context.conditions.failed(key.partition_id, context.now())
            raise
        finally:
            summary.measure(context.telemetry, key, events, context.now())
        context.begun[key] = 0
        context.conditions.moving(key.partition_id)
        summary.log(key, context.clock() - started)
    if context.shadow is not None:
        await context.shadow.follow(key, committed, started + context.limits.deadline)
    return summary


async def _settle(
    context: ScoringContext,
    key: StreamKey,
    events: Sequence[OrderEvent],
    scorer: Scorer,
    started: float,
    summary: BatchSummary,
    committed: list[Scored],
) -> None:
    """Score the events; read again and score again where another process got ahead."""
    for _ in range(_CONFLICTS):
        with contextlib.suppress(WriteConflict):
            run = _Run(context, key, scorer, started, summary, committed)
            await run.score(events)
            return
    raise TransientError(f"{key}: the state document keeps changing")


@dataclass
class _Run:
    """One reading of the state and the way from it to the end of the batch."""

    context: ScoringContext
    key: StreamKey
    scorer: Scorer
    started: float
    summary: BatchSummary
    committed: list[Scored]
    tried: bool = False  # whether a chunk has been judged: one is, however late it is
    alone: int = 0  # events of the batch, where they are scored one by one
    faults: frozenset[Name] = frozenset()  # orders of the batch set aside for a fault of ours

    async def score(self, events: Sequence[OrderEvent]) -> None:
        context = self.context
        stored, self.version = await context.states.read(self.key)
        self.state, fresh = unseen(stored, events)
        if self.state is not stored:
            logger.warning("%s: sequence numbers start again: this is a new hub", self.key)
        self.summary.skipped = len(events) - len(fresh)
        if not fresh:
            return
        vanished = self._vanished()
        known, begun = self.key in context.begun, context.begun.get(self.key, 0)
        context.begun[self.key] = begun + 1
        alone = vanished is not None or begun >= PATIENCE
        if known and not alone:
            await self._score_together(fresh)
            return
        # One noted run at a time, so that no order is suspected for what another one did.
        async with context.noted_run:
            if not alone:
                await self._noted(fresh, Attempt(context.owner, context.now()))
                return
            await self._score_each(fresh, vanished or ())

    def _vanished(self) -> tuple[str, ...] | None:
        """The processes that died on the next order on its own, where the attempt on record has
        vanished; None where nothing is suspected.

        Raises:
            TransientError: the attempt may be alive; its process is given time to end it.
        """
        attempt, context = self.state.attempt, self.context
        if attempt is None:
            return None
        # This process is alive, so its own attempts have ended, however they did.
        earlier = tuple(name for name in attempt.vanished if name != context.owner)
        if attempt.owner in (NOBODY, context.owner):
            return earlier if attempt.alone else None
        if abs((context.now() - attempt.at).total_seconds()) < context.limits.deadline:
            raise TransientError(f"{self.key}: another process may be at these events")
        if not attempt.alone:
            return ()
        return (*(name for name in earlier if name != attempt.owner), attempt.owner)

    async def _score_together(self, events: Sequence[OrderEvent]) -> None:
        """Judge chunk by chunk; past the deadline commit what is judged and leave the rest."""
        judgement: Judgement | None = None
        chunk = self.context.limits.chunk
        for start in range(0, len(events), chunk):
            if self._late():
                break
            state = judgement.state if judgement else self.state
            later = await self._judged(state, events[start : start + chunk])
            judgement = judgement.then(later) if judgement else later
        if judgement:
            self._check_fuse(judgement.failed, self.alone or judgement.events)
            await self._survived()
            await self._commit(judgement)
            self.faults |= judgement.failed
        if self.state.sequence_number != events[-1].sequence_number:
            raise TransientError(f"{self.key}: out of time; the rest of the batch comes again")

    async def _survived(self) -> None:
        """Take an order's attempt off the record once it is judged: a process that dies while it
        writes, in an outage say, was not killed by the order."""
        attempt = self.state.attempt
        if attempt is not None and attempt.alone:
            await self._write_state(replace(self.state, attempt=replace(attempt, owner=NOBODY)))

    def _check_fuse(self, failed: frozenset[Name], events: int) -> None:
        """Pass where no more orders of a batch have ``failed`` than may be at fault themselves.

        Once the fuse has blown, orders that are scored one by one are not set aside either.
        """
        context, partition, orders = self.context, self.key.partition_id, self.faults | failed
        many = events >= FUSE_EVENTS and len(orders) > FUSE_SHARE * events
        blown = partition in context.conditions.fuses
        if not many and not (failed and self.alone and blown):
            return
        why = f"scoring fails on {len(orders)} orders in a batch of {events}"
        if not blown:
            logger.error("%s: %s: a fault of ours, nothing is set aside", self.key, why)
        context.conditions.note_fuse(partition, context.now(), why)
        if not self.alone:  # no order is to blame, so the next run need not be careful with each
            context.begun[self.key] -= 1
        raise FuseError(f"{self.key}: {why}: a fault of ours, the batch waits")

    async def _score_each(self, events: Sequence[OrderEvent], vanished: tuple[str, ...]) -> None:
        """Score and commit the orders one by one; ``vanished`` died on the first of them."""
        self.alone = len(events)
        for event in events:
            if self._late():
                raise TransientError(f"{self.key}: out of time; the rest of the batch comes again")
            await self._score_alone(event, vanished)
            vanished = ()

    async def _score_alone(self, event: OrderEvent, vanished: tuple[str, ...]) -> None:
        if len(vanished) >= DEATHS:
            message = f"{len(vanished)} processes died while they scored this order on its own"
            aside = set_aside(
                self.key, self.state, event, "attempts_vanished", "", message, self.context.now()
            )
            await self._commit(aside)
            return
        try:
            await self._noted(
                [event],
                Attempt(self.context.owner, self.context.now(), alone=True, vanished=vanished),
            )
        except (TransientError, WriteConflict):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, one order is set aside for it
            # Judging has its own protection: this is raised between reading and writing. Its text
            # may name an order, and goes into the dead letter alone.
            kind = type(error).__name__
            logger.error("%s: an order was scored and cannot be committed: %s", self.key, kind)  # noqa: TRY400
            judgement = blamed(self.key, self.state, event, error, self.context.now())
            self._check_fuse(judgement.failed, self.alone)
            self.faults |= judgement.failed
            await self._commit(judgement)

    async def _noted(self, events: Sequence[OrderEvent], attempt: Attempt) -> None:
        """Score events whose attempt is on record for as long as it has not come back."""
        await self._write_state(replace(self.state, attempt=attempt))
        try:
            await self._score_together(events)
        except Exception:
            # It came back, if only to fail; what made it look at one order stays on record. Where
            # even this cannot be written, so does the attempt: it is this process's own, which
            # costs others a wait and hardly an order.
            if self.state.attempt is not None:
                ended = replace(attempt, owner=NOBODY) if attempt.alone else None
                await self._say_it_ended(replace(self.state, attempt=ended))
            raise

    async def _say_it_ended(self, state: StreamState) -> None:
        """Write that an attempt came back, in earnest: what stays on record is held for dead once
        this process is, whatever it dies of. A conflict says that it is written, or overtaken."""
        for _ in range(_ENDINGS):
            try:
                await self._write_state(state)
            except WriteConflict:
                return
            except SheriffError:
                continue
            return

    async def _judged(self, state: StreamState, events: Sequence[OrderEvent]) -> Judgement:
        """Judge events, with what the store has of orders that may have been forgotten."""
        received, asked = await self._computed(partial(_received, state, events))
        earlier = await self._earlier(sorted(asked))
        now = self.context.now()
        judgement = await self._computed(
            partial(judge, self.scorer, self.key, state, received, now, earlier)
        )
        self.tried = True
        return judgement

    async def _earlier(self, names: Sequence[Name]) -> Earlier:
        turn = asyncio.Semaphore(self.context.limits.writes)

        async def earlier(name: Name) -> list[dict[str, Any]]:
            async with turn:
                return await self.context.alerts.earlier(*name)

        found = await asyncio.gather(*map(earlier, names))
        return dict(zip(names, found, strict=True))

    async def _computed[T](self, work: Callable[[], T]) -> T:
        """What some work comes to, done on the thread that computes."""
        loop = asyncio.get_running_loop()
        result, seconds = await loop.run_in_executor(self.context.executor, _timed, work)
        self.summary.scoring_seconds += seconds
        return result

    async def _commit(self, judgement: Judgement) -> None:
        """Write what was judged, then the state that says so."""
        context, before = self.context, self.state
        writer = Writer(
            context.alerts,
            context.incidents,
            context.dead_letters,
            context.limits.writes,
            context.telemetry,
        )
        written = await writer.write(self.key, judgement, context.now())
        await self._write_state(written.judgement.state)
        self.summary.add(before, written)
        self.committed += written.judgement.scored

    async def _write_state(self, state: StreamState) -> None:
        self.version = await self.context.states.write(self.key, state, self.version)
        self.state = state

    def _late(self) -> bool:
        return self.tried and self.context.clock() - self.started > self.context.limits.deadline


def _received(state: StreamState, events: Sequence[OrderEvent]) -> tuple[list[Received], set[Name]]:
    """The orders that events are, and which of them the store is to be asked for."""
    received = receive(events)
    return received, doubtful(state, received)


def _timed[T](work: Callable[[], T]) -> tuple[T, float]:
    """What some work comes to, and its seconds without those of waiting for the thread."""
    started = time.perf_counter()
    return work(), time.perf_counter() - started
