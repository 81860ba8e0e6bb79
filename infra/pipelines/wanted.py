#!/usr/bin/env python3
"""Says whether what is there differs from what is wanted: `create`, `keep` or `update`.

    python3 infra/pipelines/wanted.py object found.json wanted.json
    python3 infra/pipelines/wanted.py check listed.json wanted.json

An object is kept if it has all that is wanted; what the service adds is no difference. A check of
Azure Pipelines (an approval, a lock, a branch) is looked for in a list of them by its type, and
`update` has its id behind it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def step(kind_of_thing: str, found: Any, wanted: Any) -> str:
    """What is to be done.

    Raises:
        KeyError, TypeError: one of them is of another form.
    """
    if kind_of_thing == "object":
        return "keep" if covers(found, wanted) else "update"
    for one in found["value"]:
        if kind(one) == kind(wanted):
            same = covers(one.get("settings") or {}, wanted["settings"])
            return "keep" if same else f"update {one['id']}"
    return "create"


def kind(check: dict[str, Any]) -> tuple[str, str]:
    """The type of a check, and of one that is a task which task."""
    task = (check.get("settings") or {}).get("definitionRef") or {}
    return str(check["type"]["id"]).lower(), str(task.get("id", "")).lower()


def covers(found: Any, wanted: Any) -> bool:
    """Whether everything that is wanted is there, with the same values; lists item by item."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            name in found and covers(found[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        long = isinstance(found, list) and len(found) == len(wanted)
        return long and all(map(covers, found, wanted))
    return bool(found == wanted)


def main(kind_of_thing: str, found: str, wanted: str) -> int:
    """Print the step; 1 where a file cannot be read."""
    try:
        read = [json.loads(Path(file).read_text("utf-8")) for file in (found, wanted)]
        print(step(kind_of_thing, *read))
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"wanted.py: {found}, {wanted}: {error!r}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
