"""make demo: frauds found in a stream of orders, on real parts, on this machine.

Starts the local stack, learns from an archive of unlabelled orders, streams later orders through
Event Hubs, and shows what the function wrote to Cosmos DB. While they flow, a nightly run learns
from more history and its better model takes over; a worse one is refused; a rollback goes back.
The company of the demo has a ladder, frauds and prices of its own: none is a packaged default.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.local.demo.company import Company, given, simulated
from infra.local.demo.nights import Nights
from infra.local.demo.results import read_results, show
from infra.local.demo.streaming import Sender, stream
from infra.local.demo.telling import say
from infra.local.processes import StackError
from infra.local.services import ROOT
from infra.local.stack import Stack
from training.simulate import send

STATE = ROOT / ".sheriff" / "demo"


def demo(orders: Path | None) -> None:
    """The whole of it, in a state folder made anew."""
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    company = given(orders) if orders else simulated(STATE)
    stack = Stack(
        STATE / "stack",
        dict.fromkeys(("azurite", "eventhubs", "cosmos", "host"), 0),
        settings={
            "MLFLOW_TRACKING_URI": f"sqlite:///{STATE / 'mlflow' / 'mlflow.db'}",
            "SHELF_POLL_SECONDS": "1",  # a demo's half minute
        },
    )
    say("starting Azurite, Event Hubs and Cosmos DB")
    try:
        stack.start_servers()
        nights = Nights(stack.settings(), lambda: stack.port("host"))
        _first(company, nights)
        say("starting the functions host, streaming orders through Event Hubs")
        stack.up()
        total = sum(1 for _ in company.orders.open("rb"))
        seconds = asyncio.run(stream(total, _sender(company, nights), stack.settings()))
        alerts, dead = asyncio.run(read_results(stack.settings()))
        show(company, total, seconds, alerts, dead)
        if company.truth:
            _later(company, nights)
    finally:
        stack.down()
    say(f"everything is stopped; logs and data are in {STATE.relative_to(ROOT)}")
    if (STATE / "mlflow").exists():
        say("make mlflow opens the page of the runs")


def _first(company: Company, nights: Nights) -> None:
    """The catalogue on the shelf, the history in the archive, and the first training."""
    if company.catalogue:
        nights.publish_catalogue(company.catalogue)
    nights.archive(company.history[0], now=company.truth is None)
    say("the first training, without labels")
    nights.train()


def _sender(company: Company, nights: Nights) -> Sender:
    async def send_all(sent: Callable[[int], None]) -> None:
        if len(company.history) > 1:
            await nights.flowing(company, sent)
            return
        settings = nights.settings
        sent(await send(company.orders, settings["EventHubConnection"], settings["ORDERS_HUB"]))

    return send_all


def _later(company: Company, nights: Nights) -> None:
    """The report of the night that promoted; a worse model; the way back."""
    champion = nights.champion()
    assert champion is not None
    report = STATE / "report.html"
    nights.report(champion, report)
    say(f"its report: {report.relative_to(ROOT)}")
    nights.refuse(company)
    asyncio.run(nights.roll_back())


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
