"""Record what became of the events of a batch, for its log line and its metrics."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from functions import metrics
from functions.judgement import Scored
from functions.ports import Telemetry
from functions.writes import Written
from shared.order_event import OrderEvent
from shared.stream import StreamState
from shared.stream_key import StreamKey

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class BatchSummary:
    """The record of one batch: what became of the events that are committed."""

    events: int = 0
    skipped: int = 0
    scored: int = 0
    unpriced: int = 0  # scored orders with a product that the catalogue does not know
    duplicates: int = 0
    stale: int = 0
    dead_letters: Counter[str] = field(default_factory=Counter)  # by code
    alerts: int = 0
    known_alerts: int = 0  # written by an earlier try that did not get to its commit
    scoring_seconds: float = 0
    committed: list[Scored] = field(default_factory=list)
    belief: float | None = None  # in a running hidden discount, 0-1; None: nothing is committed

    def add(self, before: StreamState, written: Written) -> None:
        """Count one commit, which followed ``before``."""
        after = written.judgement.state
        self.scored += after.orders_scored - before.orders_scored
        self.unpriced += sum(
            any(finding.typology == "unknown_product" for finding in order.assessment.findings)
            for order in written.judgement.scored
        )
        self.committed += written.judgement.scored
        self.duplicates += after.duplicates - before.duplicates
        self.stale += after.stale - before.stale
        self.dead_letters.update(letter.code for letter in written.judgement.dead_letters)
        self.alerts += written.alerts
        self.known_alerts += written.known_alerts
        percents = after.episode.belief.chance_by_bp
        self.belief = max((chance for _, chance in percents), default=0.0)

    def log(self, key: StreamKey, seconds: float) -> None:
        """Log one line about the batch, without a word about any order."""
        dead = ", ".join(f"{code} {count}" for code, count in sorted(self.dead_letters.items()))
        logger.log(
            logging.WARNING if dead else logging.INFO,
            "%s: %d events in %.0f ms: %d scored, %d alerts (%d known), %d duplicates, %d stale, "
            "%d skipped; dead letters: %s",
            key,
            self.events,
            seconds * 1000,
            self.scored,
            self.alerts,
            self.known_alerts,
            self.duplicates,
            self.stale,
            self.skipped,
            dead or "none",
        )

    def measure(
        self, telemetry: Telemetry, key: StreamKey, events: Sequence[OrderEvent], now: datetime
    ) -> None:
        """Measure the batch even if it failed, because its events get older in any case."""
        telemetry.note(events=self.events, scored=self.scored, alerts=self.alerts)
        telemetry.measure(metrics.BATCH_SIZE, self.events)
        telemetry.measure(metrics.ORDERS_SCORED, self.scored)
        telemetry.measure(metrics.ORDERS_UNPRICED, self.unpriced)
        for code, count in self.dead_letters.items():
            telemetry.measure(metrics.DEAD_LETTERED, count, code)
        if self.scoring_seconds:
            telemetry.measure(metrics.SCORING_DURATION, self.scoring_seconds * 1000)
        for event, which in ((events[0], "oldest"), (events[-1], "last")):
            # The hub's clock and this machine's may differ by a little.
            age = max((now - event.enqueued_at).total_seconds(), 0.0)
            telemetry.measure(metrics.LAG, age, which)
        if self.belief is not None:
            telemetry.measure(metrics.BELIEF, self.belief, key.partition_id)
