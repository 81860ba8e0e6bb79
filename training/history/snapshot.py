"""Snapshots: one file holds all data that a bundle is learned from, so it can be learned again.

The orders are the rows of a Parquet file, with a column for each field. Analysts' decisions and the
catalogue are in its metadata. Equal contents give equal bytes, so a snapshot's hash names the data,
and a repeated run makes no second snapshot.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import batched
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from shared.decision import Decision, parse_decision
from shared.errors import ConfigurationError
from shared.order import Order
from training.command_files import replacing
from training.console import progress
from training.history.order_columns import ORDERS

ROW_GROUP = 50_000
"""Orders that are written or read back at once."""

_VERSION, _DECISIONS, _CATALOGUE = b"sheriff.snapshot", b"sheriff.decisions", b"sheriff.catalogue"
FORMAT = b"2"
"""The format of the files; a snapshot in another format is made again."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot on disk: its hash (SHA-256, lower-case hex), its size, and what it holds."""

    path: Path
    sha256: str
    bytes: int
    orders: int
    decisions: int

    @property
    def blob_name(self) -> str:
        """Return where it lies in the container ``training``."""
        return f"snapshots/{self.sha256}.parquet"


@dataclass(frozen=True, slots=True)
class Thawed:
    """The contents of a snapshot; ``catalogue`` is the catalogue's file."""

    orders: tuple[Order, ...]
    decisions: tuple[Decision, ...]
    catalogue: bytes


def freeze(
    path: Path, orders: Sequence[Order], decisions: Sequence[Decision] = (), catalogue: bytes = b""
) -> Snapshot:
    """Write a snapshot; the file appears whole or not at all.

    Args:
        path: of the file.
        orders: in time order.
        decisions: what analysts decided.
        catalogue: the catalogue's file; empty for the packaged one.
    """
    with replacing(path) as file, ORDERS.writer(file) as writer:
        for rows in progress(batched(orders, ROW_GROUP, strict=False), "freezing a snapshot"):
            writer.write_batch(ORDERS.batch(rows), row_group_size=ROW_GROUP)
        writer.add_key_value_metadata({
            _VERSION: FORMAT,
            _DECISIONS: b"\n".join(msgspec.json.encode(decision) for decision in decisions),
            _CATALOGUE: catalogue,
        })  # fmt: skip
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Snapshot(path, sha256, path.stat().st_size, len(orders), len(decisions))


def thaw(path: Path) -> Thawed:
    """Read a snapshot back: equal orders, equal decisions.

    Raises:
        ConfigurationError: the file is not a snapshot.
    """
    try:
        metadata = pq.read_metadata(path).metadata or {}
        if metadata.get(_VERSION) != FORMAT:
            raise ConfigurationError(f"{path}: not a snapshot of orders")
        orders = tuple(progress(ORDERS.read(path), "reading the snapshot"))
    except pa.ArrowException as error:
        raise ConfigurationError(f"{path}: not a snapshot of orders ({error})") from error
    decisions = tuple(parse_decision(line) for line in metadata[_DECISIONS].splitlines())
    return Thawed(orders, decisions, metadata[_CATALOGUE])
