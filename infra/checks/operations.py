"""What keeps Sheriff in order: diagnostics, tags, locks, retention, what production is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infra.checks.data import ours
from infra.checks.deployment import Deployment
from infra.checks.hardening import (
    BLOB_CONTAINER,
    BLOB_SERVICE,
    COSMOS,
    INSIGHTS,
    LOGS,
    NAMESPACE,
    SITE,
    STORAGE,
    VAULT,
    WORKSPACE,
    settings,
)
from infra.checks.published import log_categories

DIAGNOSTICS = "Microsoft.Insights/diagnosticSettings"
LOCK = "Microsoft.Authorization/locks"
RETENTION = f"{STORAGE}/managementPolicies"
WRITE_ONCE = f"{BLOB_CONTAINER}/immutabilityPolicies"
MOST_UNITS = 40  # of throughput, in a namespace of the tier Standard

_TABLE = ours("operations")


def problems(deployment: Deployment) -> Iterator[str]:
    """What would go unseen, unpaid or be lost."""
    yield from _diagnostics(deployment)
    yield from _tags(deployment)
    yield from _locks(deployment)
    yield from _retention(deployment)
    yield from _write_once(deployment)
    yield from _record(deployment)
    yield from _throughput(deployment)


def _diagnostics(deployment: Deployment) -> Iterator[str]:
    logs = {one.id for one in deployment.of(LOGS)}
    watched = {one.scope: one for one in deployment.of(DIAGNOSTICS)}
    desk = [one for one in deployment.of(SITE) if settings(one).get("SHERIFF_ROLE") == "desk"]
    for resource in [*deployment.of(NAMESPACE, COSMOS, BLOB_SERVICE, VAULT, WORKSPACE), *desk]:
        setting = watched.get(resource.id)
        if setting is None:
            yield f"{resource.where}: {resource.name} has no diagnostic setting"
        elif setting.at("properties.workspaceId") not in logs:
            yield f"{setting.where}: {resource.name}: its diagnostics go elsewhere"
        logged = [] if setting is None else setting.at("properties.logs", [])
        measured = [] if setting is None else setting.at("properties.metrics", [])
        if not logged or not all(_collected(one) for one in [*logged, *measured]):
            yield f"{resource.where}: {resource.name}: its diagnostics leave out a log"
        known = log_categories(resource.type)
        for one in logged:
            if not known.intersection((one.get("category"), one.get("categoryGroup"))):
                yield f"{resource.where}: {resource.name}: nobody publishes the log {one}"
    for insights in deployment.of(INSIGHTS):
        if insights.at("properties.WorkspaceResourceId") not in logs:
            yield f"{insights.where}: Application Insights keeps nothing in the workspace"


def _collected(one: Mapping[str, Any]) -> bool:
    return one.get("enabled") is True and bool(one.get("category") or one.get("categoryGroup"))


def _tags(deployment: Deployment) -> Iterator[str]:
    environment = deployment.given["environmentName"]
    for one in deployment.resources:
        tags = one.at("tags", {})
        if one.type in _TABLE["untagged"]:
            continue
        if tags.get("application") != "sheriff" or tags.get("environment") != environment:
            yield f"{one.where}: {one.name} has not the tags application and environment"
        elif not tags.get("costCentre"):
            yield f"{one.where}: {one.name} has no costCentre"
        if not one.at("location") and not one.type.startswith(f"{COSMOS}/"):
            yield f"{one.where}: {one.name} has no location"


def _locks(deployment: Deployment) -> Iterator[str]:
    locked = {one.scope for one in deployment.of(LOCK)}
    wanted = deployment.given["lockData"]
    data = [one for one in deployment.of(STORAGE) if one.name.startswith("stdata")]
    for one in [*data, *deployment.of(COSMOS)]:
        if (one.id in locked) is not wanted:
            yield f"{one.where}: {one.name}: its lock does not follow lockData"


def _retention(deployment: Deployment) -> Iterator[str]:
    policies = deployment.of(RETENTION)
    rules = {
        rule["name"]: rule
        for policy in policies
        for rule in policy.at("properties.policy.rules", [])
        if rule.get("enabled") is True
    }
    given = deployment.given
    expected: dict[str, Any] = {
        "orders-archive": given["ordersKeptDays"],
        "dead-letters": given["deadLettersKeptDays"],
    }
    for name, days in expected.items():
        definition = rules.get(name, {}).get("definition", {})
        delete = definition.get("actions", {}).get("baseBlob", {}).get("delete", {})
        if delete.get("daysAfterModificationGreaterThan") != days:
            yield f"infra/modules/datastorage.bicep: {name} is not deleted after {days} days"
        if definition.get("filters") != {"blobTypes": ["blockBlob"], "prefixMatch": [f"{name}/"]}:
            yield f"infra/modules/datastorage.bicep: the retention of {name} is another's"
    for blobs in deployment.of(BLOB_SERVICE):
        if blobs.name.startswith("stdata"):
            if blobs.at("properties.isVersioningEnabled") is not True:
                yield f"{blobs.where}: what is overwritten cannot be had back"
            for what in ("deleteRetentionPolicy", "containerDeleteRetentionPolicy"):
                if blobs.at(f"properties.{what}.days") != given["deletedKeptDays"]:
                    yield f"{blobs.where}: {what} does not follow deletedKeptDays"
    if "version" not in rules.get("old-versions", {}).get("definition", {}).get("actions", {}):
        yield "infra/modules/datastorage.bicep: old versions are never deleted"


def _write_once(deployment: Deployment) -> Iterator[str]:
    """The archive alone is write-once, for as many days as are given, until it is locked."""
    given = deployment.given
    days = 0 if given["ordersWriteOnceLocked"] else given["ordersWriteOnceDays"]
    made = {
        one.name.removesuffix("/default"): one.at(
            "properties.immutabilityPeriodSinceCreationInDays"
        )
        for one in deployment.of(WRITE_ONCE)
    }
    archive = [one for one in deployment.of(BLOB_CONTAINER) if one.name.endswith("/orders-archive")]
    if made != ({one.name: days for one in archive} if days else {}):
        yield f"infra/modules/datastorage.bicep: {made} does not follow ordersWriteOnceDays"


def _throughput(deployment: Deployment) -> Iterator[str]:
    """What the namespace has grown to is not taken back."""
    """What the namespace has grown to is not taken back, and it may grow further, up to 40 units.

    Azure takes a maximum of 1 to 40 that is greater than the capacity (MicrosoftDocs/azure-docs-cli
    4411), and without auto-inflate none (Azure/azure-cli 10069).
    """
    given = deployment.given
    there = max(given["throughputUnits"], given["throughputUnitsNow"])
    grows = there < MOST_UNITS
    most = max(given["throughputUnitsMaximum"], there + 1) if grows else 0
    for one in deployment.of(NAMESPACE):
        if one.at("sku.capacity") != there:
            yield f"{one.where}: {one.name} has {one.at('sku.capacity')} throughput units"
        if one.at("properties.isAutoInflateEnabled") is not grows:
            yield f"{one.where}: {one.name} does not follow what it can grow to"
        if one.at("properties.maximumThroughputUnits") != most:
            yield f"{one.where}: {one.name} does not grow to {most} throughput units"


def _record(deployment: Deployment) -> Iterator[str]:
    """The workspace and what it needs are made where MLflow is nowhere else, and only there."""
    wanted = not deployment.given["mlflowTrackingUri"]
    if bool(deployment.of(WORKSPACE)) is not wanted or bool(deployment.of(VAULT)) is not wanted:
        yield "infra/main.bicep: the workspace does not follow mlflowTrackingUri"


def production(deployment: Deployment) -> Iterator[str]:
    """What the file of an environment must not give: production is private, locked and ready."""
    given = deployment.given
    if given["environmentName"] != "prod":
        if given["cosmosCapacity"] != "serverless" and given["environmentName"] == "dev":
            yield "infra/environments/dev.bicepparam: Cosmos DB is not serverless"
        return
    for name, expected in _TABLE["production"].items():
        if given[name] != expected:
            yield f"infra/environments/prod.bicepparam: {name} is {given[name]!r}, not {expected!r}"
    if given["scorerAlwaysReady"] < 1:
        yield "infra/environments/prod.bicepparam: no instance of the scorer is always ready"
