"""The real MLflow behind the adapter: its limits, and that importing it waits."""

import subprocess
import sys

from mlflow import MlflowClient

from tests.unit.training.models.mlflow_world import ROOT, runs_of
from training.models.registry import Registry


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


def test_importing_the_registry_does_not_import_mlflow() -> None:
    script = "import sys, training.models.registry; print({'mlflow', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True)
    assert done.stdout.strip() == b"set()"
