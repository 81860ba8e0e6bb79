"""Stores as Cosmos DB and Blob Storage are: versions, limits, refusals; and calls that go wrong.

What is stored outlives every process. A process reaches it by a line of its own, which is dead as
soon as the process is: then nothing that runs on in it can write.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any

from shared.alert import revisited as with_incident
from shared.dead_letter import DeadLetter, dead_letter_document
from shared.errors import NotThereError, RefusedError, TransientError, WriteConflict
from shared.pending_alerts import Revisited
from shared.stream import StreamState
from shared.stream_key import StreamKey
from tests.simulation import loop
from tests.simulation.faults import Plan

LARGEST = 2 * 1024 * 1024
"""Bytes of a document that Cosmos DB takes."""

LARGEST_ALERT = 24 * 1024
"""The same of the simulation's alerts, so that some orders are refused for good."""

GIVES_UP = 10.0
"""Seconds after which a client gives up a call that does not answer."""

type Document = dict[str, Any]


class Container:
    """Documents by name, each with a version that no other writing of it has.

    A document is kept as its text, so that nobody changes what is stored but by a write.
    """

    def __init__(self, largest: int = LARGEST) -> None:
        self._largest = largest
        self._texts: dict[str, tuple[str, str]] = {}
        self._versions = count(1)

    def read(self, name: str) -> tuple[Document, str] | None:
        """A document and its version."""
        found = self._texts.get(name)
        return None if found is None else (json.loads(found[0]), found[1])

    def all(self) -> Iterator[tuple[Document, str]]:
        """Every document with its version, the first written first."""
        for text, version in self._texts.values():
            yield json.loads(text), version

    def create(self, name: str, document: Document) -> str:
        """Write a document that is not there; WriteConflict (409) where it is."""
        if name in self._texts:
            self._encoded(document)
            raise WriteConflict(f"409: {name}")
        return self._write(name, document)

    def replace(self, name: str, document: Document, version: str) -> str:
        """Write a document anew; WriteConflict (412) where it is no longer that version."""
        found = self._texts.get(name)
        if found is None or found[1] != version:
            raise WriteConflict(f"412: {name}")
        return self._write(name, document)

    def patch(self, name: str, unless: str, change: Callable[[Document], Document]) -> None:
        """Change a document that is there and has no field ``unless``."""
        found = self.read(name)
        if found is not None and unless not in found[0]:
            self._write(name, change(found[0]))

    def _write(self, name: str, document: Document) -> str:
        version = str(next(self._versions))
        self._texts[name] = (self._encoded(document), version)
        return version

    def _encoded(self, document: Document) -> str:
        text = json.dumps(document)
        if len(text.encode()) > self._largest:
            raise RefusedError("413: request entity too large")
        return text


@dataclass
class Cloud:
    """All that is stored. ``letters`` are by partition and sequence number.

    ``suspected`` are the places of those that were to be kept as an order whose attempts vanished,
    whether or not a letter was there already.
    """

    alerts: Container = field(default_factory=lambda: Container(LARGEST_ALERT))
    incidents: Container = field(default_factory=Container)
    states: Container = field(default_factory=Container)
    letters: dict[tuple[str, int], Document] = field(default_factory=dict)
    suspected: set[tuple[str, int]] = field(default_factory=set)
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)

    def state(self, key: StreamKey) -> StreamState:
        """A partition's state; a new one where there is none."""
        found = self.states.read(str(key))
        return StreamState() if found is None else StreamState.from_document(found[0])

    def contents(self) -> Document:
        """All that is stored of orders, comparable with another cloud's."""
        return {
            "alerts": {_name(document): document for document, _ in self.alerts.all()},
            "incidents": {document["id"]: document for document, _ in self.incidents.all()},
            "states": {document["id"]: document for document, _ in self.states.all()},
            "letters": dict(self.letters),
        }


def _name(alert: Document) -> str:
    """An alert's id is its own within its rep's partition of the container only."""
    return f"{alert['rep_id']}/{alert['id']}"


class Weather:
    """What becomes of each call, and how often that was what; quiet where there is no plan."""

    def __init__(self, plan: Plan | None = None) -> None:
        self.plan = plan
        self.injected: Counter[str] = Counter()
        self._chance = random.Random(None if plan is None else f"weather {plan.seed}")

    def delay(self) -> float:
        """Seconds of one way of a call."""
        if self.plan is None:
            return 0.0
        return self._chance.uniform(0.001, 0.03)

    def fault(self, store: str, write: bool) -> tuple[str, float]:
        """What goes wrong with a call ("": nothing), and the seconds until its caller hears."""
        plan = self.plan
        if plan is None or loop.now() >= plan.until:
            return "", 0.0
        fault, seconds = self._drawn(plan, store, write)
        if fault:
            self.injected[fault] += 1
        return fault, seconds

    def _drawn(self, plan: Plan, store: str, write: bool) -> tuple[str, float]:
        for outage in plan.outages:
            if outage.store == store and outage.start <= loop.now() < outage.end:
                return "outage", outage.hangs
        hang = self._chance.uniform(0, GIVES_UP) if self._chance.random() < plan.hangs else 0.0
        drawn = self._chance.random()
        for fault, share in (
            ("failed", plan.fails),
            ("throttled", plan.throttles),
            ("answer lost", plan.loses / 2 if write else 0.0),
            ("landed late", plan.loses / 4 if write else 0.0),
            ("sent again", plan.loses / 4 if write else 0.0),
        ):
            drawn -= share
            if drawn < 0:
                return fault, hang
        return ("slow", hang) if hang else ("", 0.0)

    def dies(self) -> bool:
        """Whether a process dies at this moment."""
        plan = self.plan
        if plan is None or loop.now() >= plan.until or not plan.dies:
            return False
        return self._chance.random() < plan.dies

    def late(self) -> float:
        """Seconds after which a write lands whose caller has given up."""
        return self._chance.uniform(0, 5)


class Line:
    """A process's way to the stores: dead as soon as the process is."""

    def __init__(
        self,
        weather: Weather,
        die: Callable[[], None] = lambda: None,
        hunted: Callable[[], bool] = lambda: False,
    ) -> None:
        self.alive = True
        self._weather = weather
        self._die = die
        self._hunted = hunted

    async def call[T](self, store: str, act: Callable[[], T], *, write: bool = True) -> T:
        """Do something to a store, and go wrong as the plan has it.

        Raises: as what is done does, and TransientError.
        """
        fault, hang = self._weather.fault(store, write)
        await self._wait(self._weather.delay() + hang)
        if fault in {"failed", "throttled", "outage"}:
            raise TransientError(f"{store}: {fault}")
        if fault == "landed late":
            loop.start("cloud", _later(self._weather.late(), act))
            raise TransientError(f"{store}: no answer")
        outcome = act()
        if fault == "sent again":  # the client's own second try meets what its first one did
            outcome = act()
        await self._wait(self._weather.delay())
        if fault == "answer lost":
            raise TransientError(f"{store}: the answer was lost")
        return outcome

    async def _wait(self, seconds: float) -> None:
        self._moment()
        await loop.sleep(seconds)
        self._moment()

    def _moment(self) -> None:
        if self.alive and (self._weather.dies() or self._hunted()):
            self._die()
        if not self.alive:
            raise asyncio.CancelledError


async def _later(seconds: float, act: Callable[[], object]) -> None:
    await loop.sleep(seconds)
    try:
        act()
    except (WriteConflict, RefusedError):
        return  # nobody is there to hear


@dataclass(frozen=True, slots=True)
class Alerts:
    """Alerts (`functions.ports.AlertStore`)."""

    line: Line
    cloud: Cloud

    async def create(self, alert: Document) -> bool:
        """As the port's."""
        try:
            await self.line.call("alerts", lambda: self.cloud.alerts.create(_name(alert), alert))
        except WriteConflict:
            return False
        return True

    async def supersede(
        self, rep_id: str, order_id: str, revision: int, successor: str, before: tuple[str, int]
    ) -> int:
        """As the port's."""
        older = [
            alert
            for alert in await self._of(order_id)
            if alert["revision"] < revision
            and alert["rep_id"] == rep_id
            and "superseded_by" not in alert
            and (alert["event"]["enqueued_at"], alert["event"]["sequence_number"]) < before
        ]
        for alert in older:
            await self._patch(
                _name(alert), "superseded_by", lambda one: one | {"superseded_by": successor}
            )
        return len(older)

    async def earlier(self, rep_id: str, order_id: str) -> list[Document]:
        """As the port's."""
        return [alert for alert in await self._of(order_id) if alert["rep_id"] == rep_id]

    async def revisit(self, revisited: Revisited, incident_id: str, at: datetime) -> None:
        """As the port's."""
        await self._patch(
            f"{revisited.rep_id}/{revisited.alert_id}",
            "revisited_at",
            lambda alert: with_incident(alert, revisited.finding, incident_id, at),
        )

    async def _of(self, order_id: str) -> list[Document]:
        def found() -> list[Document]:
            return [one for one, _ in self.cloud.alerts.all() if one["order_id"] == order_id]

        return await self.line.call("alerts", found, write=False)

    async def _patch(self, name: str, unless: str, change: Callable[[Document], Document]) -> None:
        await self.line.call("alerts", partial(self.cloud.alerts.patch, name, unless, change))


@dataclass(frozen=True, slots=True)
class Incidents:
    """Incidents (`functions.ports.IncidentStore`)."""

    line: Line
    cloud: Cloud

    async def latest(self, kind: str) -> list[tuple[Document, str]]:
        """As the port's: the latest eight."""
        found = sorted(await self._of(kind), key=lambda one: str(one[0]["id"]), reverse=True)
        return found[:8]

    async def read(self, kind: str, name: str) -> tuple[Document, str] | None:
        """As the port's."""
        found = await self.line.call(
            "incidents", lambda: self.cloud.incidents.read(name), write=False
        )
        return found if found is not None and found[0]["kind"] == kind else None

    async def joinable(
        self, kind: str, percent: float, ended_since: str, seen_since: str
    ) -> list[tuple[Document, str]]:
        """As the port's."""
        return [
            (document, version)
            for document, version in await self._of(kind)
            if document["percent"] == percent
            and (
                document["last_seen_at"] >= seen_since
                if document["ended_at"] is None
                else document["ended_at"] >= ended_since
            )
        ]

    async def highest(self, kind: str) -> int:
        """As the port's."""
        names = [document["id"] for document, _ in await self._of(kind)]
        return max((int(name.rpartition("-")[2]) for name in names), default=0)

    async def put(self, incident: Document, version: str | None) -> None:
        """As the port's."""
        name, incidents = incident["id"], self.cloud.incidents
        if version is None:
            await self.line.call("incidents", lambda: incidents.create(name, incident))
            return
        await self.line.call("incidents", lambda: incidents.replace(name, incident, version))

    async def _of(self, kind: str) -> list[tuple[Document, str]]:
        def found() -> list[tuple[Document, str]]:
            return [one for one in self.cloud.incidents.all() if one[0]["kind"] == kind]

        return await self.line.call("incidents", found, write=False)


@dataclass(frozen=True, slots=True)
class States:
    """State documents (`functions.ports.StateStore`)."""

    line: Line
    cloud: Cloud

    async def read(self, key: StreamKey) -> tuple[StreamState, str | None]:
        """As the port's."""
        found = await self.line.call(
            "states", lambda: self.cloud.states.read(str(key)), write=False
        )
        if found is None:
            return StreamState(), None
        return StreamState.from_document(found[0]), found[1]

    async def write(self, key: StreamKey, state: StreamState, version: str | None) -> str:
        """As the port's."""
        name, states = str(key), self.cloud.states
        document = {"id": name, **state.to_document()}
        if version is None:
            return await self.line.call("states", lambda: states.create(name, document))
        return await self.line.call("states", lambda: states.replace(name, document, version))


@dataclass(frozen=True, slots=True)
class Letters:
    """Dead letters (`functions.ports.DeadLetterStore`)."""

    line: Line
    cloud: Cloud

    async def add(self, letter: DeadLetter) -> None:
        """As the port's."""
        place = (letter.key.partition_id, letter.event.sequence_number)
        document = dead_letter_document(letter)
        if letter.code == "attempts_vanished":
            self.cloud.suspected.add(place)
        await self.line.call("dead_letters", lambda: self.cloud.letters.setdefault(place, document))


@dataclass(frozen=True, slots=True)
class Files:
    """Files (`functions.ports.Files`)."""

    line: Line
    cloud: Cloud

    async def read(
        self, container: str, name: str, known: str | None = None
    ) -> tuple[bytes, str] | None:
        """As the port's."""
        found = await self.line.call(
            "files", lambda: self.cloud.files.get(f"{container}/{name}"), write=False
        )
        if found is None:
            raise NotThereError(f"{container}/{name}")
        return None if found[1] == known else found
