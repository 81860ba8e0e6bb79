"""A folder for backtests and replays: a model, and a stream that holds every kind of line."""

import json
from pathlib import Path

from shared.catalogue import packaged_catalogue
from shared.policy import Policy
from shared.scoring import Scorer
from tests.orders import order_body
from training import simulate, train
from training.history.files import write_lines
from training.models.bundle_folder import load


def make_folder(at: Path) -> Path:
    """Fill a folder with a model and other orders: duplicates, revisions, lines that are no order.

    The model is in ``model``, the whole stream in ``mixed.jsonl``, the plain orders and their truth
    in ``stream.jsonl`` and ``stream.csv``.
    """
    _simulate(at, "history", 2_500, 1)
    _simulate(at, "stream", 300, 2)
    train.main(["--history", str(at / "history.jsonl"), "--out", str(at / "model")])
    lines = (at / "stream.jsonl").read_bytes().splitlines()
    mixed = [b"not an order", *lines, *lines[:40:4], *map(_revised, lines[::5])]
    mixed.append(order_body(order_id="foreign", currency="JPY"))
    write_lines(at / "mixed.jsonl", mixed)
    return at


def scorer_of(folder: Path) -> Scorer:
    """Return a scorer with the folder's model."""
    return Scorer(load(folder / "model"), packaged_catalogue(), Policy())


def _simulate(at: Path, name: str, count: int, seed: int) -> None:
    simulate.main([
        *("--orders", str(count), "--seed", str(seed), "--episodes", "1"),
        *("--added-rate", "0.15", "--out", str(at / f"{name}.jsonl")),
        *("--truth", str(at / f"{name}.csv"), "--prefix", f"{name}-"),
    ])  # fmt: skip


def _revised(line: bytes) -> bytes:
    order = json.loads(line)
    order["revision"] = 1 + len(order["lines"]) % 3
    order["charged_price"] = round(order["charged_price"] * 0.97, 2)
    return json.dumps(order).encode()
