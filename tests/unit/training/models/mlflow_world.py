"""What tests ask of a real MLflow store."""

from pathlib import Path
from typing import Any

import msgspec
from mlflow import MlflowClient

from shared.model import encode_bundle, packaged_bundle
from tests.orders import order_fields
from training.models.registry import MODEL, Registry

ROOT = Path(__file__).parents[4]


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
