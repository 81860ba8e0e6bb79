"""One MLflow store on SQLite for all tests of a module."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from training.models.registry import Registry


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
