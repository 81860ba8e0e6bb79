"""The table of alarms: the templates follow it, and its queries fire on rows that say so."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import duckdb_kql
import pytest

from infra.checks import alarms, data
from infra.checks.alarms import MINUTES, QUERY_RULE, Alarm, markdown
from infra.checks.bicep import bench
from infra.checks.compiler import ROOT
from infra.checks.deployment import Deployment, Templates

ALARMS = {one.name: one for one in alarms.alarms()}
QUERIES = [one.name for one in ALARMS.values() if one.kind == "query"]
GIVEN = {"ordersFlow": True, "watchActivity": "subscription", "watchRolesGiven": True}


@pytest.fixture(scope="module")
def deployed() -> Deployment:
    """Production, without its private network, so that every alarm there is is there."""
    with bench({}) as on:
        given, _ = on.compiler.parameters(on.environment("prod"))
        templates = Templates.of(on.compiler, on.folder)
        return templates.deployed(on.compiler, {**given, **GIVEN, "privateNetwork": False})


# --- the table and the templates ------------------------------------------------------------------


@pytest.mark.compiler
def test_every_alarm_of_the_table_is_deployed_and_no_other(deployed: Deployment) -> None:
    found = {one.name.removeprefix("sheriff-prod-") for one in alarms._rules(deployed)}
    assert found == set(ALARMS)
    assert list(alarms.problems(deployed)) == []


FAULTS = {
    "it takes no second incident for news": (
        "incident-opened", {"autoMitigate": True}, "autoMitigate is not False",
    ),
    "it tells of the same incident again": (
        "incident-opened", {"windowSize": "PT15M"}, "its windows overlap",
    ),
    "two windows that no column tells apart": (
        "unscored",
        {"query": "AzureMetrics | summarize arrived = sum(Total) | where arrived > 0"},
        "2 windows, and no column tells them apart",
    ),
    "it looks at the timer's name": (
        "failed-retrain",
        {"query": 'requests | where operation_Name == "retrain_nightly"'},
        'does not ask for cloud_RoleName has "sheriff-trainer"',
    ),
    "a window that Azure does not take": (
        "night-missing", {"windowSize": "PT26H"}, "Azure takes no window PT26H",
    ),
    "a cap that is told after it": (
        "logs-near-cap", {"query": "Usage | where Quantity > 12000"}, "does not ask for > 8000",
    ),
    "a query that does not parse": (
        "retries", {"query": "customMetrics | wher name"}, "Query operator expected",
    ),
    "another severity": ("unscored", {"severity": 2}, "severity is not 0"),
    "a metric that is not published": (
        "capture-behind", {"metricName": "CaptureDelay"}, "has no metric CaptureDelay",
    ),
    "a sum of what has none": (
        "throttled-documents", {"timeAggregation": "Total"}, "TotalRequests has no Total",
    ),
    "a dimension that is not published": (
        "throttled-documents",
        {"dimensions": [{"name": "HttpStatus", "operator": "Include", "values": ["429"]}]},
        "TotalRequests has no HttpStatus",
    ),
    "other conditions": (
        "lock-deleted", {"allOf": [{"field": "category", "equals": "Policy"}]},
        "has other conditions than its row",
    ),
}  # fmt: skip


@pytest.mark.compiler
@pytest.mark.parametrize("fault", FAULTS)
def test_a_rule_that_departs_from_its_row_is_named(deployed: Deployment, fault: str) -> None:
    name, change, said = FAULTS[fault]
    broken = [
        replace(one, body=_changed(one.body, change)) if one.name.endswith(name) else one
        for one in deployed.resources
    ]
    found = list(alarms.problems(replace(deployed, resources=broken)))
    assert any(said in one for one in found), found


def _changed(body: Any, change: Mapping[str, Any]) -> Any:
    """A resource with every property of these names, however deep, replaced."""
    if isinstance(body, Mapping):
        return {name: change.get(name, _changed(one, change)) for name, one in body.items()}
    return [_changed(one, change) for one in body] if isinstance(body, list) else body


@pytest.mark.compiler
def test_orders_that_do_not_come_wake_nobody_where_none_are_expected(deployed: Deployment) -> None:
    with bench({}) as on:
        given, _ = on.compiler.parameters(on.environment("dev"))
        dev = Templates.of(on.compiler, on.folder).deployed(on.compiler, given)
    names = {one.name.removeprefix("sheriff-dev-") for one in alarms._rules(dev)}
    assert not names & {"no-orders", "unread", "capture-behind", "role-taken"}
    assert {"unscored", "night-missing", "logs-stopped"} <= names


@pytest.mark.compiler
def test_a_deployment_of_production_tells_nobody_of_the_roles_it_gives() -> None:
    with bench({}) as on:
        given, _ = on.compiler.parameters(on.environment("prod"))
        prod = Templates.of(on.compiler, on.folder).deployed(on.compiler, given)
    told_of = json.dumps([one.body for one in prod.of(alarms.ACTIVITY_RULE)])
    assert "roleAssignments/delete" in told_of
    assert "oleAssignments/write" not in told_of


@pytest.mark.compiler
@pytest.mark.parametrize("category", ["DataPlaneRequests", "StorageWrite"])
def test_a_row_of_logs_for_every_request_is_named(deployed: Deployment, category: str) -> None:
    broken = [
        replace(one, body=_changed(one.body, {"category": category}))
        if one.type == alarms.DIAGNOSTICS
        else one
        for one in deployed.resources
    ]
    found = list(alarms.problems(replace(deployed, resources=broken)))
    assert any(f"{category} is a row of logs for every request" in one for one in found)


# --- the table and its page -----------------------------------------------------------------------


def test_the_operations_page_has_the_table() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert "\n".join(markdown()) in page


@pytest.mark.parametrize("name", ALARMS)
def test_the_operations_page_says_what_to_do_about_each(name: str) -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    [_, answers] = page.split("| alert rule | means | do |")
    assert f"| `{name}`" in answers


# --- how often it is told -------------------------------------------------------------------------


def told(alarm: Alarm, violated: Sequence[bool]) -> list[int]:
    """The looks at which somebody is told, counted from 0.

    "Stateless alerts fire each time the condition is met", stateful ones "will not fire again [...]
    until the conditions are resolved" ("What are Azure Monitor alerts?", 2025-05-08).
    """
    found, quiet = [], None
    for look, bad in enumerate(violated):
        if alarm.ends_after is None or quiet is None:
            found += [look] if bad else []
            quiet = 0 if bad else None
        else:
            quiet = 0 if bad else quiet + 1
            if quiet * MINUTES[alarm.frequency] >= alarm.ends_after:
                quiet = None
    return found


def test_a_second_incident_ten_minutes_after_the_first_is_told() -> None:
    assert told(ALARMS["incident-opened"], [True, False, True]) == [0, 2]


def test_a_state_is_told_once_until_it_has_ended() -> None:
    lag = ALARMS["oldest-event-age"]
    assert told(lag, [True, True, False, False, True]) == [0]
    assert told(lag, [True, False, False, False, True]) == [0, 4]


def test_dead_letters_of_every_hour_are_told_every_hour() -> None:
    assert told(ALARMS["dead-letters"], [True, True, False, True]) == [0, 1, 3]


def test_what_wakes_somebody_up_is_told_within_an_hour() -> None:
    urgent = [one for one in ALARMS.values() if one.severity in {0, 1} and one.name != "no-orders"]
    assert max(one.told_within for one in urgent) == 35
    assert ALARMS["no-orders"].told_within == 65


# --- the queries, on rows -------------------------------------------------------------------------

type Row = tuple[str, float, Mapping[str, Any]]
"""A table, the row's age in minutes, and what it says."""

_TYPES = {
    "string": "VARCHAR", "real": "DOUBLE", "int": "INTEGER", "long": "BIGINT",
    "bool": "BOOLEAN", "datetime": "TIMESTAMP", "dynamic": "JSON",
}  # fmt: skip


def figure(name: str, value: float, age: float = 2) -> Row:
    """A row of one value, as the exporter sends it."""
    said = {"value": value, "valueSum": value, "valueMax": value, "valueMin": value}
    return "customMetrics", age, {"name": f"sheriff.{name}", "valueCount": 1, **said}


def request(role: str, success: str, code: str = "0", url: str = "", age: float = 2) -> Row:
    said = {"cloud_RoleName": role, "success": success, "resultCode": code, "url": url}
    return "requests", age, {"name": "a request", **said}


def scored(orders: float, age: float) -> Row:
    return "AppMetrics", age, {"Name": "sheriff.orders.scored", "Sum": orders}


def arrived(orders: float, age: float) -> Row:
    return "AzureMetrics", age, {"MetricName": "IncomingMessages", "Total": orders}


def operation(category: str, detail: str) -> Row:
    return "_LogOperation", 2, {"Category": category, "Detail": detail}


def used(megabytes: float, billable: bool, age: float) -> Row:
    return "Usage", age, {"Quantity": megabytes, "IsBillable": billable}


DAY = 24 * 60
NIGHT = figure("retrain.failed", 0, age=20 * 60)
AGED = figure("hub.anew", 0, age=30 * 60)
# As "Monitor operational issues in your Azure Monitor Log Analytics workspace" (2026-05-04) has it.
STOPPED = (
    "Data collection stopped due to daily limit of free data reached. Ingestion status = OverQuota"
)
HOST = "func-sheriff-trainer-prod-abc"  # the host calls itself by the name of the app

QUARTER = datetime(2026, 11, 30, 12, tzinfo=UTC)
LOOKS = [QUARTER + timedelta(minutes=past) for past in (1, 5, 10.5, 14.9)]
"""When a rule looks: anywhere within a quarter of an hour."""

FIRES: Mapping[str, Sequence[Sequence[Row]]] = {
    "oldest-event-age": [[figure("lag", 301)], [figure("lag", 10), figure("lag", 900)]],
    "unscored": [
        [arrived(50, age) for age in range(1, 30)],
        [scored(0, 3), *(arrived(50, age) for age in range(1, 30))],
    ],
    "hub-made-anew": [[figure("hub.anew", 1)]],
    "partition-stalled": [[figure("partition.stalled", 0), figure("partition.stalled", 1)]],
    "fuse": [[figure("fuse", 1)]],
    "unwatched": [[figure("orders.scored", 5)], [figure("hub.anew", 0, age=16)]],
    "no-orders": [[figure("hub.anew", 0)], [figure("orders.scored", 0)]],
    "dead-letters": [[figure("orders.dead_lettered", 1, age=55)]],
    "retries": [[figure("retries", 3), figure("retries", 3)]],
    "server-errors": [[request("sheriff-desk", "False", "503")] * 5],
    "incident-opened": [[figure("incidents.opened", 1)]],
    "failed-retrain": [
        [figure("retrain.failed", 1)],
        [request(HOST, "False")],  # killed: it told nothing itself
        [request("sheriff-trainer", "False")],
    ],
    "night-missing": [
        [AGED],
        [AGED, figure("retrain.failed", 0, age=27 * 60)],
        [AGED, figure("hub.anew", 0)],
    ],
    "model-age": [[figure("model.age", 15 * DAY * 60)]],
    "logs-stopped": [[operation("Ingestion", STOPPED)]],
    "logs-near-cap": [[used(4100, True, 60), used(4100, True, 20 * 60)]],
}
QUIET: Mapping[str, Sequence[Sequence[Row]]] = {
    "oldest-event-age": [[figure("lag", 299)], [figure("lag", 900, age=16)]],
    "unscored": [
        [scored(40, age) for age in range(1, 30)],
        [*(scored(40, age) for age in range(1, 30)), *(arrived(50, age) for age in range(1, 30))],
        [arrived(5, 1)],  # the first orders after a quiet night
    ],
    "hub-made-anew": [[figure("hub.anew", 0)]],
    "partition-stalled": [[figure("partition.stalled", 0)]],
    "fuse": [[figure("retries", 1)]],
    "unwatched": [[figure("hub.anew", 0)], [figure("hub.anew", 1)]],
    "no-orders": [[figure("orders.scored", 1, age=59)]],
    "dead-letters": [[figure("orders.dead_lettered", 0)]],
    "retries": [[figure("retries", 5)]],
    "server-errors": [[request("sheriff-desk", "False", "503")] * 4, [request("x", "True")] * 9],
    "incident-opened": [[figure("incidents.opened", 1, age=6)]],
    "failed-retrain": [
        [figure("retrain.failed", 0)],
        [request(HOST, "True")],
        [request("func-sheriff-scorer-prod-abc", "False")],
        [request(HOST, "False", "404", "https://trainer/api/none")],
    ],
    "night-missing": [
        [figure("hub.anew", 0)],  # made today
        [AGED, NIGHT],
        [AGED, figure("retrain.failed", 1, age=60)],  # failed: another alarm tells
    ],
    "model-age": [[figure("model.age", 13 * DAY * 60)]],
    "logs-stopped": [[operation("Ingestion", "Ingestion rate")], [operation("Agent", "OverQuota")]],
    "logs-near-cap": [
        [used(7900, True, 60)],
        [used(9000, False, 60)],
        [used(9000, True, 25 * 60)],
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Workspace:
    """The published tables, with the rows of a case."""

    now: datetime
    connection: duckdb.DuckDBPyConnection

    @classmethod
    def of(cls, rows: Iterable[Row], reach: timedelta, now: datetime) -> "Workspace":
        """Rows that are older than a rule reaches are not there."""
        made = cls(now, duckdb.connect())
        for scope in ("component", "workspace"):
            published = data.published(f"kusto-{scope}")
            functions = {name: one["columns"] for name, one in published["functions"].items()}
            for name, columns in (published["tables"] | functions).items():
                typed = [one.split(": ") for one in columns.split(", ")]
                spelled = ", ".join(f'"{column}" {_TYPES[kind]}' for column, kind in typed)
                made.connection.execute(f'create table "{name}" ({spelled})')
        for table, age, said in rows:
            if timedelta(minutes=age) < reach:
                made.insert(table, age, said)
        return made

    def insert(self, table: str, age: float, said: Mapping[str, Any]) -> None:
        column = "timestamp" if table in {"customMetrics", "requests"} else "TimeGenerated"
        at = (self.now - timedelta(minutes=age)).replace(tzinfo=None)
        row = {column: at, **said}
        columns = ", ".join(f'"{one}"' for one in row)
        marks = ", ".join("?" * len(row))
        self.connection.execute(
            f'insert into "{table}" ({columns}) values ({marks})', list(row.values())
        )


def fires(deployed: Deployment, name: str, rows: Iterable[Row], look: datetime = QUARTER) -> bool:
    """Whether a deployed rule fires at its look: in each of its windows there is a row."""
    [rule] = [one for one in deployed.of(QUERY_RULE) if one.name == f"sheriff-prod-{name}"]
    [criterion] = rule.at("properties.criteria.allOf")
    windows = criterion["failingPeriods"]["numberOfEvaluationPeriods"]
    window = timedelta(minutes=MINUTES[rule.at("properties.windowSize")])
    with_rows = Workspace.of(rows, window * windows, look)
    found = duckdb_kql.query(with_rows.connection, at_look(criterion["query"], look))
    answer = found.fetchall()
    if windows == 1:
        return bool(answer)
    [at] = [n for n, column in enumerate(found.columns) if column == "TimeGenerated"]
    now = with_rows.now.replace(tzinfo=None)
    return {(now - row[at]) // window for row in answer} >= set(range(windows))


CASES = [
    (name, look) for name in QUERIES for look in (LOOKS if ALARMS[name].periods > 1 else LOOKS[:1])
]
"""Every query at a look; one that goes by quarters of the clock at several."""


def at_look(query: str, look: datetime) -> str:
    """A query whose `ago` counts from the look and not from the clock of the test."""
    now = f"datetime({look:%Y-%m-%dT%H:%M:%SZ})"
    return re.sub(r"\bago\((\w+)\)", rf"({now} - \1)", query)


def test_every_query_has_rows_on_which_it_fires_and_rows_on_which_it_does_not() -> None:
    assert set(FIRES) == set(QUIET) == set(QUERIES)


@pytest.mark.compiler
@pytest.mark.parametrize(("name", "look"), CASES, ids=str)
def test_a_rule_fires_when_what_it_is_for_has_happened(
    deployed: Deployment, name: str, look: datetime
) -> None:
    found = [fires(deployed, name, rows, look) for rows in FIRES[name]]
    assert found == [True] * len(FIRES[name])


@pytest.mark.compiler
@pytest.mark.parametrize(("name", "look"), CASES, ids=str)
def test_a_rule_is_quiet_when_all_is_well(deployed: Deployment, name: str, look: datetime) -> None:
    found = [fires(deployed, name, rows, look) for rows in QUIET[name]]
    assert found == [False] * len(QUIET[name])


@pytest.mark.compiler
def test_unscored_waits_for_its_next_look_while_a_quarter_has_no_minute_yet(
    deployed: Deployment,
) -> None:
    """Its windows are quarters of the clock: one that has just begun has no row."""
    early, next_look = (QUARTER + timedelta(minutes=past) for past in (0.5, 5.5))
    rows = FIRES["unscored"][0]
    assert [fires(deployed, "unscored", rows, look) for look in (early, next_look)] == [False, True]


@pytest.mark.compiler
@pytest.mark.parametrize("name", QUERIES)
def test_without_any_data_a_rule_does_what_its_row_says(deployed: Deployment, name: str) -> None:
    assert fires(deployed, name, []) is ALARMS[name].missing.startswith("it tells")
