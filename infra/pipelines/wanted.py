#!/usr/bin/env python3
"""Compares an object with the wanted one, and prints `create`, `keep` or `update`.

    python3 infra/pipelines/wanted.py object present.json wanted.json
    python3 infra/pipelines/wanted.py check listed.json wanted.json

An object is kept if it has everything that is wanted; fields that the service adds do not count. A
check of Azure Pipelines (an approval, a lock, a branch) is looked up in a list of checks by its
type; `update` is followed by its id.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def step(kind_of_thing: str, present: Any, wanted: Any) -> str:
    """Return what is to be done.

    Raises:
        KeyError, TypeError: one of the two has another form.
    """
    if kind_of_thing == "object":
        return "keep" if covers(present, wanted) else "update"
    for check in present["value"]:
        if kind(check) == kind(wanted):
            same = covers(check.get("settings") or {}, wanted["settings"])
            return "keep" if same else f"update {check['id']}"
    return "create"


def kind(check: dict[str, Any]) -> tuple[str, str]:
    """Return the type of a check, and, if it runs a task, which task."""
    task = (check.get("settings") or {}).get("definitionRef") or {}
    return str(check["type"]["id"]).lower(), str(task.get("id", "")).lower()


def covers(present: Any, wanted: Any) -> bool:
    """Return whether everything wanted is present with the same values; lists item by item."""
    if isinstance(wanted, dict):
        return isinstance(present, dict) and all(
            name in present and covers(present[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        as_long = isinstance(present, list) and len(present) == len(wanted)
        return as_long and all(map(covers, present, wanted))
    return bool(present == wanted)


def main(kind_of_thing: str, present: str, wanted: str) -> int:
    """Print the step; return 1 if a file cannot be read."""
    try:
        read = [json.loads(Path(file).read_text("utf-8")) for file in (present, wanted)]
        print(step(kind_of_thing, *read))
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"wanted.py: {present}, {wanted}: {error!r}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
