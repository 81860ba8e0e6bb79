"""The backtest: what the function would have alerted, from a file."""

import csv
import json
from pathlib import Path

import pytest

from shared.catalogue import packaged_catalogue
from shared.policy import Policy
from shared.scoring import Scorer
from tests.orders import order_body
from training import backtest, simulate, train
from training.backtest import show_quality
from training.comparison.metrics import Verdict
from training.console import WIDTH, run
from training.history.files import write_lines
from training.models.bundle_folder import load
from training.replay.replay_files import SCORE_COLUMNS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and other orders with duplicates, revisions and lines that are no orders."""
    at = tmp_path_factory.mktemp("backtest")
    _simulate(at, "history", 2_500, 1)
    _simulate(at, "stream", 300, 2)
    train.main(["--history", str(at / "history.jsonl"), "--out", str(at / "model")])
    lines = (at / "stream.jsonl").read_bytes().splitlines()
    mixed = [b"not an order", *lines, *lines[:40:4], *map(_revised, lines[::5])]
    mixed.append(order_body(order_id="foreign", currency="JPY"))
    write_lines(at / "mixed.jsonl", mixed)
    return at


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


def _scorer(folder: Path) -> Scorer:
    return Scorer(load(folder / "model"), packaged_catalogue(), Policy())


def test_files_have_the_columns_of_the_contract_and_one_line_an_order(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores, alerts = folder / "s.csv", folder / "a.jsonl"
    backtest.main([
        *(str(folder / "stream.jsonl"), "--model", str(folder / "model")),
        *("--scores", str(scores), "--alerts", str(alerts), "--partitions", "3"),
        *("--truth", str(folder / "stream.csv")),
    ])  # fmt: skip
    with scores.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == SCORE_COLUMNS
    assert len(rows) == 300
    assert {row["alerted"] for row in rows} == {"0", "1"}
    documents = [json.loads(line) for line in alerts.read_bytes().splitlines()]
    assert {document["order_id"] for document in documents} == {
        row["order_id"] for row in rows if row["alerted"] == "1"
    }
    printed = capsys.readouterr().out
    assert "300 orders scored" in printed
    assert all(name in printed for name in ("added_item", "hidden_discount", "either"))


def test_lines_that_are_no_orders_are_counted_by_code(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backtest.main([
        *(str(folder / "mixed.jsonl"), "--model", str(folder / "model")),
        *("--scores", str(folder / "s.csv"), "--alerts", str(folder / "a.jsonl")),
    ])  # fmt: skip
    printed = capsys.readouterr().out
    assert "2 dead letters" in printed
    assert "currency_mismatch 1" in printed


@pytest.mark.parametrize(
    "change",
    [
        {"--model": "nowhere"},
        {"--truth": "history.csv"},
        {"--truth": "nowhere.csv"},
        {"--partitions": "0"},
        {"--partitions": "many"},
        {"--policy": "stream.csv"},
        {"--catalogue": "stream.csv"},
        {"orders": "nowhere.jsonl"},
    ],
)
def test_bad_input_ends_in_one_line_and_code_two(
    change: dict[str, str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    flags = {"orders": "stream.jsonl", "--model": "model", "--scores": "s", "--alerts": "a"}
    flags |= change
    orders = flags.pop("orders")
    with pytest.raises(SystemExit) as end:
        run(backtest.main, [orders, *(part for flag in flags.items() for part in flag)])
    assert end.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_table_against_the_truth_fits_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    judged = [
        Verdict(flagged=True, probability=0.9, fraud=True, units=1 + number % 9)
        for number in range(100_000)
    ]
    show_quality({"hidden_discount": judged})
    lines = capsys.readouterr().out.splitlines()
    assert "hidden_discount" in "".join(lines)  # whole: no column is cut short
    assert max(len(line.rstrip()) for line in lines) <= WIDTH
