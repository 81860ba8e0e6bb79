"""Computes what dev, test and prod need and cost, as the committed snapshots set them up.

The snapshots (`infra/environments/*.snapshot.json`) say what each environment consists of;
`ENVIRONMENTS` says how many orders come. Prices that only environments need stand below.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from infra.cost_model import (
    DAY_SECONDS,
    DOCUMENT_GB_MONTH,
    INSTANCE_SECOND,
    LEAST_SECONDS,
    MONTH_SECONDS,
    Need,
    Setup,
    need,
)
from shared.containers import ALERTS, STATE

ENVIRONMENTS = {"dev": (0.01, 0.25), "test": (0.1, 0.5), "prod": (10.0, 2.0)}
"""By environment: orders a second, and hours that a night takes."""

OTHER_INSTANCES = 3  # they only log: the one that watches the hub, the desk, the trainer
SNAPSHOTS = Path(__file__).with_name("environments")

# --- assumptions: US dollars --------------------------------------------------------------------
BACKUP_GB_MONTH = 0.20  # of a backup of 30 days
REPLICATED_GB_MONTH = {"Standard_LRS": 0.018, "Standard_ZRS": 0.023, "Standard_GZRS": 0.041}
ENDPOINT_HOUR, ZONE_MONTH = 0.01, 0.50  # of the private network
FREQUENT_RULE, RULE, METRIC_RULE = 1.50, 0.50, 0.10  # a month: looks every 5 minutes, or less often
WEB_TEST = 0.0006  # one call of the availability test

type Resource = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """The resources of one environment."""

    resources: Sequence[Resource]

    @classmethod
    def read(cls, name: str) -> Self:
        text = (SNAPSHOTS / f"{name}.snapshot.json").read_text(encoding="utf-8")
        return cls(json.loads(text)["predictedResources"])

    def of(self, kind: str) -> list[Resource]:
        """Return the resources of a type, named without `Microsoft.`."""
        return [resource for resource in self.resources if resource["type"] == f"Microsoft.{kind}"]

    def only(self, kind: str) -> Resource:
        """Return the one resource of a type."""
        [resource] = self.of(kind)
        return resource


def environment(name: str) -> tuple[Need, Setup]:
    """Return what an environment needs at its rate, and how its snapshot sets it up."""
    snapshot = _Snapshot.read(name)
    orders, night_hours = ENVIRONMENTS[name]
    hub = snapshot.only("EventHub/namespaces/eventhubs")
    needed = need(orders, partitions=hub["properties"]["partitionCount"])
    return needed, _setup(snapshot, night_hours)


def _setup(snapshot: _Snapshot, night_hours: float) -> Setup:
    scales, containers = _scales(snapshot), _containers(snapshot)
    workspace = snapshot.only("OperationalInsights/workspaces")
    return Setup(
        units=snapshot.only("EventHub/namespaces")["sku"]["capacity"],
        ready=sum(app["instanceCount"] for scale in scales for app in scale["alwaysReady"]),
        autoscaled=_autoscaled(containers),
        alert_months=containers[ALERTS]["resource"]["defaultTtl"] / MONTH_SECONDS,
        order_months=_archived_days(snapshot) * DAY_SECONDS / MONTH_SECONDS,
        document_gb=_document_gb(snapshot),
        blob_gb=_blob_gb(snapshot),
        log_cap=workspace["properties"]["workspaceCapping"]["dailyQuotaGb"],
        others=OTHER_INSTANCES,
        rest=_night(scales, night_hours) + _by_the_clock(snapshot) + _network_and_rules(snapshot),
    )


def _scales(snapshot: _Snapshot) -> list[Resource]:
    """Return how each function app scales."""
    return [
        site["properties"]["functionAppConfig"]["scaleAndConcurrency"]
        for site in snapshot.of("Web/sites")
    ]


def _containers(snapshot: _Snapshot) -> dict[str, Resource]:
    """Return the properties of each container of Cosmos DB, by its name."""
    return {
        container["name"].rpartition("/")[2]: container["properties"]
        for container in snapshot.of("DocumentDB/databaseAccounts/sqlDatabases/containers")
    }


def _autoscaled(containers: Mapping[str, Resource]) -> tuple[float, ...]:
    """Return the highest RU/s of each container, `alerts` and `state` first; () if serverless."""
    first = (ALERTS, STATE)
    order = (*first, *(name for name in containers if name not in first))
    settings = [containers[name]["options"].get("autoscaleSettings") for name in order]
    return tuple(float(setting["maxThroughput"]) for setting in settings if setting)


def _document_gb(snapshot: _Snapshot) -> float:
    """Return the price of a stored GB of documents, with its backup."""
    account = snapshot.only("DocumentDB/databaseAccounts")
    tier = account["properties"]["backupPolicy"]["continuousModeProperties"]["tier"]
    return DOCUMENT_GB_MONTH + (BACKUP_GB_MONTH if tier == "Continuous30Days" else 0)


def _blob_gb(snapshot: _Snapshot) -> float:
    """Return the price of a GB of blobs, by how the data account is replicated."""
    accounts = snapshot.of("Storage/storageAccounts")
    [data] = [account for account in accounts if account["name"].startswith("stdata")]
    return REPLICATED_GB_MONTH[data["sku"]["name"]]


def _archived_days(snapshot: _Snapshot) -> float:
    """Return after how many days the storage deletes captured orders."""
    policy = snapshot.only("Storage/storageAccounts/managementPolicies")
    rules = policy["properties"]["policy"]["rules"]
    [actions] = [
        rule["definition"]["actions"] for rule in rules if rule["name"] == "orders-archive"
    ]
    return float(actions["baseBlob"]["delete"]["daysAfterModificationGreaterThan"])


def _night(scales: Sequence[Resource], hours: float) -> float:
    """Return the price of a month's nights; the trainer has the largest instance."""
    memory = max(scale["instanceMemoryMB"] for scale in scales)
    nights: float = MONTH_SECONDS / DAY_SECONDS
    return nights * hours * 3600 * INSTANCE_SECOND * (float(memory) / 2048)


def _by_the_clock(snapshot: _Snapshot) -> float:
    """Return the price of what runs by the clock.

    The scorer looks at the hub every minute. The trainer, whose instance has twice the memory and
    costs twice as much, looks at the night every ten minutes. Availability tests call from outside.
    """
    calls: float = sum(
        len(test["properties"]["Locations"]) * MONTH_SECONDS / test["properties"]["Frequency"]
        for test in snapshot.of("Insights/webtests")
    )
    seconds = (MONTH_SECONDS / 60 + MONTH_SECONDS / 600 * 2 + calls) * LEAST_SECONDS
    return seconds * INSTANCE_SECOND + calls * WEB_TEST


def _network_and_rules(snapshot: _Snapshot) -> float:
    """Return the price of the private network and of the alert rules."""
    endpoints = len(snapshot.of("Network/privateEndpoints"))
    return (
        endpoints * ENDPOINT_HOUR * MONTH_SECONDS / 3600
        + len(snapshot.of("Network/privateDnsZones")) * ZONE_MONTH
        + sum(_rule(rule) for rule in snapshot.of("Insights/scheduledQueryRules"))
        + len(snapshot.of("Insights/metricAlerts")) * METRIC_RULE
    )


def _rule(rule: Resource) -> float:
    """Return the price of a rule on logs, by how often it looks."""
    return FREQUENT_RULE if rule["properties"]["evaluationFrequency"] == "PT5M" else RULE
