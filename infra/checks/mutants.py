"""Faults put into the templates on purpose, to see that the checks find them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

type Overlay = Mapping[str, str]
"""Files that differ from those on disk: path from the repository's root, and text."""
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
