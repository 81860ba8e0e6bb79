"""The backtest: what the function would have alerted, from a file."""

import csv
import json
from pathlib import Path

import pytest

from tests.unit.training.mixed_stream import make_folder
from training import backtest
from training.backtest import show_quality
from training.comparison.metrics import Verdict
from training.console import WIDTH, run
from training.replay.replay_files import SCORE_COLUMNS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("mixed"))


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
