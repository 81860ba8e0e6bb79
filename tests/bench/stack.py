"""python -m tests.bench.stack: orders a second through the whole stack, and that none is wrong.

The orders wait in the hub before the host starts. Timed is what follows: from the start of the
host's process, and from the first batch it commits, to the last.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from infra.local.publish import publish
from infra.local.stack import DEFAULT_PORTS, Stack
from tests.e2e.company import Company, founded
from tests.e2e.flow import Counts, Flow, Place, opened, until
from training.simulate import send

WANTED_A_SECOND = 800
"""On two cores, end to end."""

console = Console()


@dataclass(frozen=True)
class Run:
    """What was measured: seconds, and orders committed when the clock of `scoring` started."""

    orders: int
    starting: float
    scoring: float
    first_orders: int
    alerts: int


async def measured(stack: Stack, company: Company, orders: list[bytes]) -> Run:
    """Send the backlog, start the host, time it, and hold the books against the backtest."""
    settings = stack.settings()
    backlog = company.folder / "backlog.jsonl"
    backlog.write_bytes(b"\n".join(orders) + b"\n")
    await send(backlog, settings["EventHubConnection"], settings["ORDERS_HUB"])
    async with opened(stack) as flow:
        ends = await flow.producer.ends()
        began = time.monotonic()
        await asyncio.to_thread(stack.start, "host")
        await until("a batch is committed", flow.stores.places)
        first, first_orders = time.monotonic(), (await flow.counts()).scored
        await _drained(flow, ends)
        ended = time.monotonic()
        console.print("checking every alert against the backtest's")
        with _quiet():
            expected = company.backtested(orders)
        assert await flow.counts() == Counts(scored=len(orders))
        assert (await flow.stores.alerts()).keys() == expected.keys()
    return Run(len(orders), first - began, ended - first, first_orders, len(expected))


async def _drained(flow: Flow, ends: dict[str, Place]) -> None:
    async def caught_up() -> bool:
        return await flow.stores.places() == ends

    await until("every order is committed", caught_up, patience=3_600)


def _quiet() -> contextlib.redirect_stdout[io.StringIO]:
    """What the commands tell is not what is measured."""
    return contextlib.redirect_stdout(io.StringIO())


def show(run: Run) -> None:
    """Print the figures."""
    both = run.starting + run.scoring
    table = Table("whole stack", "figure", title="Orders through the stack", title_justify="left")
    table.columns[1].justify = "right"
    table.add_row("orders, each counted once", f"{run.orders:,}")
    table.add_row("alerts, by id the backtest's", f"{run.alerts:,}")
    table.add_row("seconds from the host's start to its first commit", f"{run.starting:.1f}")
    table.add_row("seconds from there to the last commit", f"{run.scoring:.1f}")
    table.add_row("orders a second, the host's start included", f"{run.orders / both:,.0f}")
    rate = (run.orders - run.first_orders) / run.scoring
    table.add_row(f"orders a second (wanted: {WANTED_A_SECOND})", f"{rate:,.0f}")
    console.print(table)


def main(orders: int = 20_000) -> None:
    """Measure and print; AssertionError where an order or an alert is lost or doubled."""
    with tempfile.TemporaryDirectory(prefix="sheriff-bench-") as folder:
        console.print(f"learning from a history, simulating {orders:,} orders")
        with _quiet():
            company = founded(Path(folder))
            stream = company.simulated("bench", orders)
        stack = Stack(Path(folder, "stack"), dict.fromkeys(DEFAULT_PORTS, 0))
        try:
            stack.start_servers()
            publish(company.model, stack.settings(), company.catalogue)
            console.print("sending them, then scoring")
            run = asyncio.run(measured(stack, company, stream))
        finally:
            stack.down()
    show(run)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stack", description=__doc__)
    parser.add_argument("--orders", type=int, default=20_000, help="how many (%(default)s)")
    main(parser.parse_args().orders)
