"""The named queries of docs/queries.md, and how their examples are replaced by real ids."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

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
    """Values to put in place of the examples in a query; None leaves the example there."""

    rep: str | None = None
    order: str | None = None
    incident: str | None = None
    month: str | None = None  # as 2026-03

    def put_into(self, sql: str) -> str:
        """Return the query with these values instead of its examples."""
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
    """Return a query with another value in each quoted text that follows ``before``."""
    # In a text of Cosmos DB's SQL a backslash escapes a quote, and itself.
    text = value.replace("\\", "\\\\").replace("'", "\\'")
    first, *others = sql.split(f"{before}'")
    return first + "".join(f"{before}'{text}'{other.partition("'")[2]}" for other in others)


def documented(text: str) -> list[Query]:
    """Return the named queries of a document; each asks the container named last before it."""
    queries, container = [], "alerts"
    for section in _SECTION.finditer(text):
        if section["container"]:
            container = section["container"]
        else:
            what = " ".join(section["what"].split())
            queries.append(Query(section["name"], what, container, section["sql"].strip()))
    return queries
