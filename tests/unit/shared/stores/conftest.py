"""Fixtures of the stores' tests."""

from collections.abc import Iterator

import pytest

from tests.unit.shared.stores.store_server import StoreServer, serving


@pytest.fixture
def server() -> Iterator[StoreServer]:
    with serving() as running:
        yield running
