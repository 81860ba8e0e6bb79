"""A world in memory for scoring: fake stores that fail or die, and a scorer that obeys."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from functions.alert_query import AlertQuery
from functions.metrics import Metric
from functions.scoring_context import Limits, ScoringContext
from shared.alert import revisited as with_incident
from shared.assessment import Assessment
from shared.catalogue import packaged_catalogue
from shared.charge_explanation import Explanation
from shared.dead_letter import DeadLetter
from shared.episodes import EpisodeState
from shared.errors import RefusedError, SheriffError, TransientError, WriteConflict
from shared.incidents import number_of
from shared.order import Order
from shared.order_event import OrderEvent
from shared.pending_alerts import Revisited
from shared.shadow import ShadowState, ShadowTotals
from shared.stream import StreamState
from shared.stream_key import StreamKey
from tests.orders import order_body

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = StreamKey("orders", "$Default", "0")


class Died(BaseException):
    """The process is gone: no handler of ours may run on."""


def event(sequence: int, body: bytes | None = None, **order: Any) -> OrderEvent:
    """An event that entered the hub ``sequence`` seconds after noon."""
    body = order_body(order_id=f"o-{sequence}", **order) if body is None else body
    return OrderEvent(body, sequence, NOON + timedelta(seconds=sequence), "Annie Corns", "12")


def order_event(sequence: int, order_id: str, revision: int = 0, **order: Any) -> OrderEvent:
    return event(sequence, order_body(order_id=order_id, revision=revision, **order))


class FakeScorer:
    """Scores as it is told.

    Args:
        alerts: ids of the orders that become alerts; None: all of them.
        bugs: ids of the orders on which it raises.
        kills: ids of the orders that end the process.
    """

    def __init__(
        self,
        *,
        alerts: Container[str] | None = None,
        bugs: Container[str] = (),
        kills: Container[str] = (),
    ) -> None:
        self.catalogue = packaged_catalogue()
        self.asked: list[list[str]] = []
        self.alerts, self.bugs, self.kills = alerts, bugs, kills

    def score_many(
        self, orders: Sequence[Order], episode: EpisodeState, names: Sequence[str] = ()
    ) -> tuple[list[Assessment], EpisodeState]:
        self.asked.append([order.order_id for order in orders])
        assessments = map(self._score, orders)
        return [
            replace(assessment, alert_id=name)
            for assessment, name in zip(assessments, names, strict=True)
        ], episode

    def _score(self, order: Order) -> Assessment:
        if order.order_id in self.bugs:
            raise ZeroDivisionError("a bug")
        if order.order_id in self.kills:
            raise Died
        alerted = self.alerts is None or order.order_id in self.alerts
        nothing = Explanation(0, 0, 0, (), 0.0, 0)
        return Assessment(
            order, 0.0, 0.0, 0.0, 0, (), (), nothing, {}, "m", "p", (), alerted
        )  # fmt: skip


@dataclass
class World:
    """Everything that outlives a process.

    ``on_write`` is told before and after every write. ``unreachable`` names kinds of documents, or
    single documents ("alert", "alert a.0"), that cannot be written now; ``refused`` names those
    that the store will never take. ``scorer`` serves wherever a test names no other.
    """

    alerts_by_id: dict[str, dict[str, Any]] = field(default_factory=dict)
    incidents_by_id: dict[str, tuple[dict[str, Any], int]] = field(default_factory=dict)
    letters: dict[tuple[str, int], DeadLetter] = field(default_factory=dict)
    states_by_key: dict[StreamKey, tuple[StreamState, int]] = field(default_factory=dict)
    shadows_by_id: dict[str, tuple[dict[str, Any], int]] = field(default_factory=dict)
    order_of_writes: list[str] = field(default_factory=list)
    on_write: Callable[[str], None] = lambda what: None
    unreachable: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    scorer: FakeScorer = field(default_factory=FakeScorer)
    now: datetime = NOON

    def later(self) -> World:
        """The same world once a batch's time has passed: whoever has not come back never will."""
        self.now += timedelta(minutes=1)
        return self

    def context(self, scorer: Any = None, **options: Any) -> ScoringContext:
        """A fresh process in this world."""

        async def read_scorer() -> Any:
            return scorer or self.scorer

        return ScoringContext(
            FakeAlerts(self),
            FakeIncidents(self),
            FakeStates(self),
            FakeDeadLetters(self),
            read_scorer,
            now=lambda: self.now,
            **options,
        )

    def write(self, what: str, act: Callable[[], Any]) -> Any:
        kind = what.split(maxsplit=1)[0]
        if kind in self.refused or what in self.refused:
            raise RefusedError(f"{kind}: 413 too large")
        if kind in self.unreachable or what in self.unreachable:
            raise TransientError(f"{kind}: unreachable")  # as our stores: no word of whose
        self.on_write(f"before {what}")
        outcome = act()
        self.order_of_writes.append(what)
        self.on_write(f"after {what}")
        return outcome

    def contents(self) -> dict[str, Any]:
        """All that is stored, comparable with another world's, where time may have passed."""
        at = ("scored_at", "revisited_at")
        return {
            "alerts": {
                name: alert | {field: None for field in at if field in alert}
                for name, alert in self.alerts_by_id.items()
            },
            "incidents": {name: document for name, (document, _) in self.incidents_by_id.items()},
            "letters": {
                place: (letter.code, letter.event) for place, letter in self.letters.items()
            },
            "states": {key: state for key, (state, _) in self.states_by_key.items()},
        }

    @property
    def state(self) -> StreamState:
        return self.states_by_key[KEY][0]


@dataclass
class FakeAlerts:
    world: World

    async def create(self, alert: dict[str, Any]) -> bool:
        alerts = self.world.alerts_by_id
        new = alert["id"] not in alerts
        stored = _within_the_limit(alert)
        self.world.write(f"alert {alert['id']}", lambda: alerts.setdefault(alert["id"], stored))
        return new

    async def supersede(
        self, rep_id: str, order_id: str, revision: int, successor: str, before: tuple[str, int]
    ) -> int:
        older = [
            alert
            for alert in await self.earlier(rep_id, order_id)
            if alert["revision"] < revision
            and (alert["event"]["enqueued_at"], alert["event"]["sequence_number"]) < before
        ]
        for alert in older:
            mark = partial(alert.setdefault, "superseded_by", successor)
            self.world.write(f"mark {alert['id']}", mark)
        return len(older)

    async def earlier(self, rep_id: str, order_id: str) -> list[dict[str, Any]]:
        return [
            alert
            for alert in self.world.alerts_by_id.values()
            if (alert["rep_id"], alert["order_id"]) == (rep_id, order_id)
        ]

    async def revisit(self, revisited: Revisited, incident_id: str, at: datetime) -> None:
        alert = self.world.alerts_by_id.get(revisited.alert_id)
        if alert is None or "revisited_at" in alert:
            return
        changed = with_incident(alert, revisited.finding, incident_id, at)
        self.world.write(f"revisit {revisited.alert_id}", lambda: alert.update(changed))


@dataclass
class FakeIncidents:
    world: World

    async def read(self, kind: str, incident_id: str) -> tuple[dict[str, Any], str] | None:
        found = self._stored().get(incident_id)
        return None if found is None else (found[0], str(found[1]))

    async def joinable(
        self, kind: str, percent: float, ended_since: str, seen_since: str
    ) -> list[tuple[dict[str, Any], str]]:
        return [
            (incident, str(version))
            for incident, version in self._stored().values()
            if incident["percent"] == percent
            and (
                incident["last_seen_at"] >= seen_since
                if incident["ended_at"] is None
                else incident["ended_at"] >= ended_since
            )
        ]

    async def highest(self, kind: str) -> int:
        return max([number_of(incident) for incident, _ in self._stored().values()], default=0)

    def _stored(self) -> dict[str, tuple[dict[str, Any], int]]:
        if "incident" in self.world.unreachable:
            raise TransientError("incident: unreachable")
        return self.world.incidents_by_id

    async def put(self, incident: dict[str, Any], version: str | None) -> None:
        def put() -> None:
            _, now = self.world.incidents_by_id.get(incident["id"], (None, None))
            if version != (None if now is None else str(now)):
                raise WriteConflict(incident["id"])
            stored = _within_the_limit(incident)
            self.world.incidents_by_id[incident["id"]] = (stored, (now or 0) + 1)

        self.world.write(f"incident {incident['id']}", put)


LARGEST_DOCUMENT = 2 * 1024 * 1024
"""Bytes of a document that Cosmos DB takes."""


def _within_the_limit(document: Any) -> Any:
    """The document as it is stored; the service refuses a larger one."""
    text = json.dumps(document)
    if len(text) > LARGEST_DOCUMENT:
        raise RefusedError(f"413: {len(text)} bytes")
    return json.loads(text)


@dataclass
class FakeDeadLetters:
    world: World

    async def add(self, letter: DeadLetter) -> None:
        place = (letter.key.partition_id, letter.event.sequence_number)
        letters = self.world.letters
        self.world.write(f"letter {place[1]}", lambda: letters.setdefault(place, letter))


@dataclass
class FakeShadows:
    world: World

    async def read(self, key: StreamKey, challenger: str) -> tuple[ShadowState, str | None]:
        if "shadow" in self.world.unreachable:
            raise TransientError("shadow: unreachable")
        found = self.world.shadows_by_id.get(f"{key}.{challenger}")
        if found is None:
            return ShadowState(ShadowTotals(challenger)), None
        return ShadowState.from_document(found[0]), str(found[1])

    async def write(self, key: StreamKey, state: ShadowState, version: str | None) -> None:
        name = f"{key}.{state.totals.version}"

        def put() -> None:
            _, now = self.world.shadows_by_id.get(name, (None, None))
            if version != (None if now is None else str(now)):
                raise WriteConflict(name)
            stored = json.loads(json.dumps(state.to_document()))
            self.world.shadows_by_id[name] = (stored, (now or 0) + 1)

        self.world.write("shadow", put)


@dataclass
class FakeStates:
    world: World

    async def read(self, key: StreamKey) -> tuple[StreamState, str | None]:
        if "state" in self.world.unreachable:
            raise TransientError("state: unreachable")
        if key not in self.world.states_by_key:
            return StreamState(), None
        state, version = self.world.states_by_key[key]
        return StreamState.from_document(state.to_document()), str(version)

    async def write(self, key: StreamKey, state: StreamState, version: str | None) -> str:
        def put() -> str:
            _, now = self.world.states_by_key.get(key, (None, None))
            if version != (None if now is None else str(now)):
                raise WriteConflict(str(key))
            _within_the_limit(state.to_document())
            self.world.states_by_key[key] = (state, (now or 0) + 1)
            return str((now or 0) + 1)

        written: str = self.world.write("state", put)
        return written


@dataclass
class FakeTelemetry:
    """Remembers what it was told; ``spans`` are the spans that have begun, by name."""

    figures: list[tuple[str, float, str]] = field(default_factory=list)
    spans: list[tuple[str, Any]] = field(default_factory=list)

    def batch(self, key: StreamKey, events: Sequence[OrderEvent]) -> AbstractContextManager[None]:
        self.spans.append(("batch", [event.traceparent for event in events]))
        return nullcontext()

    def note(self, **figures: int) -> None:
        self.spans.append(("note", figures))

    def alerted(self, trace_id: str, typology: str) -> None:
        self.spans.append(("alert", (trace_id, typology)))

    def measure(self, metric: Metric, value: float, label: str = "") -> None:
        assert (metric.label is None) == (label == "")
        self.figures.append((metric.name, value, label))

    def of(self, name: str) -> list[tuple[float, str]]:
        return [(value, label) for metric, value, label in self.figures if metric == name]

    def total(self, name: str) -> float:
        return sum(value for value, _ in self.of(name))


__all__ = [
    "KEY", "NOON", "Died", "FakeScorer", "FakeTelemetry", "Limits", "World", "event", "order_event",
]  # fmt: skip


@dataclass
class FakeReader:
    """Alerts to find, or a failure."""

    found: list[dict[str, Any]] = field(default_factory=list)
    failure: SheriffError | None = None

    async def find(self, query: AlertQuery) -> list[dict[str, Any]]:
        await self.latest()
        return self.found

    async def latest(self) -> str | None:
        if self.failure:
            raise self.failure
        return "2026-03-01T12:00:00.000000Z"
