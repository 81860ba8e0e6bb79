"""No regular expression that meets input costs more than one pass over it."""

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# The standard library's own parser of patterns; its module has no stubs and no public name.
from re import _parser as patterns  # type: ignore[attr-defined]
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("shared", "functions", "training", "infra/local")
OUR_OWN_TEXT = {"training/report/svg.py", "infra/local/query.py"}
"""Files whose patterns meet nothing but what Sheriff itself has drawn, or documents."""

NOT_FROM_THE_START = {"search", "findall", "finditer", "sub", "subn", "split"}
CALLS = NOT_FROM_THE_START | {"compile", "match", "fullmatch"}
LETTERS = [chr(code) for code in range(128)] + ["é", "\u2028"]
ENDLESS = 1_000
"""Repetitions from this many on count as without end."""


@dataclass(frozen=True)
class Pattern:
    """A pattern, where it stands, and whether it is looked for anywhere in a text."""

    text: str
    flags: int
    anywhere: bool
    place: str


def faults(text: str, flags: int = 0, *, anywhere: bool = False) -> list[str]:
    """Why a pattern may cost more than one pass over a text."""
    tree = list(patterns.parse(text, flags))
    found = [*_nested(tree, flags, inside=False), *_beside(tree, flags)]
    if anywhere and tree and str(tree[0][0]) != "AT":
        found += _begun_anew(tree, flags, _letters(tree[:1], flags), at_start=True)
    return found


def _parts(op: str, value: Any) -> list[list[Any]]:
    """The patterns inside one item of a pattern."""
    if op == "BRANCH":
        return [list(one) for one in value[1]]
    if op == "SUBPATTERN":
        return [list(value[3])]
    if op in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
        return [list(value[2])]
    if op == "ATOMIC_GROUP":
        return [list(value)]
    if op in {"ASSERT", "ASSERT_NOT"}:
        return [list(value[1])]
    return []


def _gives_back(op: str, value: Any) -> bool:
    """Whether an item repeats without end and tries again with fewer."""
    return op in {"MAX_REPEAT", "MIN_REPEAT"} and value[1] >= ENDLESS


def _nested(tree: list[Any], flags: int, *, inside: bool) -> Iterator[str]:
    for op, value in tree:
        endless = _gives_back(str(op), value)
        if endless and inside:
            yield "a repetition in a repetition"
        for part in _parts(str(op), value):
            yield from _nested(part, flags, inside=inside or endless)


def _beside(tree: list[Any], flags: int) -> Iterator[str]:
    """Repetitions that follow each other, with nothing that must stand between, and overlap."""
    before: list[set[str]] = []
    for op, value in tree:
        for part in _parts(str(op), value):
            yield from _beside(part, flags)
        letters = _letters([(op, value)], flags)
        repeats = _repeats(str(op), value)
        if repeats and any(letters & one for one in before):
            yield "repetitions that overlap"
        least = patterns.SubPattern(patterns.State(), [(op, value)]).getwidth()[0]
        if least and not repeats:
            before = []
        if _gives_back(str(op), value):
            before.append(letters)


def _repeats(op: str, value: Any) -> bool:
    """Whether an item, or anything in it, repeats without end."""
    if op in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"} and value[1] >= ENDLESS:
        return True
    return any(_repeats(str(one[0]), one[1]) for part in _parts(op, value) for one in part)


def _begun_anew(tree: list[Any], flags: int, first: set[str], *, at_start: bool) -> Iterator[str]:
    """A repetition that may fail after all, and whose letters may begin the pattern again."""
    for at, (op, value) in enumerate(tree):
        start = at_start and at == 0
        alternatives = _parts(str(op), value) if str(op) in {"BRANCH", "SUBPATTERN"} else []
        for part in alternatives:
            own = _letters(part[:1], flags) if start else first
            yield from _begun_anew(part + tree[at + 1 :], flags, own, at_start=start)
        must_follow = patterns.SubPattern(patterns.State(), tree[at + 1 :]).getwidth()[0] > 0
        if alternatives or not _repeats(str(op), value) or not must_follow:
            continue
        if start or _letters([(op, value)], flags) & first:
            yield "a repetition that is begun anew at each letter of a text"


def _letters(tree: list[Any], flags: int) -> set[str]:
    """The letters that any part of a pattern may take."""
    taken: set[str] = set()
    for op, value in tree:
        inside = _parts(str(op), value)
        if inside and str(op) not in {"ASSERT", "ASSERT_NOT"}:
            taken |= {letter for part in inside for letter in _letters(part, flags)}
        elif str(op) in {"LITERAL", "NOT_LITERAL", "IN", "ANY"}:
            taken |= {letter for letter in LETTERS if _takes(str(op), value, letter, flags)}
    return taken


def _takes(op: str, value: Any, letter: str, flags: int) -> bool:
    if op == "ANY":
        return bool(flags & re.DOTALL) or letter != "\n"
    if op in {"LITERAL", "NOT_LITERAL"}:
        return (ord(letter) == value) == (op == "LITERAL")
    negated = str(value[0][0]) == "NEGATE"
    return negated != any(_in_class(str(kind), of, letter) for kind, of in value)


def _in_class(kind: str, of: Any, letter: str) -> bool:
    if kind == "LITERAL":
        return ord(letter) == of
    if kind == "RANGE":
        return of[0] <= ord(letter) <= of[1]
    if kind == "CATEGORY":
        named = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}
        _, *negated, name = str(of).removeprefix("CATEGORY_").rpartition("NOT_")
        return bool(re.match(named[name], letter)) != ("NOT_" in negated)
    return False


def used() -> Iterator[Pattern]:
    """Every pattern that the product's code names."""
    for layer in LAYERS:
        for file in sorted((ROOT / layer).rglob("*.py")):
            name = file.relative_to(ROOT).as_posix()
            source = file.read_text(encoding="utf-8")
            if name in OUR_OWN_TEXT or "node_modules" in name or "re." not in source:
                continue
            yield from _in_file(ast.parse(source), name)


def _in_file(tree: ast.Module, name: str) -> Iterator[Pattern]:
    compiled: dict[str, tuple[str, int]] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        place = f"{name}:{node.lineno}"
        for keyword in node.keywords:
            if keyword.arg == "pattern" and _is_call_of(node, "Meta"):
                yield Pattern(_value(keyword.value, name), 0, True, place)
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            owner, method = node.func.value.id, node.func.attr
            if owner == "re" and method in CALLS and (found := _value(node.args[0], name)):
                yield Pattern(found, _flags(node, name), method in NOT_FROM_THE_START, place)
            elif method in NOT_FROM_THE_START and re.fullmatch("_[A-Z_]+", owner):
                compiled[owner] = (place, node.lineno)
    for owner, (place, _) in compiled.items():
        known = getattr(importlib.import_module(name[:-3].replace("/", ".")), owner)
        if isinstance(known, re.Pattern):
            yield Pattern(known.pattern, known.flags & ~re.UNICODE, True, place)


def _is_call_of(node: ast.Call, name: str) -> bool:
    return isinstance(node.func, ast.Attribute) and node.func.attr == name


def _value(node: ast.expr, name: str) -> str:
    """The text of an expression; empty where only a run knows it."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    module = importlib.import_module(name[:-3].replace("/", "."))
    try:
        return str(eval(compile(ast.Expression(node), name, "eval"), vars(module)))
    except NameError:
        return ""


def _flags(node: ast.Call, name: str) -> int:
    given = [*node.args[1:], *(one.value for one in node.keywords if one.arg == "flags")]
    last = given[-1] if given else None
    is_flag = (
        last is not None and "re." in ast.unparse(last) and "re.compile" not in ast.unparse(last)
    )
    if not is_flag:
        return 0
    assert last is not None
    return int(eval(compile(ast.Expression(last), name, "eval"), {"re": re}))


@pytest.mark.parametrize("one", [*used()], ids=lambda one: one.place)
def test_no_pattern_that_meets_input_costs_more_than_one_pass(one: Pattern) -> None:
    assert faults(one.text, one.flags, anywhere=one.anywhere) == []


@pytest.mark.parametrize(
    ("text", "anywhere"),
    [
        ('"(?:[^"\\\\]|\\\\.)*"|[\\[\\]{}]', True),
        (r"(a+)+b", False),
        (r"(?:a|b+)*c", False),
        (r"\s*(>=?)\s*'?([^']*)'?\s*", False),
        (r"x.*y", True),
        (r".*?(?: - at `(.*)`)?", False),
        (r"[0-9]+[0-9.]*", False),
    ],
)
def test_a_pattern_that_costs_more_is_told(text: str, anywhere: bool) -> None:
    assert faults(text, re.DOTALL, anywhere=anywhere)


@pytest.mark.parametrize(
    ("text", "anywhere"),
    [
        (r"//[^/@\s]+@", True),
        (r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+", False),
        (r"^[^\u0000-\u001f]{1,64}$(?!\n)", True),
        (r"[^/]+/[^/]+/[0-9]{4}\.avro", False),
    ],
)
def test_a_pattern_of_one_pass_is_not(text: str, anywhere: bool) -> None:
    assert faults(text, 0, anywhere=anywhere) == []
