"""Who is told of what: the templates' rules are held against the table of alarms (alarms.toml).

    python -m infra.checks.alarms    prints the table of docs/operations.md

What Azure demands of a rule, and how it ends one, is from "Create Azure Monitor log search alert
rules" (2025-07-22), "What are Azure Monitor alerts?" (2025-05-08) and hashicorp's provider, page
monitor_scheduled_query_rules_alert_v2, which lists the values that the service takes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from infra.checks.data import ours, published
from infra.checks.deployment import Deployment, Resource, expression
from infra.checks.hardening import BLOB_SERVICE, COSMOS, LOGS, NAMESPACE
from infra.checks.operations import DIAGNOSTICS
from infra.checks.queries import Answer, Query, Scope, answers, wrong

QUERY_RULE = "Microsoft.Insights/scheduledQueryRules"
METRIC_RULE = "Microsoft.Insights/metricAlerts"
ACTIVITY_RULE = "Microsoft.Insights/activityLogAlerts"
ACTION_GROUP = "Microsoft.Insights/actionGroups"
WEB_TEST = "Microsoft.Insights/webtests"
BUDGET = "Microsoft.Consumption/budgets"

MINUTES: Mapping[str, int] = {
    **{f"PT{one}M": one for one in (5, 10, 15, 30, 45)},
    **{f"PT{one}H": 60 * one for one in range(1, 7)},
    "P1D": 24 * 60,
    "P2D": 48 * 60,
}
"""The windows that a rule on logs may have; all but the longest are frequencies, too."""

PUBLISHED = {
    NAMESPACE.lower(): "metrics-eventhub-namespaces",
    COSMOS.lower(): "metrics-documentdb-databaseaccounts",
}
"""The published table of metrics of each type of resource."""

A_ROW_A_REQUEST = frozenset(
    ("DataPlaneRequests", "QueryRuntimeStatistics", "PartitionKeyRUConsumption", "StorageWrite")
)
"""Logs of Cosmos DB and of a host's storage that grow with the orders."""

_FILE = "infra/modules/alerts.bicep"


@dataclass(frozen=True, slots=True)
class Alarm:
    """A row of the table; alarms.toml says what each field means."""

    name: str
    kind: Literal["query", "metric", "activity", "availability"]
    of: str
    happens: str
    missing: str
    severity: int | None = None
    frequency: str = "PT5M"
    window: str = "PT5M"
    periods: int = 1
    once: bool = False
    absence: bool = False
    only: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    asks: Sequence[str] = ()
    criteria: Sequence[Mapping[str, Any]] = ()
    conditions: Sequence[Sequence[str]] = ()

    @property
    def told_within(self) -> int:
        """Minutes until it is told, at most; that the data arrive takes some minutes besides."""
        waited = MINUTES[self.window] * self.periods if self.absence else 0
        return waited + MINUTES[self.frequency]

    @property
    def ends_after(self) -> int | None:
        """Minutes of looks that find nothing until it ends by itself; None where it tells once.

        A rule on logs ends after three looks where it looks every 5 to 15 minutes, after two where
        it looks up to every 11 hours; one on a metric after three. A look sees a whole window.
        """
        if self.once or self.kind == "activity":
            return None
        looks = 3 if self.kind != "query" or MINUTES[self.frequency] <= 15 else 2
        return looks * MINUTES[self.frequency]

    def there(self, deployment: Deployment) -> bool:
        """Whether an environment has it."""
        if self.kind == "availability":
            return not deployment.given["privateNetwork"]
        return all(deployment.given[name] in values for name, values in self.only.items())


@cache
def alarms() -> tuple[Alarm, ...]:
    """The table."""
    return tuple(Alarm(**one) for one in ours("alarms")["alarm"])


def markdown() -> list[str]:
    """The table as docs/operations.md has it."""
    lines = [
        "| alarm | severity | what must have happened | told within | ends | without data |",
        "|---|---|---|---|---|---|",
    ]
    for one in alarms():
        severity = "" if one.severity is None else str(one.severity)
        within = "minutes" if one.kind == "activity" else _span(one.told_within)
        ends = "tells once" if one.ends_after is None else f"{_span(one.ends_after)} of nothing"
        where = "".join(f"; only with {_named(*each)}" for each in one.only.items())
        lines.append(
            f"| `{one.name}` | {severity} | {one.happens}{where} | {within} | {ends} "
            f"| {one.missing} |"
        )
    return lines


def _named(parameter: str, values: Sequence[Any]) -> str:
    of = "" if values == [True] else " = " + " or ".join(f"`{value}`" for value in values)
    return f"`{parameter}`{of}"


def _span(minutes: int) -> str:
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def problems(deployment: Deployment) -> Iterator[str]:
    """What would happen without anybody being told."""
    rules = {one.name.split("-", 2)[2]: one for one in _rules(deployment)}
    expected = {one.name: one for one in alarms() if one.there(deployment)}
    for name in expected.keys() - rules.keys():
        yield f"{_FILE}: there is no alert {name}"
    for name in rules.keys() - expected.keys():
        yield f"{rules[name].where}: the alert {name} is not in infra/checks/alarms.toml"
    for name in sorted(expected.keys() & rules.keys()):
        yield from _tells(rules[name], name, deployment)
        yield from _as_listed(rules[name], expected[name], deployment)
    queries = [_query(one) for one in deployment.of(QUERY_RULE)]
    for rule, query, answer in zip(
        deployment.of(QUERY_RULE), queries, answers(queries), strict=True
    ):
        yield from wrong(query, answer)
        yield from _lawful(rule, answer)
    for rule in deployment.of(METRIC_RULE):
        yield from _published(rule)
    yield from _availability(deployment)
    yield from _volume(deployment)
    yield from _money(deployment)


def _rules(deployment: Deployment) -> list[Resource]:
    return deployment.of(QUERY_RULE, METRIC_RULE, ACTIVITY_RULE)


def _told(deployment: Deployment) -> set[str]:
    return {
        one.id
        for one in deployment.of(ACTION_GROUP)
        if one.at("properties.enabled") is True and one.at("properties.emailReceivers")
    }


def _tells(rule: Resource, name: str, deployment: Deployment) -> Iterator[str]:
    actions = rule.at("properties.actions", [])
    groups = actions if isinstance(actions, list) else actions.get("actionGroups", [])
    told = {one["actionGroupId"] if isinstance(one, dict) else one for one in groups}
    if not _told(deployment) & told:
        yield f"{rule.where}: the alert {name} tells nobody"


def _as_listed(rule: Resource, alarm: Alarm, deployment: Deployment) -> Iterator[str]:
    """A rule is what its row says."""
    if alarm.kind == "activity":
        yield from _activity(rule, alarm)
        return
    expected = {
        "severity": alarm.severity,
        "evaluationFrequency": alarm.frequency,
        "windowSize": alarm.window,
        "autoMitigate": not alarm.once,
    }
    for part, value in expected.items():
        if rule.at(f"properties.{part}") != value:
            yield f"{rule.where}: the alert {alarm.name}: {part} is not {value!r}"
    looks_at = [one.id for one in deployment.of(alarm.of)]
    # The rule on the availability test looks at the component besides.
    if looks_at != rule.at("properties.scopes", [])[: len(looks_at)]:
        yield f"{rule.where}: the alert {alarm.name} looks elsewhere"
    if alarm.kind == "query":
        yield from _asked(rule, alarm, deployment)
    if alarm.kind == "metric":
        yield from _compared(rule, alarm)


def _asked(rule: Resource, alarm: Alarm, deployment: Deployment) -> Iterator[str]:
    given = deployment.given
    bounds = {
        "lag": given["lagAlertSeconds"],
        "age": given["modelAgeAlertDays"] * 24 * 3600,
        "near": given["logsDailyGigabytes"] * 1000 * 4 // 5,  # Usage counts in MB
    }
    [criterion] = rule.at("properties.criteria.allOf", [{}])
    for part in alarm.asks:
        if part.format(**bounds) not in criterion.get("query", ""):
            yield f"{rule.where}: the alert {alarm.name} does not ask for {part.format(**bounds)}"
    fires = (criterion.get("timeAggregation"), criterion.get("operator"), criterion["threshold"])
    if fires != ("Count", "GreaterThan", 0):
        yield f"{rule.where}: the alert {alarm.name} does not fire at its first row"
    if set(criterion.get("failingPeriods", {}).values()) != {alarm.periods}:
        yield f"{rule.where}: the alert {alarm.name} does not fire after {alarm.periods} windows"


def _compared(rule: Resource, alarm: Alarm) -> Iterator[str]:
    found = rule.at("properties.criteria.allOf", [])
    if len(found) != len(alarm.criteria):
        yield f"{rule.where}: the alert {alarm.name} has not {len(alarm.criteria)} criteria"
    for criterion, listed in zip(found, alarm.criteria, strict=False):
        expected = {"timeAggregation": "Total", **listed}
        for part, wanted in expected.items():
            if criterion.get(part) != wanted:
                yield f"{rule.where}: the alert {alarm.name}: {part} is not {wanted!r}"


def _activity(rule: Resource, alarm: Alarm) -> Iterator[str]:
    """All of its conditions, each a field and its value, or one of several values."""
    found = [
        [one["field"], one["equals"]]
        if "field" in one
        else [one["anyOf"][0]["field"], *(each["equals"] for each in one["anyOf"])]
        for one in rule.at("properties.condition.allOf", [])
    ]
    if found != [list(one) for one in alarm.conditions]:
        yield f"{rule.where}: the alert {alarm.name} has other conditions than its row"
    depth = {"subscription": 2, "resource group": 4}[alarm.of]
    scopes = [one.strip("/").count("/") + 1 for one in rule.at("properties.scopes", [])]
    if scopes != [depth]:
        yield f"{rule.where}: the alert {alarm.name} does not look at its {alarm.of}"


def _query(rule: Resource) -> Query:
    [criterion] = rule.at("properties.criteria.allOf", [{}])
    scope = rule.at("properties.scopes", [""])[0].lower()
    on: Scope = "workspace" if LOGS.lower() in scope else "component"
    return Query(f"{rule.where}: {rule.name}", on, criterion.get("query", ""))


def _lawful(rule: Resource, answer: Answer) -> Iterator[str]:
    """What Azure demands of every rule on logs, or what makes one mute."""
    [criterion] = rule.at("properties.criteria.allOf", [{}])
    window, frequency = rule.at("properties.windowSize"), rule.at("properties.evaluationFrequency")
    if window not in MINUTES or frequency not in MINUTES or frequency == "P2D":
        yield f"{rule.where}: {rule.name}: Azure takes no window {window} every {frequency}"
        return
    periods = criterion.get("failingPeriods", {}).get("numberOfEvaluationPeriods", 1)
    back = MINUTES[window] * periods
    if not MINUTES[frequency] <= back <= MINUTES["P2D"]:
        yield f"{rule.where}: {rule.name}: looks back {back} minutes every {frequency}"
    if periods > 1 and "datetime" not in answer.columns.values():
        yield f"{rule.where}: {rule.name}: {periods} windows, and no column tells them apart"
    # With a longer window it would tell again of the same, with a shorter one pass some over.
    if rule.at("properties.autoMitigate") is not True and window != frequency:
        yield f"{rule.where}: {rule.name}: tells each time, and its windows overlap"


def _published(rule: Resource) -> Iterator[str]:
    """A platform's metric is in the published table, with its aggregation and its dimensions."""
    for criterion in rule.at("properties.criteria.allOf", []):
        kind, name = criterion["metricNamespace"].lower(), criterion["metricName"]
        metric = published(PUBLISHED[kind])["metrics"].get(name) if kind in PUBLISHED else None
        if metric is None:
            yield f"{rule.where}: {rule.name}: {kind} has no metric {name}"
            continue
        if criterion["timeAggregation"] not in metric["aggregations"]:
            yield f"{rule.where}: {rule.name}: {name} has no {criterion['timeAggregation']}"
        for dimension in criterion.get("dimensions", []):
            if dimension["name"] not in metric["dimensions"]:
                yield f"{rule.where}: {rule.name}: {name} has no {dimension['name']}"


def _availability(deployment: Deployment) -> Iterator[str]:
    """From outside a private network nobody can call: the other alerts stand for it there."""
    tests, private = deployment.of(WEB_TEST), deployment.given["privateNetwork"]
    if bool(tests) is private:
        yield f"{_FILE}: the availability test does not follow the switch"
    for test in tests:
        asked = expression(test.at("properties.Request.RequestUrl"))
        if "/api/health', reference(" not in asked or ".defaultHostName" not in asked:
            yield f"{test.where}: the availability test does not ask for health"
        watched = [one.at("properties.criteria.webTestId") for one in deployment.of(METRIC_RULE)]
        if test.id not in watched:
            yield f"{test.where}: nobody is told when the availability test fails"


def _volume(deployment: Deployment) -> Iterator[str]:
    """Nothing logs a row a request of what every batch asks: it would reach the day's cap."""
    hosts = [one.id for one in deployment.of(BLOB_SERVICE) if _of_a_host(one)]
    busy = {*hosts, *(one.id for one in deployment.of(COSMOS))}
    for setting in deployment.of(DIAGNOSTICS):
        for one in setting.at("properties.logs", []) if setting.scope in busy else ():
            if one.get("categoryGroup") or one.get("category") in A_ROW_A_REQUEST:
                shown = one.get("category") or one.get("categoryGroup")
                yield f"{setting.where}: {shown} is a row of logs for every request"


def _of_a_host(blobs: Resource) -> bool:
    return blobs.name.startswith(("stscorer", "sttrainer", "stdesk"))


def _money(deployment: Deployment) -> Iterator[str]:
    budgets = deployment.of(BUDGET)
    if len(budgets) != bool(deployment.given["budgetStart"]):
        yield f"{_FILE}: the budget does not follow budgetStart"
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


if __name__ == "__main__":
    sys.stdout.write("\n".join([*markdown(), ""]))
