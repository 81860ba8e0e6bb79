"""Every command refuses what it cannot use in one clear line, and destroys nothing by it."""

import asyncio
import os
from importlib import import_module
from pathlib import Path

import pytest

from shared.errors import SheriffError
from training.console import run
from training.stores import load_alerts

COMMANDS = (
    "training.backtest", "training.erase", "training.evaluate", "training.import_historical",
    "training.pipeline", "training.promote", "training.registered", "training.rescore",
    "training.simulate", "training.train", "training.incident_benchmark", "infra.package",
)  # fmt: skip

# Per command: arguments that would do, the files it reads (by flag, or place), those it writes.
FILES: dict[str, tuple[list[str], list[str], list[str]]] = {
    "training.backtest": (
        ["orders", "--model", "model", "--scores", "s", "--alerts", "a", "--incidents", "i"],
        ["0", "--truth", "--catalogue", "--policy", "model/bundle.json", "model/card.json"],
        ["--scores", "--alerts", "--incidents"],
    ),
    "training.evaluate": (["--history", "1", "--orders", "1"], ["--policy"], ["--json"]),
    "training.import_historical": (["table", "--out", "o"], ["0", "--catalogue"], ["--out"]),
    "training.simulate": (
        ["--orders", "5", "--out", "o", "--truth", "t", "--catalogue-out", "c"],
        ["--catalogue"],
        ["--out", "--truth", "--catalogue-out"],
    ),
    "training.incident_benchmark": (["--history", "1", "--orders", "1"], [], ["--json"]),
}

# Commands that write into a folder, with the files that it gets.
FOLDERS: dict[str, tuple[list[str], list[str]]] = {
    "training.train": (["--history", "orders"], ["bundle.json", "card.json"]),
    "training.rescore": (
        ["--from", "2026-01-01", "--to", "2026-01-02"],
        ["scores.csv", "alerts.jsonl", "incidents.jsonl"],
    ),
    "infra.package": ([], ["scorer.zip", "trainer.zip"]),
}


@pytest.fixture(autouse=True)
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with something of every kind."""
    monkeypatch.chdir(tmp_path)
    for name in ("orders", "table", "input", "model/bundle.json", "model/card.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(f"precious {name}".encode())
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "binary").write_bytes(bytes(range(256)) * 9)
    return tmp_path


def refused(module: str, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a command ends in, with code 2."""
    with pytest.raises(SystemExit) as end:
        run(import_module(module).main, arguments)
    captured = capsys.readouterr()
    assert (end.value.code, captured.out) == (2, "")
    assert captured.err.count("\n") == 1
    return captured.err


def given(arguments: list[str], name: str, value: str) -> list[str]:
    """The arguments with another value for one of them."""
    if name == "0":
        return [value, *arguments[1:]]
    if name in arguments:
        at = arguments.index(name)
        return [*arguments[:at], name, value, *arguments[at + 2 :]]
    return [*arguments, name, value]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(one): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


@pytest.mark.parametrize("module", COMMANDS)
def test_every_command_explains_itself(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run(import_module(module).main, ["--help"])
    assert end.value.code == 0
    assert "usage:" in capsys.readouterr().out


@pytest.mark.parametrize("how", ["path", "symbolic link", "hard link", "other path"])
@pytest.mark.parametrize(
    ("module", "reads", "writes"),
    [
        (module, read, write)
        for module, (_, reads, writes) in FILES.items()
        for read in reads
        for write in writes
    ],
)
def test_an_output_is_none_of_the_inputs_by_whatever_name(
    module: str, reads: str, writes: str, how: str, at: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, _, _ = FILES[module]
    source = "input"
    if "/" in reads:
        source = reads
    else:
        arguments = given(arguments, reads, source)
    named = at / "named"
    if how == "symbolic link":
        named.symlink_to(at / source)
    elif how == "hard link":
        named.hardlink_to(at / source)
    else:
        named = at / ("folder/.." if how == "other path" else "") / source
    before = contents(at)
    line = refused(module, given(arguments, writes, str(named)), capsys)
    assert "is the input" in line
    assert contents(at) == before


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("folder", "is a folder"),
        ("/dev/null", "is a device"),
        ("pipe", "is a pipe"),
        ("missing/file", "no such folder"),
        ("input/file", "no such folder"),
    ],
)
@pytest.mark.parametrize(
    ("module", "writes"),
    [(module, write) for module, (_, _, writes) in FILES.items() for write in writes],
)
def test_an_output_is_a_file_or_a_new_one(
    module: str, writes: str, value: str, words: str, at: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = given(given(FILES[module][0], "0", "input"), writes, value)
    if module in {"training.evaluate", "training.incident_benchmark", "training.simulate"}:
        arguments = given(FILES[module][0], writes, value)
    before = contents(at)
    assert words in refused(module, arguments, capsys)
    assert contents(at) == before


@pytest.mark.parametrize(("value", "words"), [("missing", "no such file"), ("folder", "folder")])
@pytest.mark.parametrize(
    ("module", "reads"),
    [
        (module, read)
        for module, (_, reads, _) in FILES.items()
        for read in reads
        if "/" not in read
    ],
)
def test_an_input_is_a_file_that_is_there(
    module: str, reads: str, value: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = FILES[module][0]
    assert words in refused(module, given(arguments, reads, value), capsys)


def test_two_outputs_are_two_files(capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(
        "training.simulate", ["--orders", "5", "--out", "new", "--truth", "./new"], capsys
    )
    assert "is the output" in line


@pytest.mark.parametrize("value", ["input", "input/deeper", "pipe", "/dev/null"])
@pytest.mark.parametrize("module", FOLDERS)
def test_an_output_folder_is_a_folder_or_a_new_one(
    module: str, value: str, at: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(at)
    arguments = [*FOLDERS[module][0], "--out", value]
    assert "is a file, expected a folder" in refused(module, arguments, capsys)
    assert contents(at) == before


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, (_, names) in FOLDERS.items() for name in names]
)
def test_what_a_folder_gets_replaces_no_folder_in_it(
    module: str, name: str, at: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (at / "folder" / name).mkdir()
    arguments = [*FOLDERS[module][0], "--out", "folder"]
    assert "is a folder, expected a file" in refused(module, arguments, capsys)


def test_a_history_in_the_folder_of_its_bundle_is_not_replaced_by_it(
    at: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--history", "model/card.json", "--out", "model"]
    assert "is the input" in refused("training.train", arguments, capsys)
    assert (at / "model/card.json").read_bytes() == b"precious model/card.json"


TRAIN = ["--history", "orders", "--out", "new"]
SIMULATE = ["--orders", "5", "--out", "o", "--truth", "t"]
BACKTEST = FILES["training.backtest"][0]
RESCORE = ["--from", "2026-01-01", "--to", "2026-01-02", "--out", "new"]


@pytest.mark.parametrize(
    ("module", "arguments", "words"),
    [
        ("training.train", [*TRAIN, "--version", "../../x"], "--version: '../../x': expected"),
        ("training.train", [*TRAIN, "--version", ""], "--version: '': expected"),
        ("training.train", TRAIN, "not one line is an order"),
        ("training.train", given(TRAIN, "--history", "empty"), "no orders in this file"),
        ("training.train", [*TRAIN, "--catalogue", "binary"], "UTF-8"),
        ("training.train", [*TRAIN, "--decisions", "binary"], "line 1"),
        ("training.rescore", [*RESCORE, "--version", "a/b"], "--version"),
        ("training.rescore", given(RESCORE, "--from", "0001-01-01"), "1970"),
        ("training.rescore", given(RESCORE, "--to", "9999-12-31"), "1970 to 9998"),
        ("training.rescore", given(RESCORE, "--to", "0001-01-01T00:00+14:00"), "day or time"),
        ("training.backtest", [*given(BACKTEST, "0", "input"), "--truth", "binary"], "UTF-8"),
        ("training.backtest", [*given(BACKTEST, "0", "input"), "--truth", "empty"], "missing"),
        ("training.backtest", given(BACKTEST, "--model", "input"), "expected the folder"),
        ("training.backtest", given(BACKTEST, "--model", "folder"), "no card.json"),
        ("training.backtest", BACKTEST, "not a card"),
        ("training.backtest", [*BACKTEST, "--policy", "binary"], "policy"),
        ("training.backtest", [*BACKTEST, "--partitions", "0"], "1 to 2000"),
        ("training.import_historical", ["binary", "--out", "o"], "UTF-8"),
        ("training.import_historical", ["empty", "--out", "o"], "columns missing"),
        ("training.simulate", [*SIMULATE, "--start", "9999-12-31"], "past 9999-12-30"),
        ("training.simulate", [*SIMULATE, "--start", "1969-12-31"], "from 1970-01-01 on"),
        ("training.simulate", [*SIMULATE, "--prefix", "a b/c"], "'a b/c': expected"),
        ("training.simulate", [*SIMULATE, "--prefix", "x" * 51], "up to 50 characters"),
        ("training.simulate", given(SIMULATE, "--orders", "0"), "'0': expected"),
        ("training.simulate", [*SIMULATE, "--seed=-1"], "'-1': expected"),
        ("training.simulate", [*SIMULATE, "--orders-per-day", "nan"], "'nan': expected"),
        ("training.simulate", [*SIMULATE, "--orders-per-day", "1e308"], "expected a number"),
        ("training.simulate", [*SIMULATE, "--yearly-growth", "inf"], "expected a number"),
        ("training.simulate", [*SIMULATE, "--customers", "9" * 30], "expected a whole number"),
        ("training.simulate", [*SIMULATE, "--ladder", "1e308"], "up to 1e+09"),
        ("training.simulate", [*SIMULATE, "--ladder-shares", "nan"], "up to 1e+09"),
        ("training.simulate", [*SIMULATE, "--episode-days", "1-999999999999"], "at most"),
        ("training.simulate", [*SIMULATE, "--price-factor", "nan"], "expected a number"),
        ("training.simulate", [*SIMULATE, "--promotion", "Gloves", "--promotion-start",
                               "9999-12-31"], "ends by"),
        ("training.evaluate", ["--orders", "nan"], "'nan': expected"),
        ("training.incident_benchmark", ["--clean=-5"], "'-5': expected"),
        ("training.incident_benchmark", ["--partitions", "4", "0"], "'0': expected"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_ends_in_one_line_that_names_it(
    module: str,
    arguments: list[str],
    words: str,
    at: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = contents(at)
    assert words in refused(module, arguments, capsys)
    assert contents(at) == before


@pytest.mark.parametrize("command", ["erase", "rescore", "promote", "pipeline"])
def test_a_connection_that_cannot_be_used_is_named_and_not_shown(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"ORDERS_HUB": "o", "COSMOS_ENDPOINT": "http://127.0.0.1:9", "COSMOS_KEY": "k"}
    settings["SHERIFF_LOCAL"] = "on"
    for name, value in (settings | {"BLOB_CONNECTION": "AccountKey=secret"}).items():
        monkeypatch.setenv(name, value)
    arguments = {"erase": ["--customer", "x"], "rescore": RESCORE}.get(command, [])
    line = refused(f"training.{command}", arguments, capsys)
    assert "BLOB_CONNECTION" in line
    assert "secret" not in line


def test_a_hub_that_cannot_be_reached_or_named_ends_in_one_line(
    at: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_HUB", "orders")
    monkeypatch.setenv("EventHubConnection", "SharedAccessKey=secret")
    with pytest.raises(SystemExit) as end:
        run(import_module("training.simulate").main, [*SIMULATE, "--send"])
    captured = capsys.readouterr()
    assert (end.value.code, captured.err) == (2, "error: EventHubConnection cannot be used\n")


def test_a_store_that_cannot_be_reached_ends_loading_alerts_in_one_line() -> None:
    environment = {"COSMOS_ENDPOINT": "http://127.0.0.1:9", "COSMOS_KEY": "no key"}
    with pytest.raises(SheriffError, match=r"COSMOS|alerts could not be written"):
        asyncio.run(load_alerts(environment, [{"id": "a", "rep_id": "r"}]))
