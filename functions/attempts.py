"""Find the order that kills the process that scores it, and blame no other order.

Such an order leaves no trace but an attempt that never came back. So a process that does not know
how the last try on a partition ended writes down its attempt, under its own name, before it
scores. A healthy batch costs no such write.

An attempt of another process may be alive for as long as a batch may take, so it is waited for.
After that it has vanished. Then the events are scored one by one, and each is on record until it is
judged, until the order that ends every process is known and set aside. Only dead processes count:
if a process is still alive, its attempt has ended somehow.
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
"""Processes that must have died on an order on its own before it is set aside: scale-ins, deploys
and kills take one or two, hardly five."""

PATIENCE = 3
"""Tries of a batch in a row that fail once scoring has begun, before its orders are scored and
committed one by one; a store that is away as a whole fails them earlier."""

_ENDINGS = 3  # tries to write down that an attempt has ended


@dataclass(frozen=True, slots=True)
class Care:
    """How carefully to score the next events of a partition.

    Attributes:
        level: ``together``; ``on record``: together, with the attempt on record; ``one by one``,
            each attempt on record; or ``wait``: another process may be at these events.
        vanished: the processes that died on the next order on its own.
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
    """Return the processes, each once, that died on the order on its own."""
    # This process is alive, so its own attempts have ended, however they did.
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
        # It came back, if only to fail; what made it look at one order stays on record. Where
        # even this cannot be written, the attempt stays. It is this process's own, which costs
        # others a wait and hardly an order.
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
    """Write that an attempt came back; try hard, but never raise.

    What stays on record counts as a death once this process is gone, even if it stops in peace. A
    conflict says that the end is written already, or that another process is ahead.
    """
    for _ in range(_ENDINGS):
        try:
            await stored.write(state)
        except WriteConflict:
            return
        except SheriffError:
            continue
        return
