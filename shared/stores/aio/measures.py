"""The measurements of the async clients, so that operators see slow and costly stores."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Measures(Protocol):
    """Takes the measurements; it never raises."""

    def took(self, container: str, milliseconds: float) -> None:
        """Take the seconds that one call lasted, with all its retries."""

    def charged(self, container: str, request_units: float) -> None:
        """Take the request units that Cosmos DB charged for one request."""


class _Nowhere:
    def took(self, container: str, milliseconds: float) -> None:
        """Drop it."""

    def charged(self, container: str, request_units: float) -> None:
        """Drop it."""


NOWHERE: Measures = _Nowhere()
"""Measures nothing: for commands, whose stores nobody watches."""


@contextmanager
def timed(measures: Measures, container: str) -> Iterator[None]:
    """Measure one call, whether it succeeds or fails."""
    started = time.perf_counter()
    try:
        yield
    finally:
        measures.took(container, (time.perf_counter() - started) * 1000)
