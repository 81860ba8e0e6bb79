"""The one place where clients and handlers are made: lazily, once a process, without any I/O."""

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from functions.handlers import Desk, Limits
from functions.settings import Settings
from functions.shelf import Shelf
from functions.stores import (
    BlobDeadLetters,
    Blobs,
    Cosmos,
    CosmosAlerts,
    CosmosIncidents,
    CosmosStates,
)

# The SDKs tell of every request at INFO, which is the worker's level: many lines an order.
logging.getLogger("azure").setLevel(logging.WARNING)


@cache
def settings() -> Settings:
    """The settings of this process; ConfigurationError names the one that is wrong."""
    return Settings.from_environ(os.environ)


@cache
def _cosmos() -> Cosmos:
    return Cosmos(settings())


@cache
def _blobs() -> Blobs:
    return Blobs(settings())


@cache
def _executor() -> ThreadPoolExecutor:
    # One thread: a second would only fight for the interpreter, and the scorer is not shared.
    return ThreadPoolExecutor(1, "score")


@cache
def alerts() -> CosmosAlerts:
    """The alerts."""
    return CosmosAlerts(_cosmos())


@cache
def shelf() -> Shelf:
    """What serves."""
    return Shelf(_blobs(), _executor(), settings().shelf_poll_seconds)


@cache
def desk() -> Desk:
    """Where this process scores."""
    ours = settings()
    return Desk(
        alerts=alerts(),
        incidents=CosmosIncidents(_cosmos()),
        states=CosmosStates(_cosmos()),
        dead_letters=BlobDeadLetters(_blobs()),
        read_scorer=shelf().scorer,
        executor=_executor(),
        limits=Limits(
            deadline=ours.scoring_deadline_seconds,
            chunk=ours.scoring_chunk_orders,
            writes=ours.alert_writes_at_once,
        ),
    )
