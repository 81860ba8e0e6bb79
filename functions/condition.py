"""What this process knows of its own condition, for `/api/health` to tell: nothing of any order.

In Azure health is answered by another instance than the one that scores (Flex Consumption scales
each trigger by itself), which knows nothing of it: there the fuse's figure tells, and what stands
still is seen from outside (`functions.watch_hub`). On one machine it is the same process.
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
    """The fuse of a partition: held back since when, and why the last time."""

    since: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A partition whose batch does not get committed: since when, after how many runs."""

    since: datetime
    attempts: int


@dataclass
class Conditions:
    """One a process, since it has ``begun``; written by the event loop's thread only. A partition
    is known by its id."""

    telemetry: Telemetry = SILENT
    fuses: dict[str, Fuse] = field(default_factory=dict)
    standing_still: dict[str, Standing] = field(default_factory=dict)
    begun: datetime = field(default_factory=lambda: datetime.now(UTC))

    def note_fuse(self, partition_id: str, at: datetime, why: str) -> None:
        """A batch was held back whole: so much of it failed that the fault is ours.

        ``why`` names errors by type and number; it may hold nothing of an order, for health is
        open to anyone.
        """
        known = self.fuses.get(partition_id)
        self.fuses[partition_id] = Fuse(known.since if known else at, shortened(why))
        self.telemetry.measure(FUSE, 1)

    def failed(self, partition_id: str, at: datetime) -> None:
        """A batch of the partition was not committed, once more in a row."""
        known = self.standing_still.get(partition_id, Standing(at, 0))
        self.standing_still[partition_id] = Standing(known.since, known.attempts + 1)

    def moving(self, partition_id: str) -> None:
        """A batch of the partition was committed: nothing holds it back."""
        self.standing_still.pop(partition_id, None)
        self.fuses.pop(partition_id, None)

    @property
    def well(self) -> bool:
        """Whether no fuse holds a partition back. One failed run is no condition yet."""
        return not self.fuses

    def document(self) -> dict[str, Any]:
        """All of it, by partition, ready for JSON."""
        return {
            "fuses": {
                partition: {"since": time_text(fuse.since), "why": fuse.why}
                for partition, fuse in sorted(self.fuses.items())
            },
            "failing": {
                partition: {"since": time_text(one.since), "attempts": one.attempts}
                for partition, one in sorted(self.standing_still.items())
            },
        }
