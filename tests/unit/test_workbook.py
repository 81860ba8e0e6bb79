"""The workbook is one, and asks for each figure as what it is (its language: test_queries.py)."""

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


@pytest.mark.parametrize("title", QUERIES)
def test_a_query_uses_its_figure_as_what_it_is(title: str) -> None:
    query = QUERIES[title]["query"]
    assert query.startswith("customMetrics\n| where name == 'sheriff.")
    [name] = re.findall(r"sheriff(?:\.[a-z_]+)+", query)
    metric = BY_NAME[name]
    extremes = re.search(r"value(Max|Min|Count)", query)
    assert (extremes is None) or metric.kind == "histogram"
    assert ("valueSum" in query) or metric.kind != "counter"


def test_every_parameter_of_a_query_is_the_workbooks() -> None:
    [parameters] = [item["content"]["parameters"] for item in ITEMS if item["type"] == 9]
    known = {parameter["name"] for parameter in parameters}
    for content in QUERIES.values():
        assert set(re.findall(r"\{(\w+)[:}]", content["query"])) <= known


def test_the_documentation_lists_the_same_figures() -> None:
    text = (ROOT / "docs" / "telemetry.md").read_text()
    rows = re.findall(
        r"^\| `(sheriff[a-z_.]+)` \| ([^|]*) \| (?:`(\w+)`)?[^|]*\|", text, re.MULTILINE
    )
    listed = {(name, kind.split(",")[0], label or None) for name, kind, label in rows}
    assert listed == {(metric.name, metric.kind, metric.label) for metric in METRICS}
