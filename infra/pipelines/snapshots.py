#!/usr/bin/env python3
"""Tells in Markdown what a change of the templates changes in each environment.

    python3 infra/pipelines/snapshots.py BEFORE AFTER > changes.md

Both are folders with `dev.snapshot.json` and the others, as `make snapshots` writes them. A missing
file stands for an environment without resources. The script needs nothing but the agent's own
Python.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ENVIRONMENTS = ("dev", "test", "prod")

SHOWN = 120
"""Characters of a value that are shown; the snapshot has the rest."""

_WHERE = re.compile(r"/subscriptions/[^/']+(/resourceGroups/[^/']+)?/providers/")

Resources = Mapping[str, Any]
"""Resources by id."""


def report(before: Path, after: Path) -> Iterator[str]:
    """Yield the report, line by line."""
    yield "# What this change does in Azure"
    for environment in ENVIRONMENTS:
        old, new = (
            resources(folder / f"{environment}.snapshot.json") for folder in (before, after)
        )
        lines = list(differences(old, new))
        yield from ["", f"## {environment}: {summary(old, new)}", "", *(lines or ["Nothing."])]


def resources(file: Path) -> Resources:
    """Return the resources of a snapshot; {} if the file is missing.

    Raises:
        ValueError: the file is no snapshot.
    """
    if not file.exists():
        return {}
    snapshot = json.loads(file.read_text(encoding="utf-8"))
    try:
        return {resource["id"]: resource for resource in snapshot["predictedResources"]}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{file}: expected a snapshot: {error!r}") from error


def summary(old: Resources, new: Resources) -> str:
    """Return how many resources come, go and change."""
    changed = [key for key in old.keys() & new.keys() if old[key] != new[key]]
    return (
        f"{len(new.keys() - old.keys())} added, {len(old.keys() - new.keys())} gone, "
        f"{len(changed)} changed"
    )


def differences(old: Resources, new: Resources) -> Iterator[str]:
    """Yield a line for each resource that comes or goes, and for each property that changes."""
    for key in sorted(new.keys() - old.keys()):
        yield f"- added `{short(key)}`"
    for key in sorted(old.keys() - new.keys()):
        yield f"- **no longer in the templates** `{short(key)}`: a deployment leaves it in Azure"
    for key in sorted(old.keys() & new.keys()):
        changes = list(properties(old[key], new[key]))
        if changes:
            yield f"- changed `{short(key)}`"
            yield from (
                f"  - `{path}`: {shown(was)} -> {shown(is_now)}" for path, was, is_now in changes
            )


MISSING = object()
"""Stands for a property that is not there."""


def properties(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the path of each property that differs, and its two values."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            inner = f"{path}.{name}" if path else name
            yield from properties(old.get(name, MISSING), new.get(name, MISSING), inner)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (was, is_now) in enumerate(zip(old, new, strict=True)):
            yield from properties(was, is_now, f"{path}[{number}]")
    elif old != new:
        yield path, old, new


def shown(value: Any) -> str:
    """Return a value as JSON, cut if it is long."""
    if value is MISSING:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return f"`{text[:SHOWN]}...`" if len(text) > SHOWN else f"`{text}`"


def short(key: str) -> str:
    """Return an id, or an expression of ids, without subscriptions and groups."""
    return _WHERE.sub("", key)


def main(before: str, after: str) -> int:
    """Print the report; return 1 if a snapshot cannot be read."""
    try:
        print("\n".join(report(Path(before), Path(after))))
    except (OSError, ValueError) as error:
        print(f"snapshots.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
