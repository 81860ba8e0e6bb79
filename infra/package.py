"""python -m infra.package --out build: the zips that are deployed, scorer.zip and trainer.zip.

A zip holds the app, the locked packages in `.python_packages/lib/site-packages` (Flex Consumption
installs nothing by itself), the bytecode of both, and a list of the packages with their licences
(`sbom.cdx.json`). Python does not compare the bytecode with its source, so it also serves on a
read-only mount. The same commit gives the same bytes.
"""

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path, PurePosixPath

from infra.components import sbom
from infra.local import commands
from infra.locked_packages import (
    PackageError,
    copy_file,
    copy_packages,
    fetch_packages,
    locked,
)
from training.command_files import replacing
from training.console import ArgumentParser

ROOT = Path(__file__).parents[1]
SITE = PurePosixPath(".python_packages/lib/site-packages")
STAMP = "version.json"
SBOM = "sbom.cdx.json"

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say


@dataclass(frozen=True, slots=True)
class Package:
    """The contents of a zip: folders and files of the app, and the lock file of its packages."""

    name: str
    app: tuple[str, ...]
    requirements: str


APP = ("host.json", "function_app.py", "functions", "shared")
SCORER = Package("scorer", APP, "requirements.txt")
"""It runs as scorer and as desk: SHERIFF_ROLE says which."""
TRAINER = Package("trainer", (*APP, "training"), "requirements-train.txt")
PACKAGES = (SCORER, TRAINER)


@dataclass(frozen=True, slots=True)
class Release:
    """The version and commit that a zip says it is; `/api/health` says the same."""

    version: str
    commit: str

    @property
    def json(self) -> str:
        """The stamp, a file at the root of the zip."""
        return json.dumps({"version": self.version, "commit": self.commit}) + "\n"


def copy_app(package: Package, tree: Path) -> None:
    """Copy the app's own files."""
    for name in package.app:
        source = ROOT / name
        files = source.rglob("*") if source.is_dir() else (source,)
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                copy_file(file, tree / file.relative_to(ROOT))


def add_bytecode(tree: Path) -> None:
    """Compile every module, so that a cold start compiles nothing.

    Raises:
        PackageError: a module of the app does not compile. Packages bring templates that need not
            compile.
    """
    command = [sys.executable, "-m", "compileall", "-qq", "-f", "-j", "0", "-s", str(tree)]
    command += ["--invalidation-mode", "unchecked-hash", str(tree)]
    subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": "0"}, check=False)
    for source in tree.rglob("*.py"):
        if SITE.parts[0] not in source.parts and not Path(cache_from_source(source)).exists():
            raise PackageError(f"{source.relative_to(tree)} does not compile")


def zipped(tree: Path, to: Path, level: int) -> None:
    """Write a folder as a zip, whole or not at all: sorted, and with no times, so bytes repeat."""
    with (
        replacing(to) as whole,
        zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive,
    ):
        for file in _files(tree):
            entry = zipfile.ZipInfo(file.relative_to(tree).as_posix(), _EPOCH)
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED, level)


def _files(tree: Path) -> Iterator[Path]:
    return (file for file in sorted(tree.rglob("*")) if file.is_file())


def build(
    package: Package,
    out: Path,
    release: Release,
    *,
    installed: bool = False,
    level: int = 6,
    say: Callable[[str], None] = lambda _: None,
) -> Path:
    """Build one zip in ``out``; ``installed`` takes the packages of this environment.

    Args:
        say: gets a line before each step.

    Raises:
        PackageError: the locked versions of the packages cannot be had.
        OSError: ``out`` cannot be written.
    """
    if sys.version_info[:2] != (3, 13):
        raise PackageError(f"the bytecode is for Python 3.13, and this is {sys.version.split()[0]}")
    to = out / f"{package.name}.zip"
    with _tree(out / f"{package.name}.tree") as tree:
        copy_app(package, tree)
        (tree / STAMP).write_text(release.json)
        _add_packages(package, tree, installed=installed, say=say)
        (tree / SBOM).write_text(sbom(f"sheriff-{package.name}", release.version, tree / SITE))
        say(f"{package.name}: compiles every module")
        add_bytecode(tree)
        say(f"{package.name}: writes the zip")
        zipped(tree, to, level)
    return to


@contextmanager
def _tree(folder: Path) -> Iterator[Path]:
    """Make an empty folder, and remove it at the end, also after an error."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _add_packages(
    package: Package, tree: Path, *, installed: bool, say: Callable[[str], None]
) -> None:
    requirements = ROOT / package.requirements
    count = len(locked(requirements))
    if installed:
        say(f"{package.name}: copies {count} locked packages that are installed here")
        copy_packages(requirements, tree / SITE)
    else:
        say(f"{package.name}: fetches {count} locked packages for Azure: a minute or two")
        fetch_packages(requirements, tree / SITE)


def this_release() -> Release:
    """Return the project's version, and the commit checked out (`unknown` outside of git)."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return Release(version, "unknown")
    return Release(version, answer.stdout.strip() or "unknown")


def main(arguments: list[str] | None = None) -> int:
    """Build both zips, or the one that is named; end with 2 and one line if that fails."""
    here = this_release()
    parser = ArgumentParser(prog="python -m infra.package", description=__doc__)
    zips = [f"{package.name}.zip" for package in PACKAGES]
    parser.writes("--out", default=Path("build"), files=zips, help="folder of the zips (build)")
    parser.add_argument("--only", choices=[package.name for package in PACKAGES])
    parser.add_argument(
        "--version", default=here.version, help="name of the release, for /api/health"
    )
    parser.add_argument("--commit", default=here.commit)
    parser.add_argument(
        "--installed", action="store_true", help="use the installed packages, without a network"
    )

    def command() -> int:
        options = parser.parse(arguments)
        release = Release(options.version, options.commit)
        for package in PACKAGES:
            if options.only in {None, package.name}:
                path = build(package, options.out, release, installed=options.installed, say=_say)
                size = path.stat().st_size / 1e6
                _say(f"{path}: built, {size:.1f} MB, release {release.version}")
        return 0

    return commands.run("package", command, bad=2)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
