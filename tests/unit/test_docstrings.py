"""A docstring that names something of ours in backticks names something that is there."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("shared", "functions", "training", "infra", "tests")
NAMED = re.compile(rf"(?<!`)`((?:{'|'.join(PACKAGES)})(?:\.\w+)+)`(?!`)")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_in_a_docstring_is_there(package: str) -> None:
    files = [file for file in sorted((ROOT / package).rglob("*.py")) if ours(file)]
    named = [(file.relative_to(ROOT), *one) for file in files for one in names(file.read_text())]
    assert [f"{file}:{line}: {name}" for file, line, name in named if not is_there(name)] == []


def test_a_name_that_is_not_there_would_be_found() -> None:
    source = '"""As `shared.discounts.DiscountTables.gone` and ``shared.gone``."""\nx = 1\n'
    assert list(names(source)) == [(1, "shared.discounts.DiscountTables.gone")]
    assert not is_there("shared.discounts.DiscountTables.gone")
    assert not is_there("shared.gone")
    assert is_there("shared.discounts.DiscountTables.explain")
    assert is_there("shared.episodes.Episode.opened_by")  # a field without a default
    assert is_there("shared.discounts")


def ours(file: Path) -> bool:
    return "node_modules" not in file.parts


def names(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of what docstrings name; those of modules, classes, functions and values."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            text = node.value.value
            if isinstance(text, str):
                for found in NAMED.finditer(text):
                    yield node.lineno, found.group(1)


def is_there(name: str) -> bool:
    """Whether a dotted name leads to a module, or to something in one."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        return leads(found, parts[end:])
    return False


def leads(found: Any, parts: list[str]) -> bool:
    for part in parts:
        fields = getattr(found, "__annotations__", {})
        if not hasattr(found, part) and part not in fields:
            return False
        found = getattr(found, part, None)
    return True
