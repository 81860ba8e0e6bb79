"""python -m tests.bench.stack: orders a second through the whole stack, and every one checked.

Two hosts, one a core, share the partitions. It times everything from the first order sent to the
last state committed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from infra.local.publish import publish
from infra.local.services import ORDERS_PARTITIONS
from infra.local.stack import Stack
from tests.bench.machine import PLAIN_LOOP, plain_loop
from tests.e2e.company import Company, founded
from tests.e2e.flow import Counts, Flow, Place, opened, until
from tests.stack import running_servers
from training.simulate import send

WANTED_A_SECOND = 800
"""On two cores, end to end."""

SETTINGS = {
    # Two hosts must have their share of the partitions within seconds, not within a minute.
    "AzureFunctionsJobHost__extensions__eventHubs__loadBalancingUpdateInterval": "00:00:01",
    # The service's host parses times in its own process; ours would do it in Python, at 0.2 ms an
    # order, if they came without their zone.
    "LOCAL_HOST_ZONED_TIMES": "true",
}

console = Console()


@dataclass(frozen=True)
class Run:
    """Measurements, in seconds from the first order sent."""

    orders: int
    sent: float
    scored: float
    alerts: int


async def measured(stack: Stack, company: Company, orders: list[bytes]) -> Run:
    """Send the orders, time them, and compare counts and alerts with the backtest."""
    settings = stack.settings()
    stream = company.folder / "sent.jsonl"
    stream.write_bytes(b"\n".join(orders) + b"\n")
    async with opened(stack) as flow:
        await _shared(flow, len(stack.hosts))
        began = time.monotonic()
        await send(stream, settings["EventHubConnection"], settings["ORDERS_HUB"])
        sent = time.monotonic() - began
        await _drained(flow, await flow.producer.ends())
        scored = time.monotonic() - began
        console.print("checking every alert against the backtest's")
        with _quiet():
            expected = company.backtested(orders)
        assert await flow.counts() == Counts(scored=len(orders))
        assert (await flow.stores.alerts()).keys() == expected.keys()
    return Run(len(orders), sent, scored, len(expected))


async def _shared(flow: Flow, hosts: int) -> None:
    async def evenly() -> bool:
        shares = Counter((await flow.stores.owners()).values()).values()
        return len(shares) == hosts and sum(shares) == ORDERS_PARTITIONS

    await until("every host owns its share of the partitions", evenly)


async def _drained(flow: Flow, ends: dict[str, Place]) -> None:
    async def caught_up() -> bool:
        return await flow.stores.places() == ends

    await until("every order is committed", caught_up, patience=3_600)


def _quiet() -> contextlib.redirect_stdout[io.StringIO]:
    """Keep silent what the commands print."""
    return contextlib.redirect_stdout(io.StringIO())


def show(run: Run) -> None:
    """Print the figures."""
    table = Table("whole stack", "figure", title="Orders through the stack", title_justify="left")
    table.columns[1].justify = "right"
    table.add_row("orders, each counted once", f"{run.orders:,}")
    table.add_row("alerts, by id the backtest's", f"{run.alerts:,}")
    table.add_row("seconds to send them", f"{run.sent:.1f}")
    table.add_row("seconds until the last one was scored and committed", f"{run.scored:.1f}")
    rate = run.orders / run.scored
    table.add_row(f"orders a second, end to end (wanted: {WANTED_A_SECOND})", f"{rate:,.0f}")
    slow = plain_loop()
    table.add_row("the same, scaled (estimate)", f"{rate * slow:,.0f}")
    table.caption = (
        f"a plain Python loop took this machine {slow:.1f} times the {PLAIN_LOOP * 1e3:.0f} ms "
        "of an assumed core, to which the last line is scaled"
    )
    console.print(table)


def main(orders: int = 20_000, hosts: int = 2) -> None:
    """Measure and print; raise AssertionError if an order or an alert is lost or doubled."""
    with tempfile.TemporaryDirectory(prefix="sheriff-bench-") as folder:
        console.print(f"learning from a history, simulating {orders:,} orders")
        with _quiet():
            company = founded(Path(folder))
            stream = company.simulated("bench", orders)
        with running_servers(Path(folder, "stack"), hosts=hosts, settings=SETTINGS) as stack:
            publish(company.model, stack.settings(), company.catalogue)
            stack.up()
            console.print("sending them, then scoring")
            run = asyncio.run(measured(stack, company, stream))
    show(run)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stack", description=__doc__)
    parser.add_argument("--orders", type=int, default=20_000, help="how many (%(default)s)")
    parser.add_argument("--hosts", type=int, default=2, help="sharing them (%(default)s)")
    options = parser.parse_args()
    main(options.orders, options.hosts)
