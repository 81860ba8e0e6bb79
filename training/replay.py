"""A file of orders through the scorer, as the function would have scored the stream.

Orders go to partitions by their rep, as Event Hubs sends them; each partition has its own memory
of recent orders and its own belief about a hidden discount. Nothing here reads a clock: an order
enters the hub, and is scored, when it was placed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.alert import EventPosition, alert_document, revisited
from shared.assessment import Assessment
from shared.docket import Revisited, concerns, enter, still_held
from shared.episodes import EpisodeState
from shared.errors import OrderError
from shared.incidents import PartitionRun, settle
from shared.notation import alert_id
from shared.order import Order, received_order
from shared.partitions import partition_for_key
from shared.scoring import Scorer
from shared.stream import Admission, RecentOrders
from training.orders_file import ReadLine

type _Alerted = dict[tuple[str, str], list[str]]
"""Alerts by order and rep: a revision takes the place of the same rep's, and of nobody else's."""


@dataclass(slots=True)
class _Partition:
    """What one partition knows; ``sequence`` is that of its next event."""

    number: int
    sequence: int = 0
    recent: RecentOrders = field(default_factory=RecentOrders)
    episode: EpisodeState = field(default_factory=EpisodeState)
    held: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class Replay:
    """Scores a stream; what did not become a score is counted.

    Attributes:
        dead_letters: orders set aside, by code.
        duplicates: orders that repeated a scored revision.
        stale: orders with a lower revision than the one scored.
        alerts: alert documents by id, in the order they were made.
        incidents: incident documents by id.
    """

    scorer: Scorer
    partitions: int = 1
    dead_letters: dict[str, int] = field(default_factory=dict)
    duplicates: int = 0
    stale: int = 0
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    incidents: dict[str, dict[str, Any]] = field(default_factory=dict)
    _incident_of: dict[str, str] = field(default_factory=dict)  # by the name of the run

    def run(self, lines: Iterable[ReadLine]) -> Iterator[Assessment]:
        """Score every order worth it, in time order (ties: file order)."""
        placed = self._in_time_order(lines)
        partitions = [_Partition(number) for number in range(self.partitions)]
        alerted: _Alerted = {}
        for order, body in placed:
            partition = partitions[partition_for_key(order.rep_id, self.partitions)]
            assessment = self._score(order, partition)
            if assessment is not None:
                self._note(assessment, body, partition, alerted)
                yield assessment
            partition.sequence += 1

    def _in_time_order(self, lines: Iterable[ReadLine]) -> list[tuple[Order, bytes]]:
        placed: list[tuple[Order, bytes]] = []
        for line in lines:
            if isinstance(line.order, OrderError):
                self._set_aside(line.order.code)
            else:
                placed.append((line.order, line.body))
        placed.sort(key=lambda pair: pair[0].ordered_at)
        return placed

    def _score(self, order: Order, partition: _Partition) -> Assessment | None:
        """The assessment of an order that is worth scoring; the partition remembers it."""
        admission = partition.recent.judge(order.order_id, order.revision)
        try:
            self.scorer.catalogue.check_currency(order)
            if admission is not Admission.SCORE:
                self.duplicates += admission is Admission.DUPLICATE
                self.stale += admission is Admission.STALE
                return None
            (assessment,), episode = self.scorer.score_many([order], partition.episode)
        except OrderError as error:
            self._set_aside(error.code)
            return None
        except Exception:  # noqa: BLE001 - whatever scoring does to one order, the rest goes on
            self._set_aside("scoring_failed")
            return None
        partition.episode = episode
        partition.recent.remember(order.order_id, order.revision)
        return assessment

    def _set_aside(self, code: str) -> None:
        self.dead_letters[code] = self.dead_letters.get(code, 0) + 1

    def _note(
        self,
        assessment: Assessment,
        body: bytes,
        partition: _Partition,
        alerted: _Alerted,
    ) -> None:
        """Keep what an order leads to: its alert, incidents, and what it says of orders before."""
        order = assessment.order
        own_id = alert_id(order.order_id, order.revision)
        for older in alerted.get((order.order_id, order.rep_id), ()):
            lower = self.alerts[older]["revision"] < order.revision
            if lower and "superseded_by" not in self.alerts[older]:
                self.alerts[older]["superseded_by"] = own_id
        document = _document(assessment, body, partition) if concerns(assessment) else None
        entry = enter(assessment, document, partition.held, self.scorer.catalogue.currency)
        partition.held = still_held(partition.held, partition.episode)
        for run in assessment.runs:
            self._settle(PartitionRun(str(partition.number), partition.sequence, run))
        if entry.alert is not None:
            self._keep(entry.alert, assessment.belongs, alerted)
        for revisit in entry.revisited:
            self._revisit(revisit, order.ordered_at, alerted)

    def _settle(self, part: PartitionRun) -> None:
        currency = self.scorer.catalogue.currency
        incident = settle(list(self.incidents.values()), part, currency)
        self.incidents[incident["id"]] = incident
        self._incident_of[part.run.opened_by] = incident["id"]

    def _keep(self, alert: dict[str, Any], run: str | None, alerted: _Alerted) -> None:
        if alert["id"] in self.alerts:
            return
        joined = {} if run is None else {"incident_id": self._incident_of[run]}
        self.alerts[alert["id"]] = alert | joined
        alerted.setdefault((alert["order_id"], alert["rep_id"]), []).append(alert["id"])

    def _revisit(self, one: Revisited, at: datetime, alerted: _Alerted) -> None:
        """Add the incident to the alert of an order before, and make it one where it was none."""
        if one.document is not None:
            self._keep(one.document, None, alerted)
        alert = self.alerts.get(one.alert_id)
        if alert is not None and "revisited_at" not in alert:
            incident_id = self._incident_of[one.run]
            self.alerts[one.alert_id] = revisited(alert, one.finding, incident_id, at)


def _document(assessment: Assessment, body: bytes, partition: _Partition) -> dict[str, Any]:
    """The alert document of an order that enters the hub, and is scored, when it was placed."""
    at = assessment.order.ordered_at
    return alert_document(
        assessment,
        received=received_order(body),
        position=EventPosition(str(partition.number), partition.sequence, at),
        scored_at=at,
    )
