"""python -m tests.bench.against COMMIT: is scoring as fast as it was at a commit?

It checks the commit out into another folder. The commit and this tree score the same orders with
the same bundle, in processes that take turns, so a machine that slows down slows both. It times
only scoring, in CPU seconds, and takes the best of three rounds a process. The ratio is this tree's
speed divided by the commit's; its median should be 0.95 or more.
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from shared.model import encode_bundle
from tests.bench.scoring import learned, simulated

ROOT = Path(__file__).parents[2]
WANTED = 0.95

# Runs in either tree, so it uses only what every release has.
SCORE = """
import gc, json, sys, time
import msgspec
from shared.catalogue import packaged_catalogue
from shared.episodes import EpisodeState
from shared.model import ModelBundle
from shared.order import parse_order
from shared.policy import Policy
from shared.scoring import Scorer

bundle_file, orders_file, batch = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open(bundle_file, "rb") as file:
    bundle = msgspec.json.decode(file.read(), type=ModelBundle)
with open(orders_file, "rb") as file:
    orders = [parse_order(line) for line in file]
scorer, state = Scorer(bundle, packaged_catalogue(), Policy()), EpisodeState()
warm = len(orders) // 4
scorer.score_many(orders[:warm], state)
gc.collect(); gc.freeze()
spent = float("inf")
for _ in range(3):
    alerts, after, started = 0, state, time.process_time()
    for at in range(warm, len(orders), batch):
        found, after = scorer.score_many(orders[at : at + batch], after)
        alerts += sum(one.alerted for one in found)
    spent = min(spent, time.process_time() - started)
print(json.dumps({"rate": (len(orders) - warm) / spent, "alerts": alerts}))
"""


def checked_out(commit: str, folder: Path) -> Path:
    """Check a commit out into a folder, and yield the folder."""
    found = subprocess.run(
        ["git", "archive", "--format=tar", commit],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    if found.returncode:
        why = found.stderr.decode().strip()
        raise SystemExit(f"{commit} is no commit of this repository: {why}")
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def rate(tree: Path, bundle: Path, orders: Path, batch: int) -> tuple[float, int]:
    """Return the orders a second that a tree scores in a new process, and how many it alerts."""
    single = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    found = subprocess.run(
        [sys.executable, "-c", SCORE, str(bundle), str(orders), str(batch)],
        cwd=tree, env=os.environ | single | {"PYTHONPATH": str(tree)},
        stdout=subprocess.PIPE, check=False,
    )  # fmt: skip
    if found.returncode:  # the terminal shows what went wrong
        raise SystemExit(f"the tree in {tree} cannot score these orders with this bundle")
    said = json.loads(found.stdout)
    return float(said["rate"]), int(said["alerts"])


def compare(commit: str, pairs: int, history: int, count: int, batch: int) -> float:
    """Print the ratio of every pair; the median of them."""
    with tempfile.TemporaryDirectory(prefix="sheriff-against-") as name:
        before = checked_out(commit, Path(name) / "before")
        bundle = Path(name) / "bundle.json"
        bundle.write_bytes(encode_bundle(learned(history))[0])
        orders, _ = simulated(count, seed=2)
        ratios = []
        for pair in range(pairs):
            turns = [ROOT, before] if pair % 2 else [before, ROOT]
            found = {tree: rate(tree, bundle, orders, batch) for tree in turns}
            (now, alerts), (then, alerts_then) = found[ROOT], found[before]
            ratios.append(now / then)
            same = "" if alerts == alerts_then else f"  ({alerts} alerts, {alerts_then} there)"
            print(
                f"pair {pair + 1}: {now:,.0f} orders a second here, {then:,.0f} at {commit}: "
                f"{now / then:.3f}{same}",
                flush=True,
            )
    median = statistics.median(ratios)
    print(f"median {median:.3f}, wanted {WANTED} or more")
    return median


def main(arguments: list[str] | None = None) -> None:
    """Compare and print."""
    flags = argparse.ArgumentParser(prog="python -m tests.bench.against", description=__doc__)
    flags.add_argument("commit", help="what to hold the present tree against")
    flags.add_argument("--pairs", type=int, default=10)
    flags.add_argument("--history", type=int, default=20_000, help="orders to learn from")
    flags.add_argument("--orders", type=int, default=8_000, help="orders to score")
    flags.add_argument("--batch", type=int, default=200)
    options = flags.parse_args(arguments)
    compare(options.commit, options.pairs, options.history, options.orders, options.batch)


if __name__ == "__main__":
    main()
