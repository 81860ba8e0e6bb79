"""Every Kusto query parses and binds, and asks for what is measured; what does not is named."""

import json
import re
from collections.abc import Mapping

import pytest

from functions.metrics import METRICS
from infra.checks import queries
from infra.checks.bicep import read_files
from infra.checks.data import published
from infra.checks.queries import Query, Scope, answers, in_document, in_workbook, problems, wrong

FILES = read_files({})


def said(scope: Scope, text: str) -> list[str]:
    """What is wrong with one query."""
    query = Query("here", scope, text)
    return list(wrong(query, *answers([query])))


def with_workbook(change: str, to: str) -> Mapping[str, str]:
    text = FILES[queries.WORKBOOK]
    assert change in text
    return {**FILES, queries.WORKBOOK: text.replace(change, to)}


def test_nothing_is_wrong_with_the_queries_of_workbook_and_documents() -> None:
    assert list(problems(FILES)) == []


def test_every_fence_of_a_document_that_says_kusto_is_a_query() -> None:
    pages = {file: text for file, text in FILES.items() if file.endswith(".md")}
    fences = sum(text.count("```kusto") for text in pages.values())
    found = [one for file, text in pages.items() for one in in_document(file, text)]
    assert len(found) == fences >= 3
    assert {one.scope for one in found} == {"component", "workspace"}


def test_every_query_of_the_workbook_is_read() -> None:
    shown = json.loads(FILES[queries.WORKBOOK])["items"]
    assert len(list(in_workbook(FILES[queries.WORKBOOK]))) == sum(i["type"] == 3 for i in shown)


ON_THE_COMPONENT = {
    "customMetrics | wher name == 'x'": "Query operator expected",
    "customMetrics | where nam == 'x'": "'nam' does not refer to any known column",
    "customMetrics | where value > 'x'": "KS",
    "AppMetrics | count": "'AppMetrics' does not refer to any known table",
    "customMetrics | where name == 'sheriff.delay'": "nothing measures sheriff.delay",
    "customMetrics | where name == 'sheriff.lag' "
    "| summarize max(valueMax) by tostring(customDimensions['store'])": (
        "no figure in it has the label store"
    ),
    "customMetrics | where name == 'sheriff.lag' | project customDimensions.store": (
        "no figure in it has the label store"
    ),
}
ON_THE_WORKSPACE = {
    "customMetrics | count": "'customMetrics' does not refer to any known table",
    "_LogOperation | where Details has 'x'": "'Details' does not refer to any known column",
    # It is published as not exportable.
    "AzureMetrics | where MetricName == 'CaptureBacklog' | summarize sum(Total)": (
        "Event Hubs sends no metric CaptureBacklog to the workspace"
    ),
}


@pytest.mark.parametrize("text", ON_THE_COMPONENT)
def test_a_query_on_the_component_that_is_wrong_is_named(text: str) -> None:
    found = said("component", text)
    assert any(ON_THE_COMPONENT[text] in one for one in found), found


@pytest.mark.parametrize("text", ON_THE_WORKSPACE)
def test_a_query_on_the_workspace_that_is_wrong_is_named(text: str) -> None:
    found = said("workspace", text)
    assert any(ON_THE_WORKSPACE[text] in one for one in found), found


def test_the_place_of_a_fault_is_its_line_and_column() -> None:
    [one] = said("component", "customMetrics\n| where nam == 'x'")
    assert one.startswith("here: 2:9 KS142")


def test_a_figure_or_a_label_that_nobody_looks_at_is_named() -> None:
    found = list(problems(with_workbook("sheriff.shadow.orders", "sheriff.orders.scored")))
    assert found == ["infra/workbook.json: nobody looks at sheriff.shadow.orders"]
    found = list(problems(with_workbook("customDimensions['typology']", "'typology'")))
    assert found == ["infra/workbook.json: nobody looks at the label typology of sheriff.alerts"]


def test_a_figure_that_nothing_measures_any_more_is_named() -> None:
    code = FILES["functions/condition.py"]
    without = re.sub(r"\n.*measure\(FUSE, 1\)", "", code)
    assert without != code
    found = list(problems({**FILES, "functions/condition.py": without}))
    assert found == ["functions/metrics.py: nothing measures sheriff.fuse"]


def test_a_figure_that_is_measured_without_its_label_is_named() -> None:
    code = FILES["functions/summary.py"]
    without = code.replace("metrics.DEAD_LETTERED, count, code", "metrics.DEAD_LETTERED, count")
    found = list(problems({**FILES, "functions/summary.py": without}))
    assert found == [
        "functions/metrics.py: nothing measures sheriff.orders.dead_lettered",
        "functions/metrics.py: the label of sheriff.orders.dead_lettered is code",
    ]


def test_a_figure_is_named_in_the_table_of_figures_and_nowhere_else_in_the_code() -> None:
    code = {name: text for name, text in FILES.items() if name.endswith(".py")}
    quoted = {name: set(re.findall(r'"(sheriff\.[a-z_.]+)"', text)) for name, text in code.items()}
    figures = {metric.name for metric in METRICS}
    assert [name for name, found in quoted.items() if found & figures] == ["functions/metrics.py"]


@pytest.mark.parametrize(
    "name",
    [
        "kusto-component",
        "kusto-workspace",
        "metrics-eventhub-namespaces",
        "metrics-documentdb-databaseaccounts",
    ],
)
def test_a_published_table_says_where_it_is_from_and_when_it_was_read(name: str) -> None:
    found = published(name)
    assert "https://learn.microsoft.com/" in found["source"]
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", found["read"])
    assert found["pages"] < found["read"]
