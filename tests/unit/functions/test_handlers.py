"""The rules of the stream, each as a fact about what is stored afterwards."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.handlers import score_batch
from functions.scoring_context import Limits
from shared.errors import TransientError
from shared.stream import StreamState
from tests.unit.functions.streams import (
    EPISODE,
    STREAM,
    after_the_episode,
    deliver,
    dying_at,
    real_scorer,
    undisturbed,
    world_of_stream,
)
from tests.unit.functions.world import KEY, NOON, Died, World, event


async def test_every_event_of_a_batch_ends_where_it_belongs() -> None:
    world = await undisturbed()
    assert set(world.alerts_by_id) == {"a.0", "a.1", "a.2", "e.0"}
    codes = {sequence: letter.code for (_, sequence), letter in world.letters.items()}
    assert codes == {1: "not_json", 5: "scoring_failed", 6: "store_refused"}
    state = world.state
    assert (state.orders_scored, state.dead_lettered, state.duplicates, state.stale) == (5, 3, 1, 1)
    assert (state.sequence_number, state.enqueued_at) == (9, NOON + timedelta(seconds=9))


async def test_the_state_is_written_last_and_dead_letters_after_alerts() -> None:
    kinds = [what.split(maxsplit=1)[0] for what in (await undisturbed()).order_of_writes]
    assert list(dict.fromkeys(kinds[1:])) == ["alert", "mark", "letter", "state"]
    assert kinds[1:] == sorted(kinds[1:], key=["alert", "mark", "letter", "state"].index)


@settings(deadline=None)  # a loop and a thread each
@given(st.lists(st.integers(1, len(STREAM)), max_size=4))
def test_any_cut_of_the_stream_stores_the_same(cuts: list[int]) -> None:
    async def cut() -> World:
        world, context, start = world_of_stream(), None, 0
        for end in sorted({*cuts, len(STREAM)}):
            context = context or world.context(limits=Limits(chunk=3))
            await score_batch(context, KEY, STREAM[start:end])
            start = end
        return world

    assert asyncio.run(cut()).contents() == asyncio.run(undisturbed()).contents()


# Four deaths: more may be held against an order, which is another fact, tested below.
@settings(deadline=None)
@given(st.lists(st.integers(0, 60), max_size=4), st.integers(1, len(STREAM)), st.booleans())
def test_a_process_that_dies_at_any_write_loses_and_doubles_nothing(
    deaths: list[int], cut: int, whole: bool
) -> None:
    """Each death is at one moment before or after a write; the batches come again to a new one."""

    async def live() -> World:
        world = world_of_stream()
        batches = [STREAM] if whole else [STREAM[:cut], STREAM[cut:]]
        for batch in filter(None, batches):
            for death in [*deaths, None]:
                world.on_write = dying_at(death)
                try:
                    await score_batch(world.later().context(), KEY, batch)
                    break
                except Died:
                    continue
        world.on_write = lambda _: None
        await score_batch(world.context(), KEY, STREAM)  # a lost checkpoint: all of it again
        return world

    assert asyncio.run(live()).contents() == asyncio.run(undisturbed()).contents()


@pytest.mark.parametrize(
    ("what", "letters"),
    [("alert e.0", {1, 5, 6}), ("alert", {1, 5, 6}), ("mark a.0", {1, 5, 6}), ("letter 1", {5, 6})],
)
async def test_a_passing_failure_commits_nothing_but_does_the_rest(
    what: str, letters: set[int]
) -> None:
    world = world_of_stream()
    context = world.context()
    await score_batch(context, KEY, [event(-1)])
    world.unreachable = {what}
    with pytest.raises(TransientError):
        await score_batch(context, KEY, STREAM)
    assert world.state.sequence_number == -1
    assert {sequence for _, sequence in world.letters} == letters
    await deliver(world, context, STREAM)
    assert world.state.sequence_number == 9
    assert set(world.alerts_by_id) == {"a.0", "a.1", "a.2", "e.0"}


async def test_a_healthy_batch_writes_its_state_once() -> None:
    world = world_of_stream()
    context = world.context()
    await score_batch(context, KEY, STREAM[:4])
    assert world.order_of_writes.count("state") == 2  # a process notes its first batch
    await score_batch(context, KEY, STREAM[4:])
    assert world.order_of_writes.count("state") == 3


async def test_past_the_deadline_what_is_judged_is_committed_and_the_rest_comes_again() -> None:
    world = world_of_stream()
    moments = iter([0.0, 1.0, 61.0, 62.0])
    context = world.context(limits=Limits(chunk=2), clock=lambda: next(moments))
    with pytest.raises(TransientError, match="out of time"):
        await score_batch(context, KEY, STREAM)
    assert world.state.sequence_number == 3
    await score_batch(world.context(), KEY, STREAM)
    assert world.contents() == (await undisturbed()).contents()


async def test_two_processes_on_one_partition_store_what_one_would() -> None:
    world = world_of_stream()
    await asyncio.gather(
        *(deliver(world, world.context(limits=Limits(chunk=1)), STREAM) for _ in range(3))
    )
    assert world.contents() == (await undisturbed()).contents()


async def test_a_state_that_never_holds_still_is_a_passing_failure() -> None:
    world = world_of_stream()

    def interfere(what: str) -> None:
        if what == "before state":
            _, version = world.states_by_key.get(KEY, (None, 0))
            world.states_by_key[KEY] = (StreamState(), version + 1)

    world.on_write = interfere
    with pytest.raises(TransientError, match="keeps changing"):
        await score_batch(world.context(), KEY, STREAM)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 30), max_size=2), st.integers(1, len(EPISODE)))
def test_a_process_that_dies_at_any_write_of_an_episode_loses_and_doubles_nothing(
    deaths: list[int], cut: int
) -> None:
    async def live() -> World:
        world = World()
        for batch in filter(None, [EPISODE[:cut], EPISODE[cut:]]):
            for death in [*deaths, None]:
                world.on_write = dying_at(death)
                try:
                    await score_batch(world.later().context(real_scorer()), KEY, batch)
                    break
                except Died:
                    continue
        world.on_write = lambda _: None
        return world

    assert asyncio.run(live()).contents() == asyncio.run(after_the_episode()).contents()


async def test_one_chunk_is_scored_however_late_it_is() -> None:
    world = world_of_stream()
    moments = iter([0.0, *[1_000.0] * 20])
    context = world.context(limits=Limits(chunk=2), clock=lambda: next(moments))
    with pytest.raises(TransientError, match="out of time"):
        await score_batch(context, KEY, STREAM)
    assert world.state.sequence_number == 1


async def test_the_time_of_a_batch_begins_once_what_serves_is_read() -> None:
    world, now = world_of_stream(), [0.0]
    context = world.context(clock=lambda: now[0])
    told = await context.read_scorer()

    async def slow() -> Any:
        now[0] += 1_000.0
        return told

    context.read_scorer = slow
    await score_batch(context, KEY, STREAM)
    assert world.state.sequence_number == 9
