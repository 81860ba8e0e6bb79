"""What commands share on the terminal: arguments, bounds, exit codes, and lines that fit."""

import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.printable import printable
from training import console
from training.console import cell, day, numbers, percents, real, run, verdict_lines, whole


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


def test_percents_become_basis_points_and_finer_ones_are_refused() -> None:
    assert percents("1,1.5,20") == (100, 150, 2_000)
    with pytest.raises(ConfigurationError, match="at most 2 decimals"):
        percents("1.005")


@pytest.mark.parametrize("text", ["", "1,", "x", "1e400", "nan"])
def test_a_list_of_numbers_holds_numbers_alone(text: str) -> None:
    with pytest.raises(ConfigurationError, match="expected numbers"):
        numbers(text)


def test_a_day_is_one_on_which_orders_may_be_placed() -> None:
    assert day("1970-01-01") == date(1970, 1, 1)
    for text in ("1969-12-31", "2026-02-30", "yesterday"):
        with pytest.raises(console.argparse.ArgumentTypeError, match="from 1970-01-01 on"):
            day(text)


@pytest.mark.parametrize("text", ["", ".hidden", "../up", "a/b", "x" * 129, "v1\n"])
def test_a_version_is_one_folder_of_the_model_store(text: str) -> None:
    assert console.version("v1.2_3-x") == "v1.2_3-x"
    with pytest.raises(console.argparse.ArgumentTypeError, match="expected 1 to 128"):
        console.version(text)
