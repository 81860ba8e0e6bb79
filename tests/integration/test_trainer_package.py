"""trainer.zip, really built from what is installed: it would run where it is deployed."""

import sys
import tempfile
from pathlib import Path

import pytest

from infra.checks.package import faults
from infra.package import TRAINER, Release, build

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs wheels for Linux")


def test_it_would_run_where_it_is_deployed() -> None:
    with tempfile.TemporaryDirectory(prefix="sheriff-package-") as folder:
        package = build(TRAINER, Path(folder), Release("1", "c"), installed=True, level=0)
        assert list(faults(package, Path(folder) / "app")) == []
