"""A template as what it declares: parameters, variables, resources, modules and outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from tree_sitter import Node

from infra.checks.expressions import (
    Call,
    Expression,
    Literal,
    Loop,
    Name,
    Object,
    expression,
    named,
    unwrapped,
)
from infra.checks.syntax import BicepError, line, parsed, written


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter; required where ``default`` is None. ``decorators`` hold their arguments."""

    name: str
    type: str
    default: Expression | None
    decorators: Mapping[str, tuple[Any, ...]]
    line: int


@dataclass(frozen=True, slots=True)
class Declaration:
    """A resource or a module: what it is of (type@version, or a path), when, and its body."""

    symbol: str
    of: str
    existing: bool
    condition: Expression | None
    body: Expression
    line: int

    @property
    def type(self) -> str:
        """A resource's type."""
        return self.of.partition("@")[0]

    @property
    def version(self) -> str:
        """A resource's API version."""
        return self.of.partition("@")[2]


@dataclass(frozen=True, slots=True)
class Template:
    """What one file declares."""

    file: str
    parameters: dict[str, Parameter] = field(default_factory=dict)
    variables: dict[str, Expression] = field(default_factory=dict)
    resources: dict[str, Declaration] = field(default_factory=dict)
    modules: dict[str, Declaration] = field(default_factory=dict)
    outputs: dict[str, Expression] = field(default_factory=dict)


@lru_cache(maxsize=512)
def template(file: str, text: str) -> Template:
    """Read a file, .bicep or .bicepparam (whose parameters are variables here).

    Raises:
        BicepError: its syntax is wrong, or a name is declared twice.
    """
    found = Template(file)
    decorators: dict[str, tuple[Any, ...]] = {}
    for node in named(parsed(file, text)):
        if node.type == "decorators":
            decorators = _decorators(node)
            continue
        try:
            _declare(found, node, decorators)
        except BicepError as error:
            raise BicepError(f"{file}:{line(node)}: {error}") from error
        decorators = {}
    return found


def _declare(found: Template, node: Node, decorators: dict[str, tuple[Any, ...]]) -> None:
    if node.type not in _KINDS:
        raise BicepError(f"the checks do not know {node.type}")
    children = named(node)
    name = written(children[0])
    if name in found.parameters | found.variables | found.resources | found.modules:
        raise BicepError(f"{name} is declared twice")
    match node.type:
        case "parameter_declaration":
            found.parameters[name] = _parameter(name, node, decorators)
        case "variable_declaration":
            found.variables[name] = expression(children[-1])
        case "output_declaration":
            found.outputs[name] = expression(children[-1])
        case "resource_declaration":
            found.resources[name] = _declaration(name, node)
        case "module_declaration":
            found.modules[name] = _declaration(name, node)


_KINDS = {
    "parameter_declaration",
    "variable_declaration",
    "output_declaration",
    "resource_declaration",
    "module_declaration",
}


def _parameter(name: str, node: Node, decorators: dict[str, tuple[Any, ...]]) -> Parameter:
    _, kind, *default = named(node)
    value = expression(default[0]) if default else None
    return Parameter(name, written(kind), value, decorators, line(node))


def _declaration(name: str, node: Node) -> Declaration:
    children = named(node)
    of = expression(children[1])
    if not isinstance(of, Literal):
        raise BicepError(f"{name}: of what it is, is no plain text")
    existing = any(child.type == "existing" for child in node.children)
    condition, body = unwrapped(children[-1])
    return Declaration(name, of.value, existing, condition, expression(body), line(node))


def _decorators(node: Node) -> dict[str, tuple[Any, ...]]:
    calls = [expression(named(child)[0]) for child in named(node)]
    return {
        call.function: tuple(_plain(argument) for argument in call.arguments)
        for call in calls
        if isinstance(call, Call)
    }


def _plain(value: Expression) -> Any:
    match value:
        case Literal():
            return value.value
        case Loop():
            return None
        case _:
            return tuple(_plain(item) for item in getattr(value, "items", ()))


def mentioned(of: Expression | Any) -> Iterator[str]:
    """The names that an expression refers to, wherever in it."""
    match of:
        case Name():
            yield of.name
        case Object():
            for key, item in of.items:
                yield from mentioned(key)
                yield from mentioned(item)
        case Loop():
            for part in (of.over, of.condition, of.body):
                yield from mentioned(part)
        case tuple():
            for part in of:
                yield from mentioned(part)
        case _:
            for slot in getattr(of, "__slots__", ()):
                yield from mentioned(getattr(of, slot))
