"""Apply a judgement: incidents, alerts, dead letters. The caller commits the state after them.

Incidents come first because alerts name them. Writing any of it again changes nothing.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import itemgetter
from typing import Any

from functions import metrics
from functions.incident_writes import IncidentWriter
from functions.judgement import Judgement, Scored
from functions.ports import AlertStore, DeadLetterStore, IncidentStore, Telemetry
from functions.refusals import Refusal, pending_refusal, refused
from functions.telemetry import SILENT
from shared.alert import revisited
from shared.dead_letter import DeadLetter
from shared.errors import RefusedError, TransientError
from shared.formats import time_text
from shared.pending_alerts import Revisited, is_of_another, reusing
from shared.stream_key import StreamKey
from shared.typologies import DATA_QUALITY_TYPOLOGIES

logger = logging.getLogger(__name__)

type Outcome = Any | BaseException
"""The value that a write returned, or the error that it raised."""


@dataclass(frozen=True, slots=True)
class Written:
    """A judgement that is stored, but for its state; what a store refused is a dead letter now.

    ``alerts`` of its alerts are new, ``known_alerts`` were there already.
    """

    judgement: Judgement
    alerts: int
    known_alerts: int


@dataclass(frozen=True, slots=True)
class Writer:
    """The stores a judgement goes to, and how many writes may be under way at once."""

    alerts: AlertStore
    incidents: IncidentStore
    dead_letters: DeadLetterStore
    at_once: int
    telemetry: Telemetry = SILENT

    async def write(self, key: StreamKey, judgement: Judgement, now: datetime) -> Written:
        """Write all that can be written; an order whose alert is refused becomes a dead letter.

        Older revisions are marked only after every alert of the judgement is there, because one
        of them may be the older one.

        Raises:
            TransientError: something is left to do, everything else is done.
        """
        incidents = IncidentWriter(self.incidents, self.telemetry)
        incident_of = await incidents.write(judgement, key)
        judgement = _with_incidents(judgement, incident_of)
        alerted = [order for order in judgement.scored if order.alert is not None]
        created = await self._each(self._create, alerted)
        revisits = [_revisit(order, incident_of, now) for order in judgement.revisited]
        joined = await self._each(self._revisit, revisits)
        revised = _revised(judgement.scored)
        marked = await self._each(self._supersede, revised)
        latest = [revisions[-1] for revisions in revised]
        refusals = [
            *_refusals([*alerted, *latest], [*created, *marked]),
            *_pending_refusals(revisits, joined),
        ]
        judgement = refused(judgement, key, refusals, now)
        kept = await self._each(self._keep, judgement.dead_letters)
        _raise_first([*created, *marked, *joined, *kept], key)
        return Written(judgement, created.count(True) + joined.count(True), created.count(False))

    async def _keep(self, letter: DeadLetter) -> None:
        """Keep a dead letter. A store that refuses it refuses any other: the batch waits."""
        try:
            await self.dead_letters.add(letter)
        except RefusedError as error:
            logger.exception("a dead letter is refused: the batch comes again until it is kept")
            raise TransientError(str(error)) from error

    async def _create(self, order: Scored) -> bool:
        assert order.alert is not None
        return await self._write_alert(order.alert)

    async def _revisit(self, revisit: "_Revisit") -> bool:
        """Add the incident to an earlier order's alert; return whether that made a new alert."""
        if revisit.alert is not None:
            return await self._write_alert(revisit.alert)
        try:
            await self.alerts.revisit(revisit.order, revisit.incident_id, revisit.at)
        except RefusedError as error:  # its alert is there, and has room: the store is at fault
            raise TransientError(str(error)) from error
        return False

    async def _write_alert(self, alert: dict[str, Any]) -> bool:
        """Write an alert, and return whether it is new.

        A new alert is measured at once, because after a failure it is there and not new any more.
        An alert may be there because an earlier try wrote it. Or it may belong to a different
        order that the partition has forgotten: then this order reuses that order's id.
        """
        new = await self.alerts.create(alert)
        if not new:
            stored = await self.alerts.earlier(alert["rep_id"], alert["order_id"])
            if any(other["id"] == alert["id"] and is_of_another(alert, other) for other in stored):
                alert = reusing(alert)
                new = await self.alerts.create(alert)
        if new:
            typology = likeliest_typology(alert)
            self.telemetry.measure(metrics.ALERTS, 1, typology)
            if "trace_id" in alert["event"]:  # an earlier version's pending alert has none
                self.telemetry.alerted(alert["event"]["trace_id"], typology)
        return new

    async def _supersede(self, revisions: Sequence[Scored]) -> None:
        # One after the other: so the first higher revision marks an alert, however batches are cut.
        for revision in revisions:
            order, event = revision.order, revision.event
            place = (time_text(event.enqueued_at), event.sequence_number)
            successor = revision.assessment.alert_id
            await self.alerts.supersede(
                order.rep_id, order.order_id, order.revision, successor, place
            )

    async def _each[T](
        self, act: Callable[[T], Awaitable[Any]], items: Sequence[T]
    ) -> list[Outcome]:
        """Act on every item; return every outcome."""
        turn = asyncio.Semaphore(self.at_once)

        async def in_turn(item: T) -> Any:
            async with turn:
                return await act(item)

        return await asyncio.gather(*map(in_turn, items), return_exceptions=True)


def likeliest_typology(alert: Mapping[str, Any]) -> str:
    """Return the typology of an alert's likeliest finding, so that the alert counts once.

    Findings about data quality do not count; ``none`` where there is no other.
    """
    findings = [
        finding
        for finding in alert["findings"]
        if finding["typology"] not in DATA_QUALITY_TYPOLOGIES
    ]
    likeliest = max(findings, key=itemgetter("probability"), default={"typology": "none"})
    return str(likeliest["typology"])


def _with_incidents(judgement: Judgement, incident_of: Mapping[str, str]) -> Judgement:
    """Return the judgement whose alerts, and whose state, name the incidents of their episodes."""
    scored = tuple(
        order
        if order.episode is None or order.alert is None
        else replace(order, alert=order.alert | {"incident_id": incident_of[order.episode]})
        for order in judgement.scored
    )
    state, episode = judgement.state, judgement.state.episode.episode
    if episode is not None and episode.opened_by in incident_of:
        state = replace(state, incident=incident_of[episode.opened_by])
    return replace(judgement, scored=scored, state=state)


@dataclass(frozen=True, slots=True)
class _Revisit:
    """An earlier order that joins an incident; ``alert`` is its alert, where it had none."""

    order: Revisited
    incident_id: str
    at: datetime
    alert: dict[str, Any] | None


def _revisit(order: Revisited, incident_of: Mapping[str, str], now: datetime) -> _Revisit:
    incident_id = incident_of[order.episode]
    alert = (
        None
        if order.document is None
        else revisited(order.document, order.finding, incident_id, now)
    )
    return _Revisit(order, incident_id, now, alert)


def _revised(scored: Sequence[Scored]) -> list[list[Scored]]:
    """Return the later revisions of each order that has any, in order of arrival.

    Whether an earlier one was seen does not matter: it may be older than what is remembered.
    """
    by_order: dict[tuple[str, str], list[Scored]] = {}
    for scored_order in scored:
        order = scored_order.order
        if order.revision > 0:
            by_order.setdefault((order.rep_id, order.order_id), []).append(scored_order)
    return list(by_order.values())


def _refusals(orders: Iterable[Scored], outcomes: Iterable[Outcome]) -> list[Refusal]:
    """Return the orders, each once, whose alert or mark the store refused."""
    refusals = {
        order.event: Refusal(order.event, order.use, str(outcome))
        for order, outcome in zip(orders, outcomes, strict=True)
        if isinstance(outcome, RefusedError)
    }
    return list(refusals.values())


def _pending_refusals(revisits: Iterable[_Revisit], outcomes: Iterable[Outcome]) -> list[Refusal]:
    return [
        pending_refusal(revisit.order.document, str(outcome))
        for revisit, outcome in zip(revisits, outcomes, strict=True)
        if isinstance(outcome, RefusedError) and revisit.order.document is not None
    ]


def _raise_first(outcomes: Sequence[Outcome], key: StreamKey) -> None:
    """Raise a bug or a cancellation as it is, or one TransientError for all passing failures.

    A refusal raises nothing, because it is a dead letter by now.
    """
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    failures = [error for error in errors if isinstance(error, TransientError)]
    for error in errors:
        if not isinstance(error, TransientError | RefusedError):
            raise error
    if failures:
        raise TransientError(f"{key}: {len(failures)} writes failed, as: {failures[0]}")
