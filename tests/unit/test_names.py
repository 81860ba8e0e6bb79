"""Variables say what they hold, and sentences can be read once: two lists of what is banned."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("shared", "functions", "training", "infra")

EXEMPT = (
    "infra/checks",
    "shared/discounts.py",
    "shared/subset_sums.py",
    "shared/beliefs.py",
    "shared/scoring.py",
    "training/learning",
    "functions/alert_query.py",
    "functions/alerts_api.py",
)
"""Files that are about to be written anew; each goes from this list when it is."""

BANNED_NAMES = {"one", "found", "some", "more", "none"}
"""Names that say nothing: an order, an alert or a blob is called so."""

BANNED_PHRASES = (
    r"\A(?:That|Those) of\b",  # at the start: of what, a reader asks
    r"(?<!there )\bis none\b",  # "where it is none"; not "there is none", not "is None"
    r"\bone of many than\b",
    r"\b[Ww]hoever\b",
    r"\b[Ww]hatever carries\b",
    r"\bto be asked before\b",
    r"\ANothing (?:while|where|unless)\b",  # "Raise unless ..." says who does what
    r"\AWhat was [^.:]+: \w+ (?:it|them)\b",  # "What was set aside: list it"
)
"""Constructions that send a reader back to the start of the sentence."""


def checked_files(root: Path = ROOT) -> list[Path]:
    """Return the product's modules that the lists hold for."""
    files = [file for package in PACKAGES for file in sorted((root / package).rglob("*.py"))]
    return [
        file
        for file in files
        if "node_modules" not in file.parts
        and not any(file.is_relative_to(root / exempt) for exempt in EXEMPT)
    ]


def banned_names(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and name of each banned variable: assigned, looped over, caught or a parameter.

    The fields of a class may be called so: ``quality.found`` counts the frauds that were found.
    """
    tree = ast.parse(source)
    fields = {
        id(statement.target)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for statement in node.body
        if isinstance(statement, ast.AnnAssign)
    }
    for node in ast.walk(tree):
        if id(node) in fields:
            continue
        match node:
            case (
                ast.Name(id=str(name), ctx=ast.Store())
                | ast.arg(arg=str(name))
                | ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ) if name in BANNED_NAMES:
                yield node.lineno, name


def prose(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of each docstring and comment, on one line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            text = node.value.value
            if isinstance(text, str):
                yield node.lineno, " ".join(text.split())
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.removeprefix("#").strip()


def banned_phrases(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and beginning of each docstring and comment that holds a banned phrase."""
    for line, text in prose(source):
        if any(re.search(phrase, text) for phrase in BANNED_PHRASES):
            yield line, text[:60]


def test_no_variable_has_a_name_that_says_nothing() -> None:
    assert [
        f"{file.relative_to(ROOT)}:{line}: {name}"
        for file in checked_files()
        for line, name in banned_names(file.read_text(encoding="utf-8"))
    ] == []


def test_no_docstring_or_comment_has_to_be_read_twice() -> None:
    assert [
        f"{file.relative_to(ROOT)}:{line}: {text}"
        for file in checked_files()
        for line, text in banned_phrases(file.read_text(encoding="utf-8"))
    ] == []


def test_every_exempt_file_is_there_and_the_others_are_looked_at() -> None:
    assert [exempt for exempt in EXEMPT if not (ROOT / exempt).exists()] == []
    names = {file.relative_to(ROOT).as_posix() for file in checked_files()}
    assert {"shared/order.py", "functions/handlers.py", "infra/smoke.py"} <= names
    assert not names & {"shared/beliefs.py", "infra/checks/names.py", "training/learning/learn.py"}


@pytest.mark.parametrize(
    "code",
    [
        "one = 1",
        "(a, found) = 1, 2",
        "for some in []: pass",
        "[x for more in [] for x in more]",
        "with f() as none: pass",
        "try: pass\nexcept E as found: pass",
        "if (some := f()): pass",
        "def f(one): pass",
        "def f(*, more=1): pass",
        "lambda found: 0",
        "match x:\n    case [one]: pass",
    ],
)
def test_a_banned_name_is_found_wherever_a_variable_gets_it(code: str) -> None:
    assert list(banned_names(code))


def test_a_name_that_only_contains_a_banned_one_or_is_not_ours_is_allowed() -> None:
    assert list(banned_names("one_line = found_at = 1\nprint(x.found, f(one=1), some)")) == []
    assert list(banned_names("class Quality:\n    found: int")) == []


@pytest.mark.parametrize(
    ("text", "banned"),
    [
        ("Those of the last night.", True),
        ("Read a card; it raises where it is none.", True),
        ("None if there is none.", False),
        ("It raises if the folder is None.", False),
        ("Nothing while the lease is certainly held: to be asked before others read.", True),
        ("Raise unless we still hold the lease. Call this before writing.", False),
        ("What was set aside: list it, read it.", True),
        ("The rate, compared with that of the night before.", False),
        ("Whoever reads this waits.", True),
    ],
)
def test_a_phrase_is_banned_in_docstrings_and_in_comments_alike(text: str, *, banned: bool) -> None:
    assert bool(list(banned_phrases(f'def f():\n    """{text}"""\n'))) is banned
    assert bool(list(banned_phrases(f"x = 1  # {text}\n"))) is banned
    assert list(banned_phrases(f"x = {text!r}\n")) == []
