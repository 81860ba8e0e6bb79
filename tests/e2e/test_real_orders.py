"""The 500 published orders, scored with what was learned from simulated ones."""

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from training import backtest, import_historical, simulate, train
from training.comparison.metrics import Quality, Verdict, by_size, judge
from training.history.files import read_lines

pytestmark = pytest.mark.reference

SURE = 0.9
"""Confidence from which a label counts for recall: below it the charge leaves the truth open."""


@dataclass(frozen=True, slots=True)
class _Label:
    added_item: bool
    hidden_discount: bool
    confidence: float


@dataclass(frozen=True, slots=True)
class _Judged:
    """Verdicts on one order: on added items, on hidden discounts and on either."""

    order_id: str
    added_item: Verdict
    hidden_discount: Verdict
    either: Verdict
    confidence: float


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> list[_Judged]:
    """Verdicts on the real orders, with the confidence of their labels."""
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
            _judge(row, labels[row["order_id"]], units[row["order_id"]])
            for row in csv.DictReader(file)
        ]


def _judge(row: dict[str, str], label: _Label, units: int) -> _Judged:
    added, hidden = float(row["p_added_item"]), float(row["p_hidden_discount"])

    def verdict(probability: float, fraud: bool) -> Verdict:
        return Verdict(probability >= 0.5, probability, fraud, units)

    return _Judged(
        order_id=row["order_id"],
        added_item=verdict(added, label.added_item),
        hidden_discount=verdict(hidden, label.hidden_discount),
        either=verdict(max(added, hidden), label.added_item or label.hidden_discount),
        confidence=label.confidence,
    )


def _read_labels(path: Path) -> dict[str, _Label]:
    with path.open(newline="") as file:
        return {
            f"row-{row['row']}": _Label(
                row["added_item"] == "1", row["hidden_discount"] == "1", float(row["confidence"])
            )
            for row in csv.DictReader(file)
        }


def test_of_real_orders_nineteen_in_twenty_flagged_are_frauds_and_nine_in_ten_frauds_are_flagged(
    judged: list[_Judged],
) -> None:
    assert len(judged) == 500
    sure = [one for one in judged if one.confidence >= SURE]
    for labels, orders in (("all", judged), ("sure", sure)):
        _show(labels, orders)
    both = judge([one.either for one in sure])
    assert both.precision is not None
    assert both.recall is not None
    assert both.precision >= 0.95
    assert both.recall >= 0.90


def test_of_real_orders_nine_in_ten_flagged_for_an_added_item_have_one(
    judged: list[_Judged],
) -> None:
    precision = judge([one.added_item for one in judged]).precision
    assert precision is not None
    assert precision >= 0.90


def _show(labels: str, orders: list[_Judged]) -> None:
    """Print every figure, and each order that was judged wrongly."""
    for name in ("added_item", "hidden_discount", "either"):
        verdicts = [getattr(one, name) for one in orders]
        for size, quality in [("all", judge(verdicts)), *by_size(verdicts)]:
            print(f"{labels} labels, {name}, units {size}: {_line(quality)}")
        for one, verdict in zip(orders, verdicts, strict=True):
            if verdict.flagged != verdict.fraud:
                wrong = "false alarm" if verdict.flagged else "missed"
                print(
                    f"  {wrong}: {one.order_id}, {verdict.units} units, {verdict.probability:.3f}"
                )


def _line(quality: Quality) -> str:
    shares = (quality.precision, quality.recall)
    texts = ["-" if share is None else f"{share:.3f}" for share in shares]
    return (
        f"{quality.orders} orders, {quality.frauds} frauds, {quality.flagged} flagged, "
        f"{quality.found} found, precision {texts[0]}, recall {texts[1]}"
    )
