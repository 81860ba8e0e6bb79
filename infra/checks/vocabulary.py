"""Which properties the templates write, by type: a slip of the pen is none, and none is left out.

`vocabulary.json` is what the templates used when every type was held against the compiler's own
type data: ``always`` what every resource of a type says, ``sometimes`` what one or another does.
After adding a property, hold it against that data (docs/infrastructure.md), then write the file
anew: `python -m infra.checks.vocabulary`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from infra.checks.deployment import Deployment

FILE = Path(__file__).with_name("vocabulary.json")
NAMED_BY_US = {"tags", "userAssignedIdentities", "notifications"}
"""Maps whose keys are no properties."""


def problems(deployment: Deployment) -> Iterator[str]:
    """Properties that are not in the vocabulary, or are left out."""
    for one in deployment.resources:
        always, sometimes = vocabulary().get(f"{one.type}@{one.version}", _NONE)
        found = set(paths(one.body))
        for path in sorted(found - always - sometimes):
            yield f"{one.where}: {one.type} has no {path}"
        for path in sorted(always - found):
            yield f"{one.where}: {one.name} lacks {path}"


def paths(of: Any, path: str = "") -> Iterator[str]:
    """The path of every property, as ``properties.rules[].name``, or ``[every]`` if all have it."""
    if isinstance(of, Mapping):
        free = path.rpartition(".")[2] in NAMED_BY_US
        for name, item in of.items():
            here = f"{path}.{'*' if free else name}".lstrip(".")
            yield here
            yield from paths(item, here)
    elif isinstance(of, list):
        for item in of:
            yield from paths(item, f"{path}[]")
        if of and all(isinstance(item, Mapping) for item in of):
            for name in set.intersection(*(set(item) for item in of)):
                yield f"{path}[every].{name}"


_NONE: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())


@cache
def vocabulary() -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """The properties of each type@version: those it always has, and those it may have."""
    written = json.loads(FILE.read_text(encoding="utf-8"))
    return {
        of: (frozenset(found["always"]), frozenset(found["sometimes"]))
        for of, found in written.items()
    }


def used(deployments: Iterable[Deployment]) -> dict[str, dict[str, list[str]]]:
    """What some deployments write, in order."""
    found: dict[str, list[set[str]]] = {}
    for deployment in deployments:
        for one in deployment.resources:
            found.setdefault(f"{one.type}@{one.version}", []).append(set(paths(one.body)))
    written = {}
    for of, each in sorted(found.items()):
        always = set.intersection(*each)
        sometimes = set().union(*each) - always
        written[of] = {"always": sorted(always), "sometimes": sorted(sometimes)}
    return written


def main() -> None:
    """Write the file anew, of what the templates write now."""
    from infra.checks.bicep import every_deployment, read_files  # noqa: PLC0415 - it imports this

    found = used(every_deployment(read_files({})))
    FILE.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
