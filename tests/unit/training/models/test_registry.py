"""The real MLflow on one SQLite store: what is recorded, once, whatever breaks off."""

import hashlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.pyfunc import load_model

from shared.catalogue import packaged_catalogue
from shared.episodes import EpisodeState
from shared.errors import ConfigurationError, OrderError, TransientError
from shared.model import encode_bundle, packaged_bundle
from shared.policy import Policy
from shared.scoring import Scorer
from tests.orders import an_order, order_fields
from training.models.registry import MODEL, RULES_MODEL, Registry
from training.models.tracking import RegistryError, RegistryUnreachableError

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture(scope="module")
def uri(folder: Path) -> str:
    return f"sqlite:///{folder}/store/mlflow.db"


@pytest.fixture(scope="module")
def registry(uri: str) -> Registry:
    return Registry.open(uri)


@pytest.fixture(scope="module")
def client(registry: Registry, uri: str) -> MlflowClient:
    return MlflowClient(uri)


def bundle_of(version: str) -> bytes:
    return encode_bundle(msgspec.structs.replace(packaged_bundle(), version=version))[0]


def runs_of(client: MlflowClient, version: str) -> list[Any]:
    experiment = client.get_experiment_by_name("sheriff")
    assert experiment is not None
    asked = f"tags.`sheriff.version` = '{version}'"
    return list(client.search_runs([experiment.experiment_id], asked))


def register(registry: Registry, version: str, name: str = MODEL) -> int:
    with registry.run(version) as run:
        return run.model(name, bundle_of(version), version, [order_fields()])


def content(client: MlflowClient, run_id: str, path: str, to: Path) -> bytes:
    return Path(client.download_artifacts(run_id, path, str(to))).read_bytes()


def test_a_run_records_what_it_is_given(
    registry: Registry, client: MlflowClient, tmp_path: Path
) -> None:
    with registry.run("all") as run:
        run.parameters({"data.sha256": "ab" * 32, "champion": "c-1", "later_days": 14})
        run.metrics({"recall": 0.5, "nothing": None, "nan": float("nan"), "inf": float("inf")})
        run.tags({"outcome": "promoted"})
        run.artifact("report.html", b"<p>well</p>")
        run.artifact("plots/calibration.svg", b"<svg/>")
    (found,) = runs_of(client, "all")
    assert (found.info.status, found.info.run_name) == ("FINISHED", "all")
    assert found.data.params == {
        "data.sha256": "ab" * 32,
        "champion": "c-1",
        "later_days": "14",
    }
    assert found.data.metrics == {"recall": 0.5}
    assert found.data.tags["outcome"] == "promoted"
    assert content(client, run.run_id, "report.html", tmp_path) == b"<p>well</p>"
    assert content(client, run.run_id, "plots/calibration.svg", tmp_path) == b"<svg/>"


def test_more_than_a_server_takes_at_once_is_recorded_too(
    registry: Registry, client: MlflowClient
) -> None:
    with registry.run("many") as run:
        run.parameters({f"p{n}": n for n in range(250)})
        run.metrics({f"m{n}": n for n in range(250)})
        run.tags({f"t{n}": "x" * 1000 for n in range(150)})
    (found,) = runs_of(client, "many")
    assert (len(found.data.params), len(found.data.metrics)) == (250, 250)
    assert len(found.data.tags["t149"]) == 500


def test_a_run_goes_on_where_it_was_and_records_nothing_twice(
    registry: Registry, client: MlflowClient, tmp_path: Path
) -> None:
    for text in (b"first", b"second"):
        with registry.run("again") as run:
            run.parameters({"days": 14, "long": "x" * 2000})
            run.metrics({"recall": 0.5})
            run.metrics({"loss": 1.0}, step=1)
            run.metrics({"loss": 0.5}, step=2)
            run.artifact("report.html", text)
            with run.child("C=1") as child:
                child.metrics({"average_precision": 0.9})
    (found,) = runs_of(client, "again")
    assert "changed.long" not in found.data.tags
    assert len(client.get_metric_history(run.run_id, "recall")) == 1
    steps = [(m.step, m.value) for m in client.get_metric_history(run.run_id, "loss")]
    assert steps == [(1, 1.0), (2, 0.5)]
    assert content(client, run.run_id, "report.html", tmp_path) == b"second"
    asked = f"tags.`mlflow.parentRunId` = '{run.run_id}'"
    (nested,) = client.search_runs([found.info.experiment_id], asked)
    assert (nested.info.run_name, nested.data.metrics) == ("C=1", {"average_precision": 0.9})
    assert nested.info.run_id == child.run_id


def test_a_parameter_keeps_its_first_value_and_a_tag_says_what_it_is_now(
    registry: Registry, client: MlflowClient, caplog: pytest.LogCaptureFixture
) -> None:
    for days in (14, 7):
        with registry.run("changed") as run:
            run.parameters({"days": days})
    (found,) = runs_of(client, "changed")
    assert (found.data.params["days"], found.data.tags["changed.days"]) == ("14", "7")
    assert "days was 14, now 7" in caplog.text


def test_a_run_is_found_again_whatever_it_was_renamed_to(
    registry: Registry, client: MlflowClient
) -> None:
    with registry.run("renamed") as run:
        client.update_run(run.run_id, name="the good one")
    with registry.run("renamed") as again:
        assert again.run_id == run.run_id


def test_a_metric_that_differs_replaces_the_one_before(
    registry: Registry, client: MlflowClient
) -> None:
    for value in (0.5, 0.25):
        with registry.run("corrected") as run:
            run.metrics({"recall": value})
    assert runs_of(client, "corrected")[0].data.metrics == {"recall": 0.25}


def test_a_run_that_raises_has_failed_with_its_error_until_it_goes_well(
    registry: Registry, client: MlflowClient
) -> None:
    with pytest.raises(ValueError, match="too short"), registry.run("failed"):
        raise ValueError("the history is too short")
    (found,) = runs_of(client, "failed")
    assert found.info.status == "FAILED"
    assert found.data.tags["error"] == "ValueError: the history is too short"
    with registry.run("failed"):
        assert runs_of(client, "failed")[0].info.status == "RUNNING"
    (found,) = runs_of(client, "failed")
    assert (found.info.status, "error" in found.data.tags) == ("FINISHED", False)


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


def test_another_bundle_under_a_registered_version_is_said(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    number = register(registry, "same", "sheriff-same")
    with registry.run("same") as run:
        other = run.model("sheriff-same", bundle_of("other"), "same", [order_fields()])
    assert other == number
    assert "sheriff-same same was registered with SHA-256" in caplog.text


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


def test_a_registered_model_loads_and_decides_as_the_scorer_does(
    registry: Registry, client: MlflowClient
) -> None:
    number = register(registry, "loaded", "sheriff-loaded")
    source = client.get_model_version("sheriff-loaded", str(number)).source
    model = load_model(source)
    charges = (399, 300, 123.45)
    orders = [order_fields(order_id=f"o-{n}", charged_price=c) for n, c in enumerate(charges)]
    found = model.predict(pd.DataFrame({"order": [json.dumps(order) for order in orders]}))
    scorer = Scorer(packaged_bundle(), packaged_catalogue(), Policy())
    for row, order in zip(found.itertuples(), orders, strict=True):
        (expected,), _ = scorer.score_many([an_order(**order)], EpisodeState())
        assert row.order_id == expected.order.order_id
        assert row.p_added_item == expected.p_added_item
        assert row.p_hidden_discount == expected.p_hidden_discount
        assert row.probability == expected.probability
        assert row.alerted == expected.alerted
    assert model.metadata.signature.inputs.input_names() == ["order"]
    assert model.input_example["order"].map(json.loads).tolist() == [order_fields()]


def test_a_registered_model_loads_where_sheriff_is_not(
    registry: Registry, client: MlflowClient, tmp_path: Path
) -> None:
    number = register(registry, "elsewhere", "sheriff-elsewhere")
    source = client.get_model_version("sheriff-elsewhere", str(number)).source
    script = (
        "import sys, pandas; from mlflow import pyfunc\n"
        "model = pyfunc.load_model(sys.argv[1])\n"
        "import shared; assert 'artifacts' in shared.__file__, shared.__file__\n"
        "print(model.predict(pandas.DataFrame({'order': [sys.argv[2]]})).order_id[0])"
    )
    command = [sys.executable, "-I", "-c", script, source, json.dumps(order_fields())]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "o-1"), done.stderr


def test_a_model_keeps_the_prices_it_is_given(registry: Registry, client: MlflowClient) -> None:
    prices = (
        b"product_id,name,category,subcategory,list_price,standard_cost,currency,valid_from\n"
        b"bike,Bike,Bikes,Road,100,50,EUR,2015-01-01T00:00:00Z\n"
    )
    order = order_fields(lines=[{"product_id": "bike", "quantity": 1}], charged_price=100)
    with registry.run("priced") as run:
        number = run.model("sheriff-priced", bundle_of("priced"), "priced", [order], prices)
    model = load_model(client.get_model_version("sheriff-priced", str(number)).source)
    dollars = json.dumps(order | {"currency": "USD"})
    with pytest.raises(OrderError, match="row 0: currency is USD, expected EUR"):
        model.predict(pd.DataFrame({"order": [dollars]}))


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


def test_the_door_is_cheap_to_import() -> None:
    script = "import sys, training.models.registry; print({'mlflow', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True)
    assert done.stdout.strip() == b"set()"


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
