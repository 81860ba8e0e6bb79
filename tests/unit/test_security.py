"""docs/security.md and docs/reliability.md name tests that exist; no data is ever run as code."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECURITY = ROOT / "docs" / "security.md"
RELIABILITY = ROOT / "docs" / "reliability.md"

LOADS_CODE = {"pickle", "joblib", "dill", "cloudpickle", "marshal", "shelve", "runpy", "skops"}
RUNS_CODE = {"eval", "exec", "compile", "__import__"}


def cited(document: Path) -> list[str]:
    """Everything in a document that is a file of tests or a test."""
    return re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", document.read_text(encoding="utf-8"))


@cache
def named_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


@pytest.mark.parametrize("document", [SECURITY, RELIABILITY], ids=lambda path: path.stem)
def test_every_test_that_a_document_names_exists(document: Path) -> None:
    names = cited(document)
    assert len(names) > 40
    missing = []
    for name in names:
        file, _, test = name.partition("::")
        if not (ROOT / file).is_file() or test not in named_in(file):
            missing.append(name)
    assert missing == []


def test_every_section_but_the_first_and_the_last_names_a_test() -> None:
    text = SECURITY.read_text(encoding="utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[2:-1]
    assert [section.split("\n")[0] for section in sections if "tests/" not in section] == []


def test_nothing_loads_code_from_data() -> None:
    found = []
    for package in ("shared", "functions", "training", "infra"):
        for file in sorted((ROOT / package).rglob("*.py")):
            if "node_modules" in file.parts:
                continue
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                modules: list[str] = []
                if isinstance(node, ast.Import):
                    modules = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    modules = [node.module or ""]
                names = {module.split(".")[0] for module in modules} & LOADS_CODE
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    names |= {node.func.id} & RUNS_CODE
                found += [f"{file.relative_to(ROOT)}: {name}" for name in names]
    assert found == []


def test_every_row_of_reliability_names_a_test() -> None:
    rows = re.findall(
        r"^\| (?!subject|-)([^|]+) \|.*$", RELIABILITY.read_text("utf-8"), re.MULTILINE
    )
    untested = [
        line
        for line in RELIABILITY.read_text("utf-8").splitlines()
        if line.startswith("| ") and not line.startswith("| subject") and "::test_" not in line
    ]
    assert untested == []
    numbers = {int(one) for row in rows for one in re.findall(r"\d+", row.split("(walk")[0])}
    assert numbers >= {*range(1, 39)} - {34}  # 34, what is stored, has a section of its own
