"""The parts that commands share: arguments, progress, tables, and errors of one line."""

import argparse
import math
import os
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from shared.champion import Version
from shared.errors import ConfigurationError, SheriffError
from shared.printable import printable
from training.command_files import check_files, check_folder

BAD_INPUT = 2
"""Exit code for input that cannot be used; 1 means a crash."""

INTERRUPTED, CLOSED = 130, 141
"""Exit codes as shells have them: for Ctrl-C, and for an output that nobody reads any more."""

LARGEST = 1e9
"""The largest number in a list; a larger one is a slip of the hand, and would overflow later."""

WIDTH = 80
"""Columns of a table; every terminal has as many."""


class ArgumentParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, not a page of usage.

    Declare files by `reads` and `writes`; `parse` checks all of them before anything is done.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._reads: list[tuple[str, Sequence[str]]] = []
        self._writes: list[tuple[str, Sequence[str]]] = []

    def error(self, message: str) -> NoReturn:
        """Print one line to standard error and end with `BAD_INPUT`."""
        line = " ".join(printable(message, lines=True).split())
        self.exit(BAD_INPUT, f"{self.prog}: {line} (--help explains)\n")

    def reads(
        self, name: str, *, files: Sequence[str] = (), group: Any = None, **options: Any
    ) -> None:
        """Add an argument that names an input file, or with ``files`` the folder with them."""
        action = (group or self).add_argument(name, type=Path, **options)
        self._reads.append((action.dest, files))

    def writes(
        self, name: str, *, files: Sequence[str] = (), group: Any = None, **options: Any
    ) -> None:
        """Add an argument that names an output file, or with ``files`` the folder for them."""
        action = (group or self).add_argument(name, type=Path, **options)
        self._writes.append((action.dest, files))

    def parse(self, arguments: Sequence[str] | None) -> argparse.Namespace:
        """Parse the arguments, and check that inputs can be read and outputs written.

        Raises:
            ConfigurationError: names the file, and what is wrong with it.
        """
        options = self.parse_args(arguments)
        writes = []
        for folder, names in _given(options, self._writes):
            if names:
                check_folder(folder)
            # A file in a folder that is not there yet cannot be an input.
            writes += [folder / name for name in names if folder.is_dir()] or [folder] * (not names)
        reads = [
            folder / name if name else folder
            for folder, names in _given(options, self._reads)
            for name in names or ("",)
            if not name or (folder / name).exists()
        ]
        check_files(reads, writes)
        return options


def _given(
    options: argparse.Namespace, named: Iterable[tuple[str, Sequence[str]]]
) -> Iterator[tuple[Path, Sequence[str]]]:
    """Yield the paths that were given, each with the files that are meant in it."""
    for name, files in named:
        path = getattr(options, name)
        if path is not None:
            yield path, files


def run(
    command: Callable[[list[str] | None], int | None], arguments: list[str] | None = None
) -> NoReturn:
    """Run a command and exit with its code, 0 if it returns no code.

    Bad input ends in one line and `BAD_INPUT`, Ctrl-C in `INTERRUPTED`, and an output that nobody
    reads any more in `CLOSED`.
    """
    try:
        code = command(arguments) or 0
        sys.stdout.flush()
    except KeyboardInterrupt:
        _end("interrupted", INTERRUPTED)
    except BrokenPipeError:  # of the output; stores translate their own
        _discard_output()
        sys.exit(CLOSED)
    except (SheriffError, OSError) as error:
        _end(f"error: {error}", BAD_INPUT)
    sys.exit(code)


def _end(message: str, code: int) -> NoReturn:
    """Print one line to standard error and exit; a closed stream does not matter any more."""
    try:
        print(" ".join(printable(message, lines=True).split()), file=sys.stderr, flush=True)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
    sys.exit(code)


def _discard_output() -> None:
    """Send the rest of standard output nowhere, because nobody reads it any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def cell(text: str) -> Text:
    """Return a text from outside as the cell of a table, without any markup in it."""
    return Text(printable(text))


def short_table(title: str, *columns: str, left: Sequence[str] = ()) -> Table:
    """Return a table without frames, which fits `WIDTH` columns; ``left`` columns hold words."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column, justify="left" if column in left else "right")
    return table


def verdict_lines(name: str, outcome: str, reasons: Iterable[str]) -> list[str]:
    """Return what was decided about a version and why, in lines of at most `WIDTH` columns.

    >>> verdict_lines("v1", "refused", ["Too slow."])
    ['v1 is refused', '  - Too slow.']
    """
    lines = [printable(f"{name} is {outcome}")]
    for reason in reasons:
        lines += textwrap.wrap(
            printable(reason), WIDTH, initial_indent="  - ", subsequent_indent="    "
        )
    return lines


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return the type of an argument that is a whole number within these bounds."""

    def parsed(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number {low} to {high}")
        return value

    return parsed


def real(low: float, high: float) -> Callable[[str], float]:
    """Return the type of an argument that is a number within these bounds."""

    def parsed(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r}: expected a number {low:g} to {high:g}")
        return value

    return parsed


PARTITIONS = whole(1, 2_000)
"""Partitions of a hub: as many as Event Hubs offers."""

SEED = whole(0, 2**63 - 1)
"""Seeds of random draws."""

COUNT = whole(1, 50_000_000)
"""Counts of simulated orders: as many as fit a machine's memory."""


def day(text: str) -> date:
    """Parse an argument that is a day from 1970 on; no order may be placed before."""
    try:
        parsed = date.fromisoformat(text)
    except ValueError:
        parsed = date.min
    if parsed < date(1970, 1, 1):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a day from 1970-01-01 on")
    return parsed


def version(text: str) -> str:
    """Parse an argument that names a bundle: one folder of the model store, and nothing else."""
    try:
        return msgspec.convert(text, Version)
    except msgspec.ValidationError as error:
        expected = "1 to 128 of A-Z a-z 0-9 . _ -, a letter or digit first"
        raise argparse.ArgumentTypeError(f"{text!r}: expected {expected}") from error


def progress[T](items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Yield the items under a progress bar on standard error; without a bar off a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from items
        return
    yield from track(items, description=label, total=total, console=console, transient=True)


def percents(text: str) -> tuple[int, ...]:
    """Parse percents separated by commas into basis points.

    >>> percents("1,1.5,20")
    (100, 150, 2000)

    Raises:
        ConfigurationError: a part is not a number, or finer than a hundredth of a percent.
    """
    values = numbers(text)
    points = tuple(round(value * 100) for value in values)
    for value, point in zip(values, points, strict=True):
        if not math.isclose(value * 100, point, abs_tol=1e-6):
            raise ConfigurationError(f"{value} %: expected at most 2 decimals")
    return points


def numbers(text: str) -> tuple[float, ...]:
    """Parse numbers separated by commas.

    Raises:
        ConfigurationError: a part is not a number, or beyond `LARGEST`.
    """
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigurationError(f"{text!r}: expected numbers separated by commas") from error
    if not all(abs(value) <= LARGEST for value in values):
        raise ConfigurationError(f"{text!r}: expected numbers up to {LARGEST:g}")
    return values
