"""Gathers and freezes all data of a night: the same data and code give the same version."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import version as library_version
from importlib.resources import files
from pathlib import Path

import msgspec

from shared.catalogue import Catalogue
from shared.containers import TRAINING
from shared.decision import Decision
from shared.documents import Stored
from shared.order import Order
from shared.policy import Policy
from training.history.archive import Archived, read_captured
from training.history.captured_files import Captured, list_captured
from training.history.day_files import BadRecord, DayFiles
from training.history.snapshot import FORMAT, Thawed, freeze, thaw
from training.ports import Blobs, Documents

LIBRARIES = ("numpy", "scikit-learn", "msgspec")


@dataclass(frozen=True, slots=True)
class Reference:
    """The catalogue's file and the policy that serve; operators replace them."""

    catalogue_csv: bytes
    policy: Policy


class Quality(msgspec.Struct, frozen=True):
    """The counts of the archive besides its orders; ``bad`` are the first refused records."""

    files: int
    bytes: int
    records: int
    duplicates: int
    superseded: int
    refused: dict[str, int]
    bad_files: tuple[str, ...]
    bad: tuple[BadRecord, ...] = ()


class _Frozen(msgspec.Struct, frozen=True):
    """``training/snapshots/{sources}.json``: which snapshot was made from these sources."""

    sha256: str
    blob_name: str
    quality: Quality
    partitions: int
    schema_version: int = 1


@dataclass(frozen=True, slots=True)
class Dataset:
    """The data of a night.

    Attributes:
        version: the last order's day and a digest of all data, the policy and the code.
        orders: in time order.
        snapshot_sha256: of the snapshot that holds orders, decisions and catalogue.
        partitions: of the hub.
        decisions: all that analysts made; `training.history.decisions.settled` says which count.
        decisions_refused: decisions that cannot be read, by the field at fault.
        catalogue_csv: the file that ``catalogue`` was read from.
    """

    version: str
    orders: tuple[Order, ...]
    snapshot_sha256: str
    quality: Quality
    partitions: int
    decisions: tuple[Decision, ...]
    decisions_refused: dict[str, int]
    catalogue: Catalogue
    catalogue_csv: bytes
    policy: Policy


def gather_dataset(
    blobs: Blobs, documents: Documents, reference: Reference, hub: str, now: datetime
) -> Dataset | None:
    """Read the archive and the decisions; None where there are no orders yet.

    Raises:
        ConfigurationError: the catalogue is wrong; names what.
        TransientError: something cannot be read now.
    """
    csv, policy = reference.catalogue_csv, reference.policy
    since = now - timedelta(days=policy.history_days)
    read = documents.decisions(now)
    source = _Source(blobs, hub, since, now, read.decisions, csv)
    frozen, thawed = source.snapshot()
    if not thawed.orders:
        return None
    digest = _digest(frozen.sha256.encode(), msgspec.json.encode(policy), code_digest().encode())
    return Dataset(
        version=f"{thawed.orders[-1].ordered_at:%Y%m%d}-{digest[:8]}",
        orders=thawed.orders,
        snapshot_sha256=frozen.sha256,
        quality=frozen.quality,
        partitions=frozen.partitions,
        decisions=thawed.decisions,
        decisions_refused=read.refused,
        catalogue=Catalogue.from_csv(csv),
        catalogue_csv=csv,
        policy=policy,
    )


@dataclass(frozen=True, slots=True)
class _Source:
    """The sources of a snapshot: the files of the archive, decisions and catalogue."""

    blobs: Blobs
    hub: str
    since: datetime
    now: datetime
    decisions: tuple[Decision, ...]
    catalogue: bytes

    def snapshot(self) -> tuple[_Frozen, Thawed]:
        """Return the snapshot of these sources, which is made only once, and what it holds.

        A night learns from what was read back, so that the snapshot reproduces the night.
        """
        listed = list_captured(self.blobs, self.hub, self.since, self.now)
        index = f"snapshots/{self._digest(listed.files)[:16]}.json"
        with tempfile.TemporaryDirectory(prefix="sheriff-") as folder:
            path = Path(folder, "snapshot.parquet")
            frozen = self._found(index, path)
            if frozen is None:
                frozen = self._made(listed, path)
                self.blobs.write(TRAINING, index, msgspec.json.encode(frozen), None, replace=True)
            return frozen, thaw(path)

    def _digest(self, listed: Sequence[Stored]) -> str:
        names = (f"{file.name} {file.version}".encode() for file in listed)
        return _digest(FORMAT, self.catalogue, msgspec.json.encode(self.decisions), *names)

    def _found(self, index: str, path: Path) -> _Frozen | None:
        """Download the snapshot that an earlier run made; None where it is missing or damaged."""
        known = self.blobs.read(TRAINING, index)
        if known is None:
            return None
        try:
            frozen = msgspec.json.decode(known[0], type=_Frozen)
        except msgspec.DecodeError:  # perhaps of an older release: make it again
            return None
        stored = self.blobs.read(TRAINING, frozen.blob_name)
        if stored is None or hashlib.sha256(stored[0]).hexdigest() != frozen.sha256:
            return None
        path.write_bytes(stored[0])
        return frozen

    def _made(self, listed: Captured, path: Path) -> _Frozen:
        """Read the archive, freeze it and upload the snapshot, before any document names it."""
        archived = read_captured(self.blobs, listed, DayFiles(self.blobs, self.hub, self.now))
        snapshot = freeze(path, archived.orders, self.decisions, self.catalogue)
        with path.open("rb") as file:
            self.blobs.write(TRAINING, snapshot.blob_name, file, None, replace=True)
        return _Frozen(
            snapshot.sha256, snapshot.blob_name, _quality(archived), _partitions(listed.files)
        )


def _quality(archived: Archived) -> Quality:
    same = [name for name in Quality.__struct_fields__ if name != "files"]
    return Quality(files=len(archived.files), **{name: getattr(archived, name) for name in same})


def _partitions(listed: Sequence[Stored]) -> int:
    """Count the partitions of the hub by the folders that its files lie in."""
    return len({file.name.split("/")[2] for file in listed})


@cache
def code_digest() -> str:
    """Return the SHA-256 of what turns data into a bundle: the code and the libraries' versions."""
    parts = [f"{name}=={library_version(name)}".encode() for name in LIBRARIES]
    for package in ("shared", "training"):
        folder = Path(str(files(package)))
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix in {".py", ".csv", ".json", ".j2"}:
                parts += [path.relative_to(folder).as_posix().encode(), path.read_bytes()]
    return _digest(*parts)


def _digest(*parts: bytes) -> str:
    """Return the SHA-256 over the parts, each with its length, so that one cannot pass as two."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
