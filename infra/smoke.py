"""python -m infra.smoke: does what was just deployed work, from the hub to an alert?

    python -m infra.smoke --health-url https://APP/api/health ... --expect-version VERSION \\
        --listed FUNCTIONS.json ...

It asks each app for its health, release and model. It reads the model and checks it as a scorer
would. It reads the list of functions. Then it sends two smoke orders through the hub: a good order,
which must get no alert, and a fraud, whose alert must arrive in Cosmos DB. At the end it deletes
the alert. Training leaves smoke orders out (`shared.smoke_orders`).

It reads the app's own settings (docs/settings.md) from the environment. In Azure it signs in with
the identity that runs it, without a key. It prints one line a check, and ends with 0 if all are
well, else with 1.
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
from infra.deployed import DeployedApps, Expected
from infra.sent_orders import SentOrders
from infra.waiting import one_line, until
from shared.errors import SheriffError
from shared.stores.aio.blobs import Blobs
from shared.stores.aio.cosmos import Cosmos
from shared.stores.aio.event_hubs import HubSender
from shared.stores.settings import HubSettings


@dataclass
class Report:
    """Prints a line a check, and remembers which checks failed."""

    failed: list[str] = field(default_factory=list)

    async def check(self, name: str, doing: Awaitable[str]) -> bool:
        """Await a check, print its verdict, and return whether it passed."""
        started = time.monotonic()
        try:
            verdict, said = "ok", await doing
        except SheriffError as error:
            verdict, said = "FAILED", one_line(error)
            self.failed.append(name)
        took = f"{time.monotonic() - started:.1f} s"
        print(f"{verdict:<7} {name:<10} {took:>8}  {said}", flush=True)
        return verdict == "ok"


async def smoke(apps: DeployedApps, orders: SentOrders) -> list[str]:
    """Run every check in turn; return the names of the failed ones.

    Orders are sent only if the model check passed: the orders are chosen for that model.
    """
    report, expected = Report(), apps.expected

    async def check(name: str, look: Callable[[], Awaitable[str]]) -> bool:
        return await report.check(name, until(look, expected.seconds))

    for url in expected.health_urls:
        await check("health", partial(apps.well, url))
    if expected.listed:
        await check("functions", apps.functions)
    ready = await check("model", apps.same_model)
    if ready and await check("orders", orders.choose) and await check("hub", orders.send):
        good, fraud = orders.orders
        await check("alert", partial(orders.alerted, fraud))
        await check("good order", partial(orders.passed, good))
        await check("clean", orders.clean)
    return report.failed


@asynccontextmanager
async def opened(
    expected: Expected, environ: Mapping[str, str]
) -> AsyncIterator[tuple[DeployedApps, SentOrders]]:
    """Open a deployment and its stores with the app's own settings.

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
        # It looks each time it is asked: another model may be promoted while this runs.
        models = ModelLoader(blobs, executor, poll_seconds=0, shadow=False)
        stack.push_async_callback(models.close)
        apps = DeployedApps(web, models, expected)
        yield apps, SentOrders(settings, cosmos, hub, models)


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Run every check; return the exit code: 0 if all are well, else 1."""
    expected = _expected(_parser().parse_args(arguments))
    try:
        failed = asyncio.run(_smoke(expected, environ))
    except SheriffError as error:
        print(f"smoke: {error}", file=sys.stderr)
        return 1
    print(f"failed: {', '.join(failed)}" if failed else "everything works")
    return 1 if failed else 0


async def _smoke(expected: Expected, environ: Mapping[str, str]) -> list[str]:
    async with opened(expected, environ) as (apps, orders):
        return await smoke(apps, orders)


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
    add(
        "--health-url",
        action="append",
        required=True,
        metavar="URL",
        help="once for each app",
    )
    add("--expect-version", metavar="VERSION", help="the release that every app must run")
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
        help="further functions that must be listed, besides those of the apps' roles",
    )
    add(
        "--deadline",
        type=_seconds,
        default=120,
        metavar="SECONDS",
        help="of each check (120)",
    )
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text} seconds: expected more than 0, at most 3600")
    return seconds


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)  # our checks say it in one line, the SDKs in ten
    sys.exit(main())
