"""A trained model in the model store of a whole stack, for the tests of one module in turn.

Fixtures:

- `company`: prices, a history and the model learned from it (session).
- `stack`: Azurite, Event Hubs, Cosmos DB and one host with that model (module); `host-2` may be
  started beside it.
- `flow`: a producer and the stores of that stack, with the books opened (function).

Tests share a module's stack: each sends orders of its own prefix and leaves one host running.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from infra.local.publish import publish
from infra.local.stack import DEFAULT_PORTS, Stack
from tests.e2e.company import Company, founded
from tests.e2e.flow import Flow, opened

_EVENT_HUBS = "AzureFunctionsJobHost__extensions__eventHubs__"
SETTINGS = {
    # A killed host's partitions are taken over after seconds, not most of a minute.
    f"{_EVENT_HUBS}loadBalancingUpdateInterval": "00:00:01",
    f"{_EVENT_HUBS}partitionOwnershipExpirationInterval": "00:00:06",
    # One write after the other, so that a test finds a host between two of them.
    "ALERT_WRITES_AT_ONCE": "1",
    # A host waits as long for what another one, which may be dead, has begun.
    "SCORING_DEADLINE_SECONDS": "10",
}


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return founded(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, company: Company) -> Iterator[Stack]:
    ports = dict.fromkeys(DEFAULT_PORTS, 0)
    made = Stack(tmp_path_factory.mktemp("e2e"), ports, hosts=2, settings=SETTINGS)
    try:
        made.start_servers()
        publish(company.model, made.settings(), company.catalogue)
        made.start("host")
        yield made
    finally:
        made.down()


@pytest.fixture
async def flow(stack: Stack) -> AsyncIterator[Flow]:
    async with opened(stack) as made:
        yield made
