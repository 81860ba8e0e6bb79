"""What one environment comes to: every resource with every property worked out."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.checks.expressions import Expression, Loop, Object
from infra.checks.functions import resource_id
from infra.checks.runtime import Runtime
from infra.checks.syntax import BicepError
from infra.checks.tree import Declaration, Template, mentioned, template
from infra.checks.values import Scope, rounds, value

MAIN = "infra/main.bicep"

type Files = Mapping[str, str]
"""Paths from the repository's root, and texts."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource: ``name`` holds its parents' names, too; ``body`` is all that was written."""

    type: str
    version: str
    name: str
    symbol: str
    where: str
    body: Mapping[str, Any]
    parent: Resource | None
    scope: Resource | None
    existing: bool

    @property
    def id(self) -> str:
        """Its resource id, or that of what it is attached to and its own name."""
        if self.scope is None:
            return resource_id(self.type, *self.name.split("/"))
        return f"{self.scope.id}/providers/{self.type}/{self.name}"

    @property
    def properties(self) -> Mapping[str, Any]:
        """Its properties, as they were written."""
        found: Mapping[str, Any] = self.body.get("properties", {})
        return found

    def member(self, name: str) -> Any:
        """``resource.name`` in an expression."""
        match name:
            case "id":
                return self.id
            case "name":
                return self.name.rpartition("/")[2]
            case _:
                return Runtime(f"{self.name}.{name}")

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
    """A module that was called: with which parameters, after what, and what it makes."""

    symbol: str
    file: str
    parameters: Mapping[str, Any]
    after: Sequence[str]
    made: Sequence[Resource]


@dataclass(frozen=True, slots=True)
class _Called:
    """A module in an expression: what it gives is worked out when somebody asks."""

    symbol: str
    outputs: Callable[[], Mapping[str, Any]]

    def member(self, name: str) -> Any:
        """``module.name``."""
        return self.outputs() if name == "outputs" else Runtime(f"{self.symbol}.{name}")


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


def deployed(files: Files, given: Mapping[str, Any]) -> Deployment:
    """Work out what main.bicep comes to with some parameters.

    Raises:
        BicepError: it comes to nothing: where and why.
    """
    main = _Evaluation(files, template(MAIN, files[MAIN]), given)
    resources: list[Resource] = list(main.made())
    modules: list[Module] = []
    for symbol in main.template.modules:
        for module in main.called(symbol):
            modules.append(module)
            resources.extend(module.made)
    return Deployment(main.parameters(), resources, modules, main.outputs())


@dataclass
class _Evaluation:
    """One template with its parameters: a `Scope` that works out each name once."""

    files: Files
    template: Template
    given: Mapping[str, Any]
    _known: dict[str, Any] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        names = self.template.parameters
        if strange := [name for name in self.given if name not in names]:
            raise BicepError(f"{self.template.file} has no parameter {strange[0]}")
        for name, one in names.items():
            if name not in self.given and one.default is None:
                raise BicepError(f"{self.template.file} needs the parameter {name}")

    def lookup(self, name: str) -> Any:
        if name in self._known:
            return self._known[name]
        if name in self._asked:
            raise BicepError(f"{self.template.file}: {name} depends on itself")
        self._asked.add(name)
        self._known[name] = self._worked_out(name)
        return self._known[name]

    def file(self, path: str) -> str:
        found = posixpath.normpath(posixpath.join(posixpath.dirname(self.template.file), path))
        if found not in self.files:
            raise BicepError(f"{self.template.file}: there is no file {found}")
        return self.files[found]

    def _worked_out(self, name: str) -> Any:
        ours = self.template
        if name in ours.parameters:
            default = ours.parameters[name].default
            if name in self.given or default is None:
                return self.given[name]
            return value(default, self)
        if name in ours.variables:
            return value(ours.variables[name], self)
        if name in ours.resources:
            made = [one for one, _ in self._all(ours.resources[name])]
            return made if isinstance(ours.resources[name].body, Loop) else made[0]
        if name in ours.modules:
            return _Called(name, lambda: self._inner(name).outputs())
        raise BicepError(f"{ours.file}: {name} is not declared")

    def parameters(self) -> dict[str, Any]:
        """Every parameter, given or by default."""
        return {name: self.lookup(name) for name in self.template.parameters}

    def made(self) -> Iterator[Resource]:
        """The resources that this template makes."""
        for declaration in self.template.resources.values():
            if not declaration.existing:
                yield from (one for one, wanted in self._all(declaration) if wanted)

    def called(self, symbol: str) -> Iterator[Module]:
        """A module, if its condition holds, with what it comes to."""
        declaration = self.template.modules[symbol]
        if declaration.condition is not None and not value(declaration.condition, self):
            return
        parts = _parts(declaration)
        after = _names(parts.get("dependsOn"))
        for name in after:
            self.lookup(name)
        # Whose outputs it is given, it waits for without a word.
        asked = set(mentioned(parts.get("params"))) & self.template.modules.keys()
        after += sorted(asked - set(after))
        inner = self._inner(symbol)
        yield Module(symbol, inner.template.file, inner.parameters(), after, list(inner.made()))

    def outputs(self) -> dict[str, Any]:
        """What this template gives to whoever calls it."""
        return {name: value(of, self) for name, of in self.template.outputs.items()}

    def _inner(self, symbol: str) -> _Evaluation:
        """A module's template with the parameters that it is given."""
        declaration = self.template.modules[symbol]
        file = posixpath.normpath(
            posixpath.join(posixpath.dirname(self.template.file), declaration.of)
        )
        if file not in self.files:
            raise BicepError(f"{self.template.file}:{declaration.line}: there is no {file}")
        parts = _parts(declaration)
        given = value(parts["params"], self) if "params" in parts else {}
        return _Evaluation(self.files, template(file, self.files[file]), given)

    def _all(self, of: Declaration) -> Iterator[tuple[Resource, bool]]:
        """Each resource of a declaration, and whether its conditions let it be made."""
        wanted = of.condition is None or bool(value(of.condition, self))
        if not isinstance(of.body, Loop):
            yield self._resource(of, of.body, self), wanted
            return
        everything = Loop(of.body.item, of.body.index, of.body.over, None, of.body.body)
        condition = of.body.condition
        for scope in rounds(everything, self):
            let_in = condition is None or bool(value(condition, scope))
            yield self._resource(of, of.body.body, scope), wanted and let_in

    def _resource(self, of: Declaration, body: Expression, scope: Scope) -> Resource:
        where = f"{self.template.file}:{of.line}"
        assert isinstance(body, Object)
        try:
            content = {value(key, scope): value(item, scope) for key, item in body.items}
        except BicepError as error:
            raise BicepError(f"{where}: {error}") from error
        if len(content) < len(body.items):
            raise BicepError(f"{where}: a property is given twice")
        if "name" not in content:
            raise BicepError(f"{where}: {of.symbol} has no name")
        parent, over = content.pop("parent", None), content.pop("scope", None)
        content.pop("dependsOn", None)
        name = f"{parent.name}/{content['name']}" if parent else content["name"]
        if name.count("/") != of.type.count("/") - 1:
            raise BicepError(f"{where}: {of.symbol} of {of.type} has the name {name}")
        return Resource(
            of.type, of.version, name, of.symbol, where, content, parent, over, of.existing
        )


def _parts(declaration: Declaration) -> dict[Any, Expression]:
    assert isinstance(declaration.body, Object)
    return {key.value: item for key, item in declaration.body.items}  # type: ignore[union-attr]


def _names(of: Expression | None) -> list[str]:
    items = getattr(of, "items", ())
    return [item.name for item in items]
