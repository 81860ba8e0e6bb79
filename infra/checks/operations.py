"""What keeps Sheriff in sight: diagnostics, alerts, locks, a budget, tags, retention."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from infra.checks.deployment import Deployment, Resource
from infra.checks.hardening import (
    BLOB_CONTAINER,
    BLOB_SERVICE,
    COSMOS,
    HUB,
    INSIGHTS,
    LOGS,
    NAMESPACE,
    SITE,
    STORAGE,
    VAULT,
    WORKSPACE,
    settings,
)

DIAGNOSTICS = "Microsoft.Insights/diagnosticSettings"
QUERY_RULE = "Microsoft.Insights/scheduledQueryRules"
METRIC_RULE = "Microsoft.Insights/metricAlerts"
ACTION_GROUP = "Microsoft.Insights/actionGroups"
WEB_TEST = "Microsoft.Insights/webtests"
BUDGET = "Microsoft.Consumption/budgets"
LOCK = "Microsoft.Authorization/locks"
RETENTION = f"{STORAGE}/managementPolicies"
WORKBOOK = "Microsoft.Insights/workbooks"

METRICS = frozenset(
    (
        "sheriff.orders.scored",
        "sheriff.orders.dead_lettered",
        "sheriff.alerts",
        "sheriff.batch.size",
        "sheriff.scoring.duration",
        "sheriff.store.duration",
        "sheriff.store.request_units",
        "sheriff.lag",
        "sheriff.retries",
        "sheriff.model.age",
        "sheriff.incidents.opened",
        "sheriff.belief",
        "sheriff.retrain.failed",
        "sheriff.shadow.orders",
    )
)
"""What the apps measure."""

QUERY_ALERTS: Mapping[str, tuple[str, ...]] = {
    "oldest-event-age": ("sheriff.lag", "max(valueMax)", "> 300"),
    "dead-letters": ("sheriff.orders.dead_lettered", "sum(valueSum)", "> 0"),
    "retries": ("sheriff.retries", "sum(valueSum)", "> 5"),
    "no-orders": ("sheriff.orders.scored", "sum(valueSum)", "== 0"),
    "failed-retrain": ("sheriff.retrain.failed", "retrain_nightly", "> 0"),
    "model-age": ("sheriff.model.age", "max(valueMax)", "> 1209600"),
    "server-errors": ("requests", "between (500 .. 599)", ">= 5"),
    "incident-opened": ("sheriff.incidents.opened", "sum(valueSum)", "> 0"),
    "unscored": ("sheriff.orders.scored", "IncomingMessages", "> 0"),
}
"""What each query must ask, at the thresholds that are the default."""

_THROTTLED = {"name": "StatusCode", "operator": "Include", "values": ["429"]}
METRIC_ALERTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "throttled-documents": (
        COSMOS,
        {
            "metricName": "TotalRequests",
            "timeAggregation": "Count",
            "operator": "GreaterThan",
            "threshold": 100,
            "dimensions": [_THROTTLED],
        },
    ),
    "throttled-orders": (
        NAMESPACE,
        {
            "metricName": "ThrottledRequests",
            "timeAggregation": "Total",
            "operator": "GreaterThan",
            "threshold": 0,
        },
    ),
}
"""What each looks at, and when it fires."""
_UNTAGGED = frozenset(
    (
        BLOB_SERVICE,
        BUDGET,
        DIAGNOSTICS,
        LOCK,
        RETENTION,
        BLOB_CONTAINER,
        HUB,
        "Microsoft.Authorization/roleAssignments",
        f"{COSMOS}/sqlRoleAssignments",
        f"{HUB}/consumergroups",
        f"{NAMESPACE}/networkRuleSets",
        f"{SITE}/basicPublishingCredentialsPolicies",
        f"{SITE}/config",
        "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
    )
)
"""Types that have no tags."""


def problems(deployment: Deployment) -> Iterator[str]:
    """What would go unseen, unpaid, untold or be lost."""
    yield from _diagnostics(deployment)
    yield from _query_alerts(deployment)
    yield from _metric_alerts(deployment)
    yield from _availability(deployment)
    yield from _money(deployment)
    yield from _tags(deployment)
    yield from _locks(deployment)
    yield from _retention(deployment)
    yield from _desk(deployment)
    yield from _record(deployment)


def _diagnostics(deployment: Deployment) -> Iterator[str]:
    logs = {one.id for one in deployment.of(LOGS)}
    watched = {one.scope.id: one for one in deployment.of(DIAGNOSTICS) if one.scope is not None}
    for resource in deployment.of(NAMESPACE, COSMOS, BLOB_SERVICE, VAULT, WORKSPACE):
        setting = watched.get(resource.id)
        if setting is None:
            yield f"{resource.where}: {resource.name} has no diagnostic setting"
        elif setting.at("properties.workspaceId") not in logs:
            yield f"{setting.where}: {resource.name}: its diagnostics go elsewhere"
        logged = [] if setting is None else setting.at("properties.logs", [])
        measured = [] if setting is None else setting.at("properties.metrics", [])
        if not logged or not all(_collected(one) for one in [*logged, *measured]):
            yield f"{resource.where}: {resource.name}: its diagnostics leave out a log"
    for insights in deployment.of(INSIGHTS):
        if insights.at("properties.WorkspaceResourceId") not in logs:
            yield f"{insights.where}: Application Insights keeps nothing in the workspace"


def _collected(one: Mapping[str, Any]) -> bool:
    return one.get("enabled") is True and bool(one.get("category") or one.get("categoryGroup"))


def _told(deployment: Deployment) -> set[str]:
    return {
        one.id
        for one in deployment.of(ACTION_GROUP)
        if one.at("properties.enabled") is True and one.at("properties.emailReceivers")
    }


def _query_alerts(deployment: Deployment) -> Iterator[str]:
    groups = _told(deployment)
    rules = {one.name.split("-", 2)[2]: one for one in deployment.of(QUERY_RULE)}
    for name, asked in QUERY_ALERTS.items():
        rule = rules.get(name)
        if rule is None:
            yield f"infra/modules/alerts.bicep: there is no alert {name}"
            continue
        criterion = rule.at("properties.criteria.allOf", [{}])[0]
        for part in asked:
            if part not in criterion.get("query", ""):
                yield f"{rule.where}: the alert {name} does not ask for {part}"
        if (criterion.get("operator"), criterion.get("threshold")) != ("GreaterThan", 0):
            yield f"{rule.where}: the alert {name} does not fire at its first row"
        yield from _fires(rule, name, rule.at("properties.actions.actionGroups", []), groups)
        for metric in re.findall(r'"(sheriff\.[\w.]+)"', criterion.get("query", "")):
            if metric not in METRICS:
                yield f"{rule.where}: nothing measures {metric}"


def _fires(rule: Resource, name: str, told: list[str], groups: set[str]) -> Iterator[str]:
    if rule.at("properties.enabled") is not True:
        yield f"{rule.where}: the alert {name} is off"
    if not groups.intersection(told):
        yield f"{rule.where}: the alert {name} tells nobody"


def _metric_alerts(deployment: Deployment) -> Iterator[str]:
    groups = _told(deployment)
    rules = {one.name.split("-", 2)[2]: one for one in deployment.of(METRIC_RULE)}
    for name, (of, expected) in METRIC_ALERTS.items():
        rule = rules.get(name)
        if rule is None:
            yield f"infra/modules/alerts.bicep: there is no alert {name}"
            continue
        criterion = rule.at("properties.criteria.allOf", [{}])[0]
        for part, wanted in expected.items():
            if criterion.get(part) != wanted:
                yield f"{rule.where}: the alert {name}: {part} is not {wanted!r}"
        if rule.at("properties.scopes") != [one.id for one in deployment.of(of)]:
            yield f"{rule.where}: the alert {name} looks elsewhere"
        told = [one["actionGroupId"] for one in rule.at("properties.actions", [])]
        yield from _fires(rule, name, told, groups)


def _availability(deployment: Deployment) -> Iterator[str]:
    """From outside a private network nobody can call: the other alerts stand for it there."""
    tests, private = deployment.of(WEB_TEST), deployment.given["privateNetwork"]
    if private or not tests:
        named = [one for one in deployment.of(METRIC_RULE) if one.name.endswith("-unavailable")]
        if bool(tests) is private or bool(named) is private:
            yield "infra/modules/alerts.bicep: the availability test does not follow the switch"
        return
    test = tests[0]
    if not test.at("properties.Request.RequestUrl", "").endswith("/api/health"):
        yield f"{test.where}: the availability test does not ask for health"
    if test.at("properties.ValidationRules.ExpectedHttpStatusCode") != 200:
        yield f"{test.where}: the availability test does not expect 200"
    if test.at("properties.Enabled") is not True:
        yield f"{test.where}: the availability test is off"
    rules = [one for one in deployment.of(METRIC_RULE) if one.name.endswith("-unavailable")]
    if not rules or rules[0].at("properties.criteria.webTestId") != test.id:
        yield f"{test.where}: nobody is told when the availability test fails"
    for rule in rules:
        told = [one["actionGroupId"] for one in rule.at("properties.actions", [])]
        yield from _fires(rule, "unavailable", told, _told(deployment))


def _money(deployment: Deployment) -> Iterator[str]:
    budgets = deployment.of(BUDGET)
    if len(budgets) != 1:
        yield "infra/modules/alerts.bicep: there is not one budget"
        return
    budget = budgets[0]
    if not re.fullmatch(r"\d{4}-\d{2}-01", budget.at("properties.timePeriod.startDate", "")):
        yield f"{budget.where}: a budget starts on the first of a month"
    notices = budget.at("properties.notifications", {})
    bounds = [(one.get("thresholdType"), one.get("threshold")) for one in notices.values()]
    if bounds != [("Actual", 80), ("Forecasted", 100)]:
        yield f"{budget.where}: the budget tells at {bounds}"
    for name, notice in notices.items():
        if notice.get("enabled") is not True:
            yield f"{budget.where}: the notice {name} is off"
        if not _told(deployment).intersection(notice.get("contactGroups", [])):
            yield f"{budget.where}: the notice {name} tells nobody"
    for logs in deployment.of(LOGS):
        if logs.at("properties.workspaceCapping.dailyQuotaGb", -1) < 1:
            yield f"{logs.where}: what a day of logs may cost has no bound"


def _tags(deployment: Deployment) -> Iterator[str]:
    environment = deployment.given["environmentName"]
    for one in deployment.resources:
        tags = one.at("tags", {})
        if one.type in _UNTAGGED:
            continue
        if tags.get("application") != "sheriff" or tags.get("environment") != environment:
            yield f"{one.where}: {one.name} has not the tags application and environment"
        elif not tags.get("costCentre"):
            yield f"{one.where}: {one.name} has no costCentre"


def _locks(deployment: Deployment) -> Iterator[str]:
    locked = {one.scope.id for one in deployment.of(LOCK) if one.scope is not None}
    wanted = deployment.given["lockData"]
    for lock in deployment.of(LOCK):
        if lock.at("properties.level") != "CanNotDelete":
            yield f"{lock.where}: the lock is no CanNotDelete"
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


def _desk(deployment: Deployment) -> Iterator[str]:
    """The desk lets in whom Entra knows, and of others' requests only that for health."""
    sections = {one.name: one for one in deployment.of(f"{SITE}/config")}
    for site in deployment.of(SITE):
        found = sections.pop(f"{site.name}/authsettingsV2", None)
        if settings(site).get("SHERIFF_ROLE") == "desk":
            if found is None:
                yield f"{site.where}: the desk lets anybody in"
            else:
                yield from _sign_in(found, deployment.given)
        elif found is not None:
            yield f"{found.where}: {site.name} has nothing to sign in to, and its host would ask"


def _sign_in(found: Resource, given: Mapping[str, Any]) -> Iterator[str]:
    for path, expected in _SIGNED_IN.items():
        if found.at(f"properties.{path}") != expected:
            yield f"{found.where}: {path} is not {expected!r}"
    client, group = given["deskClientId"], given["analystGroupId"]
    provider = found.at("properties.identityProviders.azureActiveDirectory", {})
    validation = provider.get("validation", {})
    principals = validation.get("defaultAuthorizationPolicy", {}).get("allowedPrincipals", {})
    if provider.get("enabled") is not bool(client and group):
        yield f"{found.where}: everybody in the tenant may call the desk, or nobody"
    if principals.get("groups") != ([group] if group else []):
        yield f"{found.where}: others than the analysts may call the desk"
    if provider.get("registration", {}).get("clientId") != client:
        yield f"{found.where}: callers sign in to something else"
    if validation.get("allowedAudiences") != [f"api://{client}", client]:
        yield f"{found.where}: tokens for something else are taken"


def _record(deployment: Deployment) -> Iterator[str]:
    """The workspace and what it needs are made where MLflow is nowhere else, and only there."""
    wanted = not deployment.given["mlflowTrackingUri"]
    if bool(deployment.of(WORKSPACE)) is not wanted or bool(deployment.of(VAULT)) is not wanted:
        yield "infra/main.bicep: the workspace does not follow mlflowTrackingUri"


_SIGNED_IN = {
    "platform.enabled": True,
    "globalValidation.requireAuthentication": True,
    "globalValidation.unauthenticatedClientAction": "Return401",
    "globalValidation.excludedPaths": ["/api/health"],
    "httpSettings.requireHttps": True,
    "login.tokenStore.enabled": False,
}

PRODUCTION = {
    "privateNetwork": True,
    "lockData": True,
    "zoneRedundant": True,
    "cosmosCapacity": "autoscale",
    "cosmosBackup": "Continuous30Days",
    "dataReplication": "Standard_GZRS",
}
"""What production is given, whatever else changes."""


def production(deployment: Deployment) -> Iterator[str]:
    """What the file of an environment must not give: production is private, locked and ready."""
    given = deployment.given
    if given["environmentName"] != "prod":
        if given["cosmosCapacity"] != "serverless" and given["environmentName"] == "dev":
            yield "infra/environments/dev.bicepparam: Cosmos DB is not serverless"
        return
    for name, expected in PRODUCTION.items():
        if given[name] != expected:
            yield f"infra/environments/prod.bicepparam: {name} is {given[name]!r}, not {expected!r}"
    if given["scorerAlwaysReady"] < 1:
        yield "infra/environments/prod.bicepparam: no instance of the scorer is always ready"
