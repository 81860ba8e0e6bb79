"""The 500 published orders, scored with what was learned from simulated ones."""

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from training import backtest, import_historical, simulate, train
from training.metrics import Quality, Verdict, by_size, judge
from training.orders_file import read_lines

pytestmark = pytest.mark.reference

SURE = 0.9
"""Confidence from which a label counts for recall: below it the charge leaves the truth open."""


@dataclass(frozen=True, slots=True)
class _Label:
    added_item: bool
    confidence: float


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Verdict, _Label]]:
    """Verdicts on added items of the real orders, with their labels."""
    shared = os.environ.get("SHERIFF_SHARED")
    if shared is None:
        pytest.skip("SHERIFF_SHARED is not set")
    data, at = Path(shared, "data"), tmp_path_factory.mktemp("real")
    history, orders, scores = at / "history.jsonl", at / "orders.jsonl", at / "scores.csv"
    simulate.main([
        *("--orders", "30000", "--seed", "2014", "--float32"),
        *("--out", str(history), "--truth", str(at / "unused.csv")),
    ])  # fmt: skip
    train.main(["--history", str(history), "--out", str(at / "model")])
    import_historical.main([str(data / "historical_data_sample.csv"), "--out", str(orders)])
    backtest.main([
        *(str(orders), "--model", str(at / "model")),
        *("--scores", str(scores), "--alerts", str(at / "alerts.jsonl")),
    ])  # fmt: skip
    labels = _read_labels(data / "historical_data_labels.csv")
    units = {
        line.order.order_id: sum(bought.quantity for bought in line.order.lines)
        for line in read_lines(orders)
        if not isinstance(line.order, Exception)
    }
    with scores.open(newline="") as file:
        return [
            (
                Verdict(
                    flagged=float(row["p_added_item"]) >= 0.5,
                    probability=float(row["p_added_item"]),
                    fraud=labels[row["order_id"]].added_item,
                    units=units[row["order_id"]],
                ),
                labels[row["order_id"]],
            )
            for row in csv.DictReader(file)
        ]


def _read_labels(path: Path) -> dict[str, _Label]:
    with path.open(newline="") as file:
        return {
            f"row-{row['row']}": _Label(row["added_item"] == "1", float(row["confidence"]))
            for row in csv.DictReader(file)
        }


def test_nine_in_ten_orders_flagged_for_an_added_item_have_one(
    judged: list[tuple[Verdict, _Label]],
) -> None:
    verdicts = [verdict for verdict, _ in judged]
    assert len(verdicts) == 500
    for size, quality in [("all", judge(verdicts)), *by_size(verdicts)]:
        print(f"units {size:>4}: {_line(quality)}")
    precision = judge(verdicts).precision
    assert precision is not None
    assert precision >= 0.90


def test_three_in_four_added_items_that_are_sure_are_flagged(
    judged: list[tuple[Verdict, _Label]],
) -> None:
    sure = [verdict for verdict, label in judged if label.confidence >= SURE]
    for size, quality in [("all", judge(sure)), *by_size(sure)]:
        print(f"units {size:>4}, labels that are sure: {_line(quality)}")
    recall = judge(sure).recall
    assert recall is not None
    assert recall >= 0.75


def _line(quality: Quality) -> str:
    shares = (quality.precision, quality.recall)
    texts = ["-" if share is None else f"{share:.3f}" for share in shares]
    return (
        f"{quality.orders} orders, {quality.frauds} added items, {quality.flagged} flagged, "
        f"{quality.found} found, precision {texts[0]}, recall {texts[1]}"
    )
