"""The packages of a lock file, put into a folder: fetched for Azure, or copied from here."""

import base64
import hashlib
import re
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, PackagePath, distribution
from pathlib import Path, PurePosixPath

from shared.errors import SheriffError

PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_28_x86_64")
"""The platform that the wheels must be for: Flex Consumption's."""

_UNUSED_SUFFIXES = {".pyc", ".pyi", ".pxd", ".pyx", ".pxi", ".h", ".hpp", ".c", ".cpp", ".cc", ".a"}
_UNUSED_METADATA = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
_WITH_TESTS = {"matplotlib", "mlflow", "numpy", "pandas", "pyarrow", "scipy", "sklearn", "skops"}
_UNUSED_FOLDERS = ("mlflow/server/js", "pyarrow/include", "numpy/_core/include")


class PackageError(SheriffError):
    """A zip cannot be built; half a zip must never be deployed."""


def locked(requirements: Path) -> dict[str, str]:
    """Return the version of every package that a lock file names."""
    pinned = re.findall(r"^([\w.-]+)==([^\s;\\]+)", requirements.read_text(), re.MULTILINE)
    return dict(pinned)


def used(path: PurePosixPath) -> bool:
    """Return whether the app uses a package's file: no tests, headers, stubs or commands."""
    if path.suffix in _UNUSED_SUFFIXES or path.parts[0] in {"bin", "..", "share"}:
        return False
    if path.parts[0].endswith(".dist-info") and path.name in _UNUSED_METADATA:
        return False
    if path.parts[0] in _WITH_TESTS and "tests" in path.parts[:-1]:
        return False
    return not any(path.is_relative_to(folder) for folder in _UNUSED_FOLDERS)


def fetch_packages(requirements: Path, site: Path) -> None:
    """Fetch the wheels for Azure with pip, which checks each by its hash in the lock file."""
    platforms = [option for name in PLATFORMS for option in ("--platform", name)]
    target = site.with_name("fetched")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--target", str(target), "--no-compile", "--no-deps", "--require-hashes"]
    command += ["--only-binary=:all:", *platforms, "--python-version", "3.13"]
    command += ["--implementation", "cp", "-r", str(requirements)]
    if subprocess.run(command, check=False).returncode != 0:
        raise PackageError(f"pip could not install {requirements.name} for Azure")
    for file in target.rglob("*"):
        path = PurePosixPath(file.relative_to(target))
        if file.is_file() and used(path):
            copy_file(file, site / path)
    shutil.rmtree(target)


def copy_packages(requirements: Path, site: Path) -> None:
    """Copy the packages that are installed here; each file is checked by the hash of its record."""
    for name, version in locked(requirements).items():
        for file in _installed(name, version):
            path = PurePosixPath(file)
            if used(path):
                copy_file(_checked(file), site / path)


def _installed(name: str, version: str) -> list[PackagePath]:
    try:
        package = distribution(name)
    except PackageNotFoundError:
        raise PackageError(f"{name} is not installed, and {version} is locked") from None
    if package.version != version:
        raise PackageError(f"{name} {package.version} is installed, and {version} is locked")
    return package.files or []


def _checked(file: PackagePath) -> Path:
    source = Path(str(file.locate()))
    if file.hash is not None:
        digest = hashlib.new(file.hash.mode, source.read_bytes()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != file.hash.value:
            raise PackageError(f"{file} is not the file that was installed")
    return source


def copy_file(source: Path, to: Path) -> None:
    """Copy a file, and make the folders above it."""
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, to)
