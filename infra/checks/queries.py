"""Every Kusto query there is, parsed and bound by Microsoft's language service (queries.js).

The tables that a query may ask are data with their source: ``tables/kusto-component.json`` where
it runs on the Application Insights component, ``tables/kusto-workspace.json`` where it runs on the
Log Analytics workspace. Sheriff's own figures are those of `functions.metrics`.
"""

from __future__ import annotations

import ast
import atexit
import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from functions import metrics
from functions.metrics import METRICS, Metric
from infra.checks.data import published
from shared.errors import SheriffError

type Scope = Literal["component", "workspace"]

WORKBOOK = "infra/workbook.json"
WORKSPACE_FENCE = "// Log Analytics workspace"
"""The first line of a document's query that runs on the workspace; the others run on the component.
"""

_SCOPES: tuple[Scope, ...] = ("component", "workspace")
_BY_NAME = {metric.name: metric for metric in METRICS}
_OURS = re.compile(r"sheriff(?:\.[a-z_]+)+")
_FENCE = re.compile(r"^```kusto\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_GRAIN = re.compile(r"\{\w+:grain\}")


class QueriesError(SheriffError):
    """The language service does not run."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query: where it stands, what it runs on, and its text."""

    where: str
    scope: Scope
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the language service makes of a query.

    ``columns`` are the names and types of its rows, ``texts`` its text literals, ``keys`` what it
    takes of ``customDimensions`` or ``Properties``.
    """

    diagnostics: tuple[str, ...]
    columns: Mapping[str, str]
    texts: frozenset[str]
    keys: frozenset[str]

    @property
    def figures(self) -> frozenset[str]:
        """Sheriff's figures that it asks for."""
        return frozenset(one for one in self.texts if _OURS.fullmatch(one))


_answered: dict[tuple[Scope, str], Answer] = {}


def answers(queries: Sequence[Query]) -> list[Answer]:
    """An answer for each query, in their order; what was asked before is remembered.

    Raises:
        QueriesError: the language service does not run.
    """
    new = [one for one in dict.fromkeys((q.scope, q.text) for q in queries) if one not in _answered]
    if new:
        asked = {
            "scopes": {scope: _schema(scope) for scope in _SCOPES},
            "queries": [{"scope": scope, "text": text} for scope, text in new],
        }
        for one, found in zip(new, _asked(asked), strict=True):
            _answered[one] = Answer(
                tuple(found["diagnostics"]),
                found["columns"],
                frozenset(found["texts"]),
                frozenset(found["keys"]),
            )
    return [_answered[one.scope, one.text] for one in queries]


def _asked(asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What queries.js answers."""
    service = _service()
    assert service.stdin is not None
    assert service.stdout is not None
    try:
        service.stdin.write(json.dumps(asked) + "\n")
        service.stdin.flush()
    except BrokenPipeError:
        pass  # it says nothing then, and why is on standard error
    said = service.stdout.readline()
    if not said:
        raise QueriesError("the language service for queries does not run; make setup installs it")
    found: list[dict[str, Any]] = json.loads(said)
    return found


@cache
def _service() -> subprocess.Popen[str]:
    """The language service, kept warm: it takes seconds to begin. It ends with this process."""
    service = subprocess.Popen(
        ["node", "queries.js"],
        cwd=Path(__file__).parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(service.communicate)
    return service


def _schema(scope: Scope) -> dict[str, Mapping[str, str]]:
    known = published(f"kusto-{scope}")
    functions = {name: one["columns"] for name, one in known["functions"].items()}
    return {"tables": known["tables"], "functions": functions}


def in_workbook(text: str) -> Iterator[Query]:
    """The queries of a workbook; its parameter for the grain stands for a span of time."""
    scopes: Mapping[str, Scope] = {
        "microsoft.insights/components": "component",
        "microsoft.operationalinsights/workspaces": "workspace",
    }
    for item in json.loads(text)["items"]:
        if item["type"] == 3:
            content = item["content"]
            where = f"{WORKBOOK}: {item['name']}"
            yield Query(where, scopes[content["resourceType"]], _GRAIN.sub("5m", content["query"]))


def in_document(file: str, text: str) -> Iterator[Query]:
    """The queries of a page: its fences that say ``kusto``."""
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        scope: Scope = "workspace" if found[1].startswith(WORKSPACE_FENCE) else "component"
        yield Query(f"{file}:{line}", scope, found[1])


def problems(files: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with the queries of the workbook and of the documents, and with the figures."""
    shown = list(in_workbook(files[WORKBOOK]))
    pages = [
        one for file in files if file.endswith(".md") for one in in_document(file, files[file])
    ]
    for query, answer in zip([*shown, *pages], answers([*shown, *pages]), strict=True):
        yield from wrong(query, answer)
    yield from _looked_at(answers(shown))
    yield from _measured(files)


def wrong(query: Query, answer: Answer) -> Iterator[str]:
    """What is wrong with one query: its language, its figures and labels, the hub's metrics."""
    yield from (f"{query.where}: {one}" for one in answer.diagnostics)
    for name in sorted(answer.figures - _BY_NAME.keys()):
        yield f"{query.where}: nothing measures {name}"
    labels = {_BY_NAME[name].label for name in answer.figures & _BY_NAME.keys()}
    if answer.figures:
        for key in sorted(answer.keys - labels):
            yield f"{query.where}: no figure in it has the label {key}"
    if "AzureMetrics" in query.text:
        exported = published("metrics-eventhub-namespaces")["metrics"]
        for name in sorted(answer.texts - answer.figures):
            if not exported.get(name, {}).get("exported"):
                yield f"{query.where}: Event Hubs sends no metric {name} to the workspace"


def _looked_at(shown: Sequence[Answer]) -> Iterator[str]:
    """Each figure and each label is in the workbook: what nobody looks at needs no measuring."""
    seen = frozenset[str]().union(*(one.figures for one in shown))
    for metric in METRICS:
        if metric.name not in seen:
            yield f"{WORKBOOK}: nobody looks at {metric.name}"
        elif metric.label and not any(
            metric.name in one.figures and metric.label in one.keys for one in shown
        ):
            yield f"{WORKBOOK}: nobody looks at the label {metric.label} of {metric.name}"


def _measured(files: Mapping[str, str]) -> Iterator[str]:
    """Each figure is measured somewhere in the code, with its label where it has one."""
    code = [text for file, text in files.items() if file.startswith("functions/")]
    calls = {call for text in code for call in _measures(text)}
    for name, metric in vars(metrics).items():
        if isinstance(metric, Metric):
            labelled = metric.label is not None
            if (name, labelled) not in calls:
                yield f"functions/metrics.py: nothing measures {metric.name}"
            if (name, not labelled) in calls:
                yield f"functions/metrics.py: the label of {metric.name} is {metric.label}"


@cache
def _measures(code: str) -> frozenset[tuple[str, bool]]:
    """Each ``measure(FIGURE, value[, label])``: the constant, and whether there is a label."""
    return frozenset(_measured_in(ast.parse(code)))


def _measured_in(code: ast.Module) -> Iterator[tuple[str, bool]]:
    for node in ast.walk(code):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            first = node.args[0] if node.args else None
            name = getattr(first, "attr", getattr(first, "id", ""))
            if node.func.attr == "measure" and name.isupper():
                yield name, len(node.args) > 2 or bool(node.keywords)
