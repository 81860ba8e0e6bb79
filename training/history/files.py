"""Files of orders: one JSON object a line, as a producer would send them."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from shared.errors import ConfigurationError, OrderError
from shared.order import Order, parse_order
from training.command_files import replacing


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line of the file; ``number`` counts from 1, ``order`` is the error of a bad order."""

    number: int
    body: bytes
    order: Order | OrderError


def read_lines(path: Path) -> Iterator[ReadLine]:
    """Read every line that is not blank, in file order; a bad order is returned as its error.

    Raises:
        ConfigurationError: the file has no line at all.
    """
    empty = True
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            body = line.strip()
            if body:
                empty = False
                yield ReadLine(number, body, _parsed(body))
    if empty:
        raise ConfigurationError(f"{path}: no orders in this file")


def _parsed(body: bytes) -> Order | OrderError:
    try:
        return parse_order(body)
    except OrderError as error:
        return error


def write_lines(path: Path, bodies: Iterable[bytes]) -> int:
    """Write one body a line, and return their number; the file appears whole or not at all."""
    count = 0
    with replacing(path) as file:
        for body in bodies:
            file.write(body + b"\n")
            count += 1
    return count


@contextmanager
def reading_text(path: Path) -> Iterator[IO[str]]:
    """Open a table of UTF-8 text.

    Raises:
        ConfigurationError: it turns out not to be UTF-8, or not a table.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            yield file
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: expected UTF-8 text ({error.reason})") from error
    except csv.Error as error:
        raise ConfigurationError(f"{path}: expected a table in CSV ({error})") from error
