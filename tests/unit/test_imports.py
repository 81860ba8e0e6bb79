"""The layers hold: who may import what, and what a cold start must not load."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
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
    "training/history/avro_files.py": {"fastavro"},
    "training/history/order_columns.py": {"pyarrow"},
    "training/report/charts.py": {"matplotlib"},
    "training/report/quality_charts.py": {"matplotlib"},
    "training/report/svg.py": {"matplotlib"},
    "training/history/day_files.py": {"pyarrow"},
    "training/models/mlflow_adapter.py": {"mlflow"},
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

BASE = {"command_files", "console", "ports", "settings", "stores"}
"""Modules beside the rooms that every room may import; the other ones there are the commands."""

MAY_IMPORT = {
    "history": set(),
    "replay": {"history"},
    "simulation": {"history"},
    "learning": {"history", "replay"},
    "models": {"history", "learning"},
    "comparison": {"history", "learning", "replay"},
    "report": {"comparison", "history", "learning", "models", "replay"},
    "evaluation": {"comparison", "history", "learning", "replay", "simulation"},
    "nightly": {"comparison", "history", "learning", "models", "report"},
}
"""The rooms of `training`, the lower ones first, and the rooms that each may import.

Commands may import every room, and nobody imports a command.
"""


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


def modules() -> dict[str, Path]:
    """Return every module of the product by its dotted name."""
    packages = ("shared", "functions", "training", "infra")
    files = [file for package in packages for file in sorted((ROOT / package).rglob("*.py"))]
    names = (file.relative_to(ROOT).with_suffix("").as_posix() for file in files)
    return {
        name.replace("/", ".").removesuffix(".__init__"): file
        for name, file in zip(names, files, strict=True)
    }


def imported() -> dict[str, set[str]]:
    """Return the modules of the product that each module imports, for types alone too."""
    known = modules()
    graph: dict[str, set[str]] = {name: set() for name in known}
    for name, file in known.items():
        for statement in imports(file):
            target = statement.module
            if target not in known:
                target = target.rpartition(".")[0]
            if target in known and target != name:
                graph[name].add(target)
    return graph


def package_of(module: str, packages: set[str]) -> str:
    """Return the package that a module belongs to, or the module itself where it stands alone.

    A module beside packages (`training.console` beside `training.history`) and a `__main__` stand
    alone: some are below those packages, some are commands above them.
    """
    package = module if module in packages else module.rpartition(".")[0]
    has_rooms = any(other.startswith(f"{package}.") for other in packages)
    alone = has_rooms or module.endswith("__main__")
    return module if alone else package


def by_package(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the graph of packages that a graph of modules comes to."""
    files = modules()
    packages = {name for name, file in files.items() if file.name == "__init__.py"}
    packages |= {"shared", "functions"}
    whole: dict[str, set[str]] = {}
    for module, targets in graph.items():
        own = package_of(module, packages)
        others = {package_of(target, packages) for target in targets} - {own}
        whole.setdefault(own, set()).update(others)
    return whole


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Return the names along one circle of a graph; empty where it has none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_one_another_in_a_circle_not_even_for_types() -> None:
    graph = imported()
    assert len(graph) > 200
    assert circle(graph) == []


def test_no_packages_import_one_another_in_a_circle_not_even_for_types() -> None:
    graph = by_package(imported())
    assert "training.history" in graph["training.nightly"]
    assert circle(graph) == []


def test_a_circle_would_be_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) != []
    graph = {
        "training.history.orders": {"training.models.golden"},
        "training.models.versions": {"training.history.files"},
    }
    assert circle(graph) == []
    assert set(circle(by_package(graph))) == {"training.history", "training.models"}


def test_a_room_of_training_imports_only_the_rooms_that_it_may() -> None:
    wrong = [
        f"{module} imports {target}"
        for module, targets in imported().items()
        for target in targets
        if module.startswith("training.") and target.startswith("training.")
        if not may_import(module, target)
    ]
    assert wrong == []


def may_import(module: str, target: str) -> bool:
    own, other = module.split(".")[1], target.split(".")[1]
    if other in BASE:
        return True
    if own in MAY_IMPORT:
        return other == own or other in MAY_IMPORT[own]
    return own not in BASE and other in MAY_IMPORT


def test_the_table_of_rooms_names_every_room_and_no_import_that_is_not_used() -> None:
    rooms = {path.parent.name for path in (ROOT / "training").glob("*/__init__.py")}
    assert rooms == MAY_IMPORT.keys()
    used = {
        (module.split(".")[1], target.split(".")[1])
        for module, targets in imported().items()
        for target in targets
        if module.startswith("training.") and target.startswith("training.")
    }
    assert {(own, room) for own, rooms in MAY_IMPORT.items() for room in rooms} - used == set()


def test_the_table_of_rooms_would_catch_what_it_forbids() -> None:
    assert not may_import("training.history.dataset", "training.models.reference_files")
    assert not may_import("training.evaluation.trials", "training.simulate")
    assert not may_import("training.backtest", "training.train")
    assert not may_import("training.settings", "training.models.registry")


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
