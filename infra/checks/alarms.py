"""Who is told of what: alerts on queries and metrics, the availability test, the budget."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from infra.checks.deployment import Deployment, Resource, expression
from infra.checks.hardening import COSMOS, LOGS, NAMESPACE

QUERY_RULE = "Microsoft.Insights/scheduledQueryRules"
METRIC_RULE = "Microsoft.Insights/metricAlerts"
ACTION_GROUP = "Microsoft.Insights/actionGroups"
WEB_TEST = "Microsoft.Insights/webtests"
BUDGET = "Microsoft.Consumption/budgets"

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
        "sheriff.partition.lag",
        "sheriff.partition.stalled",
        "sheriff.hub.anew",
        "sheriff.fuse",
    )
)
"""What the apps measure."""

QUERY_ALERTS: Mapping[str, tuple[str, ...]] = {
    "oldest-event-age": ("sheriff.lag", "max(valueMax)", "> 300"),
    "dead-letters": ("sheriff.orders.dead_lettered", "sum(valueSum)", "> 0"),
    "retries": ("sheriff.retries", "sum(valueSum)", "> 5"),
    "no-orders": ("sheriff.orders.scored", "sum(valueSum)", "== 0"),
    "failed-retrain": ("sheriff.retrain.failed", "retrain_nightly", "> 0"),
    "model-age": ("sheriff.model.age", "max(value)", "> 1209600"),
    "server-errors": ("requests", "between (500 .. 599)", ">= 5"),
    "partition-stalled": ("sheriff.partition.stalled", "max(value)", "> 0"),
    "hub-made-anew": ("sheriff.hub.anew", "max(value)", "> 0"),
    "unwatched": ("sheriff.hub.anew", "count()", "== 0"),
    "fuse": ("sheriff.fuse", "sum(valueSum)", "> 0"),
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


def problems(deployment: Deployment) -> Iterator[str]:
    """What would happen without anybody being told."""
    yield from _query_alerts(deployment)
    yield from _metric_alerts(deployment)
    yield from _availability(deployment)
    yield from _money(deployment)


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
    asked = expression(test.at("properties.Request.RequestUrl"))
    if "/api/health', reference(" not in asked or ".defaultHostName" not in asked:
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
    if len(budgets) != bool(deployment.given["budgetStart"]):
        yield "infra/modules/alerts.bicep: the budget does not follow budgetStart"
    yield from (one for budget in budgets for one in _budget(budget, deployment))
    for logs in deployment.of(LOGS):
        if logs.at("properties.workspaceCapping.dailyQuotaGb", -1) < 1:
            yield f"{logs.where}: what a day of logs may cost has no bound"


def _budget(budget: Resource, deployment: Deployment) -> Iterator[str]:
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
