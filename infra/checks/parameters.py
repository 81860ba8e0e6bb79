"""The parameters of an environment, and the combinations of those that switch something."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Any, NamedTuple

from infra.checks.compiler import Compiler, CompilerError
from infra.checks.data import ours
from infra.checks.deployment import Templates, nested


class Refused(NamedTuple):
    """Parameters that the template refuses together, and what it says of them."""

    given: Mapping[str, Any]
    said: str


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


_TABLE = ours("parameters")

SWITCHES: Mapping[str, Sequence[Any]] = {
    name: [_hashable(one) for one in values] for name, values in _TABLE["switches"].items()
}
"""The parameters that switch something, and values on either side."""

REFUSED = [
    Refused({name: _hashable(value) for name, value in one["given"].items()}, one["said"])
    for one in _TABLE["refused"]
]

FROM_ENVIRONMENT: Mapping[str, Mapping[str, str]] = _TABLE["from_environment"]
"""Parameters that whoever deploys gives: by which ``variable``, and the script it is ``set_by``."""


def pairs() -> Iterator[dict[str, Any]]:
    """Combinations in which every two values of two switches meet, but for contradictions.

    Most faults that need more than one value need two (D. R. Kuhn, R. N. Kacker and Y. Lei,
    "Practical Combinatorial Testing", NIST SP 800-142). Each combination begins with two values
    that have not met and takes of every other switch the value that meets most others anew; with
    so many contradictions the library for this (allpairspy) leaves pairs out.
    """
    every = combinations(SWITCHES, 2)
    met = {_pair(one, v, other, w) for one, other in every for v, w in _values(one, other)}
    waiting = {pair: None for pair in sorted(met, key=repr) if possible(dict(pair))}
    while waiting:
        made = dict(next(iter(waiting)))
        for name, values in SWITCHES.items():
            fitting = [one for one in values if possible({**made, name: one})]
            made.setdefault(name, max(fitting, key=lambda one: _new(waiting, made, name, one)))
        for one, other in combinations(SWITCHES, 2):
            waiting.pop(_pair(one, made[one], other, made[other]), None)
        yield {name: made[name] for name in SWITCHES}


type Pair = tuple[tuple[str, Any], tuple[str, Any]]
"""Two switches in the order of their names, each with a value."""


def _pair(one: str, value: Any, other: str, another: Any) -> Pair:
    first, second = sorted([(one, value), (other, another)], key=lambda each: each[0])
    return first, second


def _values(one: str, other: str) -> Iterator[tuple[Any, Any]]:
    return product(SWITCHES[one], SWITCHES[other])


def _new(waiting: Container[Pair], made: Mapping[str, Any], name: str, value: Any) -> int:
    return sum(_pair(name, value, one, made[one]) in waiting for one in made)


def possible(given: Mapping[str, Any]) -> bool:
    """Whether the values of some switches fit together."""
    return not any(one.given.items() <= given.items() for one in REFUSED)


def refused(templates: Templates, compiler: Compiler, given: Mapping[str, Any]) -> Iterator[str]:
    """What the template takes and should refuse: as much of it at once as can be given together."""
    said = ""
    for wrong in _together():
        try:
            templates.deployed(compiler, {**given, **wrong})
        except CompilerError as error:
            said += str(error)
    for one in REFUSED:
        if one.said not in said:
            yield f"infra/main.bicep: does not refuse what it should with: {one.said}"


def _together() -> list[dict[str, Any]]:
    """All that is refused, in as few sets of parameters as hold one value of each."""
    found: list[dict[str, Any]] = []
    for one in REFUSED:
        into = next((each for each in found if _agree(each, one.given)), None)
        if into is None:
            found.append(dict(one.given))
        else:
            into.update(one.given)
    return found


def _agree(given: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(given.get(name, value) == value for name, value in other.items())


def problems(environment: str, given: Mapping[str, Any]) -> Iterator[str]:
    """What the file of an environment must not give."""
    file = f"infra/environments/{environment}.bicepparam"
    if given.get("environmentName") != environment:
        yield f"{file}: environmentName is not {environment}"


def from_environment(file: str, text: str) -> Iterator[str]:
    """Parameters that an environment's file does not take from the variable for them."""
    for parameter, one in FROM_ENVIRONMENT.items():
        if not re.search(rf"(?m)^param {parameter} = .*'{one['variable']}'", text):
            yield f"{file}: {parameter} is not read from {one['variable']}"


def unbounded(template: Mapping[str, Any]) -> Iterator[str]:
    """Parameters with a minimum and no maximum, in main.bicep and its modules."""
    every = [("main.bicep", template), *nested(template)]
    for where, one in every:
        for name, parameter in one.get("parameters", {}).items():
            for least, most in (("minValue", "maxValue"), ("minLength", "maxLength")):
                if least in parameter and most not in parameter:
                    yield f"{where}: {name} has a {least} and no {most}"
