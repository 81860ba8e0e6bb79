"""What becomes of events does not depend on how they are cut."""

import asyncio
from datetime import UTC, datetime

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.handlers import score_batch
from functions.scoring_context import Limits
from shared.beliefs import Belief
from shared.episodes import EpisodeState
from shared.stream import StreamState
from tests.schemas import violations
from tests.unit.functions.streams import (
    EPISODE,
    HIDDEN,
    LISTED,
    after_the_episode,
    alone,
    charged,
    real_scorer,
)
from tests.unit.functions.world import KEY, World, order_event


async def test_the_order_before_detection_becomes_an_alert_and_its_score_stays() -> None:
    world = await after_the_episode()
    alert = world.alerts_by_id["doubtful.0"]
    assert violations("alert", alert) == []
    assert alert["probability"] < 0.5
    assert alert["revisited_at"] is not None
    assert [finding["typology"] for finding in alert["findings"]][-1] == "hidden_discount"
    assert alert["findings"][-1]["probability"] > 0.5
    assert world.state.held == {}


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(1, len(EPISODE)), max_size=4))
def test_any_cut_of_an_episode_stores_the_same(cuts: list[int]) -> None:
    async def cut() -> World:
        world, start = World(), 0
        context = world.context(real_scorer(), limits=Limits(chunk=2))
        for end in sorted({*cuts, len(EPISODE)}):
            await score_batch(context, KEY, EPISODE[start:end])
            start = end
        return world

    assert asyncio.run(cut()).contents() == asyncio.run(after_the_episode()).contents()


async def test_an_episode_that_ends_before_another_opens_counts_in_their_incident() -> None:
    """Both lie in chunks that are committed together."""
    batch = [
        *(alone(n, **HIDDEN) for n in range(8)),
        *(alone(n, **charged(LISTED)) for n in range(8, 20)),
        *(alone(n, **HIDDEN) for n in range(20, 28)),
    ]
    world, in_chunks = World(), World()
    await score_batch(world.context(real_scorer()), KEY, batch)
    await score_batch(in_chunks.context(real_scorer(), limits=Limits(chunk=4)), KEY, batch)
    ((incident, _),) = in_chunks.incidents_by_id.values()
    assert (incident["status"], incident["orders_affected"]) == ("open", 16)
    assert in_chunks.contents() == world.contents()


async def test_a_clock_that_an_older_release_let_run_ahead_is_set_right() -> None:
    world = World()
    far = datetime(9999, 12, 31, tzinfo=UTC)
    belief = msgspec.structs.replace(Belief(), at=far)
    world.states_by_key[KEY] = (StreamState(episode=EpisodeState(belief)), 1)
    await score_batch(world.context(real_scorer()), KEY, [alone(n, **HIDDEN) for n in range(8)])
    ((incident, _),) = world.incidents_by_id.values()
    assert incident["orders_affected"] == 8


async def test_an_order_of_years_ago_joins_no_episode_and_moves_nothing() -> None:
    """As a backfill or a dead letter sent again brings it, in the middle of a run."""
    old = order_event(8, "old", ordered_at="2019-03-01T12:00:00Z", **HIDDEN)
    run = [alone(n, **HIDDEN) for n in range(12)]
    plain, mixed = World(), World()
    await score_batch(plain.context(real_scorer()), KEY, [*run[:8], *run[9:]])
    await score_batch(mixed.context(real_scorer()), KEY, [*run[:8], old, *run[9:]])
    ((expected, _),), ((incident, _),) = (w.incidents_by_id.values() for w in (plain, mixed))
    assert incident == expected
    assert mixed.state.episode == plain.state.episode


async def test_a_revision_says_what_it_changed() -> None:
    world = World()
    orders = [order_event(n, "a", n, **charged(LISTED - 1_000 * n)) for n in range(2)]
    await score_batch(world.context(real_scorer()), KEY, orders)
    alert = world.alerts_by_id["a.1"]
    assert violations("alert", alert) == []
    assert alert["revises"]["charge_change"] == -1_000
    assert any(
        "charges 1,000.00 USD less (2,723.27 USD instead of 3,723.27 USD)" in one["message"]
        for one in alert["reasons"]
    )


async def test_a_late_lower_revision_is_late_however_often_it_comes() -> None:
    world = World()
    events = [order_event(0, "a", 1), order_event(1, "a", 0), order_event(2, "a", 0)]
    await score_batch(world.context(), KEY, events)
    assert (world.state.stale, world.state.duplicates, world.state.orders_scored) == (2, 0, 1)
