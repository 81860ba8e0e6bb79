"""Every module has its test file at the mirrored path, and every test file its module."""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests" / "unit"
PACKAGES = ("shared", "functions", "training")

WITHOUT_TESTS: dict[str, str] = {}
"""Modules without a test file, each with the reason."""

ACROSS_MODULES = {
    "functions/test_function_app.py": "holds the app together: function_app.py at the root",
    "shared/test_schemas.py": "holds the types of all packages against docs/schemas",
    "training/test_commands.py": "what every command has in common: options, errors, files",
    "training/test_culprits.py": "a fraud is the first reason of its alert, through all modules",
    "training/test_order_fields.py": "every copy of an order has all its fields, new ones too",
}
"""Test files without a module of their name, each with the reason."""


def modules(root: Path = ROOT) -> Iterator[Path]:
    """Yield the path of each module below its package, as `shared/order.py`; no `__init__`."""
    for package in PACKAGES:
        for file in sorted((root / package).rglob("*.py")):
            if not file.name.startswith("__"):
                yield file.relative_to(root)


def mirrored(module: Path) -> Path:
    """Return where a module's tests stand below tests/unit.

    >>> mirrored(Path("shared/stores/blobs.py")).as_posix()
    'shared/stores/test_blobs.py'
    """
    return module.with_name(f"test_{module.name}")


def without_tests(root: Path = ROOT) -> list[str]:
    """Return the modules whose test file is missing."""
    tests = root / "tests" / "unit"
    return [str(module) for module in modules(root) if not (tests / mirrored(module)).exists()]


def without_a_module(root: Path = ROOT) -> list[str]:
    """Return the test files of the packages that mirror no module.

    A second file of the same module adds a word: `test_model_loader_cold.py`.
    """
    tests = root / "tests" / "unit"
    mirrors = {mirrored(module).with_suffix("") for module in modules(root)}
    files = [file for package in PACKAGES for file in sorted((tests / package).rglob("test_*.py"))]
    names = [file.relative_to(tests) for file in files]
    return [str(name) for name in names if not mirrors.intersection(_shorter(name))]


def _shorter(name: Path) -> Iterator[Path]:
    """Yield a test file's path without its suffix, then with one word less at a time."""
    words = name.stem.split("_")
    for end in range(len(words), 1, -1):
        yield name.with_name("_".join(words[:end]))


def test_every_module_has_its_test_file() -> None:
    assert sorted(without_tests()) == sorted(WITHOUT_TESTS)


def test_every_test_file_mirrors_a_module_or_says_why_not() -> None:
    assert sorted(without_a_module()) == sorted(ACROSS_MODULES)


def test_a_module_without_tests_and_tests_without_a_module_are_found(tmp_path: Path) -> None:
    for name in ("shared/order.py", "shared/stores/blobs.py", "shared/__init__.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    tests = ("test_order.py", "test_order_limits.py", "test_gone.py", "world.py")
    for name in (f"shared/{test}" for test in tests):
        (tmp_path / "tests" / "unit" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tests" / "unit" / name).touch()
    assert without_tests(tmp_path) == ["shared/stores/blobs.py"]
    assert without_a_module(tmp_path) == ["shared/test_gone.py"]
