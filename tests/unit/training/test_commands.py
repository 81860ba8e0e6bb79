"""Every command refuses what it cannot use in one clear line, and destroys nothing by it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from shared.errors import ConfigurationError, SheriffError
from shared.printable import printable
from training import console
from training.backtest import Score, show_quality, write_scores
from training.command_files import check_files
from training.comparison.metrics import Verdict
from training.console import cell, real, run, verdict_lines, whole
from training.history.files import write_lines
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


def test_ctrl_c_ends_a_command_in_one_line_and_code_130(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def command(_: list[str] | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as end:
        run(command)
    assert (end.value.code, capsys.readouterr().err) == (console.INTERRUPTED, "interrupted\n")


@pytest.mark.parametrize("lines", [2, 50_000])  # fewer and more than a buffer holds
def test_a_closed_pipe_ends_a_command_without_a_word(lines: int) -> None:
    code = (
        "import sys; from training.console import run; sys.stdin.readline()\n"
        f"run(lambda _: [print('a line') for _ in range({lines})] and None)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stdin.write(b"\n")
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait() == console.CLOSED


def test_an_error_with_odd_characters_is_shown_escaped_and_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def command(_: list[str] | None) -> None:
        raise ConfigurationError("first\nsecond \x1b[2J \u202e \udc80")

    with pytest.raises(SystemExit):
        run(command)
    assert capsys.readouterr().err == "error: first second \\u001b[2J \\u202e \\udc80\n"


def test_texts_from_outside_are_no_markup_and_steer_no_terminal() -> None:
    assert cell("[red]\x07x").plain == "[red]\\u0007x"
    assert printable("Ünlü 車\ta") == "Ünlü 車\\ta"


def test_a_verdict_fits_a_terminal() -> None:
    reasons = ["Recall of added items: 0.8412, the champion's 0.9011 " * 3, "x" * 200]
    lines = verdict_lines("20260301-abcdef12", "refused", reasons)
    assert lines[0] == "20260301-abcdef12 is refused"
    assert max(map(len, lines)) <= console.WIDTH
    assert [line[:4] for line in lines].count("  - ") == 2


@pytest.mark.parametrize("kind", [whole(1, 9), real(1, 9)])
@pytest.mark.parametrize("text", ["0", "-1", "10", "9" * 99, "nan", "inf", "x", "", "1e400"])
def test_a_number_has_bounds(kind: Callable[[str], float], text: str) -> None:
    with pytest.raises(console.argparse.ArgumentTypeError, match="expected"):
        kind(text)
    assert kind("9") == 9


def test_an_output_appears_whole_or_not_at_all_and_leaves_nothing_behind(at: Path) -> None:
    def bodies() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_lines(at / "input", bodies())
    assert (at / "input").read_bytes() == b"precious input"
    assert not list(at.glob(".*"))


def test_a_file_that_only_looks_like_a_part_of_the_output_is_left_alone(at: Path) -> None:
    (at / "out.part").write_bytes(b"somebody's")
    write_lines(at / "out", [b"line"])
    assert (at / "out.part").read_bytes() == b"somebody's"


def test_a_link_keeps_leading_to_its_file_when_that_is_replaced(at: Path) -> None:
    (at / "link").symlink_to("input")
    write_lines(at / "link", [b"new"])
    assert (at / "link").is_symlink()
    assert (at / "input").read_bytes() == b"new\n"


@pytest.mark.parametrize("name", ["folder", "pipe", "/dev/null"])
def test_nothing_but_a_file_is_ever_replaced(name: str) -> None:
    with pytest.raises(ConfigurationError, match="expected a file"):
        write_lines(Path(name), [b"line"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_what_this_user_must_not_touch_is_named(at: Path) -> None:
    (at / "input").chmod(0o000)
    with pytest.raises(ConfigurationError, match="must not be read"):
        check_files([at / "input"], [])
    (at / "input").chmod(0o400)
    with pytest.raises(ConfigurationError, match="must not be written"):
        check_files([], [at / "input"])
    (at / "folder").chmod(0o500)
    with pytest.raises(ConfigurationError, match="must not write"):
        check_files([], [at / "folder" / "new"])


def test_a_link_in_a_circle_leads_nowhere(at: Path) -> None:
    (at / "one").symlink_to("two")
    (at / "two").symlink_to("one")
    with pytest.raises(ConfigurationError, match="one"):
        check_files([at / "one"], [])
    with pytest.raises(ConfigurationError, match="one"):
        check_files([], [at / "one"])


def test_an_order_id_is_no_formula_of_a_spreadsheet(at: Path) -> None:
    score = Score("-2-3", 0, 0.1, 0.2, 0.3, alerted=False, final_probability=0.3, units=1)
    write_scores(at / "scores.csv", [score, replace(score, order_id="o-1")])
    rows = (at / "scores.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == ["'-2-3", "o-1"]


def test_a_hub_that_cannot_be_reached_or_named_ends_in_one_line(
    at: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_HUB", "orders")
    monkeypatch.setenv("EventHubConnection", "SharedAccessKey=secret")
    with pytest.raises(SystemExit) as end:
        run(import_module("training.simulate").main, [*SIMULATE, "--send"])
    captured = capsys.readouterr()
    assert (end.value.code, captured.err) == (
        2,
        "error: EventHubConnection cannot be used: expected a connection string\n",
    )


def test_a_store_that_cannot_be_reached_ends_loading_alerts_in_one_line() -> None:
    environment = {"COSMOS_ENDPOINT": "http://127.0.0.1:9", "COSMOS_KEY": "no key"}
    with pytest.raises(SheriffError, match="COSMOS_KEY is set"):
        asyncio.run(load_alerts(environment, [{"id": "a", "rep_id": "r"}]))


def test_the_table_against_the_truth_fits_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    judged = [
        Verdict(flagged=True, probability=0.9, fraud=True, units=1 + number % 9)
        for number in range(100_000)
    ]
    show_quality({"hidden_discount": judged})
    lines = capsys.readouterr().out.splitlines()
    assert "hidden_discount" in "".join(lines)  # whole: no column is cut short
    assert max(len(line.rstrip()) for line in lines) <= console.WIDTH
