"""The context of scoring: a process's stores, its limits, and its memory between batches."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from functions.condition import Conditions
from functions.ports import (
    AlertStore,
    DeadLetterStore,
    IncidentStore,
    ReadScorer,
    StateStore,
    Telemetry,
)
from functions.shadow import Shadow
from functions.telemetry import SILENT
from shared.stream_key import StreamKey


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits: seconds for a batch, orders between two looks at the clock, writes at once."""

    deadline: float = 60
    chunk: int = 50
    writes: int = 24


@dataclass
class ScoringContext:
    """Everything that scoring a batch needs from its process. A process has one.

    Attributes:
        alerts: the alerts.
        incidents: the incidents.
        states: the partitions' state documents.
        dead_letters: the events that were set aside.
        read_scorer: gives the scorer that serves.
        limits: how much is done at once.
        shadow: lets a challenger score what is committed; None: there is no challenger.
        telemetry: what operators see.
        now: the time (aware UTC).
        clock: seconds that only ever grow, for deadlines.
        executor: the one thread for computing.
        owner: names this process, and no other one.
        begun: by partition, the tries that got as far as scoring since the last success. A
            partition that is not in it is new to this process.
        conditions: what health tells: fuses that have blown, and what fails again and again.
        one_at_a_time: held while an attempt is on record, so that no order is suspected for what
            another one did.
    """

    alerts: AlertStore
    incidents: IncidentStore
    states: StateStore
    dead_letters: DeadLetterStore
    read_scorer: ReadScorer
    limits: Limits = field(default_factory=Limits)
    shadow: Shadow | None = None
    telemetry: Telemetry = SILENT
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    clock: Callable[[], float] = time.monotonic
    # One thread: a second would only fight for the interpreter, and tables are shared.
    executor: Executor = field(default_factory=lambda: ThreadPoolExecutor(1, "score"))
    owner: str = field(default_factory=lambda: uuid4().hex)
    begun: dict[StreamKey, int] = field(default_factory=dict)
    conditions: Conditions = field(default_factory=Conditions)
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
