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
LEARNING = {"pandas", "sklearn", "rich"}

ANYWHERE: dict[str, set[str]] = {
    "shared": {"shared", "numpy", "msgspec"},
    "shared/stores": {"shared"} | AZURE_DATA,
    "functions": {"functions", "shared", "msgspec"},
    "training": {"training", "shared", "numpy", "msgspec"} | LEARNING,
}
IN_THIS_FILE: dict[str, set[str]] = {
    "functions/score_orders.py": {"azure.functions"},
    "functions/alerts_api.py": {"azure.functions"},
    "functions/retrain_nightly.py": {"azure.functions"},
    "functions/watch_hub.py": {"azure.functions"},
    "functions/jobs.py": {"azure.core"},
    "functions/telemetry.py": {"opentelemetry"},
    "training/history/archive.py": {"fastavro"},
    "training/history/order_columns.py": {"pyarrow"},
    "training/report/charts.py": {"matplotlib"},
    "training/history/day_files.py": {"pyarrow"},
    "training/models/registry.py": {"mlflow"},
    "training/report/page.py": {"jinja2"},
    "training/history/snapshot.py": {"pyarrow"},
}
IMPURE_IN_THE_STORES: dict[str, set[str]] = {
    "shared/stores/lease.py": {"logging", "time"},
    "shared/stores/aio/blobs.py": {"asyncio"},
    "shared/stores/aio/cosmos.py": {"asyncio"},
    "shared/stores/aio/event_hubs.py": {"asyncio"},
    "shared/stores/aio/measures.py": {"time"},
}
SYNCHRONOUS = {f"shared.stores.{name}" for name in ("blobs", "cosmos", "credential", "lease")}


@dataclass(frozen=True)
class Import:
    """One import: of what, in which file, at which line; inside a function or not."""

    module: str
    file: str
    line: int

    def within(self, packages: set[str]) -> bool:
        return any(f"{self.module}.".startswith(f"{package}.") for package in packages)


def imports(file: Path) -> Iterator[Import]:
    name = file.relative_to(ROOT).as_posix()

    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno}: a relative import"
            for alias in node.names:
                yield Import(f"{node.module}.{alias.name}", name, node.lineno)


def layer_of(file: str) -> str:
    if file.startswith("shared/stores/"):
        return "shared/stores"
    return file.split("/", maxsplit=1)[0]


def layer(name: str) -> list[Import]:
    files = sorted((ROOT / name).rglob("*.py"))
    every = (statement for file in files for statement in imports(file))
    return [statement for statement in every if layer_of(statement.file) == name]


def allowed(found: Import, package: str) -> bool:
    if found.module.split(".", maxsplit=1)[0] in sys.stdlib_module_names:
        return True
    if package == "shared" and found.within({"shared.stores"}):
        return False
    here = ANYWHERE[package] | IN_THIS_FILE.get(found.file, set())
    return found.within(here)


@pytest.mark.parametrize("package", ANYWHERE)
def test_a_layer_imports_only_what_it_may(package: str) -> None:
    found = layer(package)
    assert found
    wrong = [f"{one.file}:{one.line} {one.module}" for one in found if not allowed(one, package)]
    assert wrong == []


def test_every_permission_is_used() -> None:
    found = [one for package in ANYWHERE for one in layer(package)]
    needless = {
        f"{place}: {name}"
        for place, names in ANYWHERE.items()
        for name in names
        if not any(one.within({name}) for one in found if layer_of(one.file) == place)
    } | {
        f"{file}: {name}"
        for file, names in IN_THIS_FILE.items()
        for name in names
        if not any(one.within({name}) for one in found if one.file == file)
    }
    assert needless == set()


def test_the_core_has_no_clock_no_log_no_chance_and_no_environment() -> None:
    wrong = [f"{one.file}:{one.line} {one.module}" for one in layer("shared") if one.within(IMPURE)]
    assert wrong == []
    for file in sorted((ROOT / "shared").rglob("*.py")):  # the stores have no calendar either
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute):
                assert node.attr not in {"now", "utcnow", "today"}, f"{file}:{node.lineno}"


def test_the_stores_have_a_clock_a_log_and_threads_only_where_they_need_them() -> None:
    used: dict[str, set[str]] = {}
    for statement in layer("shared/stores"):
        if statement.within(IMPURE):
            used.setdefault(statement.file, set()).add(statement.module.split(".")[0])
    assert used == IMPURE_IN_THE_STORES


def test_async_and_synchronous_stores_do_not_load_one_another() -> None:
    for statement in layer("shared/stores"):
        is_async = statement.file.startswith("shared/stores/aio/")
        loads_async = "aio" in statement.module.split(".")
        assert is_async or not loads_async, statement
        assert not is_async or not statement.within(SYNCHRONOUS), statement
    assert [statement for statement in layer("functions") if statement.within(SYNCHRONOUS)] == []


def test_a_night_loads_no_client_that_it_does_not_use() -> None:
    script = (
        "import sys, training.stores;"
        "print(*{'azure.eventhub', 'azure.identity.aio', 'shared.stores.aio'} & {*sys.modules})"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []


def test_the_layer_rules_would_catch_what_they_forbid() -> None:
    def wrong(module: str, file: str) -> bool:
        return not allowed(Import(module, file, 1), layer_of(file))

    assert wrong("azure.cosmos.aio", "shared/alert.py")
    assert wrong("sklearn.tree", "shared/model.py")
    assert wrong("shared.stores.settings", "shared/stream.py")
    assert wrong("functions.settings", "shared/stores/blobs.py")
    assert wrong("azure.cosmos", "functions/handlers.py")
    assert wrong("azure.cosmos", "training/stores.py")
    assert wrong("azure.functionsx", "functions/score_orders.py")
    assert wrong("training.train", "functions/handlers.py")
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
