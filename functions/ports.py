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
        """Write an alert; False when it was there already, which is as good.

        Raises:
            RefusedError: this alert can never be stored.
            TransientError: it may be next time.
        """

    async def supersede(
        self, rep_id: str, order_id: str, revision: int, successor: str, before: tuple[str, int]
    ) -> int:
        """Mark a rep's alerts of an order's lower revisions with their successor's alert id; the
        number marked.

        ``superseded_by`` names the first higher revision: what is marked already stays. An order
        of another rep under the same id is a different one, and so is one that came only after
        the event (its `enqueued_at` as text, its sequence number) that ``before`` names.

        Raises: as `create`.
        """

    async def earlier(self, rep_id: str, order_id: str) -> list[dict[str, Any]]:
        """A rep's alerts of an order id, of every revision.

        Raises:
            TransientError: they may be read next time.
        """

    async def revisit(self, revisited: Revisited, incident_id: str, at: datetime) -> None:
        """Add to an alert what `shared.alert.revisited` adds, once; nothing where there is none.

        Raises: as `create`.
        """


class IncidentStore(Protocol):
    """Incidents of one kind, each document with its version."""

    async def read(self, kind: str, incident_id: str) -> tuple[dict[str, Any], str] | None:
        """An incident and its version; None where there is none.

        Raises:
            TransientError: it may be read next time.
        """

    async def joinable(
        self, kind: str, percent: float, ended_since: str, seen_since: str
    ) -> list[tuple[dict[str, Any], str]]:
        """Every incident of a percentage that a run may join, each with its version: those that
        ended at a time (fixed-width UTC text) or later, and those that are open and were last
        seen at another or later.

        Raises: as `read`.
        """

    async def highest(self, kind: str) -> int:
        """The number of the kind's latest incident; 0 before the first.

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
    """The state documents; a version is what the store calls one writing of a document."""

    async def read(self, key: StreamKey) -> tuple[StreamState, str | None]:
        """The state and its version; a new state and None when there is none yet.

        Raises:
            TransientError: it may be there next time.
        """

    async def write(self, key: StreamKey, state: StreamState, version: str | None) -> str:
        """Replace the version that was read (None: create); the new version.

        Raises:
            WriteConflict: the document is no longer that version.
            TransientError: it may be written next time.
        """


class ShadowStore(Protocol):
    """What challengers made of each partition's orders, a document a challenger and partition."""

    async def read(self, key: StreamKey, challenger: str) -> tuple[ShadowState, str | None]:
        """The state of a challenger (by version) and its own version; a new one and None at first.

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
"""How a job stands. What is not known to have ended runs; ``canceled`` was stopped by somebody, or
by its time limit."""


class JobQueue(Protocol):
    """Where training goes that is too large for this machine."""

    async def status(self, name: str) -> JobStatus | None:
        """How the job of this name stands; None where there is none.

        Raises:
            TransientError: that cannot be known now.
        """

    async def submit(self, name: str) -> str:
        """Start ``python -m training.pipeline`` as a job, once a name; where to look at it.

        Raises:
            TransientError: it may be taken next time.
            RefusedError: it will never be.
        """


class DeadLetterStore(Protocol):
    """Events that were set aside, each kept once."""

    async def add(self, letter: DeadLetter) -> None:
        """Keep a dead letter; one that is there already stays as it is.

        Raises:
            TransientError: it may be kept next time.
        """


class Files(Protocol):
    """Files in named containers; a version is what the store calls one writing of a file."""

    async def read(
        self, container: str, name: str, known: str | None = None
    ) -> tuple[bytes, str] | None:
        """A file and its version; None while it is still the ``known`` one.

        Raises:
            NotThereError: there is no such file.
            TransientError: whether there is cannot be known.
        """


class Telemetry(Protocol):
    """What operators see. It never raises, and says nothing of any order, rep or customer."""

    def batch(self, key: StreamKey, events: Sequence[OrderEvent]) -> AbstractContextManager[None]:
        """The span of a batch, which links to the traces that its producers sent."""

    def note(self, **figures: int) -> None:
        """Add figures to the span that is current."""

    def alerted(self, trace_id: str, typology: str) -> None:
        """Say in an order's own trace that it is an alert, and in which batch it was found."""

    def measure(self, metric: Metric, value: float, label: str = "") -> None:
        """Count or record one figure; ``label`` is the value of the metric's label."""


type ReadScorer = Callable[[], Awaitable[Scorer]]
"""Gives the scorer that serves now; TransientError when that cannot be known yet."""
