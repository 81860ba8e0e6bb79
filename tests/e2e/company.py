"""A company that is nobody's default: its history, what was learned from it, and its later orders.

Everything is made by the commands that anybody can type.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from training import backtest, simulate, train
from training.history.files import write_lines

COMPANY_FLAGS = (
    *("--ladder", "3,7,12,18", "--discount-rate", "0.25", "--cents", "--reps", "24"),
    *("--added-percents", "25,40,60", "--hidden-percent", "2.5", "--episode-days", "2-4"),
    *("--orders-per-day", "100"),
)
HISTORY_ORDERS = 6_000


@dataclass(frozen=True)
class Company:
    """Its prices and the model of its orders; `folder` is for files of its own."""

    folder: Path
    version: str
    _years: Iterator[int] = field(default_factory=lambda: count(2001))

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def catalogue(self) -> Path:
        return self.folder / "catalogue.csv"

    def simulated(self, prefix: str, orders: int, *flags: str) -> list[bytes]:
        """Orders in time order, a year after those before; `prefix`, the seed, begins their ids.

        After a year a stream believes nothing of a hidden discount any more. So these orders fare
        alike behind those of other tests and in a backtest of their own.
        """
        path = self.folder / f"{prefix}.jsonl"
        simulate.main([
            *("--orders", str(orders), "--seed", str(sum(prefix.encode())), "--prefix", prefix),
            *("--start", f"{next(self._years)}-01-05", "--catalogue", str(self.catalogue)),
            *("--out", str(path), "--truth", str(self.folder / "unused.csv")),
            *COMPANY_FLAGS, *flags,
        ])  # fmt: skip
        return path.read_bytes().splitlines()

    def backtested(self, orders: Iterable[bytes], partitions: int = 4) -> dict[str, dict[str, Any]]:
        """The alerts by id that `training.backtest` makes of these orders."""
        stream, alerts = self.folder / "stream.jsonl", self.folder / "alerts.jsonl"
        write_lines(stream, orders)
        backtest.main([
            *(str(stream), "--model", str(self.model), "--catalogue", str(self.catalogue)),
            *("--scores", str(self.folder / "scores.csv"), "--alerts", str(alerts)),
            *("--partitions", str(partitions), "--incidents", str(self._incidents)),
        ])  # fmt: skip
        return by_id([json.loads(line) for line in alerts.read_bytes().splitlines()])

    @property
    def _incidents(self) -> Path:
        return self.folder / "incidents.jsonl"

    def incidents(self) -> list[dict[str, Any]]:
        """The incidents of the orders backtested last."""
        return [json.loads(line) for line in self._incidents.read_bytes().splitlines()]


def founded(folder: Path) -> Company:
    """Simulate the history and learn from it, without its truth."""
    history, catalogue = folder / "history.jsonl", folder / "catalogue.csv"
    simulate.main([
        *("--orders", str(HISTORY_ORDERS), "--seed", "11", *COMPANY_FLAGS),
        *("--hidden-rate", "0.1", "--price-spread", "0.2", "--catalogue-out", str(catalogue)),
        *("--out", str(history), "--truth", str(folder / "unused.csv")),
    ])  # fmt: skip
    version = f"learned-{HISTORY_ORDERS}"
    train.main([
        *("--history", str(history), "--catalogue", str(catalogue)),
        *("--out", str(folder / "model"), "--version", version),
    ])  # fmt: skip
    return Company(folder, version)


def by_id(alerts: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Alerts by id; fails on two of one id."""
    found = {alert["id"]: alert for alert in alerts}
    assert len(found) == len(alerts), "an alert is there twice"
    return found
