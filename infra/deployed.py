"""What is deployed, seen from outside: its apps, its model, and two orders through its hub."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from azure.core.exceptions import HttpResponseError

from functions.model_loader import ModelLoader
from functions.settings import Settings
from infra.smoke_orders import Marked, marked_orders
from shared.containers import ALERTS, STATE
from shared.errors import SheriffError
from shared.formats import time_text
from shared.order import parse_order
from shared.smoke_orders import MARKED_REP
from shared.stores.aio.cosmos import Cosmos
from shared.stores.aio.event_hubs import HubSender
from shared.stream import StreamState
from shared.uses import Admission

FUNCTIONS = {
    "scorer": {"score_orders", "watch_hub", "health"},
    "desk": {"alerts", "health"},
    "trainer": {"retrain_nightly", "follow_training", "health"},
    "all": {
        "score_orders",
        "watch_hub",
        "alerts",
        "retrain_nightly",
        "follow_training",
        "health",
    },
}
"""The functions of an app, by its role."""

_WELL = {"ok", "degraded"}
"""What health may say: whatever is wrong beside this release must not roll it back."""

_PAUSE_SECONDS = 0.5
_LEFT_BEHIND = timedelta(hours=1)
"""Alerts of a smoke test that died are deleted by a later one once they are this old."""


class Broken(SheriffError):  # noqa: N818 - it says what is broken, not what went wrong here
    """A check has failed for good; the message says what was found and what was expected."""


class NotYet(SheriffError):  # noqa: N818 - it is no failure before the deadline
    """It is not as it should be, and may become so."""


async def until(look: Callable[[], Awaitable[str]], seconds: float) -> str:
    """Look until all is well, for so long; what was seen then.

    Raises:
        Broken: it was not well in time, or never will be; says what was seen last.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    seen = "no answer"
    while True:
        try:
            async with asyncio.timeout_at(end):
                return await look()
        except Broken:
            raise
        except TimeoutError as error:
            raise Broken(f"{seen} (for {seconds:g} s)") from error
        except (SheriffError, aiohttp.ClientError, OSError) as error:
            seen = one_line(error)
            if loop.time() + _PAUSE_SECONDS >= end:
                raise Broken(f"{seen} (for {seconds:g} s)") from error
        await asyncio.sleep(_PAUSE_SECONDS)


def one_line(error: BaseException) -> str:
    """What an error says, without line breaks."""
    return " ".join(str(error).split()) or type(error).__name__


@dataclass(frozen=True, slots=True)
class Expected:
    """What is asked for on the command line."""

    health_urls: tuple[str, ...]
    version: str | None
    functions: frozenset[str]
    listed: tuple[str, ...]
    seconds: float


@dataclass
class Deployed:
    """What is deployed, seen from outside: its apps' health, its stores and its hub."""

    settings: Settings
    web: aiohttp.ClientSession
    cosmos: Cosmos
    hub: HubSender
    shelf: ModelLoader
    expected: Expected
    roles: set[str] = field(default_factory=set)
    model: str = ""
    orders: tuple[Marked, ...] = ()

    # --- what serves ---------------------------------------------------------------------------

    async def health(self, url: str) -> dict[str, Any]:
        """What an app says of itself; NotYet while it is not well or another release, or refuses
        what it should serve: it may have been mended since the app looked last.
        """
        async with self.web.get(url) as answer:
            body = await _json(answer)
        if not isinstance(body, dict) or answer.status != 200 or body.get("status") not in _WELL:
            raise NotYet(f"{url} answers {answer.status}")
        if body.get("role") not in FUNCTIONS:
            raise NotYet(f"{url} names no role of Sheriff's")
        refusal = body.get("last_refusal")
        if refusal:
            raise NotYet(f"{url} refuses {refusal['what']}: {refusal['why']}")
        wanted, release = self.expected.version, body.get("release")
        if wanted is not None and not is_release(release, wanted):
            raise NotYet(f"{url} runs release {release}, expected {wanted}")
        return body

    async def well(self, url: str) -> str:
        body = await self.health(url)
        self.roles.add(body["role"])
        release = f", release {body['release']}" if body.get("release") else ""
        model = f", model {body['bundle_version']}" if "bundle_version" in body else ""
        wrong = "; ".join(str(one) for one in body.get("problems") or ())
        return f"{url}: {body['role']}{release}{model}{f' ({wrong})' if wrong else ''}"

    async def same_model(self) -> str:
        """The model, catalogue and policy that the shelf holds are good, and every app's own."""
        try:
            scorer = await self.shelf.refresh()
        finally:  # also where nothing may serve
            for refusal in self.shelf.refusals():
                raise Broken(f"{refusal['what']} must not serve: {refusal['why']}")
        mine = self.shelf.status()
        for url in self.expected.health_urls:
            theirs = await self.health(url)
            if theirs["role"] == "desk":  # it has no model
                continue
            for what in ("bundle_version", "catalogue_version", "policy_version"):
                if theirs.get(what) != mine[what]:
                    raise NotYet(f"{url}: {what} is {theirs.get(what)}, expected {mine[what]}")
        self.model = scorer.bundle.version
        return f"{self.model}, {scorer.bundle.trained_orders:,} orders learned from"

    async def functions(self) -> str:
        """Every function is listed that is expected of the apps that were asked."""
        wanted = self.expected.functions.union(*(FUNCTIONS[role] for role in self.roles))
        found: set[str] = set()
        for where in self.expected.listed:
            found |= listed(await self._document(where))
        if missing := sorted(wanted - found):
            raise NotYet(f"not listed: {', '.join(missing)}; listed: {', '.join(sorted(found))}")
        return ", ".join(sorted(found))

    async def _document(self, where: str) -> Any:
        """A JSON document in a file, or at a URL."""
        if "://" in where:
            async with self.web.get(where) as answer:
                return await _json(answer)
        try:
            return msgspec.json.decode(await asyncio.to_thread(Path(where).read_bytes))
        except (OSError, msgspec.DecodeError) as error:
            raise Broken(f"{where}: {error}") from error

    # --- two orders ----------------------------------------------------------------------------

    async def choose(self) -> str:
        """Make up the two orders by what serves, and by what the partitions believe."""
        now = datetime.now(UTC)
        name = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        episodes = [state.episode for state in await self._states()]
        self.orders = marked_orders(await self.shelf.scorer(), episodes, name, now)
        good, fraud = self.orders
        return f"{good.order_id} and {fraud.order_id} ({fraud.typology})"

    async def send(self) -> str:
        """Send them, the good one first; sending one again is counted as a duplicate."""
        for order in self.orders:
            await self.hub.send(order.body, MARKED_REP)
        return f"{len(self.orders)} orders sent"

    async def _states(self) -> list[StreamState]:
        """The state of every partition that Sheriff has read from."""
        async with self.cosmos.container(STATE, "read states") as states:
            found = states.query_items(
                "SELECT * FROM c WHERE c.hub = @hub AND c.consumer_group = @group",
                parameters=[
                    {"name": "@hub", "value": self.settings.orders_hub},
                    {"name": "@group", "value": self.settings.orders_consumer_group},
                ],
            )
            return [StreamState.from_document(document) async for document in found]

    async def scored(self, order: Marked) -> None:
        """NotYet while no partition's state document remembers the order."""
        sent = parse_order(order.body)
        for state in await self._states():
            if state.recent.judge(sent).admission is Admission.DUPLICATE:
                return
        raise NotYet(f"{order.order_id} is in no state document: not scored")

    async def alert(self, order: Marked) -> dict[str, Any] | None:
        """An order's alert; None where there is none."""
        async with self.cosmos.container(ALERTS, "read alert") as alerts:
            try:
                return dict(await alerts.read_item(order.alert_id, MARKED_REP))
            except HttpResponseError as error:
                if error.status_code != 404:
                    raise
                return None

    async def alerted(self, order: Marked) -> str:
        """The fraud's alert is there, by the model that serves, for the reason it must have."""
        alert = await self.alert(order)
        if alert is None:
            raise NotYet(f"{order.order_id} has no alert")
        by, promoted = alert["model_version"], (await self.shelf.refresh()).bundle.version
        if by not in {self.model, promoted}:  # a night may promote one meanwhile
            raise Broken(f"its model is {by}, expected {promoted}")
        typologies = [finding["typology"] for finding in alert["findings"]]
        if order.typology not in typologies:
            raise Broken(f"its findings are {typologies}, expected {order.typology}")
        await self.scored(order)  # committed: from here on nothing writes this alert again
        return f"{alert['id']}: {alert['reasons'][0]['message']}"

    async def passed(self, order: Marked) -> str:
        """The good order is scored, and there is no alert."""
        await self.scored(order)
        alert = await self.alert(order)
        if alert is not None:
            raise Broken(f"{order.order_id} has an alert: {alert['reasons'][0]['message']}")
        return f"{order.order_id} is scored and no alert"

    async def clean(self) -> str:
        """Delete the alerts of the two orders, and those that an earlier smoke test left behind."""
        old = time_text(datetime.now(UTC) - _LEFT_BEHIND)
        mine = {order.alert_id for order in self.orders}
        deleted = 0
        async with self.cosmos.container(ALERTS, "delete alerts") as alerts:
            query = "SELECT c.id, c.scored_at FROM c WHERE c.rep_id = @rep"
            parameters: list[dict[str, Any]] = [{"name": "@rep", "value": MARKED_REP}]
            found = alerts.query_items(query, parameters=parameters, partition_key=MARKED_REP)
            ids = [one["id"] async for one in found if one["id"] in mine or one["scored_at"] < old]
            for item in ids:
                await alerts.delete_item(item, MARKED_REP)
                deleted += 1
        return f"{deleted} marked alerts deleted"


async def _json(answer: aiohttp.ClientResponse) -> Any:
    try:
        return msgspec.json.decode(await answer.read())
    except msgspec.DecodeError as error:
        raise NotYet(f"{answer.url} answers {answer.status}, and no JSON") from error


def is_release(release: Any, wanted: str) -> bool:
    """Whether what an app says of its release is the one: a name, or its version or commit."""
    return wanted in (release.values() if isinstance(release, dict) else (release,))


def listed(document: Any) -> set[str]:
    """The names in a list of functions that are not switched off.

    As ``az functionapp function list`` and a host's ``/admin/functions`` give it: objects with a
    ``name``, which may follow the app's and a slash.
    """
    if not isinstance(document, list) or not all(isinstance(one, dict) for one in document):
        raise Broken("the list of functions is no list of objects")
    return {
        str(one.get("name", "")).rpartition("/")[2] for one in document if not one.get("isDisabled")
    }
