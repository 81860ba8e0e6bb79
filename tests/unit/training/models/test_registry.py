"""The real MLflow on one SQLite store: runs and registered models, each once."""

import hashlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from shared.errors import ConfigurationError, TransientError
from tests.orders import order_fields
from tests.unit.training.models.mlflow_world import ROOT, bundle_of, register, runs_of
from training.models.registry import MODEL, RULES_MODEL, Registry
from training.models.tracking import RegistryError, RegistryUnreachableError

KILLED = """
import os, signal, sys
from pathlib import Path
import mlflow.pyfunc, pandas  # once, for all that are killed
from training.models.mlflow_adapter import MlflowAdapter
from training.models.registry import Registry
from tests.orders import order_fields

def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

def record(uri, bundle, at):
    if at == "register":
        MlflowAdapter.register = die
    with Registry.open(uri).run("killed") as run:
        run.parameters({"days": 14})
        with run.child("C=1") as child:
            child.metrics({"average_precision": 0.9})
            if at == "child":
                die()
        run.model("sheriff-killed", bundle, "killed", [order_fields()])
        die()

for at in ("child", "register", "end"):
    child = os.fork()
    if child == 0:
        record(sys.argv[1], Path(sys.argv[2]).read_bytes(), at)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_run_killed_anywhere_becomes_one_run_and_one_registered_version(
    registry: Registry, client: MlflowClient, uri: str, tmp_path: Path
) -> None:
    file = tmp_path / "bundle.json"
    file.write_bytes(bundle_of("killed"))
    done = subprocess.run(
        [sys.executable, "-c", KILLED, uri, str(file)], cwd=ROOT, check=True, capture_output=True
    )
    assert [int(code) for code in done.stdout.split()] == [-signal.SIGKILL] * 3
    assert [run.info.status for run in runs_of(client, "killed")] == ["RUNNING"]
    registry.end_abandoned()
    assert [run.info.status for run in runs_of(client, "killed")] == ["KILLED"]
    with registry.run("killed") as run:
        run.parameters({"days": 14})
        with run.child("C=1"):
            pass
        number = run.model("sheriff-killed", file.read_bytes(), "killed", [order_fields()])
    (found,) = runs_of(client, "killed")
    nested = client.search_runs(
        [found.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run.run_id}'"
    )
    assert found.info.status == "FINISHED"
    assert [child.info.status for child in nested] == ["FINISHED"]
    (version,) = registry.versions("sheriff-killed")
    assert (number, version.number, version.bundle_version) == (1, 1, "killed")


def test_a_bundle_is_registered_once_under_its_version_and_hash(registry: Registry) -> None:
    first, again = (
        register(registry, "once", "sheriff-once"),
        register(registry, "once", "sheriff-once"),
    )
    second = register(registry, "twice", "sheriff-once")
    assert (first, again, second) == (1, 1, 2)
    latest, oldest = registry.versions("sheriff-once")
    assert (latest.bundle_version, oldest.bundle_version) == ("twice", "once")
    assert oldest.tags["bundle_sha256"] == hashlib.sha256(bundle_of("once")).hexdigest()
    assert registry.number_of("sheriff-once", "twice") == 2
    assert registry.bundle_version_of("sheriff-once", 2) == "twice"
    assert registry.number_of("sheriff-once", "never") is None
    assert registry.bundle_version_of("sheriff-once", 9) is None


def test_nothing_is_known_of_a_model_that_is_not_there(registry: Registry) -> None:
    assert registry.versions("sheriff-none") == []
    assert registry.number_of("sheriff-none", "v") is None
    assert registry.pointed("sheriff-none", "champion") is None
    with pytest.raises(RegistryError):
        registry.point("sheriff-none", "champion", 1)


def test_the_two_models_have_versions_and_aliases_of_their_own(registry: Registry) -> None:
    for name in (MODEL, RULES_MODEL):
        register(registry, "both", name)
    registry.point(MODEL, "champion", 1)
    assert registry.pointed(MODEL, "champion") == 1
    assert registry.pointed(RULES_MODEL, "champion") is None


def test_an_alias_names_one_version_and_moves(registry: Registry) -> None:
    for version in ("a", "b"):
        register(registry, version, "sheriff-aliases")
    for number in (1, 2, 1):
        registry.point("sheriff-aliases", "champion", number)
        assert registry.pointed("sheriff-aliases", "champion") == number
    registry.point("sheriff-aliases", "challenger", 2)
    two, one = registry.versions("sheriff-aliases")
    assert (one.aliases, two.aliases) == (("champion",), ("challenger",))
    for _ in range(2):
        registry.clear("sheriff-aliases", "challenger")
        assert registry.pointed("sheriff-aliases", "challenger") is None
    assert registry.pointed("sheriff-aliases", "champion") == 1


def test_the_alias_is_repaired_to_follow_the_pointer(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    for version in ("r1", "r2"):
        register(registry, version, "sheriff-repair")
    assert registry.repair("sheriff-repair", "r2")
    assert not registry.repair("sheriff-repair", "r2")
    registry.point("sheriff-repair", "champion", 1)
    assert registry.repair("sheriff-repair", "r2")
    assert registry.pointed("sheriff-repair", "champion") == 2
    assert not registry.repair("sheriff-repair", "packaged")
    assert "no version of sheriff-repair for the champion packaged" in caplog.text
    assert registry.pointed("sheriff-repair", "champion") == 2


def test_tags_of_a_version_are_kept(registry: Registry) -> None:
    number = register(registry, "tagged", "sheriff-tags")
    registry.tag("sheriff-tags", number, outcome="shadow", average_precision="0.97")
    (version,) = registry.versions("sheriff-tags")
    assert (version.tags["outcome"], version.tags["average_precision"]) == ("shadow", "0.97")


def test_a_relative_store_is_made_with_its_artifacts_beside_it_and_nothing_else_is_said_or_sent(
    tmp_path: Path,
) -> None:
    script = (
        "from training.models.registry import Registry\n"
        "registry = Registry.open('sqlite:///my records #1/mlflow.db')\n"
        "from mlflow.telemetry import get_telemetry_client\n"
        "assert get_telemetry_client() is None\n"
        "assert not registry.has_runs()\n"
        "with registry.run('v') as run: run.artifact('a.txt', b'x')\n"
        "assert registry.has_runs()\n"
    )
    environ = {"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert {path.name for path in tmp_path.iterdir()} == {"my records #1"}
    assert {path.name for path in (tmp_path / "my records #1").iterdir()} == {
        "mlflow.db",
        "artifacts",
    }


@pytest.mark.parametrize(
    "uri", ["mlruns", "file:///tmp/mlruns", "sqlite://", "sqlite:///:memory:", "azureml://w", ""]
)
def test_a_store_that_sheriff_cannot_use_is_refused_by_name(uri: str) -> None:
    with pytest.raises(ConfigurationError, match="MLFLOW_TRACKING_URI"):
        Registry.open(uri)


def test_a_file_that_is_no_database_is_an_error_of_the_registry(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("not a database, but long enough to be looked at")
    with pytest.raises(RegistryError, match="not a database") as caught:
        Registry.open(f"sqlite:///{tmp_path}/mlflow.db")
    assert not isinstance(caught.value, TransientError)


@pytest.fixture
def nobody() -> Iterator[int]:
    with socket.socket() as taken:  # bound and never listening: every connection is refused
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_a_server_that_does_not_answer_is_one_clear_error_without_its_password(
    nobody: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    with pytest.raises(RegistryUnreachableError, match="does not answer") as caught:
        Registry.open(f"http://me:secret@127.0.0.1:{nobody}")
    assert isinstance(caught.value, TransientError)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
