"""python -m tests.bench.learning: how fast a bundle is learned, and in how much memory.

It measures from the file of orders to the bundle. Each size gets a new process, because only a
process has a peak of memory. Seconds are CPU seconds.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from shared.catalogue import packaged_catalogue
from shared.model import encode_bundle
from training import simulate
from training.history.orders import read_history
from training.train import train

SIZES = (10_000, 100_000)
MOST = 1_000_000
KIB = 1_024


class Measured(msgspec.Struct):
    """CPU seconds, and the peak of resident memory in bytes."""

    seconds: float
    peak: int


def learn(orders: Path) -> Measured:
    """Learn from a file, in this process."""
    catalogue = packaged_catalogue()
    started = time.process_time()
    encode_bundle(train(read_history(orders), catalogue, "bench").bundle)
    return Measured(time.process_time() - started, peak())


def peak() -> int:
    """Return the peak of resident memory of this process, in bytes."""
    unit = 1 if sys.platform == "darwin" else KIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def measure(size: int) -> Measured:
    """Simulate that many orders and learn from them in a child process."""
    with tempfile.TemporaryDirectory(prefix="sheriff-bench-") as folder:
        orders = Path(folder, "orders.jsonl")
        files = ["--out", str(orders), "--truth", str(Path(folder, "truth.csv"))]
        simulate.main(["--orders", str(size), "--seed", "1", *files])
        child = [sys.executable, "-m", "tests.bench.learning", "--file", str(orders)]
        done = subprocess.run(child, check=True, capture_output=True)
        return msgspec.json.decode(done.stdout.splitlines()[-1], type=Measured)


def main(sizes: tuple[int, ...] = SIZES) -> None:
    """Measure and print."""
    table = Table("orders", "CPU seconds", "orders a second", "peak memory", title="Learning")
    for column in table.columns:
        column.justify = "right"
    for size in sizes:
        found = measure(size)
        rate = size / found.seconds
        peak = f"{found.peak / KIB**2:,.0f} MiB"
        table.add_row(f"{size:,}", f"{found.seconds:.1f}", f"{rate:,.0f}", peak)
    Console().print(table)


if __name__ == "__main__":
    flags = argparse.ArgumentParser(prog="python -m tests.bench.learning", description=__doc__)
    flags.add_argument("--million", action="store_true", help=f"learn from {MOST:,} orders, too")
    flags.add_argument("--file", type=Path, help="learn from this file, print figures as JSON")
    options = flags.parse_args()
    if options.file is None:
        main((*SIZES, MOST) if options.million else SIZES)
    else:
        print(msgspec.json.encode(learn(options.file)).decode())
