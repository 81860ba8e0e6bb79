"""The ports of the nightly run: what it needs from the outside, and the values that it gets."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, Protocol

from shared.decision import Decision
from shared.documents import Stored


class Lease(Protocol):
    """The right to be the only run."""

    def check(self) -> None:
        """Raise unless we still hold the lease. Call this before writing anything others read.

        Raises:
            TransientError: a renewal has failed, or came too late.
        """


class Blobs(Protocol):
    """Blobs in named containers; the version of a blob changes with every write.

    Every method raises TransientError where the same call may work next time.
    """

    def read(self, container: str, name: str) -> tuple[bytes, str] | None:
        """Return a blob and its version; None where there is no such blob."""

    def read_range(self, container: str, name: str, start: int, length: int) -> bytes | None:
        """Return up to ``length`` bytes from ``start`` on, which lies within the blob.

        None where there is no such blob.
        """

    def write(
        self,
        container: str,
        name: str,
        data: bytes | IO[bytes],
        version: str | None,
        *,
        replace: bool = False,
    ) -> str:
        """Replace the version that was read, and return the new version.

        Without a version the blob is created, or with ``replace`` written in any case.

        Raises:
            WriteConflict: the blob is no longer that version, or is there already.
        """

    def list(self, container: str, prefix: str = "") -> Sequence[Stored]:
        """Return the blobs whose names begin with a prefix, sorted by name."""

    def folders(self, container: str, prefix: str = "") -> Sequence[str]:
        """Return the folders right below a prefix, sorted; each has the prefix and ends in a slash.

        The prefix is empty or ends in a slash.
        """

    def delete(self, container: str, name: str) -> None:
        """Delete a blob; do nothing where there is no such blob."""

    def lease(self, container: str, name: str, seconds: int = 30) -> AbstractContextManager[Lease]:
        """Hold a blob's lease inside a ``with`` block; the blob is created if it is missing.

        A killed process keeps the lease for up to ``seconds`` (15 to 60) more.

        Raises:
            LeaseHeld: another run holds it.
        """


@dataclass(frozen=True, slots=True)
class ReadDecisions:
    """Decisions sorted by time; ``refused`` counts unreadable documents by the field at fault."""

    decisions: tuple[Decision, ...]
    refused: dict[str, int]


class Recording(Protocol):
    """One run in the record. Every method may be called again after a kill; nothing doubles."""

    def parameters(self, values: Mapping[str, object]) -> None:
        """Record what the run is made from."""

    def metrics(self, values: Mapping[str, float | None]) -> None:
        """Record figures; None is left out."""

    def tags(self, values: Mapping[str, str]) -> None:
        """Set words about the run."""

    def artifact(self, name: str, data: bytes) -> None:
        """Keep a file; its name may have folders."""

    def child(self, name: str) -> AbstractContextManager["Recording"]:
        """Open the run of this name within this one."""

    def model(
        self,
        name: str,
        bundle: bytes,
        version: str,
        example: Sequence[dict[str, Any]],
        catalogue: bytes | None = None,
    ) -> int:
        """Register a bundle's file as a new version of a model, once, and return its number.

        ``example`` holds orders as a producer sends them, ``catalogue`` the CSV of their prices.
        """


class Record(Protocol):
    """The record of all runs and the registered models: MLflow.

    Every method raises TransientError where the same call may work next time.
    """

    def run(self, version: str) -> AbstractContextManager[Recording]:
        """Open the run of a version: a new one, or the one that a killed process left."""

    def end_abandoned(self) -> None:
        """End the runs that killed processes left open. Call this only while holding the lease."""

    def number_of(self, name: str, bundle_version: str) -> int | None:
        """Return the registered number of a bundle; None where it was never registered."""

    def bundle_version_of(self, name: str, number: int) -> str | None:
        """Return the bundle of a registered number; None where the number is not known."""

    def point(self, name: str, alias: str, number: int) -> None:
        """Move an alias to a version."""

    def pointed(self, name: str, alias: str) -> int | None:
        """Return the version that an alias names; None where it names no version."""

    def clear(self, name: str, alias: str) -> None:
        """Remove an alias."""

    def tag(self, name: str, number: int, **tags: str) -> None:
        """Set words about a version."""

    def repair(self, name: str, champion: str) -> bool:
        """Move the champion's alias to this bundle, and return whether it had to be moved."""


class Documents(Protocol):
    """The documents that the scorer and the analysts wrote.

    Every method raises TransientError where the same call may work next time.
    """

    def decisions(self, until: datetime) -> ReadDecisions:
        """Return the decisions made until a time, that time included."""

    def alerts(self, since: str | None, limit: int) -> list[dict[str, Any]]:
        """Return up to ``limit`` alerts, scored from ``since`` (RFC 3339) on; costliest first."""

    def incidents(self) -> list[dict[str, Any]]:
        """Return every incident, the latest first."""

    def states(self) -> list[dict[str, Any]]:
        """Return the state document of every partition, sorted by id."""

    def shadows(self, version: str) -> list[dict[str, Any]]:
        """Return the shadow documents of a challenger (`shared.shadow`), sorted by id."""
