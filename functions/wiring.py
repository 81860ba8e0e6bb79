"""Build the clients and handlers; only this file does. Each is made on first use, without I/O."""

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from functions.condition import Conditions
from functions.hub import OrdersHub
from functions.jobs import MachineLearningJobs
from functions.model_loader import ModelLoader
from functions.ports import Telemetry
from functions.retraining import Retraining
from functions.scoring_context import Limits, ScoringContext
from functions.settings import JobSettings, Settings
from functions.shadow import Shadow
from functions.stores import (
    BlobDeadLetters,
    CosmosAlerts,
    CosmosIncidents,
    CosmosShadows,
    CosmosStates,
    StoreMeasures,
)
from functions.telemetry import telemetry as asked_for
from functions.watch_stores import CosmosWatch
from functions.watching import Watcher
from shared.stores.aio.blobs import Blobs
from shared.stores.aio.cosmos import Cosmos
from shared.stores.aio.credential import credential
from shared.stores.settings import HubSettings

# The SDKs log every request at INFO, which is the worker's level: many lines an order.
logging.getLogger("azure").setLevel(logging.WARNING)


@cache
def settings() -> Settings:
    """Return the settings of this process; ConfigurationError names the one that is wrong."""
    return Settings.from_environ(os.environ)


@cache
def telemetry() -> Telemetry:
    """Return the telemetry of this process."""
    return asked_for(os.environ)


@cache
def _cosmos() -> Cosmos:
    return Cosmos(settings().cosmos, StoreMeasures(telemetry()))


@cache
def _blobs() -> Blobs:
    return Blobs(settings().blobs, StoreMeasures(telemetry()))


@cache
def _executor() -> ThreadPoolExecutor:
    # One thread: a second would only fight for the interpreter, and the scorer is not shared.
    return ThreadPoolExecutor(1, "score")


@cache
def _reading() -> ThreadPoolExecutor:
    # Bundles and tables are parsed on another thread, so that scoring never waits for a large one.
    return ThreadPoolExecutor(1, "parse")


@cache
def alerts() -> CosmosAlerts:
    """Return the store of the alerts."""
    return CosmosAlerts(_cosmos(), settings().stored_version)


@cache
def model_loader() -> ModelLoader:
    """Return the loader of what serves."""
    ours = settings()
    return ModelLoader(
        _blobs(),
        _reading(),
        ours.shelf_poll_seconds,
        shadow=ours.shadow,
        telemetry=telemetry(),
    )


@cache
def _shadow() -> Shadow:
    chunk = settings().scoring_chunk_orders
    return Shadow(
        CosmosShadows(_cosmos(), settings().stored_version),
        model_loader().challenger,
        _executor(),
        chunk,
        telemetry=telemetry(),
    )


@cache
def retraining() -> Retraining:
    """Return how this process trains; ConfigurationError names the job setting that is wrong."""
    job = JobSettings.from_environ(os.environ)
    return Retraining(
        files=_blobs(),
        hub=settings().orders_hub,
        jobs=None if job is None else MachineLearningJobs(job, credential(settings().identity)),
        telemetry=telemetry(),
    )


@cache
def conditions() -> Conditions:
    """Return what this process knows about its own condition."""
    return Conditions(telemetry())


@cache
def watcher() -> Watcher:
    """Return what looks at the hub from outside the trigger."""
    ours = settings()
    store, group = CosmosWatch(_cosmos()), ours.orders_consumer_group
    hub = OrdersHub(HubSettings.from_environ(os.environ), group)
    return Watcher(ours.orders_hub, group, store, hub, store, telemetry())


@cache
def scoring_context() -> ScoringContext:
    """Return what scoring a batch needs of this process."""
    ours = settings()
    return ScoringContext(
        alerts=alerts(),
        incidents=CosmosIncidents(_cosmos(), ours.stored_version),
        states=CosmosStates(_cosmos(), ours.stored_version),
        dead_letters=BlobDeadLetters(_blobs(), ours.stored_version),
        read_scorer=model_loader().scorer,
        executor=_executor(),
        shadow=_shadow() if ours.shadow else None,
        telemetry=telemetry(),
        conditions=conditions(),
        limits=Limits(
            deadline=ours.scoring_deadline_seconds,
            chunk=ours.scoring_chunk_orders,
            writes=ours.alert_writes_at_once,
        ),
    )
