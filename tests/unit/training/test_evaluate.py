"""The evaluation: from the command to the figures, on little data."""

import json
from pathlib import Path

import pytest

from training import evaluate
from training.console import run
from training.simulation.scenarios import NAMES


@pytest.mark.xdist_group("evaluate")
def test_the_command_prints_and_writes_a_stream_without_fraud(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "evaluation.json"
    evaluate.main([
        *("--scenario", "no-fraud", "--history", "320", "--orders", "60", "--json", str(path)),
    ])  # fmt: skip
    printed = capsys.readouterr().out
    assert "no-fraud: not one fraud in the stream" in printed
    assert "overview" in printed
    document = json.loads(path.read_bytes())
    assert document["schema_version"] == 1
    assert document["sizes"] == {"history": 320, "orders": 60, "seed": 1, "partitions": 4}
    (clean,) = document["scenarios"]
    assert clean["typologies"]["either"]["figures"]["frauds"] == 0
    assert clean["typologies"]["either"]["figures"]["recall"] is None
    assert clean["delay"]["episodes"] == clean["incidents"]["planted"] == 0
    assert clean["typologies"]["either"]["loss"]["planted"] == 0


@pytest.mark.parametrize(
    "flags",
    [
        ("--scenario", "moonlight"),
        ("--scenario",),
        ("--history", "0"),
        ("--orders", "-3"),
        ("--orders", "many"),
        ("--partitions", "0"),
        ("--seed", "-1"),
        ("--json", "no/such/folder/e.json"),
        ("--policy", "no-such-file.json"),
    ],
)
def test_bad_input_ends_in_one_line_and_code_two(
    flags: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        run(evaluate.main, list(flags))
    assert end.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_help_names_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        evaluate.main(["--help"])
    assert end.value.code == 0
    shown = "".join(capsys.readouterr().out.split())
    assert all(name in shown for name in NAMES)
