"""make demo: find frauds in a stream of orders, with all parts running on this machine.

It starts the local stack, learns from an archive of unlabelled orders, streams later orders through
Event Hubs, and shows the alerts that the function wrote to Cosmos DB. While the orders flow, a
night learns from more history, and its better model takes over. Then a worse model is refused, and
a rollback goes back. The demo's company has its own ladder, frauds and prices: they are not the
packaged defaults.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.local import commands
from infra.local.demo.company import Company, given, simulated
from infra.local.demo.nights import Nights
from infra.local.demo.results import read_results, show
from infra.local.demo.streaming import Sender, stream
from infra.local.demo.telling import say
from infra.local.processes import StackError
from infra.local.services import ROOT
from infra.local.stack import Stack
from training.history.files import read_lines
from training.models.registry import Registry
from training.simulate import send

STATE = ROOT / ".sheriff" / "demo"
"""The folder of the simulated company."""

OWN = ROOT / ".sheriff" / "demo-orders"
"""The folder of a user's own orders."""


def demo(orders: Path | None) -> None:
    """Run the whole demo in an empty state folder."""
    state = OWN if orders else STATE
    _empty(state)
    company = given(orders) if orders else simulated(state)
    stack = Stack(
        state / "stack",
        dict.fromkeys(("azurite", "eventhubs", "cosmos", "host"), 0),
        settings={"SHELF_POLL_SECONDS": "1"},  # a demo does not wait half a minute for a new model
    )
    say("starting Azurite, Event Hubs and Cosmos DB")
    try:
        stack.start_servers()
        nights = Nights(stack.settings(), lambda: stack.port("host"))
        _first(company, nights)
        say("starting the functions host, streaming orders through Event Hubs")
        stack.up()
        total = sum(1 for _ in read_lines(company.orders))
        seconds = asyncio.run(stream(total, _sender(company, nights), stack.settings()))
        alerts, dead = asyncio.run(read_results(stack.settings()))
        show(company, total, seconds, alerts, dead)
        if company.truth:
            _later(company, nights, state)
    finally:
        stack.down()
    for line in last_lines(state, Stack(state / "stack").settings()["MLFLOW_TRACKING_URI"]):
        say(line, wrapped=False)  # commands to copy


def _empty(state: Path) -> None:
    """Make the folder empty; stop and remove an earlier demo in it, and say so."""
    if state.exists():
        say(f"the earlier demo in {state.relative_to(ROOT)} is replaced")
        Stack(state / "stack").down()
        shutil.rmtree(state)
    state.mkdir(parents=True)


def last_lines(state: Path, tracking_uri: str) -> list[str]:
    """Say what the demo leaves, and how to look at it."""
    folder = state.relative_to(ROOT)
    lines = [f"everything is stopped; logs and data are in {folder}"]
    if not has_runs(tracking_uri):
        lines.append("nothing was learned, so there are no runs for MLflow's page")
    elif state == STATE:
        lines.append("make mlflow opens the page of the runs")
    else:
        where = tracking_uri.replace(f"{ROOT}/", "")
        lines.append(f"MLFLOW_TRACKING_URI={where} make mlflow opens the page of the runs")
    lines.append(
        f"to look around: .venv/bin/python -m infra.local.stack up --state {folder}/stack; "
        "then .venv/bin/python -m infra.local.query"
    )
    return lines


def has_runs(tracking_uri: str) -> bool:
    """Return whether a local store has runs, without creating a store that is not there."""
    return Path(tracking_uri.removeprefix("sqlite:///")).exists() and (
        Registry.open(tracking_uri).has_runs()
    )


def _first(company: Company, nights: Nights) -> None:
    """Publish the catalogue, archive the history, and train for the first time."""
    if company.catalogue:
        nights.publish_catalogue(company.catalogue)
    nights.archive(company.history[0], now=company.truth is None)
    say("the first training, without labels")
    nights.train()


def _sender(company: Company, nights: Nights) -> Sender:
    async def send_all(sent: Callable[[int], None]) -> None:
        if len(company.history) > 1:
            await nights.send_with_a_night(company, sent)
            return
        settings = nights.settings
        sent(await send(company.orders, settings["EventHubConnection"], settings["ORDERS_HUB"]))

    return send_all


def _later(company: Company, nights: Nights, state: Path) -> None:
    """Fetch the report of the night that promoted, refuse a worse model, and roll back."""
    champion = nights.champion()
    assert champion is not None
    report = state / "report.html"
    nights.report(champion, report)
    say(f"its report: {report.relative_to(ROOT)}")
    nights.refuse(company)
    nights.roll_back()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; return 1 and print one line if something is in the way."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.demo", description=__doc__)
    parser.add_argument("--orders", type=Path, help="your own orders, a JSON object a line")
    options = parser.parse_args(arguments)

    def command() -> int:
        if options.orders and not options.orders.is_file():
            raise StackError(f"no file {options.orders}")
        if options.orders:
            next(iter(read_lines(options.orders)))  # refuses an empty file before anything starts
        demo(options.orders and options.orders.resolve())
        return 0

    return commands.run("demo", command)


if __name__ == "__main__":
    sys.exit(main())
