"""The types of every property, by the compiler's own data: where the reference folder is."""

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.checks.mutants import ROOT

pytestmark = pytest.mark.reference

type Check = Callable[[Path], list[str]]


@pytest.fixture(scope="module")
def check() -> Check:
    """What the reference checker says of the templates in a folder."""
    shared = os.environ.get("SHERIFF_SHARED")
    tools = Path(shared or "") / "tools"
    if shared is None or not (tools / "bicep-types.json").exists():
        pytest.skip("SHERIFF_SHARED names no folder with tools/bicep-types.json")
    spec = importlib.util.spec_from_file_location("bicepcheck", tools / "bicepcheck.py")
    assert spec is not None
    assert spec.loader is not None
    bicepcheck: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bicepcheck)
    types = bicepcheck.Types(tools / "bicep-types.json")

    def checked(folder: Path) -> list[str]:
        checker = bicepcheck.Checker(types)
        for file in [*sorted(folder.rglob("*.bicep")), *sorted(folder.rglob("*.bicepparam"))]:
            checker.check_file(file)
        return [f"{Path(file).name}:{line} {code} {why}" for file, line, code, why in checker.diags]

    return checked


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The templates, to be changed."""
    for folder in ("modules", "environments"):
        shutil.copytree(ROOT / "infra" / folder, tmp_path / folder)
    shutil.copy(ROOT / "infra" / "main.bicep", tmp_path)
    shutil.copy(ROOT / "infra" / "workbook.json", tmp_path)
    return tmp_path


def test_every_property_has_the_name_and_type_that_azure_gives_it(check: Check, copy: Path) -> None:
    assert check(copy) == []


@pytest.mark.parametrize(
    ("module", "old", "new", "expected"),
    [
        ("hub", "captureDescription:", "captureDescriptions:", "unknown"),
        ("hub", "encoding: 'Avro'", "encoding: 'Parquet'", "enum"),
        ("cosmos", "databaseAccountOfferType: 'Standard'\n", "\n", "required"),
        ("cosmos", "disableLocalAuth: true", "disableLocalAuth: 'true'", "type"),
        ("hub", "intervalInSeconds: 300", "intervalInSeconds: '300'", "type"),
        ("app", "sites@2025-03-01' = {", "sites@2025-03-02' = {", "apiversion"),
        ("app", "identity.id", "identities.id", "undefined"),
    ],
)
def test_a_slip_is_found(
    check: Check, copy: Path, module: str, old: str, new: str, expected: str
) -> None:
    file = copy / "modules" / f"{module}.bicep"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert any(f" {expected} " in one for one in check(copy))
