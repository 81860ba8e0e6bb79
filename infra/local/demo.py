"""make demo: frauds found in a stream of orders, on real parts, on this machine.

Starts the local stack, learns from a history of unlabelled orders, streams later orders through
Event Hubs, waits until each is scored, and shows what the function wrote to Cosmos DB. The
company of the demo has a ladder, frauds and prices of its own: none is a packaged default.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azure.cosmos.aio import ContainerProxy, CosmosClient
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from infra.local.processes import StackError
from infra.local.publish import publish
from infra.local.services import ROOT
from infra.local.stack import Stack
from training.simulate import send

STATE = ROOT / ".sheriff" / "demo"
HISTORY, STREAM = 20_000, 5_000

MARKET = (
    *("--ladder", "2,3,6,9,12.5,18", "--discount-rate", "0.17", "--reps", "45"),
    *("--added-percents", "15,25,40,60", "--added-rate", "0.04"),
    *("--hidden-percent", "0.7", "--episode-days", "1-3", "--cents"),
)
"""A company that is nobody's default; the commands below are the ones anybody can type."""

SILENCE_SECONDS = 180
"""The demo gives up when no order has been scored for so long."""

console = Console()


@dataclass(frozen=True)
class Company:
    """Where the orders, the truth about them (if known), the prices and the model are."""

    orders: Path
    truth: Path | None
    history: Path
    catalogue: Path | None
    model: Path


def simulated(folder: Path) -> Company:
    """A history and the weeks after it, at prices that differ from the packaged ones."""
    catalogue = folder / "catalogue.csv"
    history, stream = folder / "history.jsonl", folder / "orders.jsonl"
    truth = folder / "truth.csv"
    _run(
        *("training.simulate", "--orders", str(HISTORY), "--seed", "11", *MARKET),
        *("--price-factor", "1.07", "--price-spread", "0.1", "--catalogue-out", str(catalogue)),
        *("--out", str(history), "--truth", str(folder / "history-truth.csv")),
    )
    _run(
        *("training.simulate", "--orders", str(STREAM), "--seed", "12", *MARKET),
        *("--catalogue", str(catalogue), "--start", "2025-09-01", "--episodes", "2"),
        *("--out", str(stream), "--truth", str(truth)),
    )
    return Company(stream, truth, history, catalogue, folder / "model")


def given(orders: Path, folder: Path) -> Company:
    """Somebody's own orders: learned from as an archive (no labels), then streamed."""
    return Company(orders, None, orders, None, folder / "model")


def train(company: Company) -> None:
    """Learn a bundle from the history, without its truth."""
    prices = ("--catalogue", str(company.catalogue)) if company.catalogue else ()
    _run("training.train", "--history", str(company.history), "--out", str(company.model), *prices)


async def stream(company: Company, settings: Mapping[str, str]) -> tuple[int, float]:
    """Send every order and wait until each is scored or set aside; their number and seconds."""
    with company.orders.open("rb") as file:
        total = sum(1 for _ in file)
    started = time.monotonic()
    async with CosmosClient(settings["COSMOS_ENDPOINT"], settings["COSMOS_KEY"]) as cosmos:
        states = _container(cosmos, settings, "state")
        watch = IncidentWatch(_container(cosmos, settings, "incidents"))
        with _progress() as bars:
            sent, done = bars.add_task("sent", total=total), bars.add_task("scored", total=total)
            connection, hub = settings["EventHubConnection"], settings["ORDERS_HUB"]
            sending = asyncio.create_task(send(company.orders, connection, hub))
            sending.add_done_callback(lambda task: _completed(bars, sent, task))
            await _all_settled(states, watch, bars, done, total, sending)
            await sending
    return total, time.monotonic() - started


@dataclass
class IncidentWatch:
    """Says when an incident opens or closes, as whoever is on call would be told."""

    incidents: ContainerProxy
    known: dict[str, str] = field(default_factory=dict)

    async def look(self) -> None:
        """Print the incidents whose status has changed since the last look."""
        query = "SELECT c.id, c.status, c.message FROM c ORDER BY c.id"
        async for incident in self.incidents.query_items(query):
            before, now = self.known.get(incident["id"]), incident["status"]
            if before is None:
                self._say("[bold red]incident opens[/]", incident)
            elif before == "closed" and now == "open":  # a partition that lags has joined
                self._say("[bold red]incident goes on[/]", incident)
            if now == "closed" and before != now:
                self._say("[bold green]incident closes[/]", incident)
            self.known[incident["id"]] = now

    @staticmethod
    def _say(what: str, incident: dict[str, Any]) -> None:
        console.print(f"{what}: {incident['message']}", highlight=False)


async def _all_settled(
    states: ContainerProxy,
    watch: IncidentWatch,
    bars: Progress,
    bar: TaskID,
    total: int,
    sending: asyncio.Task[int],
) -> None:
    """Poll the state documents, as any monitor would, until they count every order."""
    settled, last = 0, time.monotonic()
    while settled < total:
        if sending.done():
            sending.result()  # a producer that failed ends the demo
        counts = await _settled(states)
        await watch.look()
        if counts > settled:
            settled, last = counts, time.monotonic()
            bars.update(bar, completed=settled)
        if time.monotonic() - last > SILENCE_SECONDS:
            raise StackError(f"{settled} of {total} orders scored, and nothing since; see the logs")
        await asyncio.sleep(0.25)


async def _settled(states: ContainerProxy) -> int:
    query = "SELECT c.orders_scored, c.dead_lettered, c.duplicates, c.stale FROM c"
    settled = 0
    async for state in states.query_items(query):
        settled += sum(state.values())
    return settled


async def read_results(settings: Mapping[str, str]) -> tuple[list[dict[str, Any]], int]:
    """Every alert, costliest first, and the number of dead letters, from Cosmos DB."""
    async with CosmosClient(settings["COSMOS_ENDPOINT"], settings["COSMOS_KEY"]) as cosmos:
        query = "SELECT * FROM c ORDER BY c.expected_loss DESC"
        alerts = [a async for a in _container(cosmos, settings, "alerts").query_items(query)]
        states = _container(cosmos, settings, "state")
        counts = [state async for state in states.query_items("SELECT c.dead_lettered FROM c")]
    return alerts, sum(state["dead_lettered"] for state in counts)


def show(
    company: Company, orders: int, seconds: float, alerts: Sequence[dict[str, Any]], dead: int
) -> None:
    """Print what was found, and against the planted truth where there is one."""
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
    table.add_row("alerts", f"{len(alerts):,}", end_section=True)
    found = [finding["typology"] for alert in alerts for finding in alert["findings"]]
    for typology in dict.fromkeys(sorted(found)):
        table.add_row(f"findings: {typology}", f"{found.count(typology):,}")
    return table


def _quality(truth: Path, alerts: Sequence[dict[str, Any]]) -> Table:
    """Precision and recall of alerts that name a fraud with a probability of a half or more."""
    with truth.open(newline="") as file:
        rows = list(csv.DictReader(file))
    table = Table("fraud", "planted", "found", "precision", "recall", title="Against the truth")
    table.title_justify = "left"
    for typology in ("added_item", "hidden_discount"):
        planted = {row["order_id"] for row in rows if row[typology] == "1"}
        named = {alert["order_id"] for alert in alerts if _likely(alert, typology)}
        right = len(planted & named)
        precision, recall = right / max(len(named), 1), right / max(len(planted), 1)
        table.add_row(typology, str(len(planted)), str(right), f"{precision:.3f}", f"{recall:.3f}")
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
        table.add_row(alert["order_id"], alert["rep_id"], f"{alert['expected_loss']:,.2f}", why)
    return table


def demo(orders: Path | None) -> None:
    """The whole of it, in a state folder made anew."""
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    stack = Stack(STATE / "stack", dict.fromkeys(("azurite", "eventhubs", "cosmos", "host"), 0))
    company = given(orders, STATE) if orders else simulated(STATE)
    _say("learning from the history, without labels")
    train(company)
    _say("starting Azurite, Event Hubs, Cosmos DB and the functions host")
    try:
        stack.start_servers()
        settings = stack.settings()
        version = publish(company.model, settings, company.catalogue)
        stack.up()
        _say(f"streaming orders through Event Hubs; bundle {version} serves")
        count, seconds = asyncio.run(stream(company, settings))
        alerts, dead = asyncio.run(read_results(settings))
    finally:
        stack.down()
    show(company, count, seconds, alerts, dead)
    _say(f"everything is stopped; logs and data are in {STATE.relative_to(ROOT)}")


def _container(cosmos: CosmosClient, settings: Mapping[str, str], name: str) -> ContainerProxy:
    return cosmos.get_database_client(settings["COSMOS_DATABASE"]).get_container_client(name)


def _progress() -> Progress:
    columns = (TextColumn("{task.description:>8}"), BarColumn(40), MofNCompleteColumn())
    return Progress(*columns, console=console)


def _completed(bars: Progress, bar: TaskID, task: asyncio.Task[int]) -> None:
    if not task.cancelled() and task.exception() is None:
        bars.update(bar, completed=task.result())


def _run(module: str, *arguments: str) -> None:
    """Run one of the project's own commands, as a user would; its output is shown."""
    shown = " ".join(_shown(argument) for argument in arguments)
    console.print(f"[dim]$ python -m {module} {shown}[/]", highlight=False, soft_wrap=True)
    done = subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, check=False)
    if done.returncode:
        raise StackError(f"{module} ended with code {done.returncode}")


def _shown(argument: str) -> str:
    return argument.replace(f"{ROOT}/", "")


def _say(text: str) -> None:
    console.print(f"[bold]{text}[/]", highlight=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; its exit code: 1 and one line where something is in the way."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.demo", description=__doc__)
    parser.add_argument("--orders", type=Path, help="a file of your own orders, one JSON a line")
    options = parser.parse_args(arguments)
    if options.orders and not options.orders.is_file():
        print(f"demo: no file {options.orders}", file=sys.stderr)
        return 1
    try:
        demo(options.orders and options.orders.resolve())
    except StackError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
