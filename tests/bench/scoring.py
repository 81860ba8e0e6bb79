"""python -m tests.bench.scoring: how fast orders are scored, on one core.

Times are CPU seconds of the process, which a busy machine disturbs least. A loop of plain Python,
timed as well, says how fast the machine is now.
"""

import argparse
import gc
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import batched
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from shared.catalogue import packaged_catalogue
from shared.episodes import EpisodeState
from shared.features import FEATURE_NAMES
from shared.model import ModelBundle
from shared.order import Order, OrderLine, parse_order
from shared.policy import Policy
from shared.scoring import Scorer
from tests.bench.machine import PLAIN_LOOP, plain_loop
from training import simulate
from training.history.orders import read_history
from training.train import train

BATCH = 200
BANDS = ((1, 2), (3, 3), (4, 4), (5, 5), (6, 7), (8, 12), (13, 1000))
"""Sizes of orders, in units: a row each in the table of times."""


def simulated(count: int, seed: int) -> tuple[Path, list[Order]]:
    """Simulate orders with the simulator's defaults; return their file, and the orders."""
    folder = Path(tempfile.mkdtemp(prefix="sheriff-bench-"))
    orders = folder / "orders.jsonl"
    files = ["--out", str(orders), "--truth", str(folder / "truth.csv")]
    simulate.main(["--orders", str(count), "--seed", str(seed), *files])
    with orders.open("rb") as file:
        return orders, [parse_order(line) for line in file]


def learned(count: int) -> ModelBundle:
    """Return a bundle learned from simulated orders."""
    path, _ = simulated(count, seed=1)
    return train(read_history(path), packaged_catalogue(), "bench").bundle


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of one call."""
    started = time.process_time()
    work()
    return time.process_time() - started


def large_order(units: int) -> Order:
    """Return an order of many different units at a discount that nothing explains."""
    products = [product.product_id for product in packaged_catalogue()][:units]
    lines = tuple(OrderLine(product, 1) for product in products)
    order = Order("large", 0, datetime(2026, 1, 1, tzinfo=UTC), "rep-01", "c", lines, 0)
    listed = packaged_catalogue().price(order).list_total_e4
    return Order("large", 0, order.ordered_at, "rep-01", "c", lines, round(listed * 0.9713))


def baseline(rows: Sequence[Sequence[float]]) -> float:
    """Return the seconds of a plain `predict_proba` call of scikit-learn on an order's features."""
    features = StandardScaler().fit_transform(np.array(rows))
    model = LogisticRegression().fit(features, np.arange(len(features)) % 2)
    calls = 200
    return seconds(lambda: [model.predict_proba(features[i : i + 1]) for i in range(calls)]) / calls


def by_size(orders: Sequence[Order], spent: Sequence[float]) -> Table:
    """Return which sizes of order the time goes to, by the seconds that each took alone."""
    table = Table("units", "orders", "time", "each", title="One order alone, by its size")
    for column in table.columns[1:]:
        column.justify = "right"
    for low, high in BANDS:
        inside = [
            taken
            for order, taken in zip(orders, spent, strict=True)
            if low <= sum(line.quantity for line in order.lines) <= high
        ]
        if inside:
            table.add_row(
                f"{low}" if low == high else f"{low}-{high}",
                f"{len(inside) / len(orders):.1%}",
                f"{sum(inside) / sum(spent):.1%}",
                f"{sum(inside) / len(inside) * 1e3:.2f} ms",
            )
    return table


def measure(history: int, count: int) -> tuple[Table, Table]:
    """Return every figure with how slow the machine was then, and the time by order size."""
    scorer = Scorer(learned(history), packaged_catalogue(), Policy())
    _, orders = simulated(count, seed=2)
    state = EpisodeState()
    warm = count // 4
    scorer.score_many(orders[:warm], state)
    gc.collect()
    gc.freeze()
    table = Table("what", "measured", "scaled (estimate)", title="Scoring, one core")
    for column in table.columns[1:]:
        column.justify = "right"
    slow = plain_loop()
    batches = [list(batch) for batch in batched(orders[warm:], BATCH, strict=False)]
    spent = sum(seconds(lambda batch=batch: scorer.score_many(batch, state)) for batch in batches)
    rate = (count - warm) / spent
    slow = (slow + plain_loop()) / 2
    table.add_row(f"orders a second, batches of {BATCH}", f"{rate:,.0f}", f"{rate * slow:,.0f}")
    last = orders[-2000:]
    each = [seconds(lambda order=order: scorer.score_many([order], state)) for order in last]
    alone = sorted(each)
    for name, at in (("median", 0.5), ("p99", 0.99)):
        _add(table, f"one order alone, {name}", alone[int(at * len(alone))], slow)
    many = large_order(200)
    scorer.score_many([many], state)
    _add(table, "an order of 200 units", seconds(lambda: scorer.score_many([many], state)), slow)
    assessed, _ = scorer.score_many(orders[:1000], state)
    rows = [[found.features[name] for name in FEATURE_NAMES] for found in assessed]
    _add(table, "baseline: one scikit-learn predict_proba call", baseline(rows), slow)
    table.caption = (
        f"{count - warm:,} orders; a plain Python loop took this machine {slow:.1f} times the "
        f"{PLAIN_LOOP * 1e3:.0f} ms of an assumed core, to which the last column is scaled"
    )
    return table, by_size(last, each)


def _add(table: Table, name: str, spent: float, slow: float) -> None:
    table.add_row(name, f"{spent * 1e3:.2f} ms", f"{spent / slow * 1e3:.2f} ms")


def main(history: int = 20_000, count: int = 12_000) -> None:
    """Measure and print."""
    for table in measure(history, count):
        Console().print(table)


if __name__ == "__main__":
    flags = argparse.ArgumentParser(prog="python -m tests.bench.scoring", description=__doc__)
    flags.add_argument("--history", type=int, default=20_000, help="orders to learn from")
    flags.add_argument("--orders", type=int, default=12_000, help="orders to score")
    options = flags.parse_args()
    main(options.history, options.orders)
