"""The workbook shows every figure there is, and asks for no other."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from functions.metrics import METRICS

ROOT = Path(__file__).parents[2]
WORKBOOK = json.loads((ROOT / "infra" / "workbook.json").read_text())
ITEMS: list[dict[str, Any]] = WORKBOOK["items"]
QUERIES = {item["name"]: item["content"] for item in ITEMS if item["type"] == 3}
BY_NAME = {metric.name: metric for metric in METRICS}


def asked(query: str) -> list[str]:
    return re.findall(r"sheriff(?:\.[a-z_]+)+", query)


def test_it_is_a_workbook_of_application_insights() -> None:
    assert WORKBOOK["version"] == "Notebook/1.0"
    assert {item["type"] for item in ITEMS} == {1, 3, 9}  # text, query, parameters
    names = [item["name"] for item in ITEMS]
    assert len(set(names)) == len(names)
    for content in QUERIES.values():
        assert content["version"] == "KqlItem/1.0"
        assert content["queryType"] == 0
        assert content["resourceType"] == "microsoft.insights/components"
        assert content["timeContextFromParameter"] == "TimeRange"
        assert content["visualization"] in {"timechart", "barchart", "table"}


def test_every_figure_is_shown_and_no_other_is_asked_for() -> None:
    shown = {name for content in QUERIES.values() for name in asked(content["query"])}
    assert shown == set(BY_NAME)


@pytest.mark.parametrize("title", QUERIES)
def test_a_query_uses_its_figure_as_what_it_is(title: str) -> None:
    query = QUERIES[title]["query"]
    assert query.startswith("customMetrics\n| where name == 'sheriff.")
    [name] = asked(query)
    metric = BY_NAME[name]
    assert set(re.findall(r"customDimensions\['(\w+)'\]", query)) <= {metric.label}
    extremes = re.search(r"value(Max|Min|Count)", query)
    assert (extremes is None) or metric.kind == "histogram"
    assert ("valueSum" in query) or metric.kind != "counter"


@pytest.mark.parametrize("title", QUERIES)
def test_a_querys_brackets_and_quotes_are_closed_and_its_parameter_is_there(title: str) -> None:
    query = QUERIES[title]["query"]
    bare = re.sub(r"'[^']*'", "''", query)
    for opened, closed in ("()", "[]", "{}"):
        assert bare.count(opened) == bare.count(closed)
    assert "'" not in bare.replace("''", "")
    [parameters] = [item["content"]["parameters"] for item in ITEMS if item["type"] == 9]
    known = {parameter["name"] for parameter in parameters}
    assert set(re.findall(r"\{(\w+)[:}]", query)) <= known


def test_the_documentation_lists_the_same_figures() -> None:
    text = (ROOT / "docs" / "telemetry.md").read_text()
    rows = re.findall(
        r"^\| `(sheriff[a-z_.]+)` \| ([^|]*) \| (?:`(\w+)`)?[^|]*\|", text, re.MULTILINE
    )
    listed = {(name, kind.split(",")[0], label or None) for name, kind, label in rows}
    assert listed == {(metric.name, metric.kind, metric.label) for metric in METRICS}
