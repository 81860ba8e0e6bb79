"""python -m infra.checks.package build/scorer.zip ...: would a zip run where it is deployed?

Its files are looked through; then it is unpacked and its modules are imported, its functions
indexed by the runtime's own loader, and what the templates set is opened, in a bare interpreter
that sees nothing but the zip. The sizes and the seconds of both are printed.
"""

import argparse
import ast
import json
import re
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from infra.checks.delivery import wrong_host, wrong_trigger
from infra.checks.opening import opened, settings
from infra.checks.unpacked import Tree, unpacked
from infra.local import commands
from infra.package import SBOM, SITE, STAMP, PackageError

LARGEST = {"scorer": 350_000_000, "trainer": 900_000_000}
"""Bytes unpacked."""

ROLES = {
    "scorer": {
        "scorer": {"score_orders", "watch_hub", "health"},
        "desk": {"alerts", "health"},
    },
    "trainer": {"trainer": {"retrain_nightly", "follow_training", "health"}},
}
"""The functions of every role that a zip is deployed for."""

_NOT_IN = {
    "scorer": {"mlflow", "pandas", "pyarrow", "sklearn", "scipy", "training", "infra", "tests"},
    "trainer": {"infra", "tests", "pytest", "mypy"},
}
_STRAYS = re.compile(r"(^|/)(\.env|local\.settings\.json|\.git|\.venv|node_modules)(/|$)")
_WHEELS = re.compile(r"^Tag: (py3|py2\.py3|cp3\d+)-(none|abi3|cp313)-(any|manylinux\w+_x86_64)$")
_EXTENSIONS = re.compile(r"\.(cpython-313-x86_64-linux-gnu|abi3)\.so$|^[^.]+\.so$|\.so\.[\d.]+$")
_ELF_X86_64 = re.compile(rb"\x7fELF\x02\x01.{12}\x3e\x00", re.DOTALL)
"""The first 20 bytes of a file for Linux: 64 bits, little-endian, machine 62 (elf(5))."""
_UNCHECKED = (1).to_bytes(4, "little")

_INDEX = """
import json, sys
from types import SimpleNamespace
sys.path[:0] = sys.argv[1:3]
from azure_functions_runtime.bindings.meta import load_binding_registry
from azure_functions_runtime.functions import Registry
from azure_functions_runtime.loader import index_function_app
load_binding_registry()
found = index_function_app(sys.argv[1] + "/function_app.py")
protocol = SimpleNamespace(BindingInfo=SimpleNamespace(undefined=0, out=1, inout=2))
for one in found:
    Registry().add_indexed_function(one, protocol)
print(json.dumps([
    [one.get_function_name(), one.get_trigger().type, one.get_settings_dict("retry_policy")]
    for one in found
]))
"""

_IMPORT = """
import importlib, json, sys
sys.path[:0] = sys.argv[1:3]
wrong = []
for module, names in json.load(sys.stdin):
    try:
        found = importlib.import_module(module)
        for name in names:
            if name != "*" and not hasattr(found, name):
                importlib.import_module(f"{module}.{name}")
    except ImportError as error:
        wrong.append(f"{module}: {error}")
print(json.dumps(wrong))
"""


def wrong_files(package: Path) -> Iterator[str]:
    """What is wrong with a zip's list of files, by itself."""
    with zipfile.ZipFile(package) as archive:
        names = [PurePosixPath(name) for name in archive.namelist()]
        size = sum(entry.file_size for entry in archive.infolist())
        yield from _wrong_bytecode(archive, set(names))
        yield from _wrong_wheels(archive, names)
    for needed in ("host.json", "function_app.py", STAMP, SBOM, str(SITE)):
        if not any(name.is_relative_to(needed) for name in names):
            yield f"{needed} is not at the root"
    if size > LARGEST[package.stem]:
        yield f"{size:,} bytes unpacked are more than {LARGEST[package.stem]:,}"
    strays = [str(name) for name in names if _STRAYS.search(str(name))]
    yield from (f"{name} does not belong into a package" for name in strays)
    tops = {_within(name).parts[0] for name in names} & _NOT_IN[package.stem]
    yield from (f"{top} does not belong into {package.name}" for top in sorted(tops))


def _within(name: PurePosixPath) -> PurePosixPath:
    return name.relative_to(SITE) if name.is_relative_to(SITE) else name


def _wrong_bytecode(archive: zipfile.ZipFile, names: set[PurePosixPath]) -> Iterator[str]:
    compiled = {name for name in names if name.suffix == ".pyc"}
    for name in sorted(compiled):
        source = name.parents[1] / f"{name.name.split('.')[0]}.py"
        if name.parent.name != "__pycache__" or source not in names:
            yield f"{name} is the bytecode of nothing"
        with archive.open(str(name)) as file:
            if file.read(8)[4:] != _UNCHECKED:
                yield f"{name} would be held against its source"
    for name in sorted(names):
        cached = name.parent / "__pycache__" / f"{name.stem}.cpython-313.pyc"
        ours = not name.is_relative_to(SITE)
        if ours and name.suffix == ".py" and cached not in compiled:
            yield f"{name} has no bytecode"


def _wrong_wheels(archive: zipfile.ZipFile, names: list[PurePosixPath]) -> Iterator[str]:
    for name in names:
        if name.name == "WHEEL" and name.parent.suffix == ".dist-info":
            tags = re.findall(r"^Tag: .*$", archive.read(str(name)).decode(), re.MULTILINE)
            if not any(_WHEELS.match(tag.strip()) for tag in tags):
                yield f"{name.parent.name} is not for Python 3.13 on Linux x86_64: {tags}"
        if ".so" in name.suffixes:
            with archive.open(str(name)) as file:
                compiled = _ELF_X86_64.match(file.read(20))
            if not (compiled and _EXTENSIONS.search(name.name)):
                yield f"{name} is not for Python 3.13 on Linux x86_64"


def unresolved(tree: Tree) -> list[str]:
    """What the app's own code imports and an interpreter with this tree alone does not find."""
    wanted = sorted({one for file in _own_modules(tree.path) for one in _imports(file)})
    done = tree.run(_IMPORT, given=json.dumps(wanted))
    if done.returncode != 0:
        return [done.stderr.strip()]
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def _own_modules(tree: Path) -> list[Path]:
    apart = tree / SITE.parts[0]
    # Outside of a worker the app itself needs a role to be imported: that is `functions` below.
    return [file for file in tree.rglob("*.py") if not file.is_relative_to(apart)]


def _imports(file: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, tuple(alias.name for alias in node.names)


class Indexed(NamedTuple):
    """A function as the runtime's loader indexes it; ``retry`` is None without a policy."""

    name: str
    trigger: str
    retry: dict[str, str] | None


def functions(tree: Tree, role: str) -> list[Indexed]:
    """The functions that the runtime's loader indexes in a role.

    Raises:
        ValueError: the loader fails; says how.
    """
    done = tree.run(_INDEX, {"SHERIFF_ROLE": role})
    if done.returncode != 0:
        raise ValueError(done.stderr.strip().splitlines()[-1])
    return [Indexed(*one) for one in json.loads(done.stdout.splitlines()[-1])]


def contents(tree: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file: the same before and after the code has run read-only."""
    found = ((file, file.stat()) for file in tree.rglob("*") if file.is_file())
    return {str(file): (known.st_size, known.st_mtime_ns) for file, known in found}


def faults(package: Path, to: Path) -> Iterator[str]:
    """Everything that is wrong with a zip; it is unpacked into ``to``."""
    yield from wrong_files(package)
    tree = unpacked(package, to)
    before = contents(tree.path)
    yield from (f"cannot import {one}" for one in unresolved(tree))
    for role in ROLES[tree.name]:
        yield from _wrong_start(tree, role)
    host = json.loads((tree.path / "host.json").read_bytes())
    yield from (f"host.json: {one}" for one in wrong_host(host))
    changed = sorted(set(before.items()) ^ set(contents(tree.path).items()))
    yield from (f"{name} is written while the code runs" for name, _ in changed[:5])


def _wrong_start(tree: Tree, role: str) -> Iterator[str]:
    """What is wrong with how a role starts; says how long it takes, as cold as this machine is."""
    started = time.perf_counter()
    try:
        indexed = functions(tree, role)
    except ValueError as error:
        yield f"as {role} its functions cannot be indexed: {error}"
        return
    seconds = time.perf_counter() - started
    stores = opened(tree, role, settings("dev", role))
    _say(f"  as {role}: indexed in {seconds:.1f} s, its stores opened in {stores.seconds:.1f} s")
    if stores.wrong:
        yield f"as {role} it cannot open what the templates set: {stores.wrong}"
    found, expected = {one.name for one in indexed}, ROLES[tree.name][role]
    if found != expected:
        yield f"as {role} its functions are {sorted(found)}, not {sorted(expected)}"
    for one in indexed:
        yield from wrong_trigger(*one)


def inspected(package: Path) -> list[str]:
    """What is wrong with a zip; says what is done with it.

    Raises:
        PackageError: it is no package, or cannot be read.
    """
    if package.suffix != ".zip" or package.stem not in ROLES:
        raise PackageError(f"{package}: expected {' or '.join(f'{name}.zip' for name in ROLES)}")
    try:
        with zipfile.ZipFile(package) as archive:
            entries = archive.infolist()
    except (OSError, zipfile.BadZipFile) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise PackageError(f"{package}: {why}") from None
    size, unpacks = package.stat().st_size / 1e6, sum(one.file_size for one in entries) / 1e6
    _say(f"{package}: {size:.1f} MB, {unpacks:.1f} MB unpacked, {len(entries):,} files")
    _say(
        f"  is unpacked read-only, imported, and indexed as {' and as '.join(ROLES[package.stem])}"
    )
    with tempfile.TemporaryDirectory(prefix="sheriff-package-") as folder:
        found = list(faults(package, Path(folder)))
    for fault in found:
        _say(f"  {fault}")
    return found


def _say(line: str) -> None:
    print(line, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Inspect zips and end with the verdict on each; 1 where one is not fit."""
    parser = argparse.ArgumentParser(prog="python -m infra.checks.package", description=__doc__)
    parser.add_argument("packages", type=Path, nargs="+", metavar="ZIP")
    packages = parser.parse_args(arguments).packages

    def command() -> int:
        wrong = {package: inspected(package) for package in packages}
        for package, found in wrong.items():
            faulty = f"NOT FIT to be deployed, faults: {len(found)}"
            _say(f"{package}: {faulty if found else 'fit to be deployed'}")
        return 1 if any(wrong.values()) else 0

    return commands.run("package", command)


if __name__ == "__main__":
    sys.exit(main())
