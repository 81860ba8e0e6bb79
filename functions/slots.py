"""Decide which bundle, which catalogue and which policy serves next: one slot for each."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from functions.known_files import RefusedFileError
from functions.metrics import SHELF_FAILED
from functions.ports import Telemetry
from functions.sources import Source
from shared.errors import NotThereError, TransientError
from shared.formats import time_text

logger = logging.getLogger(__name__)

GONE = "it was there and is gone"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A path that was refused, why, and since when (RFC 3339)."""

    what: str
    why: str
    since: str


@dataclass(frozen=True, slots=True)
class Candidate[T]:
    """A value that may serve; ``packaged``: it came with the app, and not from the store."""

    value: T
    packaged: bool = False


@dataclass(eq=False)
class Slot[T]:
    """One of the three things that serve: where it comes from, and the value that serves.

    Attributes:
        table: its name in messages.
        path: where it lies.
        source: reads it, and the ones before it.
        packaged: makes the one that came with the app.
        now: the time (aware UTC).
        telemetry: counts the reads that fail.
        serving: what serves; None: nothing does yet.
        unfit: a value that is good by itself, but not together with the other two.
        refusals: what is refused now, by path.
    """

    table: str
    path: str
    source: Source[T]
    packaged: Callable[[], T]
    now: Callable[[], datetime]
    telemetry: Telemetry
    serving: Candidate[T] | None = None
    unfit: T | None = None
    refusals: dict[str, Refusal] = field(default_factory=dict)

    @property
    def value(self) -> T:
        """The value that serves; ask only once something does."""
        assert self.serving is not None
        return self.serving.value

    async def next(self) -> Candidate[T] | None:
        """Return the value that is to serve next; None if the one that serves goes on.

        Raises:
            TransientError: nothing serves, and no value that may serve can be read.
        """
        cold = self.serving is None
        try:
            value = await self.source.current()
        except NotThereError:
            if cold and not await self.source.was_there():
                return Candidate(self.packaged(), packaged=True)
            if self.serving is not None and self.serving.packaged:
                self.refusals.clear()  # there is still no file: packaged tables serve on
                return None
            self.refuse(self.path, GONE)
        except RefusedFileError as error:
            self.refuse(self.path, error.why)
        except TransientError as error:
            if cold:
                raise
            self.telemetry.measure(SHELF_FAILED, 1)
            logger.warning("%s cannot be read, what serves goes on: %s", self.path, error)
            return None
        else:
            return self._accept(value)
        return await self._before() if cold else None

    def refuse(self, what: str, why: str) -> None:
        """Note that a file must not serve; the log says so once."""
        known = self.refusals.get(what)
        if known is None or known.why != why:
            logger.error("%s is refused, the one before it serves: %s", what, why)
            self.refusals[what] = Refusal(what, why, time_text(self.now()))

    def _accept(self, value: T) -> Candidate[T] | None:
        """Return a good value to serve; None if it serves already, or did not fit the other two."""
        if self.serving is not None and value is self.unfit:
            return None
        self.refusals.clear()
        known = self.serving is not None and value is self.serving.value
        return None if known else Candidate(value)

    async def _before(self) -> Candidate[T]:
        """Return the latest good value before the one that was refused.

        Raises:
            TransientError: there is none that may serve, or it cannot be read.
        """
        for read in await self.source.before():
            try:
                return Candidate(await read())
            except NotThereError:
                continue
            except RefusedFileError as error:
                self.refuse(error.what, error.why)
        refused = "; ".join(f"{refusal.what}: {refusal.why}" for refusal in self.refusals.values())
        raise TransientError(f"no {self.table} may serve, nor one before it: {refused}")
