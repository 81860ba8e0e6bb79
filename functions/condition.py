"""The condition of a process, as `/api/health` reports it. It never names an order.

In Azure, Flex Consumption scales each trigger by itself, so the instance that answers health is not
the one that scores, and knows nothing of this. There, a metric counts the fuses that blow, and
`functions.watch_hub` sees from outside which partitions stand still. On one machine one process
does all of it.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from functions.metrics import FUSE
from functions.ports import Telemetry
from functions.telemetry import SILENT
from shared.formats import shortened, time_text


@dataclass(frozen=True, slots=True)
class Fuse:
    """A fuse that holds a partition back: since when, and why it blew the last time."""

    since: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A partition whose batch is not committed: since when, and after how many tries."""

    since: datetime
    attempts: int


@dataclass
class Conditions:
    """The condition of a process since it has ``begun``, by partition id.

    Only the event loop's thread writes it.
    """

    telemetry: Telemetry = SILENT
    fuses: dict[str, Fuse] = field(default_factory=dict)
    standing_still: dict[str, Standing] = field(default_factory=dict)
    begun: datetime = field(default_factory=lambda: datetime.now(UTC))

    def note_fuse(self, partition_id: str, at: datetime, why: str) -> None:
        """Note that a whole batch was held back, because so many of its orders failed.

        ``why`` may hold nothing of an order, because health is open to anyone.
        """
        known = self.fuses.get(partition_id)
        self.fuses[partition_id] = Fuse(known.since if known else at, shortened(why))
        self.telemetry.measure(FUSE, 1)

    def failed(self, partition_id: str, at: datetime) -> None:
        """Note that a batch of the partition was not committed, once more in a row."""
        known = self.standing_still.get(partition_id, Standing(at, 0))
        self.standing_still[partition_id] = Standing(known.since, known.attempts + 1)

    def moving(self, partition_id: str) -> None:
        """Note that a batch of the partition was committed: nothing holds it back."""
        self.standing_still.pop(partition_id, None)
        self.fuses.pop(partition_id, None)

    @property
    def well(self) -> bool:
        """Whether no fuse holds a partition back. One failed try means nothing yet."""
        return not self.fuses

    def document(self) -> dict[str, Any]:
        """Return all of it, by partition, ready for JSON."""
        return {
            "fuses": {
                partition: {"since": time_text(fuse.since), "why": fuse.why}
                for partition, fuse in sorted(self.fuses.items())
            },
            "failing": {
                partition: {"since": time_text(standing.since), "attempts": standing.attempts}
                for partition, standing in sorted(self.standing_still.items())
            },
        }
