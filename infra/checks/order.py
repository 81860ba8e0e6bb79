"""Modules wait for what they need: for what makes what they name, and for roles and ways."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from infra.checks.deployment import Deployment, Module

NEEDS = {
    "scorer": ("roles", "hubRoles", "dataEndpoints", "monitoringEndpoints"),
    "trainer": ("roles", "hubRoles", "dataEndpoints", "monitoringEndpoints", "mlflowEndpoints"),
    "desk": ("roles", "hubRoles", "dataEndpoints", "monitoringEndpoints"),
    "hub": ("roles",),
    "workspace": ("roles",),
}
"""What must be there before a module though it names nothing of it: roles, and ways to the data."""

_ID = re.compile(r"/subscriptions/[\w-]+/resourceGroups/[\w-]+/providers/[\w./-]+")


def problems(deployment: Deployment) -> Iterator[str]:
    """Modules that would run before what they need, or before what makes what they name."""
    after = {module.symbol: set(module.after) for module in deployment.modules}
    made = {one.id: module.symbol for module in deployment.modules for one in module.made}
    for module in deployment.modules:
        waited = _closure(module.symbol, after)
        for needed in NEEDS.get(module.symbol, ()):
            if needed in after and needed not in waited:
                yield f"infra/main.bicep: the module {module.symbol} does not wait for {needed}"
        for one in sorted(set(module.refers)):
            if one not in made:
                yield f"{module.file}: {module.symbol} refers to {one}, which nothing makes"
            # Since Bicep's types: github.com/Azure/bicep/issues/16801
            if module.refers.count(one) > 1:
                yield f"{module.file}: {module.symbol} refers to {one} twice, which Azure refuses"
        for other in sorted({made[one] for one in _named(module) & made.keys()}):
            if other not in {module.symbol, *waited}:
                yield f"infra/main.bicep: {module.symbol} does not wait for {other}"


def _closure(symbol: str, after: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [symbol]
    while waiting:
        for one in after.get(waiting.pop(), set()) - found:
            found.add(one)
            waiting.append(one)
    return found


def _named(module: Module) -> set[str]:
    """The ids of what a module's resources refer to, are part of, or are attached to."""
    found: set[str] = set(module.refers)
    for one in module.made:
        ids = [*_ID.findall(one.id), *_ID.findall(str(one.body))]
        found.update(above for of in ids for above in _and_above(of))
    return found


def _and_above(resource_id: str) -> Iterator[str]:
    """An id, and the ids of what it is part of."""
    yield resource_id
    provider, _, rest = resource_id.rpartition("/providers/")
    parts = rest.split("/")
    for end in range(len(parts) - 2, 2, -2):
        yield f"{provider}/providers/{'/'.join(parts[:end])}"
    if "/providers/" in provider:
        yield from _and_above(provider)
