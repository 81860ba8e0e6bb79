"""The parameters of an environment, and of every module that is called: complete, known, typed."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from infra.checks.deployment import MAIN, Deployment, Files
from infra.checks.runtime import Runtime
from infra.checks.syntax import BicepError
from infra.checks.tree import Parameter, Template, template
from infra.checks.values import value

ENVIRONMENTS = ("dev", "test", "prod")
_USING = re.compile(r"(?m)^using '([^']+)'$")
_TYPES: dict[str, type] = {"string": str, "int": int, "bool": bool, "array": list, "object": dict}


class _Nothing:
    """No names: a parameter file refers to none but its own."""

    def __init__(self, of: Template) -> None:
        self._of = of

    def lookup(self, name: str) -> Any:
        if name not in self._of.variables:
            raise BicepError(f"{self._of.file}: {name} is not declared")
        return value(self._of.variables[name], self)

    def file(self, path: str) -> str:
        raise BicepError(f"{self._of.file}: {path} is not read here")


def environment_file(name: str) -> str:
    """The path of an environment's parameters."""
    return f"infra/environments/{name}.bicepparam"


def given(files: Files, environment: str) -> dict[str, Any]:
    """What an environment's file says.

    Raises:
        BicepError: it is wrong, or of another template than main.bicep.
    """
    file = environment_file(environment)
    text = files[file]
    using = _USING.findall(text)
    of = posixpath.normpath(posixpath.join(posixpath.dirname(file), using[0])) if using else None
    if of != MAIN:
        raise BicepError(f"{file}: begins with using '../main.bicep'")
    read = template(file, text)
    if read.resources or read.modules or read.parameters:
        raise BicepError(f"{file}: holds parameters only")
    scope = _Nothing(read)
    return {name: value(of, scope) for name, of in read.variables.items()}


def problems(files: Files, environment: str, deployment: Deployment) -> Iterator[str]:
    """What is wrong with the parameters of an environment, and of the modules it calls."""
    file = environment_file(environment)
    if deployment.given.get("environmentName") != environment:
        yield f"{file}: environmentName is not {environment}"
    yield from _misfits(file, template(MAIN, files[MAIN]), deployment.given)
    for module in deployment.modules:
        called = template(module.file, files[module.file])
        yield from _misfits(f"{MAIN}: module {module.symbol}", called, module.parameters)


def _misfits(where: str, of: Template, values: Mapping[str, Any]) -> Iterator[str]:
    for name, parameter in of.parameters.items():
        if name in values:
            for why in _wrong(parameter, values[name]):
                yield f"{where}: {name} is {values[name]!r}, expected {why}"


def _wrong(parameter: Parameter, given: Any) -> Iterator[str]:
    expected = _TYPES.get(parameter.type)
    if expected is None:
        yield f"a type that the checks know, not {parameter.type}"
        return
    if isinstance(given, Runtime) and expected is not str:
        return
    if not isinstance(given, expected) or (expected is int and isinstance(given, bool)):
        yield f"{parameter.type}"
        return
    rules = {name: arguments[0] for name, arguments in parameter.decorators.items()}
    if "allowed" in rules and given not in rules["allowed"]:
        yield f"one of {', '.join(map(str, rules['allowed']))}"
    size = given if isinstance(given, int) else len(given) if isinstance(given, str | list) else 0
    for least in ("minValue", "minLength"):
        if least in rules and size < rules[least]:
            yield f"at least {rules[least]}"
    for most in ("maxValue", "maxLength"):
        if most in rules and size > rules[most]:
            yield f"at most {rules[most]}"
    if not parameter.decorators.get("description"):
        yield "a description"
