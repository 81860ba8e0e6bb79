"""Decide what becomes of a partition's events: pure, and independent of the cut into batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from functions.admission import Admissions, AdmittedOrder, admit, dead_letter
from functions.batch import MOST_AHEAD, Batch, OrderName
from functions.trace_context import trace_id
from shared.alert import EventPosition, alert_document
from shared.assessment import Assessment
from shared.dead_letter import DeadLetter
from shared.episodes import EpisodeState, caught_up
from shared.errors import OrderError
from shared.incidents import PartitionEpisode
from shared.order import Order, received_order
from shared.order_event import OrderEvent
from shared.pending_alerts import PendingAlerts, Revisited, concerns, decide, noted, still_pending
from shared.stream import StreamState, marked
from shared.uses import Admission, Use


@dataclass(frozen=True, slots=True)
class Scored:
    """An order that was scored; its alert, if it is one, waits to be written."""

    event: OrderEvent
    assessment: Assessment
    use: Use
    alert: dict[str, Any] | None

    @property
    def order(self) -> Order:
        """The order."""
        return self.assessment.order

    @property
    def episode(self) -> str | None:
        """Name of the episode that the order belongs to, if it does."""
        return self.assessment.belongs


@dataclass(frozen=True, slots=True)
class Judgement:
    """The documents to write for some events, and the state that says they are done.

    Attributes:
        scored: the orders that were scored, in their order of arrival.
        dead_letters: the events to set aside.
        state: the state once all of it is written.
        events: how many events these were.
        episodes: the episodes that changed, as they are in the end, by name.
        revisited: earlier orders that now belong to one of them.
        currency: of the episodes' amounts.
        known_incidents: ids of the incidents that episodes were known to belong to, by name.
        failed: the orders set aside because scoring failed, each once with its revisions.
    """

    scored: tuple[Scored, ...]
    dead_letters: tuple[DeadLetter, ...]
    state: StreamState
    events: int
    episodes: Mapping[str, PartitionEpisode] = field(default_factory=dict)
    revisited: tuple[Revisited, ...] = ()
    currency: str = ""
    known_incidents: Mapping[str, str] = field(default_factory=dict)
    failed: frozenset[OrderName] = frozenset()

    def then(self, later: "Judgement") -> "Judgement":
        """Return this judgement, followed by the judgement of the events right after."""
        return Judgement(
            scored=self.scored + later.scored,
            dead_letters=self.dead_letters + later.dead_letters,
            state=later.state,
            events=self.events + later.events,
            episodes={**self.episodes, **later.episodes},
            revisited=self.revisited + later.revisited,
            currency=self.currency or later.currency,
            known_incidents={**self.known_incidents, **later.known_incidents},
            failed=self.failed | later.failed,
        )


def judge(batch: Batch) -> Judgement:
    """Admit and score the events of a batch.

    An error in one order never touches the others. If scoring them together fails, they are scored
    one by one, and an order that fails again is set aside.
    """
    try:
        return _judge_together(batch)
    except Exception as error:  # noqa: BLE001 - a bug in scoring one order does not stop the rest
        if len(batch.events) == 1:
            return blamed(batch, error)
    first, *rest = batch.events
    judgement = judge(batch.only(first, batch.state))
    for received in rest:
        judgement = judgement.then(judge(batch.only(received, judgement.state)))
    return judgement


def blamed(batch: Batch, error: Exception) -> Judgement:
    """Return the judgement that the one event of a batch is set aside for an error."""
    (received,) = batch.events
    state = _moved(batch.state, [received.event])
    return Judgement(
        scored=(),
        dead_letters=(dead_letter(batch, received.event, error),),
        state=replace(state, dead_lettered=state.dead_lettered + 1),
        events=1,
        failed=frozenset() if isinstance(error, OrderError) else frozenset({received.name}),
    )


def _judge_together(batch: Batch) -> Judgement:
    admissions = admit(batch)
    assessments, episode = _assess(batch, admissions.orders)
    scored, revisited, pending = _outcomes(batch, admissions.orders, assessments)
    return Judgement(
        scored=scored,
        dead_letters=admissions.dead_letters,
        state=_state_after(batch, admissions, episode, pending),
        events=len(batch.events),
        episodes=_changed_episodes(batch, scored),
        revisited=revisited,
        currency=batch.scorer.catalogue.currency,
        known_incidents=_known_incidents(batch.state),
    )


def _assess(batch: Batch, orders: Sequence[AdmittedOrder]) -> tuple[list[Assessment], EpisodeState]:
    """Score the orders; each assessment also says what the order's id tells."""
    catalogue = batch.scorer.catalogue
    assessments, episode = batch.scorer.score_many(
        [admitted.order for admitted in orders],
        caught_up(batch.state.episode, batch.events[0].event.enqueued_at, MOST_AHEAD),
        [admitted.alert_id for admitted in orders],
    )
    with_verdicts = [
        noted(assessment, admitted.verdict, catalogue.currency)
        for admitted, assessment in zip(orders, assessments, strict=True)
    ]
    return with_verdicts, episode


def _outcomes(
    batch: Batch, orders: Sequence[AdmittedOrder], assessments: Sequence[Assessment]
) -> tuple[tuple[Scored, ...], tuple[Revisited, ...], PendingAlerts]:
    """Decide order by order: its alert, the earlier orders to revisit, and what stays pending."""
    scored: list[Scored] = []
    revisited: list[Revisited] = []
    pending: PendingAlerts = batch.state.held
    for admitted, assessment in zip(orders, assessments, strict=True):
        document = _document(batch, admitted.event, assessment)
        outcome = decide(assessment, document, pending, batch.scorer.catalogue.currency)
        scored.append(Scored(admitted.event, assessment, admitted.verdict.use, outcome.alert))
        revisited += outcome.revisited
        pending = outcome.pending
    return tuple(scored), tuple(revisited), pending


def _document(batch: Batch, event: OrderEvent, assessment: Assessment) -> dict[str, Any] | None:
    """Return the order's alert document; None for the many orders that need none."""
    if not concerns(assessment):
        return None
    return alert_document(
        assessment,
        received=received_order(event.body),
        position=EventPosition(
            batch.key.partition_id,
            event.sequence_number,
            event.enqueued_at,
            trace_id(batch.key, event),
        ),
        scored_at=batch.now,
    )


def _changed_episodes(batch: Batch, scored: Sequence[Scored]) -> dict[str, PartitionEpisode]:
    return {
        episode.opened_by: PartitionEpisode(
            batch.key.partition_id, order.event.sequence_number, episode, batch.state.hubs
        )
        for order in scored
        for episode in order.assessment.episodes
    }


def _known_incidents(state: StreamState) -> dict[str, str]:
    name = _open_episode(state.episode)
    return {name: state.incident} if name and state.incident else {}


def _open_episode(state: EpisodeState) -> str | None:
    return None if state.episode is None else state.episode.opened_by


def _state_after(
    batch: Batch, admissions: Admissions, episode: EpisodeState, pending: PendingAlerts
) -> StreamState:
    before = batch.state
    same_episode = _open_episode(before.episode) == _open_episode(episode)
    return replace(
        _moved(before, [received.event for received in batch.events]),
        orders_scored=before.orders_scored + admissions.counts[Admission.SCORE],
        dead_lettered=before.dead_lettered + len(admissions.dead_letters),
        duplicates=before.duplicates + admissions.counts[Admission.DUPLICATE],
        stale=before.stale + admissions.counts[Admission.STALE],
        episode=episode,
        held=still_pending(pending, episode),
        recent=admissions.recent,
        incident=before.incident if same_episode else None,
    )


def _moved(state: StreamState, events: Sequence[OrderEvent]) -> StreamState:
    """Return the state at the position after these events."""
    times = [event.enqueued_at for event in events]
    if state.enqueued_at is not None:
        times.append(state.enqueued_at)
    return replace(
        state,
        sequence_number=events[-1].sequence_number,
        # Take the latest time: the hub's clock may step back a little, and events that come again
        # are not new.
        enqueued_at=max(times),
        attempt=None,
        marks=marked(state.marks, [(event.sequence_number, event.enqueued_at) for event in events]),
    )
