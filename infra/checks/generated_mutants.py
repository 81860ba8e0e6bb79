"""Operators that put faults into templates wherever they fit, some of them chosen by a seed."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

from infra.checks.hardening import REQUIRED
from infra.checks.mutants import ROOT, Mutant
from infra.checks.tree import template

_MODULES = "infra/modules/"
_MAIN = "infra/main.bicep"


# Operators: each looks at a file, and gives every fault of its kind that it could put there.


def generated(seed: int, each: int) -> list[Mutant]:
    """At most ``each`` mutants of every operator, chosen by a seed."""
    choice = random.Random(seed)  # noqa: S311 - no secret
    found: list[Mutant] = []
    for operator in _OPERATORS:
        made = [mutant for file in _bicep_files() for mutant in operator(file)]
        found += choice.sample(made, min(each, len(made)))
    return found


def _bicep_files() -> list[str]:
    return sorted(
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "infra").glob("**/*.bicep*")
        if path.suffix in {".bicep", ".bicepparam"} and "node_modules" not in path.parts
    )


def _lines(
    file: str, pattern: str, name: Callable[[str], str], new: Callable[[str], str], policy: bool
) -> Iterator[Mutant]:
    """A mutant for each line that a pattern finds: the line made anew, or left out where empty."""
    lines = (ROOT / file).read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines):
        if re.search(pattern, line):
            made = new(line)
            text = "\n".join([*lines[:number], *([made] if made else []), *lines[number + 1 :]])
            yield Mutant(
                f"{name(line.strip())} ({file}:{number + 1})",
                file,
                lambda _, text=text: text,  # type: ignore[misc]
                policy,
            )


_FLAGS = sorted(
    {
        path.rpartition(".")[2]
        for paths in REQUIRED.values()
        for path, value in paths.items()
        if isinstance(value, bool) and not path.endswith(".enabled")
    }
)


def _flag(file: str, new: Callable[[str], str], what: str) -> Iterator[Mutant]:
    if not file.startswith(_MODULES):
        return iter(())  # there it is a module's parameter
    pattern = rf"^\s*({'|'.join(_FLAGS)}): (true|false)\b"
    return _lines(file, pattern, lambda line: f"{what} {line}", new, policy=True)


def _flipped(file: str) -> Iterator[Mutant]:
    flip = {"true": "false", "false": "true"}
    yield from _flag(
        file, lambda line: re.sub(r"\b(true|false)\b", lambda m: flip[m[1]], line, count=1), "flip"
    )


def _dropped_flags(file: str) -> Iterator[Mutant]:
    yield from _flag(file, lambda _: "", "drop")


def _dropped_grants(file: str) -> Iterator[Mutant]:
    yield from _lines(
        file, r"^  \{ holder: ", lambda line: f"drop {line}", lambda _: "", policy=True
    )


def _misspelt(file: str) -> Iterator[Mutant]:
    def swapped(line: str) -> str:
        return re.sub(r"^(\s+\w+)(\w)(\w):", r"\1\3\2:", line)

    if file.startswith(_MODULES):
        pattern = r"^\s{4,}(?=\w*(?:[a-z])\w:)(?!\w*(\w)\1:)[a-z]\w{4,}: "
        yield from _lines(file, pattern, lambda line: f"misspell {line}", swapped, policy=False)


def _moved_versions(file: str) -> Iterator[Mutant]:
    def moved(line: str) -> str:
        return re.sub(r"@20\d\d", "@2019", line)

    yield from _lines(file, r"@20\d\d-", lambda line: f"version of {line}", moved, policy=False)


def _dropped(file: str) -> Iterator[Mutant]:
    if file == _MAIN or file.endswith("param"):
        pattern = r"^    \w+: \w+$|^param \w+ = "
        names = set(template(_MAIN, (ROOT / _MAIN).read_text(encoding="utf-8")).parameters)
        for mutant in _lines(
            file, pattern, lambda line: f"drop {line}", lambda _: "", policy=False
        ):
            if mutant.name.split()[1].rstrip(":") in names or file == _MAIN:
                yield mutant


def _left_out(file: str) -> Iterator[Mutant]:
    if file.startswith(_MODULES):
        pattern = r"^\s+[\w']+[\w.']*: \S+.*[^{\[(]$"
        yield from _lines(
            file, pattern, lambda line: f"leave out {line}", lambda _: "", policy=False
        )


def _unwaited(file: str) -> Iterator[Mutant]:
    if file == _MAIN:
        yield from _lines(
            file, r"^    \w+$", lambda line: f"do not wait for {line}", lambda _: "", policy=False
        )


def _always(file: str) -> Iterator[Mutant]:
    def unconditional(line: str) -> str:
        return re.sub(r"= if \(.*\) \{$", "= {", line)

    pattern = r"= if \(.*\) \{$"
    yield from _lines(file, pattern, lambda line: f"always {line}", unconditional, policy=False)


_OPERATORS = (
    _flipped,
    _dropped_grants,
    _dropped_flags,
    _misspelt,
    _moved_versions,
    _dropped,
    _left_out,
    _unwaited,
    _always,
)
