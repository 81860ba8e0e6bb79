"""trainer.zip, really built from what is installed: it would run where it is deployed."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.checks.opening import opened, settings
from infra.checks.package import Tree, faults
from infra.package import SITE, TRAINER, Release, build

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs wheels for Linux")


@pytest.fixture(scope="module")
def app() -> Iterator[Tree]:
    """The package, unpacked, once nothing is found wrong with it.

    It opens the address that development has.
    """
    with tempfile.TemporaryDirectory(prefix="sheriff-package-") as folder:
        package = build(TRAINER, Path(folder), Release("1", "c"), installed=True, level=0)
        assert list(faults(package, Path(folder) / "app")) == []
        package.unlink()
        yield Tree("trainer", Path(folder) / "app")


@pytest.mark.parametrize("environment", ["test", "prod"])
def test_it_opens_the_address_that_the_templates_give_it(app: Tree, environment: str) -> None:
    given = settings(environment, "trainer")
    assert given["MLFLOW_TRACKING_URI"].startswith("azureml://")
    assert opened(app, "trainer", given).wrong is None


def test_an_address_that_no_package_of_it_can_open_is_a_fault(app: Tree, tmp_path: Path) -> None:
    less = Tree("trainer", tmp_path)
    for one in app.path.iterdir():
        if one.is_dir() and one.name != SITE.parts[0]:
            (tmp_path / one.name).symlink_to(one)
    (tmp_path / SITE).mkdir(parents=True)
    for one in (app.path / SITE).iterdir():
        if not one.name.startswith("azureml"):
            (tmp_path / SITE / one.name).symlink_to(one)
    wrong = opened(less, "trainer", settings("dev", "trainer")).wrong
    assert wrong is not None
    assert "which needs the package azureml-mlflow" in wrong
    elsewhere = settings("dev", "trainer") | {"MLFLOW_TRACKING_URI": "https://mlflow.example"}
    assert opened(less, "trainer", elsewhere).wrong is None
