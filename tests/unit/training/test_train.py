"""The train command: a bundle, its card, and one line for what cannot be learned from."""

import hashlib
import json
from pathlib import Path

import pytest

from shared.golden import check_golden
from training import simulate, train
from training.console import run
from training.models import bundle_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained model with its history."""
    at = tmp_path_factory.mktemp("train")
    history = str(at / "history.jsonl")
    simulate.main(["--orders", "2000", "--out", history, "--truth", str(at / "truth.csv")])
    with (at / "history.jsonl").open("a") as file:
        file.write("{not an order}\n")
    train.main(["--history", history, "--out", str(at / "model")])
    return at


def test_the_card_names_window_hash_and_libraries(folder: Path) -> None:
    card = json.loads((folder / "model" / "card.json").read_bytes())
    bundle = (folder / "model" / "bundle.json").read_bytes()
    assert card["bundle_sha256"] == hashlib.sha256(bundle).hexdigest()
    assert (
        card["data"]["sha256"]
        == hashlib.sha256((folder / "history.jsonl").read_bytes()).hexdigest()
    )
    assert card["data"]["first_ordered_at"] < card["data"]["last_ordered_at"]
    assert sum(card["data"]["lines_refused"].values()) == 1
    assert card["metrics"]["orders"] == 2000
    assert set(card["libraries"]) == {"python", "numpy", "msgspec"}


def test_a_trained_bundle_brings_golden_orders_that_it_passes(folder: Path) -> None:
    bundle = bundle_folder.load(folder / "model")
    assert len(bundle.golden.orders) >= 12
    check_golden(bundle)


def test_training_twice_gives_the_same_bytes(folder: Path) -> None:
    train.main(["--history", str(folder / "history.jsonl"), "--out", str(folder / "again")])
    for name in ("bundle.json", "card.json"):
        assert (folder / "again" / name).read_bytes() == (folder / "model" / name).read_bytes()


@pytest.mark.parametrize("content", [b"", b"not json\n", b'{"order_id":"x"}\n', b"\xff\xfe\n"])
def test_a_history_without_orders_ends_in_one_line_and_code_two(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "h.jsonl").write_bytes(content)
    arguments = ["--history", str(tmp_path / "h.jsonl"), "--out", str(tmp_path / "model")]
    with pytest.raises(SystemExit) as end:
        run(train.main, arguments)
    assert end.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "model").exists()


def test_a_missing_history_ends_in_one_line_and_code_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        run(train.main, ["--history", str(tmp_path / "none"), "--out", str(tmp_path / "m")])
    assert end.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_decisions_are_counted_on_the_card_and_change_no_table(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last = (folder / "history.jsonl").read_text().splitlines()[-2]
    decision = {
        "order_id": json.loads(last)["order_id"],
        "rep_id": json.loads(last)["rep_id"],
        "decision": "confirmed",
        "decided_by": "analyst",
        "decided_at": json.loads(last)["ordered_at"],
    }
    (tmp_path / "d.jsonl").write_text(json.dumps(decision) + "\n")
    arguments = ["--history", str(folder / "history.jsonl"), "--out", str(tmp_path / "model")]
    train.main([*arguments, "--decisions", str(tmp_path / "d.jsonl")])
    assert "fewer than 30" in capsys.readouterr().out
    card = json.loads((tmp_path / "model" / "card.json").read_bytes())
    assert "fewer than 30" in card["packaged_defaults"]["classifier"]
    assert bundle_folder.load(tmp_path / "model") == bundle_folder.load(folder / "model")


def test_bad_decisions_end_in_one_line_and_code_two(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "d.jsonl").write_text('{"order_id": "o-1"}\n')
    arguments = ["--history", str(folder / "history.jsonl"), "--out", str(tmp_path / "model")]
    with pytest.raises(SystemExit) as end:
        run(train.main, [*arguments, "--decisions", str(tmp_path / "d.jsonl")])
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "d.jsonl: line 1: rep_id" in line
    assert not (tmp_path / "model").exists()
