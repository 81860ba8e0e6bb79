"""What the nightly run needs from the outside, and the values that cross that border."""

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
        """Nothing while the lease is certainly held: to be asked before whatever others read.

        Raises:
            TransientError: a renewal has failed, or came too late.
        """


class Blobs(Protocol):
    """Blobs in named containers; a version is what the store calls one writing of a blob.

    Whatever is asked of them raises TransientError where it may work next time.
    """

    def read(self, container: str, name: str) -> tuple[bytes, str] | None:
        """A blob and its version; None where there is none."""

    def read_range(self, container: str, name: str, start: int, length: int) -> bytes | None:
        """Up to ``length`` bytes from ``start`` on, which is within the blob; None as above."""

    def write(
        self,
        container: str,
        name: str,
        data: bytes | IO[bytes],
        version: str | None,
        *,
        replace: bool = False,
    ) -> str:
        """Replace the version that was read (None: create, or with ``replace`` write in any case).

        Returns the new version.

        Raises:
            WriteConflict: the blob is no longer that version, or is there already.
        """

    def list(self, container: str, prefix: str = "") -> Sequence[Stored]:
        """The blobs whose names begin with a prefix, by name."""

    def folders(self, container: str, prefix: str = "") -> Sequence[str]:
        """What the names that begin with a prefix (empty, or ending in a slash) go on with up to
        their next slash, each with the prefix and that slash, by name."""

    def delete(self, container: str, name: str) -> None:
        """Delete a blob; it is fine where there is none."""

    def lease(self, container: str, name: str, seconds: int = 30) -> AbstractContextManager[Lease]:
        """Hold a blob's lease for as long as this is entered; the blob is made where missing.

        A run that is killed holds it for up to ``seconds`` (15 to 60) more.

        Raises:
            LeaseHeld: another run holds it.
        """


@dataclass(frozen=True, slots=True)
class ReadDecisions:
    """Decisions by their time; ``refused`` counts documents that are none, by offending field."""

    decisions: tuple[Decision, ...]
    refused: dict[str, int]


class Recording(Protocol):
    """One run in the record; everything may be said again after a kill."""

    def parameters(self, values: Mapping[str, object]) -> None:
        """What the run is made from."""

    def metrics(self, values: Mapping[str, float | None]) -> None:
        """Its figures; what is None is left out."""

    def tags(self, values: Mapping[str, str]) -> None:
        """Words about it."""

    def artifact(self, name: str, data: bytes) -> None:
        """A file of the run; the name may have folders."""

    def child(self, name: str) -> AbstractContextManager["Recording"]:
        """A run within this one, found again by its name."""

    def model(
        self,
        name: str,
        bundle: bytes,
        version: str,
        example: Sequence[dict[str, Any]],
        catalogue: bytes | None = None,
    ) -> int:
        """Register a bundle's file as a new version of a model, once; its number.

        ``example`` are orders as a producer sends them, ``catalogue`` is the CSV of their prices.
        """


class Record(Protocol):
    """The record of all runs, and the registered models; MLflow.

    Whatever is asked of it raises TransientError where it may work next time.
    """

    def run(self, version: str) -> AbstractContextManager[Recording]:
        """The run of a version: a new one, or the one that a killed process left."""

    def end_abandoned(self) -> None:
        """End the runs that killed processes left open; only the holder of the lease may ask."""

    def number_of(self, name: str, bundle_version: str) -> int | None:
        """The registered number of a bundle; None where it was never registered."""

    def bundle_version_of(self, name: str, number: int) -> str | None:
        """The bundle of a registered number; None where there is none."""

    def point(self, name: str, alias: str, number: int) -> None:
        """Let an alias name a version, and no other."""

    def pointed(self, name: str, alias: str) -> int | None:
        """The version that an alias names."""

    def clear(self, name: str, alias: str) -> None:
        """Let an alias name nothing."""

    def tag(self, name: str, number: int, **tags: str) -> None:
        """Words about a version."""

    def repair(self, name: str, champion: str) -> bool:
        """Make the champion's alias name this bundle; whether it had to be moved."""


class Documents(Protocol):
    """What the scorer and the analysts wrote; all raise TransientError as `Blobs` do."""

    def decisions(self, until: datetime) -> ReadDecisions:
        """The decisions made until a time, that time included."""

    def alerts(self, since: str | None, limit: int) -> list[dict[str, Any]]:
        """Up to ``limit`` alerts, the costliest first; scored from ``since`` (RFC 3339) on."""

    def incidents(self) -> list[dict[str, Any]]:
        """Every incident, the latest first."""

    def states(self) -> list[dict[str, Any]]:
        """The state document of every partition, by id."""

    def shadows(self, version: str) -> list[dict[str, Any]]:
        """The shadow documents of a challenger, by id (`shared.shadow`)."""
