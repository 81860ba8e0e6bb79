"""scorer.zip, really built from what is installed: it would run, soon, and says what it is."""

import json
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.checks.opening import opened, settings
from infra.checks.package import Tree, faults, functions, unresolved
from infra.locked_packages import locked
from infra.package import ROOT, SBOM, SCORER, SITE, Release, build
from tests.bench.coldstart import BATCH, cold, prepare

# Elsewhere the packages that are installed are not those of Azure.
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs wheels for Linux")

RELEASE = Release("20261124.3", "c" * 40)


@pytest.fixture(scope="module")
def package() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sheriff-package-") as folder:
        yield build(SCORER, Path(folder), RELEASE, installed=True, level=1)


@pytest.fixture(scope="module")
def found(package: Path) -> list[str]:
    """What is wrong with the package; it is unpacked beside it."""
    return list(faults(package, package.parent / "app"))


@pytest.fixture(scope="module")
def app(package: Path, found: list[str]) -> Tree:
    return Tree("scorer", package.parent / "app")


def test_it_would_run_where_it_is_deployed_as_scorer_and_as_desk(found: list[str]) -> None:
    """Each role is started, and opens what the templates give it in development."""
    assert found == []


def test_it_is_far_smaller_than_the_limit(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        assert sum(entry.file_size for entry in archive.infolist()) < 150_000_000


def test_it_says_which_packages_it_holds_and_under_which_licences(app: Tree) -> None:
    components = json.loads((app.path / SBOM).read_text())["components"]
    names = locked(ROOT / SCORER.requirements)
    assert {one["name"]: one["version"] for one in components} == names
    assert [one["name"] for one in components if not one.get("licenses")] == []


def test_a_role_opens_what_the_templates_give_it_in_every_environment(app: Tree) -> None:
    for environment in ("test", "prod"):  # development: see above
        for role in ("scorer", "desk"):
            assert opened(app, role, settings(environment, role)).wrong is None
    without = settings("dev", "scorer") | {"COSMOS_ENDPOINT": ""}
    assert "COSMOS_ENDPOINT" in (opened(app, "scorer", without).wrong or "")


def test_the_first_batch_loads_nothing_that_only_training_needs(app: Tree, tmp_path: Path) -> None:
    prepare(tmp_path, history=2_000)
    answer = cold(app.path, tmp_path)
    pointer = json.loads((tmp_path / "champion.json").read_text())
    assert (answer["scored"], answer["bundle"]) == (BATCH, pointer["version"])
    assert answer["learning"] == []  # how long it takes the bench says: tests.bench.coldstart


def test_health_says_which_release_it_is(app: Tree) -> None:
    script = "import sys, json; sys.path[:0] = sys.argv[1:3]\n"
    script += "from functions.release import release; print(json.dumps(release()))"
    assert json.loads(app.run(script).stdout) == {"version": "20261124.3", "commit": "c" * 40}


def test_its_trigger_never_gives_a_batch_up_as_the_runtimes_own_loader_sees_it(app: Tree) -> None:
    found = {one.name: one for one in functions(app, "scorer")}
    assert found["score_orders"].trigger == "eventHubTrigger"
    assert (found["score_orders"].retry or {})["max_retry_count"] == "-1"
    assert found["watch_hub"].retry is None


def test_what_the_inspection_is_for_is_found(app: Tree) -> None:
    broken = Tree("scorer", app.path.parent / "broken")
    (broken.path / SITE.parts[0]).parent.mkdir()
    (broken.path / SITE.parts[0]).symlink_to(app.path / SITE.parts[0])
    (broken.path / "function_app.py").write_text("import azure.functions as f, pandas\n")
    assert unresolved(broken) == ["pandas: No module named 'pandas'"]
    with pytest.raises(ValueError, match="pandas"):
        functions(broken, "scorer")
