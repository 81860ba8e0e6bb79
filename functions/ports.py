"""The protocols of what the functions need from outside: stores, queues, files and telemetry."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Literal, Protocol

from functions.metrics import Metric
from shared.dead_letter import DeadLetter
from shared.order_event import OrderEvent
from shared.pending_alerts import Revisited
from shared.scoring import Scorer
from shared.shadow import ShadowState
from shared.stream import StreamState
from shared.stream_key import StreamKey


class AlertStore(Protocol):
    """Alerts, each written once."""

    async def create(self, alert: dict[str, Any]) -> bool:
        """Write an alert; return False if it is there already, which is as good.

        Raises:
            RefusedError: this alert can never be stored.
            TransientError: it may be next time.
        """

    async def supersede(
        self, rep_id: str, order_id: str, revision: int, successor: str, before: tuple[str, int]
    ) -> int:
        """Mark the alerts of an order's lower revisions as superseded; return how many.

        ``superseded_by`` names the first higher revision, so a mark that is there already stays.

        Args:
            rep_id: the order's rep. An order of another rep under the same id is a different one.
            order_id: the order.
            revision: the revision that supersedes.
            successor: the alert id of that revision.
            before: the event of that revision: its ``enqueued_at`` as text, and its sequence
                number. An alert whose event came later belongs to a different order.

        Raises: as `create`.
        """

    async def earlier(self, rep_id: str, order_id: str) -> list[dict[str, Any]]:
        """Return a rep's alerts of an order id, of every revision.

        Raises:
            TransientError: they may be read next time.
        """

    async def revisit(self, revisited: Revisited, incident_id: str, at: datetime) -> None:
        """Change an alert as `shared.alert.revisited` does, once; do nothing if there is no alert.

        Raises: as `create`.
        """


class IncidentStore(Protocol):
    """Incidents of one kind, each document with its version."""

    async def read(self, kind: str, incident_id: str) -> tuple[dict[str, Any], str] | None:
        """Return an incident and its version; None if there is none.

        Raises:
            TransientError: it may be read next time.
        """

    async def joinable(
        self, kind: str, percent: float, ended_since: str, seen_since: str
    ) -> list[tuple[dict[str, Any], str]]:
        """Return every incident that an episode may join, each with its version.

        Args:
            kind: of the incidents.
            percent: of the incidents.
            ended_since: fixed-width UTC text; closed incidents ended then or later.
            seen_since: fixed-width UTC text; open incidents were last seen then or later.

        Raises: as `read`.
        """

    async def highest(self, kind: str) -> int:
        """Return the number of the kind's latest incident; 0 before the first.

        Raises: as `read`.
        """

    async def put(self, incident: dict[str, Any], version: str | None) -> None:
        """Replace the version that was read (None: create).

        Raises:
            WriteConflict: it is no longer that version.
            RefusedError: it can never be stored.
            TransientError: it may be written next time.
        """


class StateStore(Protocol):
    """The state documents. Each write of a document gives it a new version."""

    async def read(self, key: StreamKey) -> tuple[StreamState, str | None]:
        """Return the state and its version; a new state and None if there is none yet.

        Raises:
            TransientError: it may be there next time.
        """

    async def write(self, key: StreamKey, state: StreamState, version: str | None) -> str:
        """Replace the version that was read (None: create); return the new version.

        Raises:
            WriteConflict: the document is no longer that version.
            TransientError: it may be written next time.
        """


class ShadowStore(Protocol):
    """The results of challengers: a document for each challenger and partition."""

    async def read(self, key: StreamKey, challenger: str) -> tuple[ShadowState, str | None]:
        """Return a challenger's state and the document's version; a new state and None at first.

        Raises:
            TransientError: it may be there next time.
        """

    async def write(self, key: StreamKey, state: ShadowState, version: str | None) -> None:
        """Replace the version that was read (None: create).

        Raises:
            WriteConflict: the document is no longer that version.
            TransientError: it may be written next time.
        """


type JobStatus = Literal["running", "completed", "failed", "canceled"]
"""The status of a job. It is ``running`` until it is known to have ended. Somebody, or its time
limit, stopped one that is ``canceled``."""


class JobQueue(Protocol):
    """Runs a training that is too large for this machine."""

    async def status(self, name: str) -> JobStatus | None:
        """Return the status of a job; None if there is no job of this name.

        Raises:
            TransientError: Azure does not say now.
        """

    async def submit(self, name: str) -> str:
        """Start ``python -m training.pipeline`` as a job; return where to look at it.

        A name starts only one job, however often it is submitted.

        Raises:
            TransientError: the job may be accepted next time.
            RefusedError: the job will never be accepted.
        """


class DeadLetterStore(Protocol):
    """Events that were set aside, each kept once."""

    async def add(self, letter: DeadLetter) -> None:
        """Keep a dead letter; if it is there already, it stays as it is.

        Raises:
            TransientError: it may be kept next time.
        """


class Files(Protocol):
    """Files in named containers. Each write of a file gives it a new version."""

    async def read(
        self, container: str, name: str, known: str | None = None
    ) -> tuple[bytes, str] | None:
        """Return a file and its version; None while it still has the ``known`` version.

        Raises:
            NotThereError: there is no such file.
            TransientError: the store cannot be read now.
        """


class Telemetry(Protocol):
    """Metrics and traces for operators. It never raises, and never names order, rep or customer."""

    def batch(self, key: StreamKey, events: Sequence[OrderEvent]) -> AbstractContextManager[None]:
        """Open the span of a batch, which links to the traces that its producers sent."""

    def note(self, **figures: int) -> None:
        """Add figures to the current span."""

    def alerted(self, trace_id: str, typology: str) -> None:
        """Note in an order's own trace that it is an alert, and in which batch it was found."""

    def measure(self, metric: Metric, value: float, label: str = "") -> None:
        """Record one value of a metric; ``label`` is the value of the metric's label."""


type ReadScorer = Callable[[], Awaitable[Scorer]]
"""Returns the scorer that serves now; raises TransientError while none can serve."""
