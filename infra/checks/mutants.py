"""python -m infra.checks.mutants: faults put into the templates on purpose; the checks find them.

Compiler, linter and policies look at each fault; the committed snapshots do not, for they would
catch everything and prove nothing. `mutants.toml` lists the faults: those that somebody has made,
one by one, and operators that put one wherever it fits, some of them chosen by a seed.
"""

from __future__ import annotations

import argparse
import random
import re
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from rich.console import Console
from rich.progress import Progress

from infra.checks import bicep
from infra.checks.bicep import Overlay
from infra.checks.compiler import ROOT
from infra.checks.data import ours
from infra.checks.hardening import REQUIRED
from infra.local import commands

type Problems = Callable[[Overlay], Iterable[str]]
"""What the checks find with some files replaced, a line each; empty where all is well."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: what it is called, the file it is put into, and how.

    ``policy`` faults weaken security or operations, and every one of them must be caught; the
    others are slips that a compiler would find.
    """

    name: str
    file: str
    apply: Callable[[str], str]
    policy: bool


def caught(mutant: Mutant, problems: Problems) -> str | None:
    """The first thing that the checks say of a mutant; None where it survives.

    Raises:
        ValueError: the mutant changes nothing, so it says nothing of the checks.
    """
    before = (ROOT / mutant.file).read_text(encoding="utf-8")
    after = mutant.apply(before)
    if after == before:
        raise ValueError(f"{mutant.name}: changes nothing in {mutant.file}")
    return next(iter(problems({mutant.file: after})), None)


def listed(table: str = "mutants") -> Iterator[Mutant]:
    """Faults that somebody has made, somewhere: the rows of a table of faults."""
    for one in ours(table)["fault"]:
        yield Mutant(one["name"], one["file"], _change(one), one.get("policy", True))


def _change(fault: Mapping[str, Any]) -> Callable[[str], str]:
    """What a row does to a text: one place is changed, or every one that is meant by ``old``."""
    new = fault["new"]
    if "pattern" in fault:
        pattern = re.compile(fault["pattern"], re.MULTILINE | re.DOTALL)
        return lambda text: pattern.sub(new, text, count=1)
    return lambda text: text.replace(fault["old"], new, -1 if fault.get("every") else 1)


def generated(seed: int, each: int) -> list[Mutant]:
    """At most ``each`` mutants of every operator, chosen by a seed."""
    choice = random.Random(seed)  # noqa: S311 - no secret
    found: list[Mutant] = []
    for operator in ours("mutants")["operator"]:
        made = [mutant for file in _files(operator["files"]) for mutant in _lines(file, operator)]
        found += choice.sample(made, min(each, len(made)))
    return found


def _files(globs: Sequence[str]) -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for glob in globs for path in ROOT.glob(glob))


def _lines(file: str, operator: Mapping[str, Any]) -> Iterator[Mutant]:
    """A mutant for each line that the operator changes; a line made empty is left out."""
    pattern = re.compile(operator["pattern"].replace("FLAGS", "|".join(_flags())))
    lines = (ROOT / file).read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines):
        made = pattern.sub(operator["new"], line, count=1)
        if made != line:
            text = "\n".join([*lines[:number], *([made] if made else []), *lines[number + 1 :]])
            yield Mutant(
                f"{operator['name']} {line.strip()} ({file}:{number + 1})",
                file,
                lambda _, text=text: text,  # type: ignore[misc]
                operator.get("policy", False),
            )


@cache
def _flags() -> tuple[str, ...]:
    """Properties that are true or false, and must be the one."""
    found = {
        path.rpartition(".")[2]
        for paths in REQUIRED.values()
        for path, value in paths.items()
        if isinstance(value, bool)
    }
    return tuple(sorted(found - {"enabled"}))


@dataclass(frozen=True, slots=True)
class Figures:
    """How many mutants there were of each sort, and which survived."""

    policies: int
    slips: int
    survivors: Sequence[Mutant]

    def __str__(self) -> str:
        missed = [one for one in self.survivors if one.policy]
        slipped = len(self.survivors) - len(missed)
        return (
            f"policy {self.policies - len(missed)} of {self.policies} caught, "
            f"slips {self.slips - slipped} of {self.slips}, all "
            f"{self.policies + self.slips - len(self.survivors)} of {self.policies + self.slips}"
        )


def figures(mutants: Iterable[Mutant], problems: Problems) -> Figures:
    """Put each mutant into the templates, and see whether the checks find it.

    A check that fails itself has found nothing: a fault of policy must be named.
    """
    tried, survivors = [], []
    for one in mutants:
        tried.append(one)
        said = caught(one, problems)
        if said is None or (one.policy and said.startswith(bicep.FAILED)):
            survivors.append(one)
    policies = sum(one.policy for one in tried)
    return Figures(policies, len(tried) - policies, survivors)


def main() -> int:
    """Print the figures and the survivors; 1 where a fault of policy survives."""
    parser = argparse.ArgumentParser("python -m infra.checks.mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--each", type=int, default=4, help="mutants of every operator")
    asked = parser.parse_args()
    return commands.run("mutants", lambda: _print(asked.seed, asked.each), bad=2)


def _print(seed: int, each: int) -> int:
    mutants = [*listed(), *generated(seed, each)]
    with Progress(console=Console(stderr=True)) as progress:
        tried = progress.track(mutants, description=f"seed {seed}")
        shown = figures(tried, bicep.problems)
    print(shown)
    for one in shown.survivors:
        print(f"survives{' (policy)' if one.policy else ''}: {one.name}")
    return 1 if any(one.policy for one in shown.survivors) else 0


if __name__ == "__main__":
    sys.exit(main())
