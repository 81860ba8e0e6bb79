"""Checks of a deployment by two smoke orders: what the scorer makes of them, and the alert."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

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

_LEFT_BEHIND = timedelta(hours=1)
"""A smoke test that dies leaves alerts behind; a later one deletes them once they are this old."""


@dataclass
class SentOrders:
    """Two orders sent through the hub of a deployment: a good order and a fraud.

    Each check returns one line: what it saw.
    """

    settings: Settings
    cosmos: Cosmos
    hub: HubSender
    models: ModelLoader
    model: str = ""
    orders: tuple[SmokeOrder, ...] = ()

    async def choose(self) -> str:
        """Choose the two orders for the model that serves and for what the partitions believe."""
        now = datetime.now(UTC)
        name = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        episodes = [state.episode for state in await self._states()]
        scorer = await self.models.scorer()
        self.model = scorer.bundle.version
        self.orders = smoke_orders(scorer, episodes, name, now)
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
        raise NotYet(f"{order.order_id} is not scored: no state document remembers it")

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
