"""python -m tests.bench.retraining: from the archive to a bundle, how long and in how much memory.

Azurite holds the orders as Capture would have written them. For each size a new process reads them,
freezes a snapshot, thaws it, and learns from it, as a night does. The peak of memory is the
process's. Archiving the orders before that is not measured.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from infra.local import processes, services
from infra.local.archive import archive_orders
from infra.local.resources import make_blob_containers
from shared.catalogue import packaged_catalogue
from shared.model import encode_bundle
from tests.bench.learning import KIB, MOST, SIZES, peak
from training import simulate
from training.history.archive import read_archive
from training.history.snapshot import Snapshot, freeze, thaw
from training.learning.learn import learn
from training.settings import TrainingSettings
from training.stores import opened

STEPS = ("read", "freeze", "thaw", "learn")


class Measured(msgspec.Struct):
    """Seconds, CPU seconds and peak of memory (bytes) of each step, the peak since the start.

    Also how many bytes there were to read and to keep.
    """

    seconds: dict[str, float]
    cpu: dict[str, float]
    peak: dict[str, int]
    archive_bytes: int
    snapshot_bytes: int


class _Clock:
    """Notes what each step took."""

    def __init__(self) -> None:
        self.found = Measured({}, {}, {}, 0, 0)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started, cpu = time.perf_counter(), time.process_time()
        yield
        self.found.seconds[name] = time.perf_counter() - started
        self.found.cpu[name] = time.process_time() - cpu
        self.found.peak[name] = peak()


def retrain(hub: str) -> Measured:
    """Read, freeze, thaw and learn, in this process."""
    clock = _Clock()
    catalogue = packaged_catalogue()
    with tempfile.TemporaryDirectory(prefix="sheriff-bench-") as folder:
        snapshot = _frozen(hub, Path(folder, "snapshot.parquet"), clock)
        with clock.step("thaw"):
            thawed = thaw(snapshot.path)
        with clock.step("learn"):
            encode_bundle(learn(thawed.orders, catalogue, "bench").bundle)
    clock.found.snapshot_bytes = snapshot.bytes
    return clock.found


def _frozen(hub: str, path: Path, clock: _Clock) -> Snapshot:
    """Return the archive as a snapshot; its orders leave the memory on return."""
    settings = TrainingSettings.from_environ(os.environ)
    since, now = datetime(2000, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
    with clock.step("read"), opened(settings) as (blobs, _):
        archived = read_archive(blobs, hub, since, now)
    clock.found.archive_bytes = archived.bytes
    with clock.step("freeze"):
        return freeze(path, archived.orders)


def measure(size: int, storage: str, folder: Path) -> Measured:
    """Archive that many simulated orders and learn from them in a child process."""
    hub, orders = f"orders-{size}", folder / "orders.jsonl"
    files = ["--out", str(orders), "--truth", str(folder / "truth.csv")]
    simulate.main(["--orders", str(size), "--seed", "1", *files])
    archive_orders(orders, {"BLOB_CONNECTION": storage, "ORDERS_HUB": hub})
    child = [sys.executable, "-m", "tests.bench.retraining", "--hub", hub]
    environ = {
        "BLOB_CONNECTION": storage, "ORDERS_HUB": hub, "COSMOS_ENDPOINT": "http://127.0.0.1",
        "SHERIFF_LOCAL": "on",
    }  # fmt: skip
    done = subprocess.run(child, check=True, stdout=subprocess.PIPE, env=os.environ | environ)
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Measured)


@contextmanager
def azurite() -> Iterator[tuple[str, Path]]:
    """Yield Azurite's connection string and a folder; both are gone at the end."""
    with tempfile.TemporaryDirectory(prefix="sheriff-bench-") as name:
        folder = Path(name)
        service = services.azurite(0, folder / "azurite")
        child = processes.start("azurite", service.command, folder / "azurite.log")
        try:
            connection = services.blob_connection(child.port)
            make_blob_containers(connection)
            yield connection, folder
        finally:
            processes.stop(child, grace=10)


def main(sizes: tuple[int, ...] = SIZES) -> None:
    """Measure and print."""
    seconds = _table("From the archive to a bundle, in seconds", *STEPS, "all", "of the CPU")
    memory = _table("The same: peak of memory so far, in MiB", *STEPS, "archive", "snapshot")
    with azurite() as (storage, folder):
        for size in sizes:
            found = measure(size, storage, folder)
            took = [found.seconds[step] for step in STEPS]
            took += [sum(took), sum(found.cpu.values())]
            seconds.add_row(f"{size:,}", *(f"{value:.1f}" for value in took))
            held = [found.peak[step] for step in STEPS]
            held += [found.archive_bytes, found.snapshot_bytes]
            memory.add_row(f"{size:,}", *(f"{value / KIB**2:,.0f}" for value in held))
    console = Console()
    console.print(seconds)
    console.print(memory)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title)
    for column in ("orders", *columns):
        table.add_column(column, justify="right", no_wrap=True)
    return table


if __name__ == "__main__":
    flags = argparse.ArgumentParser(prog="python -m tests.bench.retraining", description=__doc__)
    flags.add_argument("--million", action="store_true", help=f"{MOST:,} orders, too")
    flags.add_argument("--hub", help="retrain from this hub's archive, print figures as JSON")
    options = flags.parse_args()
    if options.hub is None:
        main((*SIZES, MOST) if options.million else SIZES)
    else:
        print(msgspec.json.encode(retrain(options.hub)).decode())
