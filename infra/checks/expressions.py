"""Bicep's expressions as values of Python, read once from the grammar's tree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tree_sitter import Node

from infra.checks.syntax import BicepError, line, written


@dataclass(frozen=True, slots=True)
class Literal:
    """A string without interpolation, a whole number, true, false or null."""

    value: Any


@dataclass(frozen=True, slots=True)
class Text:
    """A string with interpolation."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Array:
    """``[a, b]``."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Object:
    """``{ key: value }``; a key may be interpolated. ``lines`` are those of the keys."""

    items: tuple[tuple[Expression, Expression], ...]
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Name:
    """A parameter, variable, resource, module, or a loop's variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """``base.name``."""

    base: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """``base[index]``."""

    base: Expression
    index: Expression


@dataclass(frozen=True, slots=True)
class Call:
    """``function(arguments)``."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator and its operands: one, two, or three for ``?``."""

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """``[for item in over: body]``, some of it left out by ``condition``."""

    item: str
    index: str | None
    over: Expression
    condition: Expression | None
    body: Expression


type Expression = Literal | Text | Array | Object | Name | Member | Index | Call | Operation | Loop

_ESCAPES = {"\\'": "'", "\\\\": "\\", "\\n": "\n", "\\r": "\r", "\\t": "\t", "\\$": "$"}
_COMMENTS = {"comment", "diagnostic_comment"}


def named(node: Node) -> list[Node]:
    """A node's children that mean something."""
    return [child for child in node.named_children if child.type not in _COMMENTS]


def expression(node: Node) -> Expression:
    """Read an expression.

    Raises:
        BicepError: a construct that the checks do not know.
    """
    read = _READERS.get(node.type)
    if read is None:
        raise BicepError(f"line {line(node)}: the checks do not know {node.type}")
    return read(node)


def unwrapped(node: Node) -> tuple[Expression | None, Node]:
    """The condition of ``if (condition) body`` or None, and the body."""
    if node.type != "if_statement":
        return None, node
    condition, body = named(node)
    return expression(condition), body


def _string(node: Node) -> Expression:
    parts: list[Expression] = []
    for child in named(node):
        text = written(child)
        if child.type == "interpolation":
            # The grammar takes blanks before an interpolation, and before the last quote, with it.
            parts += [Literal(text.partition("${")[0]), expression(named(child)[0])]
        else:
            parts.append(Literal(_ESCAPES.get(text, text)))
    parts.append(Literal(written(node.children[-1]).removesuffix("'")))
    if all(isinstance(part, Literal) for part in parts):
        return Literal("".join(part.value for part in parts if isinstance(part, Literal)))
    return Text(tuple(parts))


def _object(node: Node) -> Expression:
    items, lines = [], []
    for child in named(node):
        key, value = named(child)
        name = Literal(written(key)) if key.type == "identifier" else expression(key)
        items.append((name, expression(value)))
        lines.append(line(key))
    return Object(tuple(items), tuple(lines))


def _loop(node: Node) -> Expression:
    variable, over, body = named(node)
    names = [written(child) for child in named(variable)] or [written(variable)]
    condition, body = unwrapped(body)
    index = names[1] if len(names) > 1 else None
    return Loop(names[0], index, expression(over), condition, expression(body))


def _call(node: Node) -> Expression:
    function, arguments = named(node)
    return Call(written(function), tuple(expression(child) for child in named(arguments)))


def _operation(node: Node) -> Expression:
    operators = [child.type for child in node.children if not child.is_named]
    operands = tuple(expression(child) for child in named(node))
    return Operation(operators[0], operands)


def _member(node: Node) -> Expression:
    base, name = named(node)
    return Member(expression(base), written(name))


def _index(node: Node) -> Expression:
    base, index = named(node)
    return Index(expression(base), expression(index))


_READERS: dict[str, Callable[[Node], Expression]] = {
    "string": _string,
    "number": lambda node: Literal(int(written(node))),
    "boolean": lambda node: Literal(written(node) == "true"),
    "null": lambda _: Literal(None),
    "array": lambda node: Array(tuple(expression(child) for child in named(node))),
    "object": _object,
    "identifier": lambda node: Name(written(node)),
    "member_expression": _member,
    "subscript_expression": _index,
    "call_expression": _call,
    "unary_expression": _operation,
    "binary_expression": _operation,
    "ternary_expression": _operation,
    "parenthesized_expression": lambda node: expression(named(node)[0]),
    "for_statement": _loop,
}
