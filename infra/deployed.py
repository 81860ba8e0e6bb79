"""Checks of a deployment from outside: its apps, its model, and two orders through its hub."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from azure.core.exceptions import HttpResponseError

from functions.model_loader import ModelLoader
from functions.settings import Settings
from infra.smoke_orders import SmokeOrder, smoke_orders
from infra.waiting import Broken, NotYet
from shared.containers import ALERTS, STATE
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
"""What health may say. `degraded` passes: trouble outside this release must not roll it back."""

_LEFT_BEHIND = timedelta(hours=1)
"""A smoke test that dies leaves alerts behind; a later one deletes them once they are this old."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the command line asks for."""

    health_urls: tuple[str, ...]
    version: str | None
    functions: frozenset[str]
    listed: tuple[str, ...]
    seconds: float


@dataclass
class Deployed:
    """A deployment: its apps, its stores and its hub. Each check returns one line: what it saw."""

    settings: Settings
    web: aiohttp.ClientSession
    cosmos: Cosmos
    hub: HubSender
    models: ModelLoader
    expected: Expected
    roles: set[str] = field(default_factory=set)
    model: str = ""
    orders: tuple[SmokeOrder, ...] = ()

    # --- what serves ---------------------------------------------------------------------------

    async def health(self, url: str) -> dict[str, Any]:
        """Return what an app says of itself.

        Raises:
            NotYet: it is not well, runs another release, or refuses what it should serve. All of
                these may pass: the app looks again.
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
        """Check an app's health, and remember its role."""
        body = await self.health(url)
        self.roles.add(body["role"])
        release = f", release {body['release']}" if body.get("release") else ""
        model = f", model {body['bundle_version']}" if "bundle_version" in body else ""
        problems = "; ".join(str(problem) for problem in body.get("problems") or ())
        return f"{url}: {body['role']}{release}{model}{f' ({problems})' if problems else ''}"

    async def same_model(self) -> str:
        """Check that model, catalogue and policy are good, and that every app uses them."""
        try:
            scorer = await self.models.refresh()
        finally:  # also if nothing in the store may serve
            for refusal in self.models.refusals():
                raise Broken(f"{refusal['what']} must not serve: {refusal['why']}")
        mine = self.models.status()
        for url in self.expected.health_urls:
            theirs = await self.health(url)
            if theirs["role"] == "desk":  # it uses no model
                continue
            for what in ("bundle_version", "catalogue_version", "policy_version"):
                if theirs.get(what) != mine[what]:
                    raise NotYet(f"{url}: {what} is {theirs.get(what)}, expected {mine[what]}")
        self.model = scorer.bundle.version
        return f"{self.model}, {scorer.bundle.trained_orders:,} orders learned from"

    async def functions(self) -> str:
        """Check that every function is listed that the apps should have."""
        wanted = self.expected.functions.union(*(FUNCTIONS[role] for role in self.roles))
        names: set[str] = set()
        for where in self.expected.listed:
            names |= listed(await self._document(where))
        if missing := sorted(wanted - names):
            raise NotYet(f"not listed: {', '.join(missing)}; listed: {', '.join(sorted(names))}")
        return ", ".join(sorted(names))

    async def _document(self, where: str) -> Any:
        """Read a JSON document from a file or a URL."""
        if "://" in where:
            async with self.web.get(where) as answer:
                return await _json(answer)
        try:
            return msgspec.json.decode(await asyncio.to_thread(Path(where).read_bytes))
        except (OSError, msgspec.DecodeError) as error:
            raise Broken(f"{where}: {error}") from error

    # --- two orders ----------------------------------------------------------------------------

    async def choose(self) -> str:
        """Choose the two orders for the model that serves and for what the partitions believe."""
        now = datetime.now(UTC)
        name = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        episodes = [state.episode for state in await self._states()]
        self.orders = smoke_orders(await self.models.scorer(), episodes, name, now)
        good, fraud = self.orders
        return f"{good.order_id} and {fraud.order_id} ({fraud.typology})"

    async def send(self) -> str:
        """Send both orders, the good one first; a repeated send counts as a duplicate."""
        for order in self.orders:
            await self.hub.send(order.body, MARKED_REP)
        return f"{len(self.orders)} orders sent"

    async def _states(self) -> list[StreamState]:
        """Return the state of every partition that Sheriff has read from."""
        async with self.cosmos.container(STATE, "read states") as states:
            documents = states.query_items(
                "SELECT * FROM c WHERE c.hub = @hub AND c.consumer_group = @group",
                parameters=[
                    {"name": "@hub", "value": self.settings.orders_hub},
                    {"name": "@group", "value": self.settings.orders_consumer_group},
                ],
            )
            return [StreamState.from_document(document) async for document in documents]

    async def scored(self, order: SmokeOrder) -> None:
        """Raise NotYet unless a partition's state document remembers the order."""
        sent = parse_order(order.body)
        for state in await self._states():
            if state.recent.judge(sent).admission is Admission.DUPLICATE:
                return
        raise NotYet(f"{order.order_id} is in no state document: not scored")

    async def alert(self, order: SmokeOrder) -> dict[str, Any] | None:
        """Return an order's alert, or None."""
        async with self.cosmos.container(ALERTS, "read alert") as alerts:
            try:
                return dict(await alerts.read_item(order.alert_id, MARKED_REP))
            except HttpResponseError as error:
                if error.status_code != 404:
                    raise
                return None

    async def alerted(self, order: SmokeOrder) -> str:
        """Check the fraud's alert: the model that serves made it, for the reason it must have."""
        alert = await self.alert(order)
        if alert is None:
            raise NotYet(f"{order.order_id} has no alert")
        by, promoted = alert["model_version"], (await self.models.refresh()).bundle.version
        if by not in {self.model, promoted}:  # a night may promote another meanwhile
            raise Broken(f"its model is {by}, expected {promoted}")
        typologies = [finding["typology"] for finding in alert["findings"]]
        if order.typology not in typologies:
            raise Broken(f"its findings are {typologies}, expected {order.typology}")
        await self.scored(order)  # once committed, nothing writes this alert again
        return f"{alert['id']}: {alert['reasons'][0]['message']}"

    async def passed(self, order: SmokeOrder) -> str:
        """Check that the good order is scored and has no alert."""
        await self.scored(order)
        alert = await self.alert(order)
        if alert is not None:
            raise Broken(f"{order.order_id} has an alert: {alert['reasons'][0]['message']}")
        return f"{order.order_id} is scored and no alert"

    async def clean(self) -> str:
        """Delete the alerts of the two orders, and any that an earlier smoke test left behind."""
        old = time_text(datetime.now(UTC) - _LEFT_BEHIND)
        mine = {order.alert_id for order in self.orders}
        async with self.cosmos.container(ALERTS, "delete alerts") as alerts:
            query = "SELECT c.id, c.scored_at FROM c WHERE c.rep_id = @rep"
            parameters: list[dict[str, Any]] = [{"name": "@rep", "value": MARKED_REP}]
            stored = alerts.query_items(query, parameters=parameters, partition_key=MARKED_REP)
            ids = [
                alert["id"]
                async for alert in stored
                if alert["id"] in mine or alert["scored_at"] < old
            ]
            for alert_id in ids:
                await alerts.delete_item(alert_id, MARKED_REP)
        return f"{len(ids)} alerts of smoke orders deleted"


async def _json(answer: aiohttp.ClientResponse) -> Any:
    try:
        return msgspec.json.decode(await answer.read())
    except msgspec.DecodeError as error:
        raise NotYet(f"{answer.url} answers {answer.status}, and no JSON") from error


def is_release(release: Any, wanted: str) -> bool:
    """Return whether an app's release is the wanted one, by its name, version or commit."""
    return wanted in (release.values() if isinstance(release, dict) else (release,))


def listed(document: Any) -> set[str]:
    """Return the names of the listed functions that are not disabled.

    ``az functionapp function list`` and a host's ``/admin/functions`` both print a list of objects
    with a ``name``, which may have the app's name and a slash before it.

    Raises:
        Broken: the document is no such list.
    """
    if not isinstance(document, list) or not all(isinstance(entry, dict) for entry in document):
        raise Broken("the list of functions is no list of objects")
    return {
        str(entry.get("name", "")).rpartition("/")[2]
        for entry in document
        if not entry.get("isDisabled")
    }
