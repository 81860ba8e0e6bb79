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
from infra.local.stack import Stack
from tests.e2e.company import Company, founded
from tests.e2e.flow import Flow, opened
from tests.stack import running_servers

_EVENT_HUBS = "AzureFunctionsJobHost__extensions__eventHubs__"
SETTINGS = {
    # A killed host's partitions are taken over after seconds, not most of a minute.
    f"{_EVENT_HUBS}loadBalancingUpdateInterval": "00:00:01",
    f"{_EVENT_HUBS}partitionOwnershipExpirationInterval": "00:00:06",
    # One write after the other, so that a test finds a host between two of them.
    "ALERT_WRITES_AT_ONCE": "1",
    # A host waits as long for what another one, which may be dead, has begun.
    "SCORING_DEADLINE_SECONDS": "10",
    # A model that is promoted, or broken, is seen at the next batch.
    "SHELF_POLL_SECONDS": "0",
}


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return founded(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, company: Company) -> Iterator[Stack]:
    with running_servers(tmp_path_factory.mktemp("e2e"), hosts=2, settings=SETTINGS) as made:
        publish(company.model, made.settings(), company.catalogue)
        made.start("host")
        yield made


@pytest.fixture
async def flow(stack: Stack) -> AsyncIterator[Flow]:
    async with opened(stack) as made:
        yield made
