"""What Bicep's expressions come to, as far as that can be known before anything is deployed.

What only Azure knows (a client id, a connection string) stands as a `Runtime`: a text that says
where it comes from. Names and ids are worked out, so that they can be compared.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from infra.checks.expressions import (
    Array,
    Call,
    Expression,
    Index,
    Literal,
    Loop,
    Member,
    Name,
    Object,
    Operation,
    Text,
)
from infra.checks.functions import FUNCTIONS
from infra.checks.runtime import Runtime
from infra.checks.syntax import BicepError


class Scope(Protocol):
    """Where names mean something."""

    def lookup(self, name: str) -> Any:
        """What a name stands for; BicepError where it is unknown."""

    def file(self, path: str) -> str:
        """The text of a file beside the template; BicepError where it is missing."""


@dataclass(frozen=True, slots=True)
class Inner:
    """A scope with a loop's variables in it."""

    outer: Scope
    names: Mapping[str, Any]

    def lookup(self, name: str) -> Any:
        """The loop's variable, or what the name stands for outside."""
        return self.names[name] if name in self.names else self.outer.lookup(name)

    def file(self, path: str) -> str:
        """As outside."""
        return self.outer.file(path)


def value(of: Expression, scope: Scope) -> Any:
    """What an expression comes to.

    Raises:
        BicepError: a name or function is unknown, or a value does not fit.
    """
    return _WORKED_OUT[type(of)](of, scope)


def rounds(loop: Loop, scope: Scope) -> Iterator[Scope]:
    """The scope of each round of a loop that its condition lets in."""
    over = value(loop.over, scope)
    if not isinstance(over, list):
        raise BicepError(f"a loop goes over {over!r}, which is no array")
    for number, item in enumerate(over):
        names = {loop.item: item} | ({loop.index: number} if loop.index else {})
        inner = Inner(scope, names)
        if loop.condition is None or value(loop.condition, inner) is not False:
            yield inner


def member(base: Any, name: str) -> Any:
    """``base.name``."""
    if isinstance(base, Runtime):
        return base.member(name)
    if isinstance(base, Mapping):
        if name not in base:
            raise BicepError(f"there is no {name} among {', '.join(base)}")
        return base[name]
    try:
        return base.member(name)
    except AttributeError:
        raise BicepError(f"{base!r} has no {name}") from None


def _indexed(base: Any, index: Any) -> Any:
    if isinstance(base, Mapping):
        return member(base, index)
    if isinstance(base, list) and isinstance(index, int) and index < len(base):
        return base[index]
    raise BicepError(f"{index!r} is no index of {base!r}")


def _called(call: Call, scope: Scope) -> Any:
    arguments = [value(argument, scope) for argument in call.arguments]
    if call.function == "loadTextContent":
        return scope.file(arguments[0])
    if call.function not in FUNCTIONS:
        raise BicepError(f"the function {call.function} is unknown")
    try:
        return FUNCTIONS[call.function](*arguments)
    except (TypeError, ValueError, AttributeError) as error:
        raise BicepError(f"{call.function}: {error}") from error


_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.floordiv,
    "%": operator.mod,
}


def _operation(of: Operation, scope: Scope) -> Any:
    first, *rest = of.operands
    match of.operator, len(rest):
        case "?", 2:
            return value(rest[0] if value(first, scope) else rest[1], scope)
        case "&&", 1:
            return value(first, scope) and value(rest[0], scope)
        case "||", 1:
            return value(first, scope) or value(rest[0], scope)
        case "!", 0:
            return not value(first, scope)
        case "-", 0:
            return -value(first, scope)
        case name, 1 if name in _BINARY:
            try:
                return _BINARY[name](value(first, scope), value(rest[0], scope))
            except TypeError as error:
                raise BicepError(f"{name}: {error}") from error
        case name, _:
            raise BicepError(f"the checks do not know the operator {name}")


def _text(parts: list[Any]) -> str:
    whole = "".join(_shown(part) for part in parts)
    return Runtime(whole) if any(isinstance(part, Runtime) for part in parts) else whole


def _shown(part: Any) -> str:
    return {True: "true", False: "false"}[part] if isinstance(part, bool) else str(part)


_WORKED_OUT: dict[type, Callable[[Any, Scope], Any]] = {
    Literal: lambda of, _: of.value,
    Text: lambda of, scope: _text([value(part, scope) for part in of.parts]),
    Array: lambda of, scope: [value(item, scope) for item in of.items],
    Object: lambda of, scope: {value(key, scope): value(item, scope) for key, item in of.items},
    Name: lambda of, scope: scope.lookup(of.name),
    Member: lambda of, scope: member(value(of.base, scope), of.name),
    Index: lambda of, scope: _indexed(value(of.base, scope), value(of.index, scope)),
    Call: _called,
    Operation: _operation,
    Loop: lambda of, scope: [value(of.body, inner) for inner in rounds(of, scope)],
}
