"""Apply a judgement: incidents, alerts, dead letters. The caller commits the state after them.

Incidents come first because alerts name them; like all else, writing one again changes nothing.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import itemgetter
from typing import Any

from functions import metrics
from functions.judgement import Judgement, Scored, refused, refused_later
from functions.ports import (
    AlertStore,
    DeadLetter,
    DeadLetterStore,
    IncidentStore,
    RefusedError,
    StreamKey,
    Telemetry,
    WriteConflict,
)
from functions.telemetry import SILENT
from shared.alert import revisited
from shared.errors import TransientError
from shared.formats import time_text
from shared.incidents import PartitionEpisode, find_incident, joinable_since, seen_since, settle
from shared.pending_alerts import Revisited, is_of_another, reusing
from shared.typologies import DATA_QUALITY_TYPOLOGIES, HIDDEN_DISCOUNT

logger = logging.getLogger(__name__)

_CONFLICTS = 20
"""Every partition of the hub may write the same incident at once, and one of them gets its way."""


@dataclass(frozen=True, slots=True)
class Written:
    """A judgement whose alerts and dead letters are stored, less what a store refused, with a
    state that knows the incident of the latest run.

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
        incident_of = await self._settle(judgement, key)
        judgement = _with_incident(judgement, incident_of)
        alerted = [one for one in judgement.scored if one.alert is not None]
        created = await self._each(self._create, _in_incidents(alerted, incident_of))
        revisits = [(one, incident_of[one.episode], now) for one in judgement.revisited]
        joined = await self._each(self._revisit, revisits)
        revised = _revised(judgement.scored)
        marked = await self._each(self._supersede, revised)
        latest = [revisions[-1] for revisions in revised]
        outcomes = [*zip(alerted, created, strict=True), *zip(latest, marked, strict=True)]
        refusals = {
            one.event.sequence_number: str(outcome)
            for one, outcome in outcomes
            if isinstance(outcome, RefusedError)
        }
        if refusals:
            judgement = refused(judgement, key, refusals, now)
        unstored = [
            (one.document, str(outcome))
            for (one, _, _), outcome in zip(revisits, joined, strict=True)
            if isinstance(outcome, RefusedError) and one.document is not None
        ]
        if unstored:
            judgement = refused_later(judgement, key, unstored, now)
        kept = await self._each(self._keep, judgement.dead_letters)
        _raise_first([outcome for _, outcome in outcomes] + joined + kept, key)
        return Written(judgement, created.count(True) + joined.count(True), created.count(False))

    async def _keep(self, letter: DeadLetter) -> None:
        """Keep a dead letter. A store that refuses one has no place for any: the batch waits."""
        try:
            await self.dead_letters.add(letter)
        except RefusedError as error:
            logger.exception("a dead letter is refused: the batch comes again until it is kept")
            raise TransientError(str(error)) from error

    async def _settle(self, judgement: Judgement, key: StreamKey) -> dict[str, str]:
        """Write the runs that changed into their incidents; the incident of each run, by name."""
        known = judgement.known_incidents
        return {
            name: await self._settle_run(part, known.get(name), judgement.currency, key)
            for name, part in judgement.episodes.items()
        }

    async def _settle_run(
        self, part: PartitionEpisode, known: str | None, currency: str, key: StreamKey
    ) -> str:
        for _ in range(_CONFLICTS):
            found, highest = await self._incidents_of(part, known)
            incident = settle([document for document, _ in found], part, currency, highest)
            before, version = next(
                (one for one in found if one[0]["id"] == incident["id"]), (None, None)
            )
            if incident is before:  # nothing new: a later run of the partition is in it already
                return str(incident["id"])
            with contextlib.suppress(WriteConflict):  # another partition was first: join it
                await self._put(incident, version)
                _log_status(incident, before)
                if before is None:
                    self.telemetry.measure(metrics.INCIDENTS_OPENED, 1)
                return str(incident["id"])
        raise TransientError(f"{key}: the incident keeps changing")

    async def _put(self, incident: dict[str, Any], version: str | None) -> None:
        try:
            await self.incidents.put(incident, version)
        except RefusedError as error:  # it has a bound: no order is to blame
            logger.exception("an incident is refused: the batch comes again until it is taken")
            raise TransientError(str(error)) from error

    async def _incidents_of(
        self, part: PartitionEpisode, known: str | None
    ) -> tuple[list[tuple[dict[str, Any], str]], int]:
        """The incident of a run that is known, else all that it may join; and the highest number,
        which matters for a new one alone."""
        if known is not None:
            found = await self.incidents.read(HIDDEN_DISCOUNT, known)
            if found is not None and find_incident([found[0]], part) is not None:
                return [found], 0
        joinable = await self._joinable(part)
        if find_incident([document for document, _ in joinable], part) is not None:
            return joinable, 0
        # The number first: whoever opens one after that collides with it, and whoever has opened
        # one before is among those that are read now.
        highest = await self.incidents.highest(HIDDEN_DISCOUNT)
        return await self._joinable(part), highest

    async def _joinable(self, part: PartitionEpisode) -> list[tuple[dict[str, Any], str]]:
        return await self.incidents.joinable(
            HIDDEN_DISCOUNT,
            part.episode.discount_bp / 100,
            joinable_since(part.episode),
            seen_since(part.episode),
        )

    async def _create(self, one: Scored) -> bool:
        assert one.alert is not None
        return await self._written(one.alert)

    async def _revisit(self, revisit: tuple[Revisited, str, datetime]) -> bool:
        """Add the incident to an order's alert; whether that made it one."""
        one, incident_id, at = revisit
        if one.document is None:
            try:
                await self.alerts.revisit(one, incident_id, at)
            except RefusedError as error:  # its alert is there, and has room: the store is at fault
                raise TransientError(str(error)) from error
            return False
        return await self._written(revisited(one.document, one.finding, incident_id, at))

    async def _written(self, alert: dict[str, Any]) -> bool:
        """Whether the alert is new; said at once, for the next run will find it there.

        An alert of that id which is there is a run's that came to no end, or that of a different
        order, so long ago that the partition has forgotten it: then this one reuses its id.
        """
        new = await self.alerts.create(alert)
        if not new:
            stored = await self.alerts.earlier(alert["rep_id"], alert["order_id"])
            if any(one["id"] == alert["id"] and is_of_another(alert, one) for one in stored):
                alert = reusing(alert)
                new = await self.alerts.create(alert)
        if new:
            typology = likeliest_typology(alert)
            self.telemetry.measure(metrics.ALERTS, 1, typology)
            if "trace_id" in alert["event"]:  # not where it was held by an earlier version
                self.telemetry.alerted(alert["event"]["trace_id"], typology)
        return new

    async def _supersede(self, revisions: Sequence[Scored]) -> None:
        # In turn: the first higher revision marks an alert, wherever the batch is cut.
        for one in revisions:
            order, event = one.order, one.event
            place = (time_text(event.enqueued_at), event.sequence_number)
            await self.alerts.supersede(
                order.rep_id, order.order_id, order.revision, one.assessment.alert_id, place
            )

    async def _each[T](
        self, act: Callable[[T], Awaitable[Any]], items: Sequence[T]
    ) -> list[Any | BaseException]:
        """The outcome of every act, as a value or as what it raised."""
        turn = asyncio.Semaphore(self.at_once)

        async def in_turn(item: T) -> Any:
            async with turn:
                return await act(item)

        return await asyncio.gather(*map(in_turn, items), return_exceptions=True)


def likeliest_typology(alert: Mapping[str, Any]) -> str:
    """That of the likeliest finding, so that an alert counts once; ``none`` where there is none."""
    findings = [
        found for found in alert["findings"] if found["typology"] not in DATA_QUALITY_TYPOLOGIES
    ]
    likeliest = max(findings, key=itemgetter("probability"), default={"typology": "none"})
    return str(likeliest["typology"])


def _log_status(incident: Mapping[str, Any], before: Mapping[str, Any] | None) -> None:
    """One line when an incident opens or closes, without a word about any order or person."""
    if before is None or before["status"] != incident["status"]:
        logger.warning(
            "incident %s is %s: %g %%, %d orders",
            incident["id"],
            incident["status"],
            incident["percent"],
            incident["orders_affected"],
        )


def _with_incident(judgement: Judgement, incident_of: Mapping[str, str]) -> Judgement:
    """The judgement whose state names the incident of the run that is open."""
    episode = judgement.state.episode.episode
    if episode is None or episode.opened_by not in incident_of:
        return judgement
    state = replace(judgement.state, incident=incident_of[episode.opened_by])
    return replace(judgement, state=state)


def _in_incidents(alerted: Sequence[Scored], incident_of: Mapping[str, str]) -> list[Scored]:
    """The orders with the incident that each belongs to, if it does, in its alert."""
    return [
        one
        if one.episode is None or one.alert is None
        else replace(one, alert=one.alert | {"incident_id": incident_of[one.episode]})
        for one in alerted
    ]


def _revised(scored: Sequence[Scored]) -> list[list[Scored]]:
    """Every order that is a later revision, by rep and order id, in order of arrival.

    Whether an earlier one was seen does not matter: it may be older than what is remembered.
    """
    by_order: dict[tuple[str, str], list[Scored]] = {}
    for one in scored:
        if one.order.revision > 0:
            by_order.setdefault((one.order.rep_id, one.order.order_id), []).append(one)
    return list(by_order.values())


def _raise_first(outcomes: Sequence[Any], key: StreamKey) -> None:
    """Raise what no refusal explains: a bug or a cancellation as it is, else one TransientError.

    What was refused is a dead letter by now.
    """
    errors = [one for one in outcomes if isinstance(one, BaseException)]
    failures = [one for one in errors if isinstance(one, TransientError)]
    for error in errors:
        if not isinstance(error, TransientError | RefusedError):
            raise error
    if failures:
        raise TransientError(f"{key}: {len(failures)} writes failed, as: {failures[0]}")
