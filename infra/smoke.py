"""python -m infra.smoke: does what was just deployed work, from the hub to an alert?

    python -m infra.smoke --health-url https://APP/api/health ... --expect-version VERSION \\
        --listed FUNCTIONS.json ...

Each app says that it is well, which release it runs and which model serves; the model is read here
and checked as a scorer checks it; the functions are listed; a good order and a fraud, both marked,
go through the hub: the good one is scored without an alert, the fraud's alert is in Cosmos DB.
It is deleted at the end, and training leaves marked orders out (`shared.smoke_orders`).

Settings are the app's own (docs/settings.md), read from the environment. In Azure it signs in as
whoever runs it, without a key. One line a check; ends with 0 if all are well, else with 1.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import aiohttp

from functions.model_loader import ModelLoader
from functions.settings import Settings
from infra.deployed import Deployed, Expected, one_line, until
from shared.errors import SheriffError
from shared.stores.aio.blobs import Blobs
from shared.stores.aio.cosmos import Cosmos
from shared.stores.aio.event_hubs import HubSender
from shared.stores.settings import HubSettings


@dataclass
class Report:
    """Prints a line a check, and knows whether one has failed."""

    failed: list[str] = field(default_factory=list)

    async def check(self, name: str, doing: Awaitable[str]) -> bool:
        """Await a check and print what came of it; whether it went well."""
        started = time.monotonic()
        try:
            verdict, said = "ok", await doing
        except SheriffError as error:
            verdict, said = "FAILED", one_line(error)
            self.failed.append(name)
        took = f"{time.monotonic() - started:.1f} s"
        print(f"{verdict:<7} {name:<10} {took:>8}  {said}", flush=True)
        return verdict == "ok"


async def smoke(deployed: Deployed) -> list[str]:
    """Every check in turn; the names of those that failed.

    No order is sent where the model that should score it is not known.
    """
    report, expected = Report(), deployed.expected

    async def check(name: str, look: Callable[[], Awaitable[str]]) -> bool:
        return await report.check(name, until(look, expected.seconds))

    for url in expected.health_urls:
        await check("health", partial(deployed.well, url))
    if expected.listed:
        await check("functions", deployed.functions)
    ready = await check("model", deployed.same_model)
    if ready and await check("orders", deployed.choose) and await check("hub", deployed.send):
        good, fraud = deployed.orders
        await check("alert", partial(deployed.alerted, fraud))
        await check("good order", partial(deployed.passed, good))
        await check("clean", deployed.clean)
    return report.failed


@asynccontextmanager
async def opened(expected: Expected, environ: Mapping[str, str]) -> AsyncIterator[Deployed]:
    """A deployment and its stores, reached with the app's own settings.

    Raises:
        ConfigurationError: a setting is missing or wrong.
    """
    settings, hub_settings = Settings.from_environ(environ), HubSettings.from_environ(environ)
    async with AsyncExitStack() as stack:
        cosmos, blobs, hub = Cosmos(settings.cosmos), Blobs(settings.blobs), HubSender(hub_settings)
        for client in (cosmos, blobs, hub):
            stack.push_async_callback(client.close)
        executor = stack.enter_context(ThreadPoolExecutor(1))
        timeout = aiohttp.ClientTimeout(total=expected.seconds)
        web = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        # Looked at anew each time: it may be promoted while this runs.
        shelf = ModelLoader(blobs, executor, poll_seconds=0, shadow=False)
        stack.push_async_callback(shelf.close)
        yield Deployed(settings, web, cosmos, hub, shelf, expected)


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Run every check; the exit code: 0 if all are well, else 1."""
    expected = _expected(_parser().parse_args(arguments))
    try:
        failed = asyncio.run(_smoke(expected, environ))
    except SheriffError as error:
        print(f"smoke: {error}", file=sys.stderr)
        return 1
    print(f"failed: {', '.join(failed)}" if failed else "everything works")
    return 1 if failed else 0


async def _smoke(expected: Expected, environ: Mapping[str, str]) -> list[str]:
    async with opened(expected, environ) as deployed:
        return await smoke(deployed)


def _expected(options: argparse.Namespace) -> Expected:
    return Expected(
        health_urls=tuple(options.health_url),
        version=options.expect_version,
        functions=frozenset(filter(None, options.functions.split(","))),
        listed=tuple(options.listed),
        seconds=options.deadline,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.smoke",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--health-url", action="append", required=True, metavar="URL", help="one for each app")
    add("--expect-version", metavar="VERSION", help="release that every app must run")
    add(
        "--listed",
        action="append",
        default=[],
        metavar="FILE|URL",
        help="an app's functions as JSON: what `az functionapp function list` prints, or the URL "
        "of a host's /admin/functions",
    )
    add(
        "--functions",
        default="",
        metavar="A,B",
        help="functions that must be listed beside those of the apps' roles",
    )
    add("--deadline", type=_seconds, default=120, metavar="SECONDS", help="for each check (120)")
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text} seconds: expected more than 0, at most 3600")
    return seconds


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)  # a check says in one line what an SDK says in ten
    sys.exit(main())
