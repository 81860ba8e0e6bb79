"""Orders whose alerts a store refuses become dead letters."""

import json

from functions.handlers import score_batch
from tests.unit.functions.streams import (
    EPISODE,
    real_scorer,
    undisturbed,
)
from tests.unit.functions.world import KEY, FakeScorer, World, order_event


async def test_a_set_aside_order_is_scored_when_it_is_sent_again() -> None:
    world = await undisturbed()
    world.scorer, world.refused = FakeScorer(), set()
    again = [order_event(10, "c"), order_event(11, "d")]
    await score_batch(world.context(), KEY, again)
    assert {"c.0", "d.0"} <= set(world.alerts_by_id)


async def test_an_order_before_an_episode_whose_alert_is_refused_becomes_a_dead_letter() -> None:
    world = World(refused={"alert doubtful.0"})
    await score_batch(world.context(real_scorer()), KEY, EPISODE)
    [(place, letter)] = world.letters.items()
    assert (place, letter.code) == (("0", 2), "store_refused")
    assert json.loads(letter.event.body) == json.loads(EPISODE[2].body)
    assert (world.state.orders_scored, world.state.dead_lettered) == (len(EPISODE) - 1, 1)
