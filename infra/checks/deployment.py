"""What one environment comes to: every resource with every property, worked out by the compiler.

What only Azure knows stays an expression: ``[reference('ID', 'VERSION').principalId]``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.checks.compiler import LOCATION, Compiled, Compiler

MARK = "managedBy"
"""A property of resources that nobody here uses: it carries a resource's module through."""

_REFERS = "refers:"

PUBLIC_CLOUD = {
    "environment().suffixes.storage": "'core.windows.net'",
    "environment().authentication.loginEndpoint": "'https://login.microsoftonline.com/'",
}
"""What ``az cloud show --name AzureCloud`` says; the compiler leaves it to the deployment."""

_EXTENSION = re.compile(r"^\[extensionResourceId\('([^']+)', ")
_INNER = re.compile(r"^\[(.*)\]$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource: ``name`` holds its parents' names, too; ``body`` is all that it says."""

    type: str
    name: str
    id: str
    module: str
    where: str
    body: Mapping[str, Any]

    @property
    def scope(self) -> str | None:
        """The id of what an extension (a role, a lock, diagnostics) is attached to."""
        if runtime := _EXTENSION.match(self.id):
            return runtime[1]
        above, _, _ = self.id.rpartition(f"/providers/{self.type}/")
        return above if "/providers/" in above else None

    def at(self, path: str, default: Any = None) -> Any:
        """A property by its path, as ``properties.networkAcls.bypass``."""
        found: Any = self.body
        for part in path.split("."):
            if not isinstance(found, Mapping) or part not in found:
                return default
            found = found[part]
        return found


@dataclass(frozen=True, slots=True)
class Module:
    """A module of main.bicep: its file, what it waits for, and what it makes.

    ``refers`` are the ids of what it takes to be there already.
    """

    symbol: str
    file: str
    after: Sequence[str]
    made: Sequence[Resource]
    refers: Sequence[str]


@dataclass(frozen=True, slots=True)
class Deployment:
    """What one environment comes to; ``given`` are its parameters, defaults included."""

    given: Mapping[str, Any]
    resources: Sequence[Resource]
    modules: Sequence[Module]
    outputs: Mapping[str, Any]

    def of(self, *types: str) -> list[Resource]:
        """The resources of some types, lower case or not."""
        wanted = {one.lower() for one in types}
        return [one for one in self.resources if one.type.lower() in wanted]


@dataclass(frozen=True, slots=True)
class Templates:
    """A template, compiled, in a folder that evaluations may write to."""

    folder: Path
    source: str
    compiled: Compiled
    files: Mapping[str, str]

    @classmethod
    def of(
        cls,
        compiler: Compiler,
        folder: Path,
        source: str = "infra/main.bicep",
        compiled: Compiled | None = None,
    ) -> Templates:
        """Compile a template that lies in a folder, if need be, and write it marked beside it."""
        found = compiled or compiler.compile(folder / source)
        modules = compiler.modules(folder / source)
        files = {name: f"infra/{path}" for name, path in modules.items()}
        (folder / f"{Path(source).stem}.json").write_text(_marked(found.template), encoding="utf-8")
        return cls(folder, source, found, files)

    def defaults(self) -> dict[str, Any]:
        """The parameters that need not be given, and what they are then."""
        declared = self.compiled.template["parameters"]
        known = {name: one["defaultValue"] for name, one in declared.items() if _fixed(one)}
        return known | {"location": LOCATION}

    def deployed(self, compiler: Compiler, given: Mapping[str, Any]) -> Deployment:
        """Work out what they come to with some parameters.

        Raises:
            CompilerError: they come to nothing: why.
        """
        file = self.folder / "given.bicepparam"
        lines = [f"param {name} = {_literal(value)}" for name, value in given.items()]
        file.write_text(
            "\n".join([f"using './{Path(self.source).stem}.json'", *lines, ""]), encoding="utf-8"
        )
        whole = {**self.defaults(), **given}
        found = compiler.snapshot(file, f"rg-sheriff-{whole.get('environmentName')}")
        every = [_resource(one, self.files) for one in found["predictedResources"]]
        resources = [one for one in every if not one.module.startswith(_REFERS)]
        return Deployment(whole, resources, list(self._modules(every)), found["outputs"])

    def _modules(self, every: Sequence[Resource]) -> Iterator[Module]:
        for symbol, one in self.compiled.template["resources"].items():
            made = [resource for resource in every if resource.module == symbol]
            refers = [each.id for each in every if each.module == f"{_REFERS}{symbol}"]
            if made:
                yield Module(symbol, self.files[symbol], one.get("dependsOn", []), made, refers)


def expression(text: Any) -> str:
    """What stands between the brackets of an expression; empty where it is none."""
    found = _INNER.match(text) if isinstance(text, str) else None
    return found[1] if found else ""


def nested(template: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each module of a compiled template: its symbol and its own template."""
    for symbol, one in template["resources"].items():
        yield symbol, one["properties"]["template"]


def every_type(template: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What a compiled template makes, or refers to as being there."""
    found = template["resources"]
    yield from found.values() if isinstance(found, dict) else found


def declared(template: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What a compiled template makes itself: not what is there already."""
    return (one for one in every_type(template) if not one.get("existing"))


def _marked(template: Mapping[str, Any]) -> str:
    """The template with each resource's module written on it."""
    copy = json.loads(json.dumps(template))
    for symbol, inner in nested(copy) if copy else ():
        for one in every_type(inner):
            # What is referred to is shown too, so that modules can be seen to wait for it.
            one[MARK] = f"{_REFERS}{symbol}" if one.pop("existing", False) else symbol
    text = json.dumps(copy)
    for unknown, known in PUBLIC_CLOUD.items():
        text = text.replace(unknown, known)
    return text


def _resource(found: dict[str, Any], files: Mapping[str, str]) -> Resource:
    body = {name: one for name, one in found.items() if name not in _APART}
    module = str(found.get(MARK, ""))
    return Resource(
        found["type"],
        found["name"],
        found["id"],
        module,
        files.get(module, "infra/main.bicep"),
        body,
    )


_APART = {"id", "type", "name", "apiVersion", MARK}


def _fixed(parameter: Mapping[str, Any]) -> bool:
    return "defaultValue" in parameter and not expression(parameter["defaultValue"])


def _literal(value: Any) -> str:
    """A value as Bicep writes it."""
    match value:
        case bool():
            return str(value).lower()
        case None | int():
            return "null" if value is None else str(value)
        case str():
            quoted = value.replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\${")
            return f"'{quoted}'"
        case list() | tuple():
            return "[\n" + "\n".join(map(_literal, value)) + "\n]"
        case dict():
            items = (f"{_literal(name)}: {_literal(one)}" for name, one in value.items())
            return "{\n" + "\n".join(items) + "\n}"
    raise TypeError(f"{value!r} is no value of a parameter")
