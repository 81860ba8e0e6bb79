"""Score the orders of a partition: gather, decide, apply, and commit by one state document.

The state document says how far a partition is done. It is written last, and only once everything
before it is written. So if the process dies in between, the same events come again and make the
same alerts (their ids are fixed, their writes are sets), and nothing is lost or doubled.
`functions.attempts` finds the order that kills its process.
"""

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from functions.attempts import DEATHS, Care, care, off_record, on_record
from functions.batch import ReceivedEvent, receive, unseen
from functions.fuse import Fuse, FuseError
from functions.judgement import Judgement, blamed
from functions.judgement_inputs import Judging
from functions.scoring_context import ScoringContext
from functions.stored_state import StoredState
from functions.summary import BatchSummary
from functions.writes import Writer
from shared.errors import OrderError, TransientError, WriteConflict
from shared.order_event import OrderEvent
from shared.stream import Attempt
from shared.stream_key import StreamKey

logger = logging.getLogger(__name__)

_CONFLICTS = 5  # a partition changes hands once or twice in a rebalance, never five times at once


async def score_batch(
    context: ScoringContext, key: StreamKey, events: Sequence[OrderEvent]
) -> BatchSummary:
    """Score events of one partition, which are in order of sequence, and commit them.

    Raises:
        TransientError: some events are not committed; the same batch must come again.
    """
    summary = BatchSummary(events=len(events))
    with context.telemetry.batch(key, events):
        try:
            judging = Judging(context, key, await context.read_scorer(), summary)
            # Loading the scorer may take long, so the batch's own time begins only here.
            started = context.clock()
            deadline = started + context.limits.deadline
            await _commit_all(judging, events, deadline)
        except Exception:
            context.conditions.failed(key.partition_id, context.now())
            raise
        finally:
            summary.measure(context.telemetry, key, events, context.now())
        context.begun[key] = 0
        context.conditions.moving(key.partition_id)
        summary.log(key, context.clock() - started)
    if context.shadow is not None:
        await context.shadow.follow(key, summary.committed, deadline)
    return summary


async def _commit_all(judging: Judging, events: Sequence[OrderEvent], deadline: float) -> None:
    """Score the events; read again and score again where another process got ahead."""
    key = judging.key
    for _ in range(_CONFLICTS):
        with contextlib.suppress(WriteConflict):
            stored = await StoredState.read(judging.context.states, key)
            before, fresh = unseen(stored.state, events)
            if before is not stored.state:
                logger.warning("%s: sequence numbers start again: this is a new hub", key)
            judging.summary.skipped = len(events) - len(fresh)
            if fresh:
                await _Try(judging, deadline, replace(stored, state=before)).score(fresh)
            return
    raise TransientError(f"{key}: the state document keeps changing")


@dataclass(frozen=True, slots=True)
class _Try:
    """One try at a batch, from the state as it was read to the last commit.

    Attributes:
        judging: judges the events.
        deadline: when the batch's time is over, on the context's clock.
        stored: the partition's state.
    """

    judging: Judging
    deadline: float
    stored: StoredState

    @property
    def context(self) -> ScoringContext:
        """The context in which the process scores."""
        return self.judging.context

    @property
    def key(self) -> StreamKey:
        """The partition."""
        return self.judging.key

    async def score(self, events: Sequence[OrderEvent]) -> None:
        """Score and commit events, as carefully as the attempt on record asks for."""
        how = self._begin()
        if how.level == "together":
            await self._score_together(events)
            return
        async with self.context.one_at_a_time:
            if how.level == "one by one":
                await self._score_one_by_one(events, how.vanished)
                return
            async with on_record(self.stored, self._attempt()):
                await self._score_together(events)

    def _begin(self) -> Care:
        """Decide how carefully to score, and count this try.

        Raises:
            TransientError: another process may be at these events.
        """
        context, attempt = self.context, self.stored.state.attempt
        begun = context.begun.get(self.key)
        how = care(attempt, begun, context.owner, context.now(), context.limits.deadline)
        if how.level == "wait":
            raise TransientError(f"{self.key}: another process may be at these events")
        context.begun[self.key] = (begun or 0) + 1
        return how

    async def _score_together(self, events: Sequence[OrderEvent]) -> None:
        """Judge as many events as there is time for, and commit them together."""
        judgement = await self._judge_in_time(events)
        try:
            self._fuse(judgement.events, one_by_one=False).check(judgement.failed)
        except FuseError:
            # No order is to blame, so the next try need not be careful with each.
            self.context.begun[self.key] -= 1
            raise
        await self._commit(judgement)
        if judgement.events < len(events):
            raise self._out_of_time()

    async def _judge_in_time(self, events: Sequence[OrderEvent]) -> Judgement:
        """Judge chunk by chunk until the deadline, but always the first chunk."""
        chunk = self.context.limits.chunk
        judgement = await self.judging.judge(self.stored.state, events[:chunk])
        for start in range(chunk, len(events), chunk):
            if self._late():
                break
            later = await self.judging.judge(judgement.state, events[start : start + chunk])
            judgement = judgement.then(later)
        return judgement

    async def _score_one_by_one(
        self, events: Sequence[OrderEvent], vanished: tuple[str, ...]
    ) -> None:
        """Score and commit each order alone; the processes ``vanished`` died on the first one."""
        fuse = self._fuse(len(events), one_by_one=True)
        await self._score_alone(events[0], vanished, fuse)
        for event in events[1:]:
            if self._late():
                raise self._out_of_time()
            await self._score_alone(event, (), fuse)

    async def _score_alone(self, event: OrderEvent, vanished: tuple[str, ...], fuse: Fuse) -> None:
        if len(vanished) >= DEATHS:
            await self._set_aside(event, vanished)
            return
        try:
            async with on_record(self.stored, self._attempt(alone=True, vanished=vanished)):
                judgement = await self.judging.judge(self.stored.state, [event])
                fuse.check(judgement.failed)
                await off_record(self.stored)
                await self._commit(judgement)
        except (TransientError, WriteConflict):
            raise
        except Exception as error:  # noqa: BLE001 - any bug costs one order and not the partition
            await self._blame(event, error, fuse)

    async def _set_aside(self, event: OrderEvent, vanished: tuple[str, ...]) -> None:
        """Set an order aside without parsing it again: parsing it may be what ends the process."""
        message = f"{len(vanished)} processes died while they scored this order on its own"
        error = OrderError("attempts_vanished", "", message)
        received = ReceivedEvent(event, error)
        await self._commit(blamed(self.judging.batch(self.stored.state, [received]), error))

    async def _blame(self, event: OrderEvent, error: Exception, fuse: Fuse) -> None:
        """Set an order aside because of an error that was raised while it was judged or written."""
        # The error's text may name an order, so it goes into the dead letter and not into the log.
        kind = type(error).__name__
        logger.error("%s: an order was scored and cannot be committed: %s", self.key, kind)
        judgement = blamed(self.judging.batch(self.stored.state, [receive(event)]), error)
        fuse.check(judgement.failed)
        await self._commit(judgement)

    async def _commit(self, judgement: Judgement) -> None:
        """Write what was judged, then the state that says so."""
        context, before = self.context, self.stored.state
        writer = Writer(
            context.alerts,
            context.incidents,
            context.dead_letters,
            context.limits.writes,
            context.telemetry,
        )
        written = await writer.write(self.key, judgement, context.now())
        await self.stored.write(written.judgement.state)
        self.judging.summary.add(before, written)

    def _attempt(self, *, alone: bool = False, vanished: tuple[str, ...] = ()) -> Attempt:
        return Attempt(self.context.owner, self.context.now(), alone, vanished)

    def _fuse(self, events: int, *, one_by_one: bool) -> Fuse:
        context = self.context
        return Fuse(context.conditions, self.key, context.now, events, one_by_one)

    def _late(self) -> bool:
        return self.context.clock() > self.deadline

    def _out_of_time(self) -> TransientError:
        return TransientError(f"{self.key}: out of time; the rest of the batch comes again")
