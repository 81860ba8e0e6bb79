"""python -m tests.function_lengths: how long functions are, outside tests and data.

A function's length is its lines from `def` to its end, without its docstring.
"""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("shared", "functions", "training", "infra")
LISTED = 10

type Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Length:
    """One function: where it stands, and its lines."""

    place: str
    name: str
    lines: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Lengths in one view: in lines, over all functions."""

    median: float
    p90: float
    longest: int


@cache
def every_length() -> list[Length]:
    """Every function outside tests and data, the longest first."""
    files = [ROOT / "function_app.py"]
    for package in PACKAGES:
        files += [
            file for file in (ROOT / package).rglob("*.py") if "node_modules" not in file.parts
        ]
    found = (length for file in files for length in lengths(file.read_text("utf-8"), _place(file)))
    return sorted(found, key=lambda one: (-one.lines, one.place))


def _place(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def lengths(source: str, file: str) -> Iterator[Length]:
    """The functions of one file; one that is defined inside another counts for both."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Length(f"{file}:{node.lineno}", node.name, _lines(node))


def _lines(function: Function) -> int:
    whole = _height(function)
    if ast.get_docstring(function, clean=False) is None:
        return whole
    return whole - _height(function.body[0])


def _height(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def summary(found: Iterable[Length]) -> Summary:
    """The median, the length that nine in ten functions do not exceed, and the longest."""
    lines = [one.lines for one in found]
    return Summary(statistics.median(lines), statistics.quantiles(lines, n=10)[-1], max(lines))


def _print(found: Sequence[Length]) -> None:
    whole = summary(found)
    print(
        f"{len(found)} functions, lines without docstrings: "
        f"median {whole.median:g}, 90th percentile {whole.p90:g}, longest {whole.longest}"
    )
    for one in found[:LISTED]:
        print(f"{one.lines:>4}  {one.place} {one.name}")


if __name__ == "__main__":
    _print(every_length())
