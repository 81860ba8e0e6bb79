"""Find the order that kills the process that scores it, and blame no other order.

Such an order leaves only one trace: an attempt that never ended. So a process writes its attempt
down, under its own name, if it does not know how the last try on the partition ended. A healthy
batch needs no such write.

Another process may still be at its attempt for as long as a batch may take, so we wait that long.
After that the attempt counts as vanished. Then the events are scored one by one, and each attempt
is on record until the event is judged. This shows which order ends every process, and that order is
set aside. Only dead processes count: if a process is still alive, its attempt has ended in some
way.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from functions.stored_state import StoredState
from shared.errors import SheriffError, WriteConflict
from shared.stream import NOBODY, Attempt, StreamState

DEATHS = 5
"""An order is set aside once this many processes died while they scored it alone. Scale-ins,
deploys and kills may end one or two of them by chance, but hardly five."""

PATIENCE = 3
"""After this many failed tries in a row, the orders of a batch are scored and committed one by one.
Only tries that got as far as scoring count, because a store that is away fails them earlier."""

_ENDINGS = 3  # tries to write down that an attempt has ended


@dataclass(frozen=True, slots=True)
class Care:
    """How carefully to score the next events of a partition.

    Attributes:
        level: ``together``; ``on record``: together, with the attempt on record; ``one by one``,
            each attempt on record; or ``wait``: another process may be at these events.
        vanished: the processes that died while they scored the next order alone.
    """

    level: Literal["together", "on record", "one by one", "wait"]
    vanished: tuple[str, ...] = ()


def care(
    attempt: Attempt | None, begun: int | None, owner: str, now: datetime, patience_seconds: float
) -> Care:
    """Decide how carefully a process must score the next events.

    Args:
        attempt: the attempt on record.
        begun: the process's tries on the partition since its last success; None: it has none.
        owner: the process.
        now: the time (aware UTC).
        patience_seconds: how long an attempt of another process may be alive.
    """
    if attempt is not None and attempt.owner not in (NOBODY, owner):
        if abs((now - attempt.at).total_seconds()) < patience_seconds:
            return Care("wait")
        return Care("one by one", _vanished(attempt, owner) if attempt.alone else ())
    if attempt is not None and attempt.alone:
        return Care("one by one", _vanished(attempt, owner))
    if (begun or 0) >= PATIENCE:
        return Care("one by one")
    return Care("on record" if begun is None else "together")


def _vanished(attempt: Attempt, owner: str) -> tuple[str, ...]:
    """Return the processes, each once, that died while they scored the order alone."""
    # This process is alive, so its own attempts have ended in some way.
    names = dict.fromkeys((*attempt.vanished, attempt.owner))
    return tuple(name for name in names if name not in (NOBODY, owner))


@asynccontextmanager
async def on_record(stored: StoredState, attempt: Attempt) -> AsyncIterator[None]:
    """Keep an attempt on record until its events are committed or have failed.

    A process that dies in between leaves it there, for the next process to find.
    """
    await stored.write(replace(stored.state, attempt=attempt))
    try:
        yield
    except Exception:
        # The attempt has ended, perhaps by failing. The record still says who vanished before. If
        # this cannot be written, the attempt stays on record. Other processes then wait for it, but
        # they hardly set an order aside because of it.
        if stored.state.attempt is not None:
            ended = replace(attempt, owner=NOBODY) if attempt.alone else None
            await _write_the_end(stored, replace(stored.state, attempt=ended))
        raise


async def off_record(stored: StoredState) -> None:
    """Take an order's attempt off the record once the order is judged.

    A process that dies later, while it writes, was not killed by the order.
    """
    attempt = stored.state.attempt
    if attempt is not None and attempt.alone:
        await stored.write(replace(stored.state, attempt=replace(attempt, owner=NOBODY)))


async def _write_the_end(stored: StoredState, state: StreamState) -> None:
    """Write that an attempt has ended; try several times, but never raise.

    An attempt that stays on record counts as a death once this process is gone, even if it stopped
    normally. A conflict says that the end is written already, or that another process is ahead.
    """
    for _ in range(_ENDINGS):
        try:
            await stored.write(state)
        except WriteConflict:
            return
        except SheriffError:
            continue
        return
