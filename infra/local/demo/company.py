"""The demo's company: simulated with known frauds, or read from a user's own orders."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from infra.local.demo.telling import run

HISTORY, FIRST, STREAM = 20_000, 4_000, 5_000
"""Numbers of orders: in the history, in the part that the first training sees, in the stream."""

COMPANY = (
    *("--ladder", "2,3,6,9,12.5,18", "--discount-rate", "0.17", "--reps", "45"),
    *("--added-percents", "15,25,40,60", "--added-rate", "0.04"),
    *("--hidden-percent", "0.7", "--episode-days", "1-3", "--cents"),
)
"""Options of `training.simulate` for a company that differs from every default."""


@dataclass(frozen=True)
class Company:
    """Files: the orders, the truth about them (if known), the history and the prices.

    Each time that training runs, the archive gets the next file of ``history``.
    """

    orders: Path
    truth: Path | None
    history: tuple[Path, ...]
    catalogue: Path | None


def simulated(folder: Path) -> Company:
    """Simulate a history and the weeks after it, at other prices than the packaged ones."""
    catalogue = folder / "catalogue.csv"
    history, stream = folder / "history.jsonl", folder / "orders.jsonl"
    truth = folder / "truth.csv"
    run(
        *("training.simulate", "--orders", str(HISTORY), "--seed", "11", *COMPANY),
        *("--price-factor", "1.07", "--price-spread", "0.1", "--catalogue-out", str(catalogue)),
        *("--out", str(history), "--truth", str(folder / "history-truth.csv")),
    )
    run(
        *("training.simulate", "--orders", str(STREAM), "--seed", "12", *COMPANY),
        *("--catalogue", str(catalogue), "--start", "2025-09-01", "--episodes", "2"),
        *("--out", str(stream), "--truth", str(truth)),
    )
    first, rest = split(history, folder, FIRST)
    return Company(stream, truth, (first, rest), catalogue)


def given(orders: Path) -> Company:
    """Return a user's own orders: first the history to learn from, then the stream."""
    return Company(orders, None, (orders,), None)


def split(orders: Path, folder: Path, *at: int) -> list[Path]:
    """Cut a file before the lines numbered ``at``; return the parts."""
    lines = orders.read_bytes().splitlines(keepends=True)
    places = [0, *at, len(lines)]
    parts = []
    for number, (start, end) in enumerate(pairwise(places), start=1):
        part = folder / f"{orders.stem}-{number}.jsonl"
        part.write_bytes(b"".join(lines[start:end]))
        parts.append(part)
    return parts
