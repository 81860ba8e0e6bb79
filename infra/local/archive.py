"""python -m infra.local.archive ORDERS.jsonl: put a file of orders into the archive.

So there is a history to learn from at once. It writes the files that Event Hubs Capture would have
written if the orders had been sent when they were placed. They get a separate namespace, because
Capture finds out from the files of its own namespace where to go on.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import fastavro

from infra.local import commands
from infra.local.eventhubs.capture_files import SCHEMA, enqueued_text, file_name
from infra.local.services import CAPTURE_CONTAINER, ORDERS_HUB, ORDERS_PARTITIONS
from shared.errors import ConfigurationError, WriteConflict
from shared.order import Order
from shared.partitions import partition_for_key
from shared.stores.blobs import Blobs
from shared.stores.settings import BlobSettings
from training.history.files import ReadLine, read_lines

NAMESPACE = "history"
PER_FILE = 2_000


def archive_orders(
    path: Path,
    settings: Mapping[str, str],
    *,
    namespace: str = NAMESPACE,
    partitions: int = ORDERS_PARTITIONS,
    per_file: int = PER_FILE,
    now: datetime | None = None,
) -> int:
    """Archive every line of a file, in file order; return the number of lines.

    A second run changes nothing. Lines that are no order are archived too: Capture does the same.

    Args:
        path: orders, one JSON object a line.
        settings: ``BLOB_CONNECTION``, and ``ORDERS_HUB`` if it is not the local stack's.
        namespace: first folder of the files' names.
        partitions: of the hub; the rep decides the partition of an order.
        per_file: events of a file at most.
        now: when the events came in; by default, when each order was placed.

    Raises:
        KeyError: the connection is not set.
        ConfigurationError: the file is empty, or the connection is no connection string.
        TransientError: the storage failed.
    """
    hub = settings.get("ORDERS_HUB") or ORDERS_HUB
    count = 0
    with closing(Blobs(BlobSettings(settings["BLOB_CONNECTION"], None))) as blobs:
        logs = [_Log(blobs, f"{namespace}/{hub}/{n}/", per_file) for n in range(partitions)]
        for line in read_lines(path):
            order = line.order if isinstance(line.order, Order) else None
            key = order.rep_id if order else None
            log = logs[partition_for_key(key, partitions) if key is not None else 0]
            log.add(line, key, now or (order.ordered_at if order else None))
            count += 1
        for log in logs:
            log.write()
    return count


@dataclass
class _Log:
    """The events of one partition; it writes a file as soon as there are enough of them."""

    blobs: Blobs
    prefix: str
    per_file: int
    sequence: int = 0
    offset: int = 0
    last_ms: int = 0
    second: int = -1  # in the name of the previous file
    waiting: list[dict[str, object]] = field(default_factory=list)

    def add(self, line: ReadLine, key: str | None, at: datetime | None) -> None:
        """Add the next event; its time is never before the last one's, as in a hub."""
        if at is not None:
            self.last_ms = max(self.last_ms, int(at.timestamp() * 1000))
        system: dict[str, object] = {"x-opt-enqueued-time": self.last_ms}
        if key is not None:
            system["x-opt-partition-key"] = key
        self.waiting.append({
            "SequenceNumber": self.sequence,
            "Offset": str(self.offset),
            "EnqueuedTimeUtc": enqueued_text(self.last_ms),
            "SystemProperties": system,
            "Properties": {},
            "Body": line.body,
        })  # fmt: skip
        self.sequence += 1
        self.offset += len(line.body)
        if len(self.waiting) >= self.per_file:
            self.write()

    def write(self) -> None:
        """Write the waiting events to a file that is named by the time of the first."""
        if not self.waiting:
            return
        first = self.waiting[0]["SystemProperties"]
        assert isinstance(first, dict)
        self.second = max(first["x-opt-enqueued-time"] // 1000, self.second + 1)
        content = _encode(self.waiting)
        while not self._put(content):
            self.second += 1  # another file has the name
        self.waiting = []

    def _put(self, content: bytes) -> bool:
        """Create the file; return False where its name is that of a file with other content."""
        name = file_name(self.prefix, self.second)
        try:
            self.blobs.write(CAPTURE_CONTAINER, name, content, None)
        except WriteConflict:
            written = self.blobs.read(CAPTURE_CONTAINER, name)
            return written is not None and written[0] == content
        return True


def _encode(records: list[dict[str, object]]) -> bytes:
    """Return Avro bytes. The sync marker is a hash of the records, so the same give the same."""
    digest = hashlib.sha256()
    for record in records:
        body = record["Body"]
        assert isinstance(body, bytes)
        digest.update(body + b"\n")
    buffer = io.BytesIO()
    fastavro.writer(buffer, SCHEMA, records, sync_marker=digest.digest()[:16])
    return buffer.getvalue()


def _count(most: int) -> Callable[[str], int]:
    def count(text: str) -> int:
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most) or text[9:]:
            raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number 1 to {most:,}")
        return int(text)

    return count


def _namespace(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,49}", text):
        raise argparse.ArgumentTypeError(f"{text!r}: expected letters, digits and hyphens")
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Archive; return 2 and print one line if the file or the setting is bad."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.archive", description=__doc__)
    parser.add_argument("orders", type=Path, help="orders, one JSON object a line")
    parser.add_argument(
        "--namespace", type=_namespace, default=NAMESPACE, help="default: %(default)s"
    )
    parser.add_argument("--partitions", type=_count(32), default=ORDERS_PARTITIONS, metavar="N")
    parser.add_argument("--per-file", type=_count(1_000_000), default=PER_FILE, metavar="N")
    parser.add_argument("--now", action="store_true", help="as if all orders had just arrived")
    options = parser.parse_args(arguments)

    def command() -> int:
        if not os.environ.get("BLOB_CONNECTION"):
            raise ConfigurationError("BLOB_CONNECTION is not set")
        count = archive_orders(
            options.orders,
            os.environ,
            namespace=options.namespace,
            partitions=options.partitions,
            per_file=options.per_file,
            now=datetime.now(UTC) if options.now else None,
        )
        print(f"{count} orders archived under {options.namespace}/")
        return 0

    return commands.run("archive", command, bad=2)


if __name__ == "__main__":
    sys.exit(main())
