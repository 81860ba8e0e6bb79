"""What makes the Event Hubs trigger lose orders: settings of the host, and a trigger that gives up.

A checkpoint follows a batch that failed for good, and at a stop the last batch that ran, done or
not. So every batch has a checkpoint of its own, and only success ends the tries of a batch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from infra.checks.deployment import Deployment
from infra.checks.hardening import SITE, settings

_OVERRIDE = "azurefunctionsjobhost__extensions__eventhubs__"

# What each must be, in lower case, where it is set at all; the host's own default is as good.
_MUST: Mapping[str, tuple[str, str]] = {
    "batchcheckpointfrequency": ("1", "above 1 each stop loses the batches that it breaks off"),
    "enablecheckpointing": ("true", "without checkpoints each start reads the hub anew"),
    "initialoffsetoptions__type": ("fromstart", "orders that wait for a new host are passed over"),
}


def problems(files: Mapping[str, str], deployment: Deployment) -> Iterator[str]:
    """What host.json or an app's settings would lose."""
    yield from (f"host.json: {one}" for one in wrong_host(json.loads(files["host.json"])))
    for site in deployment.of(SITE):
        for name, value in settings(site).items():
            lower = name.lower()
            if lower.startswith(_OVERRIDE):
                for one in _wrong(lower.removeprefix(_OVERRIDE), name, value):
                    yield f"{site.where}: {site.name}: {one}"


def wrong_host(host: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the settings of the trigger in host.json."""
    options = host.get("extensions", {}).get("eventHubs", {})
    for name, value in options.items():
        inner = value.items() if isinstance(value, Mapping) else ()
        yield from _wrong(name.lower(), name, value)
        for part, one in inner:
            yield from _wrong(f"{name}__{part}".lower(), f"{name}.{part}", one)


def _wrong(known_as: str, name: str, value: Any) -> Iterator[str]:
    wanted, why = _MUST.get(known_as, (None, ""))
    if wanted is not None and str(value).lower() != wanted:
        yield f"{name} is {value!r}, not {wanted}: {why}"


def wrong_trigger(name: str, trigger: str, retry: Mapping[str, str] | None) -> Iterator[str]:
    """What is wrong with a function, by the type of its trigger and its retry policy.

    ``retry`` is as azure-functions keeps it; None where there is none.
    """
    if trigger.lower() != "eventhubtrigger":
        return
    if not retry:
        yield f"{name} has no retry policy: a batch that fails or takes too long is lost"
        return
    if str(retry.get("max_retry_count")) != "-1":
        yield f"{name} tries {retry.get('max_retry_count')} times again, then the batch is lost"
    exponential = retry.get("strategy") == "exponential_backoff"
    needed = ("minimum_interval", "maximum_interval") if exponential else ("delay_interval",)
    for one in needed:
        if not retry.get(one):
            yield f"{name} has a retry policy without {one}: no function would be loaded"
