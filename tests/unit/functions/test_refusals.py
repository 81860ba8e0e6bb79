"""Orders whose alerts a store refuses become dead letters."""

import json
from typing import Any

from functions.handlers import score_batch
from shared.errors import RefusedError
from tests.unit.functions.streams import (
    RUN,
    real_scorer,
    undisturbed,
)
from tests.unit.functions.world import KEY, World, order_event


async def test_a_set_aside_order_is_scored_when_it_is_sent_again() -> None:
    world = await undisturbed()
    again = [order_event(10, "c", customer_id="alert"), order_event(11, "d", customer_id="alert")]
    await score_batch(world.context(), KEY, again)
    assert {"c.0", "d.0"} <= set(world.alerts_by_id)


async def test_an_order_before_a_run_whose_alert_is_refused_becomes_a_dead_letter() -> None:
    world = World()
    context = world.context(real_scorer())
    created = context.alerts.create

    async def refuse(alert: dict[str, Any]) -> bool:
        if "revisited_at" in alert:
            raise RefusedError("create alert: 400")
        return await created(alert)

    context.alerts.create = refuse  # type: ignore[method-assign]
    await score_batch(context, KEY, RUN)
    [(place, letter)] = world.letters.items()
    assert (place, letter.code) == (("0", 2), "store_refused")
    assert json.loads(letter.event.body) == json.loads(RUN[2].body)
    assert (world.state.orders_scored, world.state.dead_lettered) == (len(RUN) - 1, 1)
