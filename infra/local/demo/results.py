"""The demo's results as tables, compared with the injected frauds if they are known."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from azure.cosmos.aio import CosmosClient
from rich.markup import escape
from rich.table import Table

from infra.local.demo.company import Company
from infra.local.demo.streaming import container
from infra.local.demo.telling import console
from shared.containers import ALERTS, STATE
from shared.printable import printable


async def read_results(settings: Mapping[str, str]) -> tuple[list[dict[str, Any]], int]:
    """Read every alert, costliest first, and the number of dead letters from Cosmos DB."""
    async with CosmosClient(settings["COSMOS_ENDPOINT"], settings["COSMOS_KEY"]) as cosmos:
        query = "SELECT * FROM c ORDER BY c.expected_loss DESC"
        alerts = [a async for a in container(cosmos, settings, ALERTS).query_items(query)]
        states = container(cosmos, settings, STATE)
        query = "SELECT c.dead_lettered FROM c WHERE NOT IS_DEFINED(c.kind)"
        counts = [state async for state in states.query_items(query)]
    return alerts, sum(state["dead_lettered"] for state in counts)


def show(
    company: Company, orders: int, seconds: float, alerts: Sequence[dict[str, Any]], dead: int
) -> None:
    """Print the results, and compare them with the injected frauds if they are known."""
    console.print(_summary(orders, seconds, alerts, dead))
    if company.truth:
        console.print(_quality(company.truth, alerts))
    console.print(_costliest(alerts[:10]))


def _summary(orders: int, seconds: float, alerts: Sequence[dict[str, Any]], dead: int) -> Table:
    table = Table("what", "how many", title="Scored", title_justify="left")
    table.columns[1].justify = "right"
    table.add_row("orders", f"{orders:,}")
    table.add_row("orders a second, from the first one sent", f"{orders / seconds:,.0f}")
    table.add_row("dead letters", f"{dead:,}")
    table.add_row("alerts", f"{len(alerts):,}")
    for version, count in sorted(Counter(alert["model_version"] for alert in alerts).items()):
        table.add_row(f"  by bundle {_shown(version)}", f"{count:,}")
    table.add_section()
    typologies = Counter(finding["typology"] for alert in alerts for finding in alert["findings"])
    for typology, count in sorted(typologies.items()):
        table.add_row(f"findings: {typology}", f"{count:,}")
    return table


def _quality(truth: Path, alerts: Sequence[dict[str, Any]]) -> Table:
    """Compare alerts that name a fraud with a probability of at least 0.5 with the truth."""
    with truth.open(newline="") as file:
        rows = list(csv.DictReader(file))
    table = Table("fraud", "injected", "found", "precision", "recall", title="Against the truth")
    table.title_justify = "left"
    for typology in ("added_item", "hidden_discount"):
        injected = {row["order_id"] for row in rows if row[typology] == "1"}
        named = {alert["order_id"] for alert in alerts if _likely(alert, typology)}
        right = len(injected & named)
        precision, recall = right / max(len(named), 1), right / max(len(injected), 1)
        table.add_row(typology, str(len(injected)), str(right), f"{precision:.3f}", f"{recall:.3f}")
    return table


def _likely(alert: dict[str, Any], typology: str) -> bool:
    return any(
        finding["typology"] == typology and finding["probability"] >= 0.5
        for finding in alert["findings"]
    )


def _costliest(alerts: Sequence[dict[str, Any]]) -> Table:
    table = Table("order", "rep", "loss", "why", title="The costliest alerts", show_lines=True)
    table.title_justify = "left"
    for alert in alerts:
        why = "\n".join(finding["message"] for finding in alert["findings"])
        who = _shown(alert["order_id"]), _shown(alert["rep_id"])
        table.add_row(*who, f"{alert['expected_loss']:,.2f}", _shown(why))
    return table


def _shown(text: str) -> str:
    """Return text of orders as a cell that neither the terminal nor rich takes for a command."""
    return escape(printable(text, lines=True))
