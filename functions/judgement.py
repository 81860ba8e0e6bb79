"""Decide what becomes of the events of a partition: pure, and the same however they are cut."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from functions.trace_context import trace_id
from shared.alert import EventPosition, alert_document
from shared.assessment import Assessment
from shared.dead_letter import DeadLetter
from shared.episodes import EpisodeState, caught_up
from shared.errors import OrderError
from shared.formats import alert_id, shortened, time_text, utc_time
from shared.incidents import PartitionEpisode
from shared.order import Order, parse_order, received_order
from shared.order_event import OrderEvent
from shared.pending_alerts import Revisited, concerns, enter, noted, still_held
from shared.scoring import Scorer
from shared.stream import Arrival, StreamState, marked
from shared.stream_key import StreamKey
from shared.uses import Admission, RecentOrders, Use, Verdict, contents_name, verdict

MOST_AHEAD = timedelta(days=1)
"""How far an order's own time may lie after the time at which it entered the hub."""

SCORING_FAILED = "scoring_failed"
"""Code of an order that scoring raised on: a fault of ours, not of the order."""

type Name = tuple[str, str]
"""A rep and an order id."""

type Earlier = Mapping[Name, Sequence[Mapping[str, Any]]]
"""The alerts that the store has of some orders, whatever their revision."""


@dataclass(frozen=True, slots=True)
class Scored:
    """An order that was scored: its alert, if it is one, waits to be written.

    ``run`` names the run of a hidden discount that it belongs to.
    """

    event: OrderEvent
    assessment: Assessment
    use: Use
    alert: dict[str, Any] | None
    episode: str | None = None

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
        events: how many events these were.
        known_incidents: ids of the incidents that runs were known to belong to before, by name.
    """

    scored: tuple[Scored, ...]
    dead_letters: tuple[DeadLetter, ...]
    state: StreamState
    episodes: Mapping[str, PartitionEpisode] = field(default_factory=dict)
    revisited: tuple[Revisited, ...] = ()
    currency: str = ""
    events: int = 0
    known_incidents: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> frozenset[Name]:
        """The orders that are set aside because scoring failed, each once with its revisions."""
        letters = (letter for letter in self.dead_letters if letter.code == SCORING_FAILED)
        return frozenset(_name_of(letter.event) for letter in letters)

    def then(self, later: "Judgement") -> "Judgement":
        """This judgement, followed by that of the events right after."""
        return Judgement(
            self.scored + later.scored,
            self.dead_letters + later.dead_letters,
            later.state,
            {**self.episodes, **later.episodes},
            self.revisited + later.revisited,
            self.currency or later.currency,
            self.events + later.events,
            {**self.known_incidents, **later.known_incidents},
        )


def _name_of(event: OrderEvent) -> Name:
    """Rep and id of the order that an event holds; an event that cannot be read has its number."""
    try:
        order = parse_order(event.body)
    except Exception:  # noqa: BLE001 - to read it may be what failed
        return "", f"event {event.sequence_number}"
    return order.rep_id, order.order_id


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
            state = replace(
                state, sequence_number=-1, enqueued_at=None, attempt=None, marks=(),
                hubs=state.hubs + 1,
            )  # fmt: skip
        # Events are in order of sequence: after the first new one all are new.
        return state, list(events[start:])
    return state, []


@dataclass(frozen=True, slots=True)
class Received:
    """An event, and the order that it is, or why it is none."""

    event: OrderEvent
    order: Order | OrderError


def receive(events: Sequence[OrderEvent]) -> list[Received]:
    """The orders that events are by the contract, and by their times."""
    return [Received(event, _order_of(event)) for event in events]


def _order_of(event: OrderEvent) -> Order | OrderError:
    try:
        order = parse_order(event.body)
        _check_time(order, event)
    except OrderError as error:
        return error
    return order


def doubtful(state: StreamState, received: Sequence[Received]) -> set[Name]:
    """The orders that may have come so long before that the partition has forgotten them, or will
    have by the time they are judged: the store is to be asked for what it has of them."""
    horizon = state.recent.horizon(len(received))
    if horizon is None:
        return set()
    orders = (one.order for one in received if isinstance(one.order, Order))
    return {(one.rep_id, one.order_id) for one in orders if one.ordered_at <= horizon}


def judge(
    scorer: Scorer,
    key: StreamKey,
    state: StreamState,
    received: Sequence[Received],
    now: datetime,
    earlier: Earlier | None = None,
) -> Judgement:
    """Admit and score events, which follow ``state`` and are at least one.

    What is wrong with one order never touches the others: a failure while they are scored
    together has them scored one by one, and the one that fails again is set aside.

    Args:
        scorer: what serves.
        key: the partition.
        state: that before the events.
        received: in order of sequence.
        now: for the documents.
        earlier: what the store has of those that are `doubtful`.
    """
    try:
        return _judge_together(scorer, key, state, received, now, earlier or {})
    except Exception as error:  # noqa: BLE001 - whatever scoring does to one order, the rest goes on
        if len(received) == 1:
            return blamed(key, state, received[0].event, error, now)
    judgement = judge(scorer, key, state, received[:1], now, earlier)
    for one in received[1:]:
        judgement = judgement.then(judge(scorer, key, judgement.state, [one], now, earlier))
    return judgement


def blamed(
    key: StreamKey, state: StreamState, event: OrderEvent, error: Exception, now: datetime
) -> Judgement:
    """The judgement that an event is set aside for what was raised on it."""
    if isinstance(error, OrderError):
        return set_aside(key, state, event, error.code, error.field, error.message, now)
    message = shortened(f"{type(error).__name__}: {error}", 500)
    return set_aside(key, state, event, SCORING_FAILED, "", message, now)


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
    tried = 1 if state.attempt is None else 1 + len(state.attempt.vanished)
    letter = DeadLetter(key, event, code, message, path, now, tried)
    state = replace(_moved(state, [event]), dead_lettered=state.dead_lettered + 1)
    return Judgement((), (letter,), state, events=1)


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
            recent.forget(scored.use)
            letters.append(DeadLetter(key, scored.event, "store_refused", message, "", now, 1))
    state = replace(
        state,
        orders_scored=state.orders_scored - len(errors),
        dead_lettered=state.dead_lettered + len(errors),
        recent=recent,
    )
    kept = tuple(s for s in judgement.scored if s.event.sequence_number not in errors)
    return replace(judgement, scored=kept, dead_letters=tuple(letters), state=state)


def refused_later(
    judgement: Judgement,
    key: StreamKey,
    refusals: Sequence[tuple[dict[str, Any], str]],
    now: datetime,
) -> Judgement:
    """The same judgement once a store has refused, for good, alerts of orders that were scored
    before and turned out to belong to a run: their documents, and why.

    They become dead letters and are forgotten, so that they can be sent again.
    """
    recent = judgement.state.recent.copy()
    letters = list(judgement.dead_letters)
    for document, message in refusals:
        body, place = json.dumps(document["order"]).encode(), document["event"]
        event = OrderEvent(
            body,
            place["sequence_number"],
            utc_time(place["enqueued_at"]),
            document["rep_id"],
        )
        recent.forget(Use.of(parse_order(body)))
        letters.append(DeadLetter(key, event, "store_refused", message, "", now, 1))
    state = replace(
        judgement.state,
        orders_scored=judgement.state.orders_scored - len(refusals),
        dead_lettered=judgement.state.dead_lettered + len(refusals),
        recent=recent,
    )
    return replace(judgement, dead_letters=tuple(letters), state=state)


@dataclass(frozen=True, slots=True)
class _Admitted:
    """An order that is to be scored, and what its id tells."""

    event: OrderEvent
    order: Order
    verdict: Verdict

    @property
    def alert_id(self) -> str:
        contents = contents_name(self.verdict.use) if self.verdict.reused else ""
        return alert_id(self.order.order_id, self.order.revision, contents)


@dataclass(frozen=True, slots=True)
class _Admissions:
    """What events hold: the orders to score, the letters of what is no order, how many were which
    (`Admission`), and the recent orders after them."""

    orders: tuple[_Admitted, ...]
    dead_letters: tuple[DeadLetter, ...]
    counts: Mapping[Admission, int]
    recent: RecentOrders


def _admit(
    scorer: Scorer,
    key: StreamKey,
    state: StreamState,
    received: Sequence[Received],
    now: datetime,
    earlier: Earlier,
) -> _Admissions:
    letters: list[DeadLetter] = []
    orders: list[_Admitted] = []
    counts = dict.fromkeys(Admission, 0)
    recent = state.recent.copy()
    for one in received:
        try:
            order = _right(one.order)
            scorer.catalogue.check_currency(order)
        except OrderError as error:
            letters += blamed(key, state, one.event, error, now).dead_letters
            continue
        found = _verdict(recent, order, one.event, earlier)
        if found.admission is not Admission.STALE:
            recent.remember(found.use)
        counts[found.admission] += 1
        if found.admission is Admission.SCORE:
            orders.append(_Admitted(one.event, order, found))
    return _Admissions(tuple(orders), tuple(letters), counts, recent)


def _check_time(order: Order, event: OrderEvent) -> None:
    """Pass an order that is not dated far after it came: it would hold the stream's clock back."""
    if order.ordered_at - event.enqueued_at > MOST_AHEAD:
        message = (
            f"ordered_at is {time_text(order.ordered_at)}, expected at most a day after the order "
            f"arrived ({time_text(event.enqueued_at)})"
        )
        raise OrderError("bad_time", "ordered_at", message)


def _right(order: Order | OrderError) -> Order:
    if isinstance(order, OrderError):
        raise order
    return order


def _verdict(recent: RecentOrders, order: Order, event: OrderEvent, earlier: Earlier) -> Verdict:
    """What becomes of an order, by what the partition remembers and, where that may have been
    forgotten, by the alerts that the store has of its id.

    What this very event has left, in a run that came to no end, is no earlier order.
    """
    found = recent.judge(order)
    if found.admission is not Admission.SCORE or not recent.may_be_forgotten(order):
        return found
    place = (time_text(event.enqueued_at), event.sequence_number)
    before = [
        use
        for alert in earlier.get((order.rep_id, order.order_id), ())
        if (alert["event"]["enqueued_at"], alert["event"]["sequence_number"]) < place
        and (use := Use.of_alert(alert)) is not None
    ]
    return verdict(Use.of(order), [*before, *recent.of_id(found.use)])


def _judge_together(
    scorer: Scorer,
    key: StreamKey,
    state: StreamState,
    received: Sequence[Received],
    now: datetime,
    earlier: Earlier,
) -> Judgement:
    events = [one.event for one in received]
    admitted = _admit(scorer, key, state, received, now, earlier)
    before = caught_up(state.episode, events[0].enqueued_at, MOST_AHEAD)
    assessments, after = scorer.score_many(
        [one.order for one in admitted.orders],
        before,
        [one.alert_id for one in admitted.orders],
    )
    held, currency = dict(state.held), scorer.catalogue.currency
    scored: list[Scored] = []
    episodes: dict[str, PartitionEpisode] = {}
    revisited: list[Revisited] = []
    for one, found in zip(admitted.orders, assessments, strict=True):
        assessment = noted(found, one.verdict, currency)
        entry = enter(assessment, _document(key, one.event, assessment, now), held, currency)
        scored.append(
            Scored(one.event, assessment, one.verdict.use, entry.alert, assessment.belongs)
        )
        revisited += entry.revisited
        for episode in assessment.episodes:
            episodes[episode.opened_by] = PartitionEpisode(
                key.partition_id, one.event.sequence_number, episode, state.hubs
            )
    known = _episode_name(state.episode)
    incident = state.incident if known == _episode_name(after) else None
    known_incidents = {known: state.incident} if known and state.incident else {}
    state = replace(
        _moved(state, events),
        orders_scored=state.orders_scored + admitted.counts[Admission.SCORE],
        dead_lettered=state.dead_lettered + len(admitted.dead_letters),
        duplicates=state.duplicates + admitted.counts[Admission.DUPLICATE],
        stale=state.stale + admitted.counts[Admission.STALE],
        episode=after,
        held=still_held(held, after),
        recent=admitted.recent,
        incident=incident,
    )
    return Judgement(
        tuple(scored), admitted.dead_letters, state, episodes, tuple(revisited), currency,
        len(events), known_incidents,
    )  # fmt: skip


def _episode_name(state: EpisodeState) -> str | None:
    return None if state.episode is None else state.episode.opened_by


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


def _moved(state: StreamState, events: Sequence[OrderEvent]) -> StreamState:
    return replace(
        state,
        sequence_number=events[-1].sequence_number,
        # The latest: the hub's clock may step back a little, and what comes again is not new.
        enqueued_at=max(
            [one.enqueued_at for one in events]
            + ([] if state.enqueued_at is None else [state.enqueued_at])
        ),
        attempt=None,
        marks=marked(state.marks, [(one.sequence_number, one.enqueued_at) for one in events]),
    )
