"""API versions are pinned, nothing is declared in vain, and modules wait for what they need."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from infra.checks.deployment import Deployment, Files, Module
from infra.checks.tree import Template, mentioned, template

PINNED = {
    "Microsoft.Authorization/locks": "2020-05-01",
    "Microsoft.Authorization/roleAssignments": "2022-04-01",
    "Microsoft.Consumption/budgets": "2024-08-01",
    "Microsoft.DocumentDB/": "2025-10-15",
    "Microsoft.EventHub/": "2024-01-01",
    "Microsoft.Insights/actionGroups": "2023-01-01",
    "Microsoft.Insights/components": "2020-02-02",
    "Microsoft.Insights/diagnosticSettings": "2021-05-01-preview",
    "Microsoft.Insights/metricAlerts": "2018-03-01",
    "Microsoft.Insights/scheduledQueryRules": "2023-12-01",
    "Microsoft.Insights/webtests": "2022-06-15",
    "Microsoft.Insights/workbooks": "2023-06-01",
    "Microsoft.KeyVault/": "2025-05-01",
    "Microsoft.MachineLearningServices/": "2025-12-01",
    "Microsoft.ManagedIdentity/": "2024-11-30",
    "Microsoft.Network/privateDnsZones": "2024-06-01",
    "Microsoft.Network/": "2025-05-01",
    "Microsoft.OperationalInsights/": "2025-07-01",
    "Microsoft.Storage/": "2025-06-01",
    "Microsoft.Web/": "2025-03-01",
}
"""The version of each type, or of all types that begin so."""

NEEDS = {
    "scorer": ("roles", "hubRoles", "dataEndpoints"),
    "trainer": ("roles", "hubRoles", "dataEndpoints", "mlflowEndpoints"),
    "desk": ("roles", "hubRoles", "dataEndpoints"),
    "hub": ("roles",),
    "workspace": ("roles",),
}
"""What must be there before a module though it names nothing of it: roles, and ways to the data."""


def problems(file: str, text: str) -> Iterator[str]:
    """Types whose version is not the pinned one, or that nobody has pinned."""
    for one in template(file, text).resources.values():
        of = next((of for of in PINNED if one.type.startswith(of)), None)
        if of is None:
            yield f"{file}:{one.line}: no version of {one.type} is pinned"
        elif one.version != PINNED[of]:
            yield f"{file}:{one.line}: {one.type}@{one.version}, expected {PINNED[of]}"


def order(deployment: Deployment) -> Iterator[str]:
    """Modules that would run before what they need, or before what makes what they name."""
    after = {module.symbol: set(module.after) for module in deployment.modules}
    for module in deployment.modules:
        waited = _closure(module.symbol, after)
        for needed in NEEDS.get(module.symbol, ()):
            if needed in after and needed not in waited:
                yield f"infra/main.bicep: the module {module.symbol} does not wait for {needed}"
        named = _named(module)
        for other in deployment.modules:
            ids = {one.id for one in other.made}
            if other.symbol not in {module.symbol, *waited} and ids & named:
                yield f"infra/main.bicep: {module.symbol} does not wait for {other.symbol}"


def _closure(symbol: str, after: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [symbol]
    while waiting:
        for one in after.get(waiting.pop(), set()) - found:
            found.add(one)
            waiting.append(one)
    return found


_ID = re.compile(r"/subscriptions/[\w-]+/resourceGroups/\w+/providers/[\w./-]+")


def _named(module: Module) -> set[str]:
    """The ids of what a module's resources refer to, are part of, or are attached to."""
    found: set[str] = set()
    for one in module.made:
        for above in (one.scope, one.parent):
            if above is not None:
                found.add(above.id)
        found.update(_ID.findall(str(one.body)))
    return found


def unused(files: Files) -> Iterator[str]:
    """Parameters, variables and existing resources that nothing refers to."""
    for file, text in files.items():
        if not file.endswith(".bicep"):
            continue
        one = template(file, text)
        used = set(_used(one))
        existing = [name for name, of in one.resources.items() if of.existing]
        for name in [*one.parameters, *one.variables, *existing]:
            if name not in used:
                yield f"{file}: {name} is used by nothing"
        if not re.search(r"\A// \S", text):
            yield f"{file}: does not begin with what it is for"


def _used(of: Template) -> Iterator[str]:
    for value in (*of.variables.values(), *of.outputs.values()):
        yield from mentioned(value)
    for parameter in of.parameters.values():
        yield from mentioned(parameter.default)
    for declaration in (*of.resources.values(), *of.modules.values()):
        yield from mentioned(declaration.condition)
        yield from mentioned(declaration.body)
