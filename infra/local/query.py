"""python -m infra.local.query [NAME | "SQL"]: ask a local stack's alerts; nothing can be changed.

Without a name: the queries of docs/queries.md. A named one runs as it stands there, save that its
examples (a rep, an order, an incident, a month) are replaced by those of the costliest alert, or by
those that are given. The settings are those of the environment (`stack env`), else those of the
stack that is up: .sheriff/stack, .sheriff/demo/stack or .sheriff/demo-orders/stack.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import AzureError
from azure.cosmos import CosmosClient, DatabaseProxy
from azure.cosmos.exceptions import CosmosHttpResponseError

from infra.local import commands
from infra.local.processes import StackError
from infra.local.query_view import show
from infra.local.services import ROOT
from infra.local.stack import Stack
from shared.containers import ALERTS, PARTITION_KEYS

STATES = tuple(ROOT / ".sheriff" / name for name in ("stack", "demo/stack", "demo-orders/stack"))
DOCUMENT = ROOT / "docs" / "queries.md"

_SECTION = re.compile(
    r"Container `(?P<container>\w+)`|"
    r"^`(?P<name>[a-z-]+)`, (?P<what>.*):\n```sql\n(?P<sql>[^`]*)```",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Query:
    """A query of docs/queries.md."""

    name: str
    what: str
    container: str
    sql: str


@dataclass(frozen=True)
class Examples:
    """What stands in for the examples of a query; None leaves the one that it has."""

    rep: str | None = None
    order: str | None = None
    incident: str | None = None
    month: str | None = None  # as 2026-03

    def put_into(self, sql: str) -> str:
        """The query with these in the places of its own."""
        texts = {"c.rep_id": self.rep, "c.order_id": self.order, "c.incident_id": self.incident}
        for name, value in texts.items():
            if value is not None:
                sql = _replaced(sql, f"{name} = ", value)
        if self.month is not None:
            after = datetime.strptime(f"{self.month}-01", "%Y-%m-%d").replace(tzinfo=UTC)
            after = (after + timedelta(days=31)).replace(day=1)
            sql = _replaced(sql, "c.ordered_at >= ", f"{self.month}-01")
            sql = _replaced(sql, "c.ordered_at < ", f"{after:%Y-%m-%d}")
        return sql


def _replaced(sql: str, before: str, value: str) -> str:
    """A query with another text wherever a quoted one stands after ``before``."""
    # A backslash or a quote inside a text of Cosmos DB's SQL is written with a backslash.
    text = value.replace("\\", "\\\\").replace("'", "\\'")
    first, *others = sql.split(f"{before}'")
    return first + "".join(f"{before}'{text}'{one.partition("'")[2]}" for one in others)


def documented(text: str) -> list[Query]:
    """The named queries of a document, each with the container that was named last before it."""
    queries, container = [], ALERTS
    for found in _SECTION.finditer(text):
        if found["container"]:
            container = found["container"]
        else:
            what = " ".join(found["what"].split())
            queries.append(Query(found["name"], what, container, found["sql"].strip()))
    return queries


class Store:
    """The documents of a stack, to be read."""

    def __init__(self, database: DatabaseProxy) -> None:
        self._database = database

    def rows(self, container: str, sql: str) -> list[Any]:
        """What a query finds.

        Raises:
            StackError: it is no query, or the store does not answer.
        """
        try:
            client = self._database.get_container_client(container)
            return list(client.query_items(sql, enable_cross_partition_query=True))
        except CosmosHttpResponseError as error:
            raise StackError(f"Cosmos DB refuses the query: {_complaint(error)}") from None
        except AzureError as error:
            raise StackError(f"Cosmos DB does not answer: {type(error).__name__}") from None

    def examples(self) -> Examples:
        """Those of the costliest alert, and of the costliest with an added item or an incident."""
        fields = "SELECT TOP 1 c.rep_id, c.order_id, c.ordered_at, c.incident_id FROM c"
        added = (
            "c.probability >= 0.9 AND ARRAY_CONTAINS(c.findings, {'typology': 'added_item'}, true)"
        )
        costliest = self._first(f"{fields} ORDER BY c.expected_loss DESC")
        item = self._first(f"{fields} WHERE {added} ORDER BY c.expected_loss DESC") or costliest
        within = self._first(
            f"{fields} WHERE NOT IS_NULL(c.incident_id) AND IS_DEFINED(c.incident_id)"
        )
        return Examples(
            costliest.get("rep_id"),
            costliest.get("order_id"),
            within.get("incident_id"),
            item["ordered_at"][:7] if item else None,
        )

    def _first(self, sql: str) -> dict[str, Any]:
        rows = self.rows(ALERTS, sql)
        return rows[0] if rows else {}


def _complaint(error: CosmosHttpResponseError) -> str:
    text = (error.http_error_message or str(error)).partition("\n")[0]
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text


def settings() -> Mapping[str, str]:
    """The environment's settings, else those of a stack that is up.

    Raises:
        StackError: there is none.
    """
    if os.environ.get("COSMOS_ENDPOINT"):
        return os.environ
    for state in STATES:
        stack = Stack(state)
        if stack.pid("cosmos"):
            return stack.settings()
    raise StackError(
        "no stack is up: `make demo`, then "
        "`.venv/bin/python -m infra.local.stack up --state .sheriff/demo/stack`"
    )


def ask(options: argparse.Namespace, given: Mapping[str, str]) -> int:
    """Run one query and print what it finds."""
    queries = {query.name: query for query in documented(DOCUMENT.read_text(encoding="utf-8"))}
    key, name = given.get("COSMOS_KEY", ""), given.get("COSMOS_DATABASE") or "sheriff"
    try:
        client = CosmosClient(given["COSMOS_ENDPOINT"], key, retry_total=1, connection_timeout=5)
    except (AzureError, ValueError) as error:
        where = given["COSMOS_ENDPOINT"]
        raise StackError(f"Cosmos DB at {where} does not answer: {type(error).__name__}") from None
    with client:
        store = Store(client.get_database_client(name))
        query = queries.get(options.query)
        if query is None:
            container, sql = options.container or ALERTS, options.query
        else:
            container, sql = options.container or query.container, query.sql
            found = store.examples()
            sql = Examples(
                options.rep or found.rep,
                options.order or found.order,
                options.incident or found.incident,
                options.month or found.month,
            ).put_into(sql)
        rows = store.rows(container, sql)
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        show(container, sql, rows)
    return 0


def _month(text: str) -> str:
    try:
        datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a month, as 2026-03") from None
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.local.query",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("query", nargs="?", metavar='NAME | "SQL"', help="none: list the names")
    parser.add_argument("--container", choices=sorted(PARTITION_KEYS), help="for SQL: alerts")
    parser.add_argument("--rep", help="instead of the costliest alert's")
    parser.add_argument("--order", metavar="ID")
    parser.add_argument("--incident", metavar="ID")
    parser.add_argument("--month", type=_month, metavar="YYYY-MM")
    parser.add_argument("--json", action="store_true", help="what is found, as it is stored")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask; its exit code: 2 and one line where that cannot be."""
    parser = _parser()
    options = parser.parse_args(arguments)

    def command() -> int:
        if options.query is None:
            return _list()
        if not re.search(r"\s", options.query) and options.query not in _documented_names():
            raise StackError(f"no query {options.query!r}: one of {', '.join(_documented_names())}")
        return ask(options, settings())

    return commands.run("query", command, bad=2)


def _documented_names() -> list[str]:
    return [query.name for query in documented(DOCUMENT.read_text(encoding="utf-8"))]


def _list() -> int:
    for query in documented(DOCUMENT.read_text(encoding="utf-8")):
        print(f"{query.name:<12} {query.what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
