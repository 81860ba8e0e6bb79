"""A zip of the app, unpacked read-only as the host mounts it, to run scripts in."""

import stat
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.package import SITE


@dataclass(frozen=True, slots=True)
class Tree:
    """An unpacked zip."""

    name: str
    path: Path

    def run(
        self, script: str, environ: Mapping[str, str] | None = None, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a script in an interpreter that sees the standard library and this tree alone."""
        interpreter = getattr(sys, "_base_executable", sys.executable)
        places = [str(self.path), str(self.path / SITE)]
        return subprocess.run(
            [interpreter, "-I", "-S", "-c", script, *places],
            cwd=self.path,
            env=dict(environ or {}),
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )


def unpacked(package: Path, to: Path) -> Tree:
    """Unpack a zip and take away the right to write, as the host's mount does."""
    with zipfile.ZipFile(package) as archive:
        archive.extractall(to)
    for path in to.rglob("*"):
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    return Tree(package.stem, to)
