"""The demo's company: simulated with known frauds, or somebody's own orders."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from infra.local.demo.telling import run

HISTORY, FIRST, STREAM = 20_000, 4_000, 5_000
"""Orders of the whole history, of its part that the first training sees, and of the stream."""

MARKET = (
    *("--ladder", "2,3,6,9,12.5,18", "--discount-rate", "0.17", "--reps", "45"),
    *("--added-percents", "15,25,40,60", "--added-rate", "0.04"),
    *("--hidden-percent", "0.7", "--episode-days", "1-3", "--cents"),
)
"""A company that is nobody's default; the commands below are the ones anybody can type."""


@dataclass(frozen=True)
class Company:
    """Where the orders, the truth about them (if known), the prices and the history are.

    ``history`` has one file for each time that training finds more in the archive.
    """

    orders: Path
    truth: Path | None
    history: tuple[Path, ...]
    catalogue: Path | None


def simulated(folder: Path) -> Company:
    """A history and the weeks after it, at prices that differ from the packaged ones."""
    catalogue = folder / "catalogue.csv"
    history, stream = folder / "history.jsonl", folder / "orders.jsonl"
    truth = folder / "truth.csv"
    run(
        *("training.simulate", "--orders", str(HISTORY), "--seed", "11", *MARKET),
        *("--price-factor", "1.07", "--price-spread", "0.1", "--catalogue-out", str(catalogue)),
        *("--out", str(history), "--truth", str(folder / "history-truth.csv")),
    )
    run(
        *("training.simulate", "--orders", str(STREAM), "--seed", "12", *MARKET),
        *("--catalogue", str(catalogue), "--start", "2025-09-01", "--episodes", "2"),
        *("--out", str(stream), "--truth", str(truth)),
    )
    first, rest = split(history, folder, FIRST)
    return Company(stream, truth, (first, rest), catalogue)


def given(orders: Path) -> Company:
    """Somebody's own orders: learned from as an archive (no labels), then streamed."""
    return Company(orders, None, (orders,), None)


def split(orders: Path, folder: Path, *at: int) -> list[Path]:
    """The lines of a file in one file more than there are places to cut it at."""
    lines = orders.read_bytes().splitlines(keepends=True)
    places = [0, *at, len(lines)]
    parts = []
    for number, (start, end) in enumerate(pairwise(places), start=1):
        part = folder / f"{orders.stem}-{number}.jsonl"
        part.write_bytes(b"".join(lines[start:end]))
        parts.append(part)
    return parts
