"""A pipeline as Azure DevOps sees it: its templates put in their places, its parameters filled in.

Only what our own files use of the template language is understood; the rest is a problem.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

import yaml

type Files = Mapping[str, str]
"""Text by path from the repository's root."""

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_DIRECTIVE = re.compile(r"^\$\{\{\s*(if|elseif|else|each|insert)\b\s*(.*?)\s*\}\}$")
_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|[A-Za-z_][\w.]*(?:\['[^']*'\])*|-?\d+|[(),])")
_REQUIRED = object()

COMPARISONS: dict[str, Callable[..., Any]] = {
    "eq": lambda a, b: str(a).lower() == str(b).lower(),
    "ne": lambda a, b: str(a).lower() != str(b).lower(),
    "in": lambda a, *others: a in others,
    "and": lambda *all_of: all(all_of),
    "or": lambda *any_of: any(any_of),
    "not": lambda one: not one,
}
STATES = {"succeeded", "succeededOrFailed", "failed", "always", "canceled"}
FUNCTIONS = {*COMPARISONS, *STATES, "notIn", "startsWith", "endsWith", "contains", "coalesce"}


class _Loader(yaml.SafeLoader):
    """YAML 1.2's booleans: `on` is a word, as it is to Azure DevOps."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in known if tag != "tag:yaml.org,2002:bool"]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$", re.IGNORECASE), list("tTfF")
)


@lru_cache(maxsize=1024)
def parse(text: str) -> Any:
    """Parse YAML as Azure DevOps does; the same text gives the same objects, to be read only.

    Raises:
        yaml.YAMLError: it is none.
    """
    return yaml.load(text, _Loader)  # noqa: S506 - a safe loader of our own


class ExpressionError(Exception):
    """An expression cannot be read."""


@dataclass(frozen=True, slots=True)
class Call:
    """A function of an expression and what it is called with: calls, names and literals."""

    function: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Name:
    """A value that an expression refers to, such as ``parameters.environment``."""

    path: str


def read_expression(text: str) -> Any:
    """An expression as calls, names and literals.

    Raises:
        ExpressionError: it is malformed, or calls a function that there is not.
    """
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s+(?=(?:[^']*'[^']*')*[^']*$)", "", text):
        raise ExpressionError(f"{text!r} cannot be read")
    value, rest = _value(tokens)
    if rest:
        raise ExpressionError(f"{text!r} goes on after its end")
    return value


def _value(tokens: list[str]) -> tuple[Any, list[str]]:
    if not tokens or tokens[0] in {"(", ")", ","}:
        raise ExpressionError("a value is missing")
    first, rest = tokens[0], tokens[1:]
    if first.startswith("'"):
        return first[1:-1].replace("''", "'"), rest
    if not rest or rest[0] != "(":
        return first if first.lstrip("-").isdigit() else Name(first), rest
    if first not in FUNCTIONS:
        raise ExpressionError(f"there is no function {first}")
    arguments: list[Any] = []
    rest = rest[1:]
    while rest and rest[0] != ")":
        argument, rest = _value(rest)
        arguments.append(argument)
        rest = rest[1:] if rest and rest[0] == "," else rest
    if not rest:
        raise ExpressionError(f"{first} is not closed")
    return Call(first, tuple(arguments)), rest[1:]


def evaluate(expression: Any, parameters: Mapping[str, Any]) -> Any:
    """The value of an expression that refers to parameters only.

    Raises:
        ExpressionError: it refers to anything else, or to a parameter that is not declared.
    """
    if isinstance(expression, Call):
        if expression.function not in COMPARISONS:
            raise ExpressionError(f"{expression.function} is not known before a run")
        values = [evaluate(one, parameters) for one in expression.arguments]
        return COMPARISONS[expression.function](*values)
    if isinstance(expression, Name):
        scope, _, name = expression.path.partition(".")
        if scope != "parameters" or name not in parameters:
            raise ExpressionError(f"{expression.path} is not declared")
        return parameters[name]
    return expression


@dataclass
class Expansion:
    """Puts the templates of some files in their places; ``problems`` says what is wrong there."""

    files: Files
    problems: list[str] = field(default_factory=list)

    def pipeline(self, path: str, **given: Any) -> dict[str, Any]:
        """The whole pipeline of a file, with these parameters and the others' defaults."""
        return self._template(path, given)

    def _template(self, path: str, given: Mapping[str, Any]) -> dict[str, Any]:
        try:
            document = parse(self.files[path])
        except yaml.YAMLError as error:
            self.problems.append(f"{path}: {' '.join(str(error).split())}")
            return {}
        if not isinstance(document, dict):
            self.problems.append(f"{path}: expected a mapping")
            return {}
        parameters = self._parameters(path, document.get("parameters") or [], given)
        body = {key: value for key, value in document.items() if key != "parameters"}
        expanded: dict[str, Any] = self._expand(body, parameters, path)
        return expanded

    def _parameters(
        self, path: str, declared: list[dict[str, Any]], given: Mapping[str, Any]
    ) -> dict[str, Any]:
        values = {one["name"]: one.get("default", _REQUIRED) for one in declared}
        for name in given.keys() - values.keys():
            self.problems.append(f"{path}: parameter {name} is not declared")
        values |= {name: value for name, value in given.items() if name in values}
        for one in declared:
            value, allowed = values[one["name"]], one.get("values")
            if value is _REQUIRED:
                self.problems.append(f"{path}: parameter {one['name']} is not passed")
                values[one["name"]] = allowed[0] if allowed else ""
            elif allowed and value not in allowed:
                self.problems.append(f"{path}: parameter {one['name']} is {value!r}")
        return values

    def _expand(self, node: Any, parameters: Mapping[str, Any], path: str) -> Any:
        if isinstance(node, dict):
            merged: dict[str, Any] = {}
            for key, value in self._chosen(node, parameters, path):
                merged[self._text(key, parameters, path)] = self._expand(value, parameters, path)
            return merged
        if isinstance(node, list):
            return [one for item in node for one in self._items(item, parameters, path)]
        return self._text(node, parameters, path) if isinstance(node, str) else node

    def _chosen(
        self, node: Mapping[str, Any], parameters: Mapping[str, Any], path: str
    ) -> Iterator[tuple[str, Any]]:
        taken = False  # whether an earlier branch of the same `if` was
        for key, value in node.items():
            directive = _DIRECTIVE.match(str(key))
            if directive is None:
                yield key, value
                continue
            word, condition = directive.groups()
            if word not in {"if", "elseif", "else"}:
                self.problems.append(f"{path}: {key} is not understood here")
                continue
            taken = False if word == "if" else taken
            if not taken and (word == "else" or self._holds(condition, parameters, path)):
                taken = True
                yield from (value.items() if isinstance(value, dict) else [("", value)])

    def _items(self, item: Any, parameters: Mapping[str, Any], path: str) -> Iterator[Any]:
        if not isinstance(item, dict):
            yield self._expand(item, parameters, path)
        elif "template" in item:
            yield from self._included(item, parameters, path)
        elif all(_DIRECTIVE.match(str(key)) for key in item):
            for _, chosen in self._chosen(item, parameters, path):
                for one in chosen if isinstance(chosen, list) else [chosen]:
                    yield from self._items(one, parameters, path)
        else:
            yield self._expand(item, parameters, path)

    def _included(
        self, item: Mapping[str, Any], parameters: Mapping[str, Any], path: str
    ) -> Iterator[Any]:
        target = str(PurePosixPath(path).parent / str(item["template"]))
        if target not in self.files:
            self.problems.append(f"{path}: there is no template {target}")
            return
        given = self._expand(item.get("parameters") or {}, parameters, path)
        body = self._template(target, given)
        for kind in ("stages", "jobs", "steps"):
            yield from body.get(kind, [])

    def _holds(self, condition: str, parameters: Mapping[str, Any], path: str) -> bool:
        try:
            return bool(evaluate(read_expression(condition), parameters))
        except ExpressionError as error:
            self.problems.append(f"{path}: {error}")
            return False

    def _text(self, text: Any, parameters: Mapping[str, Any], path: str) -> Any:
        def value(expression: str) -> Any:
            try:
                return evaluate(read_expression(expression), parameters)
            except ExpressionError as error:
                self.problems.append(f"{path}: {error}")
                return ""

        if not isinstance(text, str):
            return text
        if whole := _EXPRESSION.fullmatch(text):
            return value(whole[1])
        return _EXPRESSION.sub(lambda found: str(value(found[1])), text)
