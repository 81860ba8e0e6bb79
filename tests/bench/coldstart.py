"""python -m tests.bench.coldstart: from nothing to the first scored batch, from scorer.zip alone.

It unpacks the zip and runs it in a bare interpreter on one core. Fake stores answer at once, so it
measures only the code: interpreter, runtime, index, clients, a learned bundle with its golden
orders, and 200 orders. It fails above the limit.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from infra.checks.package import unpacked
from infra.package import SCORER, build, this_release
from shared.catalogue import packaged_catalogue
from shared.champion import Pointer
from shared.model import encode_bundle
from tests.bench.machine import plain_loop
from training import simulate
from training.history.orders import read_history
from training.models.golden import with_golden
from training.train import train

LIMIT = 4.0
"""Seconds."""
BATCH = 200
RUNS = 3
PROBE = Path(__file__).with_name("coldstart_probe.py")


def prepare(folder: Path, history: int) -> None:
    """Write a bundle learned from simulated orders, the pointer to it, and a batch of orders."""
    files = [folder / "history.jsonl", folder / "orders.jsonl"]
    for seed, (file, count) in enumerate(zip(files, (history, BATCH), strict=True), 1):
        written = ["--out", str(file), "--truth", str(folder / "truth.csv")]
        simulate.main(["--orders", str(count), "--seed", str(seed), *written])
    past = read_history(files[0])
    bundle = train(past, packaged_catalogue(), "cold").bundle
    bundle = with_golden(bundle, past.orders, packaged_catalogue())
    data, digest = encode_bundle(bundle)
    (folder / "bundle.json").write_bytes(data)
    pointer = Pointer(version=bundle.version, sha256=digest)
    (folder / "champion.json").write_bytes(msgspec.json.encode(pointer))


def cold(app: Path, given: Path) -> dict[str, Any]:
    """Return the seconds of one cold start on one core, by the wall, interpreter included.

    Raises:
        subprocess.CalledProcessError: it fails.
    """
    interpreter = getattr(sys, "_base_executable", sys.executable)
    one_core = min(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    started = time.perf_counter()
    done = subprocess.run(
        [interpreter, "-I", "-S", str(PROBE), str(app), str(given)],
        cwd=app,
        env={"OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=None if one_core is None else lambda: os.sched_setaffinity(0, {one_core}),
    )
    whole = time.perf_counter() - started
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    # Telemetry is loaded last, and counts apart.
    return answer | {"whole": whole - answer["telemetry"]}


def shown(answers: Sequence[dict[str, Any]], slow: float) -> Table:
    """Return the quickest start as a table, part by part."""
    best = min(answers, key=lambda answer: float(answer["whole"]))
    table = Table("until", "seconds", title="Cold start of the scorer, one core")
    table.columns[1].justify = "right"
    parts = {
        "the runtime is imported": "runtime",
        "the functions are indexed": "indexed",
        "clients are made": "ready",
        f"{best['scored']} orders are scored": "done",
        "the same, from the interpreter's start": "whole",
    }
    for name, key in parts.items():
        table.add_row(name, f"{best[key]:.2f}")
    table.add_row("more where telemetry is on", f"{best['telemetry']:.2f}")
    table.caption = (
        f"the best of {len(answers)}; a plain Python loop took this machine {slow:.1f} times that "
        "of an assumed core"
    )
    return table


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; return 1 above the limit."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.coldstart", description=__doc__)
    parser.add_argument("--package", type=Path, help="scorer.zip (default: build it here)")
    parser.add_argument("--history", type=int, default=20_000, help="orders the bundle learns from")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="sheriff-coldstart-") as folder:
        given = Path(folder) / "given"
        given.mkdir()
        prepare(given, options.history)
        package = options.package or build(SCORER, Path(folder), this_release(), installed=True)
        app = unpacked(package, Path(folder) / "app").path
        answers = [cold(app, given) for _ in range(RUNS)]
    Console().print(shown(answers, plain_loop()))
    return 1 if min(answer["whole"] for answer in answers) > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
