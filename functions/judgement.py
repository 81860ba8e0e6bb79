"""Decide what becomes of the events of a partition: pure, and the same however they are cut."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from functions.correlation import trace_id
from functions.ports import DeadLetter, OrderEvent, StreamKey
from shared.alert import EventPosition, alert_document
from shared.assessment import Assessment
from shared.docket import Revisited, concerns, enter, still_held
from shared.errors import OrderError
from shared.incidents import PartitionRun
from shared.order import Order, parse_order, received_order
from shared.scoring import Scorer
from shared.stream import Admission, Arrival, RecentOrders, StreamState


@dataclass(frozen=True, slots=True)
class Scored:
    """An order that was scored: its alert, if it is one, waits to be written.

    ``run`` names the run of a hidden discount that it belongs to.
    """

    event: OrderEvent
    assessment: Assessment
    alert: dict[str, Any] | None
    run: str | None = None

    @property
    def order(self) -> Order:
        """The order."""
        return self.assessment.order


@dataclass(frozen=True, slots=True)
class Judgement:
    """What to write for some events, and the state that says they are done.

    Attributes:
        scored: the orders that were scored, in their order of arrival.
        dead_letters: the events to set aside.
        state: the state once all of it is written.
        runs: the runs of a hidden discount that changed, as they are in the end, by name.
        revisited: orders before that now belong to one of them.
        currency: of the runs' amounts.
    """

    scored: tuple[Scored, ...]
    dead_letters: tuple[DeadLetter, ...]
    state: StreamState
    runs: Mapping[str, PartitionRun] = field(default_factory=dict)
    revisited: tuple[Revisited, ...] = ()
    currency: str = ""

    def then(self, later: "Judgement") -> "Judgement":
        """This judgement, followed by that of the events right after."""
        return Judgement(
            self.scored + later.scored,
            self.dead_letters + later.dead_letters,
            later.state,
            {**self.runs, **later.runs},
            self.revisited + later.revisited,
            self.currency or later.currency,
        )


def unseen(
    state: StreamState, events: Sequence[OrderEvent]
) -> tuple[StreamState, list[OrderEvent]]:
    """Leave out the events that are committed already; start over when the hub is a new one.

    A new hub starts its sequence numbers again, so the state that is returned has no position
    then. What the partition knows of orders (counts, recent ids, the episode's belief) does not
    depend on positions and is kept.
    """
    for start, event in enumerate(events):
        arrival = state.place(event.sequence_number, event.enqueued_at)
        if arrival is Arrival.SEEN:
            continue
        if arrival is Arrival.NEW_HUB:
            state = replace(state, sequence_number=-1, enqueued_at=None, attempts=0)
        # Events are in order of sequence: after the first new one all are new.
        return state, list(events[start:])
    return state, []


def judge(
    scorer: Scorer,
    key: StreamKey,
    state: StreamState,
    events: Sequence[OrderEvent],
    now: datetime,
) -> Judgement:
    """Parse, admit and score events, which follow ``state`` and hold at least one.

    What is wrong with one order never touches the others: a failure while they are scored
    together has them scored one by one, and the one that fails again is set aside.
    """
    try:
        return _judge_together(scorer, key, state, events, now)
    except Exception as error:  # noqa: BLE001 - whatever scoring does to one order, the rest goes on
        if len(events) == 1:
            code, path, message = _blame(error)
            return set_aside(key, state, events[0], code, path, message, now)
    judgement = judge(scorer, key, state, events[:1], now)
    for event in events[1:]:
        judgement = judgement.then(judge(scorer, key, judgement.state, [event], now))
    return judgement


def set_aside(
    key: StreamKey,
    state: StreamState,
    event: OrderEvent,
    code: str,
    path: str,
    message: str,
    now: datetime,
) -> Judgement:
    """The judgement that an event cannot be scored, ever."""
    letter = DeadLetter(key, event, code, message, path, now, max(state.attempts, 1))
    state = replace(_moved(state, event), dead_lettered=state.dead_lettered + 1)
    return Judgement((), (letter,), state)


def refused(
    judgement: Judgement, key: StreamKey, errors: dict[int, str], now: datetime
) -> Judgement:
    """The same judgement once a store has refused the alerts of some orders for good.

    ``errors`` says why, by sequence number. The orders become dead letters and are forgotten, so
    that they can be sent again.
    """
    state = judgement.state
    recent = state.recent.copy()
    letters = list(judgement.dead_letters)
    for scored in judgement.scored:
        if message := errors.get(scored.event.sequence_number):
            recent.forget(scored.order.order_id)
            letters.append(DeadLetter(key, scored.event, "store_refused", message, "", now, 1))
    state = replace(
        state,
        orders_scored=state.orders_scored - len(errors),
        dead_lettered=state.dead_lettered + len(errors),
        recent=recent,
    )
    kept = tuple(s for s in judgement.scored if s.event.sequence_number not in errors)
    return replace(judgement, scored=kept, dead_letters=tuple(letters), state=state)


@dataclass(frozen=True, slots=True)
class _Admitted:
    """What events hold: the orders to score, the letters of what is no order, how many were which
    (`Admission`), and the recent orders after them."""

    orders: tuple[tuple[OrderEvent, Order], ...]
    dead_letters: tuple[DeadLetter, ...]
    counts: Mapping[Admission, int]
    recent: RecentOrders


def _admit(
    scorer: Scorer,
    key: StreamKey,
    state: StreamState,
    events: Sequence[OrderEvent],
    now: datetime,
) -> _Admitted:
    letters: list[DeadLetter] = []
    orders: list[tuple[OrderEvent, Order]] = []
    counts = dict.fromkeys(Admission, 0)
    recent = state.recent.copy()
    for event in events:
        try:
            order = parse_order(event.body)
            scorer.catalogue.check_currency(order)
        except OrderError as error:
            aside = set_aside(key, state, event, error.code, error.field, error.message, now)
            letters += aside.dead_letters
            continue
        admission = recent.admit(order.order_id, order.revision)
        counts[admission] += 1
        if admission is Admission.SCORE:
            orders.append((event, order))
    return _Admitted(tuple(orders), tuple(letters), counts, recent)


def _judge_together(
    scorer: Scorer,
    key: StreamKey,
    state: StreamState,
    events: Sequence[OrderEvent],
    now: datetime,
) -> Judgement:
    admitted = _admit(scorer, key, state, events, now)
    assessments, episode = scorer.score_many([order for _, order in admitted.orders], state.episode)
    held, currency = dict(state.held), scorer.catalogue.currency
    scored: list[Scored] = []
    runs: dict[str, PartitionRun] = {}
    revisited: list[Revisited] = []
    for (event, _), assessment in zip(admitted.orders, assessments, strict=True):
        entry = enter(assessment, _document(key, event, assessment, now), held, currency)
        scored.append(Scored(event, assessment, entry.alert, assessment.belongs))
        revisited += entry.revisited
        for run in assessment.runs:
            runs[run.opened_by] = PartitionRun(key.partition_id, event.sequence_number, run)
    state = replace(
        _moved(state, events[-1]),
        orders_scored=state.orders_scored + admitted.counts[Admission.SCORE],
        dead_lettered=state.dead_lettered + len(admitted.dead_letters),
        duplicates=state.duplicates + admitted.counts[Admission.DUPLICATE],
        stale=state.stale + admitted.counts[Admission.STALE],
        episode=episode,
        held=still_held(held, episode),
        recent=admitted.recent,
    )
    return Judgement(tuple(scored), admitted.dead_letters, state, runs, tuple(revisited), currency)


def _document(
    key: StreamKey, event: OrderEvent, assessment: Assessment, now: datetime
) -> dict[str, Any] | None:
    if not concerns(assessment):
        return None
    return alert_document(
        assessment,
        received=received_order(event.body),
        position=EventPosition(
            key.partition_id, event.sequence_number, event.enqueued_at, trace_id(key, event)
        ),
        scored_at=now,
    )


def _moved(state: StreamState, event: OrderEvent) -> StreamState:
    return replace(
        state, sequence_number=event.sequence_number, enqueued_at=event.enqueued_at, attempts=0
    )


def _blame(error: Exception) -> tuple[str, str, str]:
    """Code, field and message of a dead letter for what scoring raised."""
    if isinstance(error, OrderError):
        return error.code, error.field, error.message
    return "scoring_failed", "", f"{type(error).__name__}: {error}"
