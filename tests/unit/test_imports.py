"""The layers hold: who may import what, and what a cold start must not load."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

AZURE_DATA = {
    "azure.core", "azure.cosmos", "azure.eventhub", "azure.identity", "azure.storage",
}  # fmt: skip
IMPURE = {"os", "logging", "random", "secrets", "time", "socket", "subprocess", "asyncio"}
LEARNING = {"pandas", "sklearn", "joblib", "rich"}

ANYWHERE: dict[str, set[str]] = {
    "shared": {"shared", "numpy", "msgspec"},
    "functions": {"functions", "shared", "msgspec"},
    "training": {"training", "shared", "numpy", "msgspec"} | LEARNING,
}
IN_THIS_FILE: dict[str, set[str]] = {
    "functions/score_orders.py": {"azure.functions"},
    "functions/alerts_api.py": {"azure.functions"},
    "functions/retrain_nightly.py": {"azure.functions"},
    "functions/watch_hub.py": {"azure.functions"},
    "functions/stores.py": AZURE_DATA,
    "functions/hub.py": {"azure.eventhub"},
    "functions/watch_stores.py": {"azure.core"},
    "functions/jobs.py": {"azure.core"},
    "functions/telemetry.py": {"opentelemetry"},
    "training/archive.py": {"fastavro"},
    "training/charts.py": {"matplotlib"},
    "training/registry.py": {"mlflow"},
    "training/report.py": {"jinja2"},
    "training/snapshot.py": {"pyarrow"},
    "training/stores.py": AZURE_DATA,
    "training/simulate.py": AZURE_DATA,
}
INSIDE_A_FUNCTION: dict[str, set[str]] = {
    "shared/model.py": {"sklearn", "joblib"},
    "functions/retrain_nightly.py": {"training"},
}


@dataclass(frozen=True)
class Import:
    """One import: of what, in which file, at which line, and whether at import time."""

    module: str
    file: str
    line: int
    at_import: bool

    def within(self, packages: set[str]) -> bool:
        return any(f"{self.module}.".startswith(f"{package}.") for package in packages)


def imports(file: Path) -> Iterator[Import]:
    name = file.relative_to(ROOT).as_posix()

    def walk(node: ast.AST, at_import: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(alias.name, name, child.lineno, at_import)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{name}:{child.lineno}: a relative import"
                for alias in child.names:
                    full = f"{child.module}.{alias.name}"
                    yield Import(full, name, child.lineno, at_import)
            yield from walk(child, at_import and not inside)

    yield from walk(ast.parse(file.read_text()), True)


def layer(name: str) -> list[Import]:
    files = sorted((ROOT / name).rglob("*.py"))
    return [found for file in files for found in imports(file)]


def allowed(found: Import, package: str) -> bool:
    if found.module.split(".", maxsplit=1)[0] in sys.stdlib_module_names:
        return True
    here = ANYWHERE[package] | IN_THIS_FILE.get(found.file, set())
    late = INSIDE_A_FUNCTION.get(found.file, set())
    return found.within(here) or (not found.at_import and found.within(late))


@pytest.mark.parametrize("package", ANYWHERE)
def test_a_layer_imports_only_what_it_may(package: str) -> None:
    found = layer(package)
    assert found
    wrong = [f"{one.file}:{one.line} {one.module}" for one in found if not allowed(one, package)]
    assert wrong == []


def test_the_core_has_no_clock_no_log_no_chance_and_no_environment() -> None:
    wrong = [f"{one.file}:{one.line} {one.module}" for one in layer("shared") if one.within(IMPURE)]
    assert wrong == []
    for file in sorted((ROOT / "shared").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute):
                assert node.attr not in {"now", "utcnow", "today"}, f"{file}:{node.lineno}"


def test_the_layer_rules_would_catch_what_they_forbid() -> None:
    def wrong(module: str, file: str, at_import: bool = True) -> bool:
        return not allowed(Import(module, file, 1, at_import), file.split("/", maxsplit=1)[0])

    assert wrong("azure.cosmos.aio", "shared/alert.py")
    assert wrong("sklearn.tree", "shared/model.py")
    assert not wrong("sklearn.tree", "shared/model.py", at_import=False)
    assert wrong("azure.cosmos", "functions/handlers.py")
    assert wrong("azure.functionsx", "functions/score_orders.py")
    assert wrong("training.train", "functions/handlers.py", at_import=False)
    assert wrong("functions.settings", "training/train.py")
    assert wrong("infra.local.stack", "functions/wiring.py")


def test_a_cold_start_loads_no_learning_library() -> None:
    script = (
        "import sys, function_app;"
        "print(*{'mlflow', 'pandas', 'sklearn', 'scipy', 'joblib', 'rich', 'training', 'infra',"
        " 'pyarrow', 'fastavro', 'matplotlib', 'jinja2'}"
        " & {name.split('.')[0] for name in sys.modules})"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []


def test_a_scorers_environment_has_no_learning_library() -> None:
    text = (ROOT / "requirements.txt").read_text()
    names = {line.split("==")[0].lower() for line in text.splitlines() if "==" in line}
    assert {"msgspec", "numpy", "azure-functions"} <= names
    assert names & {"mlflow", "mlflow-skinny", "pandas", "pyarrow"} == set()
