"""What the commands share on the terminal: arguments, progress, and errors of one line."""

import argparse
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import NoReturn

from rich.console import Console
from rich.progress import track

from shared.errors import ConfigurationError, SheriffError

BAD_INPUT = 2
"""Exit code for input that cannot be used; 1 is left to crashes."""


class ArgumentParser(argparse.ArgumentParser):
    """Wrong arguments end in one line, not in a page of usage."""

    def error(self, message: str) -> NoReturn:
        """Print one line to standard error and end with `BAD_INPUT`."""
        self.exit(BAD_INPUT, f"{self.prog}: {message} (--help explains)\n")


def run(
    command: Callable[[list[str] | None], None], arguments: list[str] | None = None
) -> NoReturn:
    """Run a command and exit: 0, or `BAD_INPUT` and one clear line where its input is bad."""
    try:
        command(arguments)
    except (SheriffError, OSError) as error:
        line = " ".join(str(error).split())
        print(f"error: {line}", file=sys.stderr)
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


def progress[T](items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Pass items on under a progress bar on standard error; no bar where that is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from items
        return
    yield from track(items, description=label, total=total, console=console, transient=True)


def percents(text: str) -> tuple[int, ...]:
    """Basis points from percents separated by commas.

    >>> percents("1,1.5,20")
    (100, 150, 2000)

    Raises:
        ConfigurationError: not numbers, or finer than a hundredth of a percent.
    """
    values = numbers(text)
    points = tuple(round(value * 100) for value in values)
    for value, point in zip(values, points, strict=True):
        if not math.isclose(value * 100, point, abs_tol=1e-6):
            raise ConfigurationError(f"{value} %: expected at most 2 decimals")
    return points


def numbers(text: str) -> tuple[float, ...]:
    """Numbers separated by commas.

    Raises:
        ConfigurationError: a part is not a finite number.
    """
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigurationError(f"{text!r}: expected numbers separated by commas") from error
    if not all(map(math.isfinite, values)):
        raise ConfigurationError(f"{text!r}: expected finite numbers")
    return values
