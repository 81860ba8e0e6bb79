"""python -m infra.package --out build: the zips that are deployed, scorer.zip and trainer.zip.

A zip holds the app, the locked packages in `.python_packages/lib/site-packages` (Flex Consumption
installs nothing by itself), the bytecode of both, and a list of the packages with their licences
(`sbom.cdx.json`). The bytecode is never compared with its source, so a read-only mount uses it. The
same commit gives the same bytes.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, PackagePath, distribution
from importlib.util import cache_from_source
from pathlib import Path, PurePosixPath

from infra.components import sbom
from infra.local import commands
from shared.errors import SheriffError
from training.command_files import replacing
from training.console import ArgumentParser

ROOT = Path(__file__).parents[1]
SITE = PurePosixPath(".python_packages/lib/site-packages")
STAMP = "version.json"
SBOM = "sbom.cdx.json"

PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_28_x86_64")
"""Of the wheels: what Flex Consumption runs on."""

_UNUSED_SUFFIXES = {".pyc", ".pyi", ".pxd", ".pyx", ".pxi", ".h", ".hpp", ".c", ".cpp", ".cc", ".a"}
_UNUSED_METADATA = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
_WITH_TESTS = {"matplotlib", "mlflow", "numpy", "pandas", "pyarrow", "scipy", "sklearn", "skops"}
_UNUSED_FOLDERS = ("mlflow/server/js", "pyarrow/include", "numpy/_core/include")
_FETCHED = "fetched"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say


class PackageError(SheriffError):
    """A package cannot be built; nothing half done may be deployed."""


@dataclass(frozen=True, slots=True)
class Package:
    """What a zip is made of: folders and files of the app, and the lock file of its packages."""

    name: str
    app: tuple[str, ...]
    requirements: str


APP = ("host.json", "function_app.py", "functions", "shared")
SCORER = Package("scorer", APP, "requirements.txt")
"""Runs as scorer and as desk: SHERIFF_ROLE says which."""
TRAINER = Package("trainer", (*APP, "training"), "requirements-train.txt")
PACKAGES = (SCORER, TRAINER)


@dataclass(frozen=True, slots=True)
class Release:
    """What a zip says of itself, and `/api/health` with it."""

    version: str
    commit: str

    @property
    def json(self) -> str:
        """The stamp as it lies at the zip's root."""
        return json.dumps({"version": self.version, "commit": self.commit}) + "\n"


def locked(requirements: Path) -> dict[str, str]:
    """The version of every package that a lock file names."""
    pinned = re.findall(r"^([\w.-]+)==([^\s;\\]+)", requirements.read_text(), re.MULTILINE)
    return dict(pinned)


def used(path: PurePosixPath) -> bool:
    """Whether a packages' file is of use where the app runs: no tests, headers, stubs, commands."""
    if path.suffix in _UNUSED_SUFFIXES or path.parts[0] in {"bin", "..", "share"}:
        return False
    if path.parts[0].endswith(".dist-info") and path.name in _UNUSED_METADATA:
        return False
    if path.parts[0] in _WITH_TESTS and "tests" in path.parts[:-1]:
        return False
    return not any(path.is_relative_to(folder) for folder in _UNUSED_FOLDERS)


def copy_app(package: Package, tree: Path) -> None:
    """Copy the app's own files."""
    for name in package.app:
        source = ROOT / name
        files = source.rglob("*") if source.is_dir() else (source,)
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                _copy(file, tree / file.relative_to(ROOT))


def fetch_packages(requirements: Path, site: Path, work: Path) -> None:
    """Let pip fetch the wheels for Azure, each held against its hash in the lock file."""
    platforms = [option for name in PLATFORMS for option in ("--platform", name)]
    target = work / _FETCHED
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--target", str(target), "--no-compile", "--no-deps", "--require-hashes"]
    command += ["--only-binary=:all:", *platforms, "--python-version", "3.13"]
    command += ["--implementation", "cp", "-r", str(requirements)]
    if subprocess.run(command, check=False).returncode != 0:
        raise PackageError(f"pip could not install {requirements.name} for Azure")
    for file in target.rglob("*"):
        path = PurePosixPath(file.relative_to(target))
        if file.is_file() and used(path):
            _copy(file, site / path)
    shutil.rmtree(target)


def copy_packages(requirements: Path, site: Path) -> None:
    """Copy what is installed here, file by file held against its own record: needs no network."""
    for name, version in locked(requirements).items():
        for file in _installed(name, version):
            path = PurePosixPath(file)
            if used(path):
                _copy(_checked(file), site / path)


def _installed(name: str, version: str) -> list[PackagePath]:
    try:
        found = distribution(name)
    except PackageNotFoundError:
        raise PackageError(f"{name} is not installed, and {version} is locked") from None
    if found.version != version:
        raise PackageError(f"{name} {found.version} is installed, and {version} is locked")
    return found.files or []


def _checked(file: PackagePath) -> Path:
    source = Path(str(file.locate()))
    if file.hash is not None:
        digest = hashlib.new(file.hash.mode, source.read_bytes()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != file.hash.value:
            raise PackageError(f"{file} is not the file that was installed")
    return source


def _copy(source: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, to)


def add_bytecode(tree: Path) -> None:
    """Compile every module, so that nothing is compiled, or looked up, at a cold start.

    Raises:
        PackageError: a module of the app does not compile. Packages bring templates that need not.
    """
    command = [sys.executable, "-m", "compileall", "-qq", "-f", "-j", "0", "-s", str(tree)]
    command += ["--invalidation-mode", "unchecked-hash", str(tree)]
    subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": "0"}, check=False)
    for source in tree.rglob("*.py"):
        if SITE.parts[0] not in source.parts and not Path(cache_from_source(source)).exists():
            raise PackageError(f"{source.relative_to(tree)} does not compile")


def zipped(tree: Path, to: Path, level: int) -> None:
    """Write a folder as a zip, whole or not at all: sorted, and without any time of its own."""
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
        say: is told of each step before it is done.

    Raises:
        PackageError: the packages cannot be had in their locked versions.
        OSError: ``out`` cannot be written.
    """
    if sys.version_info[:2] != (3, 13):
        raise PackageError(f"the bytecode is for Python 3.13, and this is {sys.version.split()[0]}")
    tree = out / f"{package.name}.tree"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    try:
        copy_app(package, tree)
        (tree / STAMP).write_text(release.json)
        requirements = ROOT / package.requirements
        count = len(locked(requirements))
        if installed:
            say(f"{package.name}: copies {count} locked packages that are installed here")
            copy_packages(requirements, tree / SITE)
        else:
            say(f"{package.name}: fetches {count} locked packages for Azure: a minute or two")
            fetch_packages(requirements, tree / SITE, out)
        (tree / SBOM).write_text(sbom(f"sheriff-{package.name}", release.version, tree / SITE))
        say(f"{package.name}: compiles every module")
        add_bytecode(tree)
        say(f"{package.name}: writes the zip")
        zipped(tree, out / f"{package.name}.zip", level)
    finally:
        shutil.rmtree(tree, ignore_errors=True)
        shutil.rmtree(out / _FETCHED, ignore_errors=True)
        (out / f"{package.name}.new").unlink(missing_ok=True)
    return out / f"{package.name}.zip"


def this_release() -> Release:
    """The project's version, and the commit that is checked out (`unknown` outside of git)."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return Release(version, "unknown")
    return Release(version, found.stdout.strip() or "unknown")


def main(arguments: list[str] | None = None) -> int:
    """Build the zips that are named, or both; 2 and one line where that cannot be."""
    here = this_release()
    parser = ArgumentParser(prog="python -m infra.package", description=__doc__)
    zips = [f"{package.name}.zip" for package in PACKAGES]
    parser.writes("--out", default=Path("build"), files=zips, help="folder of the zips (build)")
    parser.add_argument("--only", choices=[package.name for package in PACKAGES])
    parser.add_argument("--version", default=here.version, help="what /api/health will say")
    parser.add_argument("--commit", default=here.commit)
    parser.add_argument("--installed", action="store_true", help="no network: what is installed")

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
