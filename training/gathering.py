"""All that one nightly run is made from, frozen: the same data and code give the same version."""

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
from shared.decision import Decision
from shared.order import Order
from shared.policy import Policy, parse_policy
from training.archive import Archived, list_archive, read_archive
from training.ports import Blobs, Documents, Stored
from training.results import TRAINING
from training.snapshot import freeze, thaw

REFERENCE = "reference"
"""The container of catalogue and policy."""

LIBRARIES = ("numpy", "scikit-learn", "msgspec")


class Quality(msgspec.Struct, frozen=True):
    """What the archive held beside the orders; counts."""

    files: int
    bytes: int
    records: int
    duplicates: int
    superseded: int
    refused: dict[str, int]
    bad_files: tuple[str, ...]


class _Frozen(msgspec.Struct, frozen=True):
    """``training/snapshots/{listing}.json``: the snapshot that a listing of the archive became."""

    sha256: str
    quality: Quality
    partitions: int
    schema_version: int = 1


@dataclass(frozen=True, slots=True)
class Gathered:
    """The data of a run; ``orders`` in time order, ``version`` named by all that it is made from.

    ``decisions`` are all there are; which of them count is decided where they are used.
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


def gather(blobs: Blobs, documents: Documents, hub: str, now: datetime) -> Gathered | None:
    """Read the archive, decisions, catalogue and policy; None where there are no orders yet.

    Raises:
        ConfigurationError: catalogue or policy are wrong; names what.
        TransientError: something cannot be read now.
    """
    csv, policy = _reference(blobs)
    since = now - timedelta(days=policy.history_days)
    listed = list_archive(blobs, hub, since)
    if not listed:
        return None
    frozen, orders = _snapshot(blobs, listed, hub, since, now)
    if not orders:
        return None
    read = documents.decisions(now)
    digest = _digest(
        frozen.sha256.encode(),
        csv,
        msgspec.json.encode(policy),
        msgspec.json.encode(read.decisions),
        code_digest().encode(),
    )
    return Gathered(
        version=f"{orders[-1].ordered_at:%Y%m%d}-{digest[:8]}",
        orders=orders,
        snapshot_sha256=frozen.sha256,
        quality=frozen.quality,
        partitions=frozen.partitions,
        decisions=read.decisions,
        decisions_refused=read.refused,
        catalogue=Catalogue.from_csv(csv),
        catalogue_csv=csv,
        policy=policy,
    )


def _reference(blobs: Blobs) -> tuple[bytes, Policy]:
    """The catalogue's CSV and the policy; the packaged ones where there are no others."""
    csv = blobs.read(REFERENCE, "catalogue.csv")
    policy = blobs.read(REFERENCE, "policy.json")
    packaged = files("shared").joinpath("data", "catalogue.csv")
    return (
        packaged.read_bytes() if csv is None else csv[0],
        Policy() if policy is None else parse_policy(policy[0]),
    )


def _snapshot(
    blobs: Blobs, listed: Sequence[Stored], hub: str, since: datetime, now: datetime
) -> tuple[_Frozen, tuple[Order, ...]]:
    """The orders of the listed files, by way of their snapshot, which is made only once.

    What is learned from is what the snapshot holds, so that it reproduces the run.
    """
    listing = _digest(*(f"{file.name} {file.version}".encode() for file in listed))
    index = f"snapshots/{listing[:16]}.json"
    with tempfile.TemporaryDirectory(prefix="sheriff-") as folder:
        path = Path(folder, "orders.parquet")
        known = blobs.read(TRAINING, index)
        if known is not None:
            frozen = msgspec.json.decode(known[0], type=_Frozen)
            stored = blobs.read(TRAINING, snapshot_path(frozen.sha256))
            if stored is not None and hashlib.sha256(stored[0]).hexdigest() == frozen.sha256:
                path.write_bytes(stored[0])
                return frozen, thaw(path)
        archived = read_archive(blobs, hub, since, now)
        sha256 = freeze(archived.orders, path)
        frozen = _Frozen(sha256, _quality(archived), _partitions(listed))
        del archived
        with path.open("rb") as file:
            blobs.write(TRAINING, snapshot_path(sha256), file, None, replace=True)
        blobs.write(TRAINING, index, msgspec.json.encode(frozen), None, replace=True)
        return frozen, thaw(path)


def snapshot_path(sha256: str) -> str:
    """Where a snapshot lies in the container `TRAINING`."""
    return f"snapshots/{sha256}.parquet"


def _quality(archived: Archived) -> Quality:
    return Quality(
        files=len(archived.files),
        bytes=archived.bytes,
        records=archived.records,
        duplicates=archived.duplicates,
        superseded=archived.superseded,
        refused=archived.refused,
        bad_files=archived.bad_files,
    )


def _partitions(listed: Sequence[Stored]) -> int:
    """Partitions of the hub, by the folders that its files lie in."""
    return len({file.name.split("/")[2] for file in listed})


@cache
def code_digest() -> str:
    """SHA-256 of all that turns data into a bundle: the code and the libraries' versions."""
    parts = [f"{name}=={library_version(name)}".encode() for name in LIBRARIES]
    for package in ("shared", "training"):
        folder = Path(str(files(package)))
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix in {".py", ".csv", ".json", ".j2"}:
                parts += [path.relative_to(folder).as_posix().encode(), path.read_bytes()]
    return _digest(*parts)


def _digest(*parts: bytes) -> str:
    """SHA-256 over the parts, each with its length, so that they cannot run into each other."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.hexdigest()
