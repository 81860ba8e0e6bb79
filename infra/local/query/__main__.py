"""python -m infra.local.query [NAME | "SQL"]: ask the alerts of a local stack; it only reads.

Without a name it lists the queries of docs/queries.md. With a name it runs that query. The examples
in it (a rep, an order, an incident, a month) are replaced by the options, else by the costliest
alert's. It takes the environment's settings (`stack env`), else the settings of the stack that is
up: .sheriff/stack, .sheriff/demo/stack or .sheriff/demo-orders/stack.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from azure.core.exceptions import AzureError
from azure.cosmos import CosmosClient, DatabaseProxy
from azure.cosmos.exceptions import CosmosHttpResponseError

from infra.local import commands
from infra.local.processes import StackError
from infra.local.query.documented import Examples, Query, documented
from infra.local.query.view import show
from infra.local.services import ROOT
from infra.local.stack import Stack
from shared.containers import ALERTS, PARTITION_KEYS

STATES = tuple(ROOT / ".sheriff" / name for name in ("stack", "demo/stack", "demo-orders/stack"))
DOCUMENT = ROOT / "docs" / "queries.md"


class Store:
    """The documents of a stack, to read only."""

    def __init__(self, database: DatabaseProxy) -> None:
        self._database = database

    def rows(self, container: str, sql: str) -> list[Any]:
        """Return what a query finds.

        Raises:
            StackError: the store refuses the query, or does not answer.
        """
        try:
            client = self._database.get_container_client(container)
            return list(client.query_items(sql, enable_cross_partition_query=True))
        except CosmosHttpResponseError as error:
            raise StackError(f"Cosmos DB refuses the query: {_complaint(error)}") from None
        except AzureError as error:
            raise StackError(f"Cosmos DB does not answer: {type(error).__name__}") from None

    def examples(self) -> Examples:
        """Take examples from the costliest alert.

        The month is the costliest added item's, and the incident any alert's that has one.
        """
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
    """Return the environment's settings, else the settings of a stack that is up.

    Raises:
        StackError: no stack is up.
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
    with _client(given) as client:
        store = Store(client.get_database_client(given.get("COSMOS_DATABASE") or "sheriff"))
        container, sql = _query(options, store)
        rows = store.rows(container, sql)
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        show(container, sql, rows)
    return 0


def _client(given: Mapping[str, str]) -> CosmosClient:
    endpoint, key = given["COSMOS_ENDPOINT"], given.get("COSMOS_KEY", "")
    try:
        return CosmosClient(endpoint, key, retry_total=1, connection_timeout=5)
    except (AzureError, ValueError) as error:
        raise StackError(
            f"Cosmos DB at {endpoint} does not answer: {type(error).__name__}"
        ) from None


def _query(options: argparse.Namespace, store: Store) -> tuple[str, str]:
    """Return container and SQL: of the named query with its examples replaced, or as given."""
    query = _documented().get(options.query)
    if query is None:
        return options.container or "alerts", options.query
    costliest = store.examples()
    examples = Examples(
        options.rep or costliest.rep,
        options.order or costliest.order,
        options.incident or costliest.incident,
        options.month or costliest.month,
    )
    return options.container or query.container, examples.put_into(query.sql)


def _documented() -> dict[str, Query]:
    """Return the queries of `DOCUMENT` by name."""
    return {query.name: query for query in documented(DOCUMENT.read_text(encoding="utf-8"))}


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
    parser.add_argument(
        "query",
        nargs="?",
        metavar='NAME | "SQL"',
        help="a query's name; without one, list the names",
    )
    parser.add_argument(
        "--container", choices=sorted(PARTITION_KEYS), help="container for SQL (alerts)"
    )
    parser.add_argument("--rep", help="instead of the costliest alert's")
    parser.add_argument("--order", metavar="ID")
    parser.add_argument("--incident", metavar="ID")
    parser.add_argument("--month", type=_month, metavar="YYYY-MM")
    parser.add_argument("--json", action="store_true", help="print the documents as stored")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask; return 2 and print one line if that cannot be."""
    options = _parser().parse_args(arguments)

    def command() -> int:
        if options.query is None:
            return _list()
        names = list(_documented())
        if not re.search(r"\s", options.query) and options.query not in names:
            raise StackError(f"no query {options.query!r}; there are {', '.join(names)}")
        return ask(options, settings())

    return commands.run("query", command, bad=2)


def _list() -> int:
    for query in _documented().values():
        print(f"{query.name:<12} {query.what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
