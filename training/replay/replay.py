"""Replays a stream of orders through the scorer, with all that the function makes of it.

Orders go to partitions by their rep, as Event Hubs sends them. Each partition has its own memory
of recent orders and its own belief about a hidden discount. The clock is not read: an order enters
the hub, and is scored, when it was placed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.alert import EventPosition, alert_document, revisited
from shared.assessment import Assessment
from shared.episodes import EpisodeState
from shared.errors import OrderError
from shared.formats import alert_id
from shared.incidents import PartitionEpisode, number_of, settle
from shared.order import Order, received_order
from shared.partitions import partition_for_key
from shared.pending_alerts import (
    Revisited,
    concerns,
    decide,
    is_of_another,
    noted,
    reusing,
    still_pending,
)
from shared.scoring import Scorer
from shared.uses import Admission, RecentOrders, Use, Verdict, contents_name, verdict
from training.history.files import ReadLine


@dataclass(slots=True)
class _Partition:
    """The memory of one partition; ``sequence`` is the number of its next event."""

    number: int
    sequence: int = 0
    recent: RecentOrders = field(default_factory=RecentOrders)
    episode: EpisodeState = field(default_factory=EpisodeState)
    held: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class Replay:
    """Scores a stream, and counts the orders that get no score.

    Attributes:
        dead_letters: orders set aside, by code.
        duplicates: orders that repeated a scored revision.
        stale: orders with a lower revision than a scored one.
        alerts: alert documents by rep and id, in the order in which they were made.
        incidents: incident documents by id.
    """

    scorer: Scorer
    partitions: int = 1
    dead_letters: dict[str, int] = field(default_factory=dict)
    duplicates: int = 0
    stale: int = 0
    alerts: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    incidents: dict[str, dict[str, Any]] = field(default_factory=dict)
    _incident_of: dict[str, str] = field(default_factory=dict)  # by the name of the episode
    _alerts_of: dict[tuple[str, str], list[tuple[str, str]]] = field(default_factory=dict)

    def run(self, lines: Iterable[ReadLine]) -> Iterator[Assessment]:
        """Score every order that is to be scored, in time order (ties: file order)."""
        placed = self._in_time_order(lines)
        partitions = [_Partition(number) for number in range(self.partitions)]
        for order, body in placed:
            partition = partitions[partition_for_key(order.rep_id, self.partitions)]
            assessment = self._score(order, partition)
            if assessment is not None:
                self._note(assessment, body, partition)
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
        """Score an order, and let the partition remember it; None where it gets no score."""
        admitted = self._verdict(order, partition)
        contents = contents_name(admitted.use) if admitted.reused else ""
        name = alert_id(order.order_id, order.revision, contents)
        try:
            self.scorer.catalogue.check_currency(order)
            if admitted.admission is not Admission.SCORE:
                if admitted.admission is Admission.DUPLICATE:
                    partition.recent.remember(admitted.use)
                self.duplicates += admitted.admission is Admission.DUPLICATE
                self.stale += admitted.admission is Admission.STALE
                return None
            (assessment,), episode = self.scorer.score_many([order], partition.episode, [name])
        except OrderError as error:
            self._set_aside(error.code)
            return None
        except Exception:  # noqa: BLE001 - a bug on this order must not stop the others
            self._set_aside("scoring_failed")
            return None
        partition.episode = episode
        partition.recent.remember(admitted.use)
        return noted(assessment, admitted, self.scorer.catalogue.currency)

    def _verdict(self, order: Order, partition: _Partition) -> Verdict:
        """Return whether an order is to be scored.

        An order that the partition may have forgotten is looked up among the alerts, as the
        function does it.
        """
        remembered = partition.recent.judge(order)
        new = remembered.admission is Admission.SCORE
        if not new or not partition.recent.may_be_forgotten(order):
            return remembered
        stored = self._alerts_of.get((order.rep_id, order.order_id), ())
        uses = (Use.of_alert(self.alerts[name]) for name in stored)
        before = [use for use in uses if use is not None]
        return verdict(Use.of(order), [*before, *partition.recent.of_id(remembered.use)])

    def _set_aside(self, code: str) -> None:
        self.dead_letters[code] = self.dead_letters.get(code, 0) + 1

    def _note(self, assessment: Assessment, body: bytes, partition: _Partition) -> None:
        """Keep what an order leads to: its alert, its incidents, and revisits of earlier orders."""
        order = assessment.order
        for older in self._alerts_of.get((order.rep_id, order.order_id), ()):
            lower = self.alerts[older]["revision"] < order.revision
            if lower and "superseded_by" not in self.alerts[older]:
                self.alerts[older]["superseded_by"] = assessment.alert_id
        document = _document(assessment, body, partition) if concerns(assessment) else None
        outcome = decide(assessment, document, partition.held, self.scorer.catalogue.currency)
        partition.held = still_pending(outcome.pending, partition.episode)
        for episode in assessment.episodes:
            self._settle(PartitionEpisode(str(partition.number), partition.sequence, episode))
        if outcome.alert is not None:
            self._keep(outcome.alert, assessment.belongs)
        for revisit in outcome.revisited:
            self._revisit(revisit, order.ordered_at)

    def _settle(self, part: PartitionEpisode) -> None:
        currency = self.scorer.catalogue.currency
        highest = max(map(number_of, self.incidents.values()), default=0)
        incident = settle(list(self.incidents.values()), part, currency, highest)
        self.incidents[incident["id"]] = incident
        self._incident_of[part.episode.opened_by] = incident["id"]

    def _keep(self, alert: dict[str, Any], episode: str | None) -> None:
        if self._is_anothers(alert):
            alert = reusing(alert)
        name = (alert["rep_id"], alert["id"])
        if name in self.alerts:
            return
        joined = {} if episode is None else {"incident_id": self._incident_of[episode]}
        self.alerts[name] = alert | joined
        self._alerts_of.setdefault((alert["rep_id"], alert["order_id"]), []).append(name)

    def _is_anothers(self, alert: dict[str, Any]) -> bool:
        """Return whether a different, long forgotten order has an alert of this id."""
        known = self.alerts.get((alert["rep_id"], alert["id"]))
        return known is not None and is_of_another(alert, known)

    def _revisit(self, revisit: Revisited, at: datetime) -> None:
        """Add the incident to the alert of an earlier order, which may become an alert now."""
        if revisit.document is not None:
            self._keep(revisit.document, None)
        name = (revisit.rep_id, revisit.alert_id)
        alert = self.alerts.get(name)
        if alert is not None and "revisited_at" not in alert:
            incident_id = self._incident_of[revisit.episode]
            self.alerts[name] = revisited(alert, revisit.finding, incident_id, at)


def _document(assessment: Assessment, body: bytes, partition: _Partition) -> dict[str, Any]:
    """Return the alert document of an order that is scored when it was placed."""
    at = assessment.order.ordered_at
    return alert_document(
        assessment,
        received=received_order(body),
        position=EventPosition(str(partition.number), partition.sequence, at),
        scored_at=at,
    )
