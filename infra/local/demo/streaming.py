"""Sends orders through the stack; shows how many are scored, and incidents as they open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from azure.cosmos.aio import ContainerProxy, CosmosClient
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from infra.local.demo.telling import console
from infra.local.processes import StackError
from shared.containers import INCIDENTS, STATE
from shared.printable import printable

SILENCE_SECONDS = 180
"""The demo gives up when no order has been scored for this many seconds."""

type Sender = Callable[[Callable[[int], None]], Awaitable[None]]
"""Sends every order, and calls back with the number sent so far."""


async def stream(total: int, send: Sender, settings: Mapping[str, str]) -> float:
    """Send every order, wait until each is scored or a dead letter, and return the seconds."""
    started = time.monotonic()
    async with CosmosClient(settings["COSMOS_ENDPOINT"], settings["COSMOS_KEY"]) as cosmos:
        states = container(cosmos, settings, STATE)
        watch = IncidentWatch(container(cosmos, settings, INCIDENTS))
        with _progress() as bars:
            sent, done = bars.add_task("sent", total=total), bars.add_task("scored", total=total)

            async def sending() -> None:
                await send(lambda count: bars.update(sent, completed=count))

            task = asyncio.create_task(sending())
            await _all_settled(states, watch, bars, done, total, task)
            await task
    return time.monotonic() - started


@dataclass
class IncidentWatch:
    """Says when an incident opens or closes, as the person on call would be told."""

    incidents: ContainerProxy
    known: dict[str, str] = field(default_factory=dict)

    async def look(self) -> None:
        """Print the incidents whose status has changed since the last look."""
        query = "SELECT c.id, c.status, c.message FROM c ORDER BY c.id"
        async for incident in self.incidents.query_items(query):
            before, now = self.known.get(incident["id"]), incident["status"]
            if before is None:
                self._say("[bold red]incident opens[/]", incident)
            elif before == "closed" and now == "open":  # a partition that lagged has joined
                self._say("[bold red]incident goes on[/]", incident)
            if now == "closed" and before != now:
                self._say("[bold green]incident closes[/]", incident)
            self.known[incident["id"]] = now

    @staticmethod
    def _say(what: str, incident: dict[str, Any]) -> None:
        console.print(f"{what}: {escape(printable(incident['message']))}", highlight=False)


async def _all_settled(
    states: ContainerProxy,
    watch: IncidentWatch,
    bars: Progress,
    bar: TaskID,
    total: int,
    sending: asyncio.Task[None],
) -> None:
    """Poll the state documents until they count every order."""
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
    query = (
        "SELECT c.orders_scored, c.dead_lettered, c.duplicates, c.stale FROM c"
        " WHERE NOT IS_DEFINED(c.kind)"
    )
    settled = 0
    async for state in states.query_items(query):
        settled += sum(state.values())
    return settled


def container(cosmos: CosmosClient, settings: Mapping[str, str], name: str) -> ContainerProxy:
    """Return a container of the stack's database."""
    return cosmos.get_database_client(settings["COSMOS_DATABASE"]).get_container_client(name)


def _progress() -> Progress:
    columns = (TextColumn("{task.description:>8}"), BarColumn(40), MofNCompleteColumn())
    return Progress(*columns, console=console)
