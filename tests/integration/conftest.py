"""Real servers for the integration tests, one of each per xdist worker, on free ports.

Fixtures (session scope; data in a temporary folder, gone afterwards):

- `azurite`: connection string of an Azurite blob service. Make your own containers.
- `cosmos`: endpoint `http://127.0.0.1:PORT` of the Cosmos DB emulator; any base64 text is a key.
  Make your own database, with a name of its own (`unique_name`).
- `unique_name`: a fresh name for a container, database or hub: so tests can share servers.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from infra.local import processes, services


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("azurite")
    service = services.azurite(0, folder)
    child = processes.start("azurite", service.command, folder / "azurite.log")
    yield services.blob_connection(child.port)
    processes.stop(child, grace=10)


@pytest.fixture(scope="session")
def cosmos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("cosmos")
    service = services.cosmos(0, folder)
    child = processes.start("cosmos", service.command, folder / "cosmos.log")
    yield f"http://{processes.HOST}:{child.port}"
    processes.stop(child, grace=10)


@pytest.fixture
def unique_name() -> str:
    return f"t{uuid.uuid4().hex[:12]}"
