"""A partition's state is replaced only as the version that was read."""

import pytest

from functions.stored_state import StoredState
from shared.errors import TransientError, WriteConflict
from shared.stream import StreamState
from tests.unit.functions.world import KEY, FakeStates, World


async def test_a_partition_that_was_never_committed_has_a_new_state() -> None:
    stored = await StoredState.read(FakeStates(World()), KEY)
    assert (stored.state, stored.version) == (StreamState(), None)


async def test_a_state_may_be_written_again_and_again_without_reading_it() -> None:
    world = World()
    stored = await StoredState.read(FakeStates(world), KEY)
    for orders in (1, 2, 3):
        await stored.write(StreamState(orders_scored=orders))
    assert stored.state == world.state == StreamState(orders_scored=3)


async def test_a_write_after_another_process_is_a_conflict_and_changes_nothing() -> None:
    states = FakeStates(World())
    stored = await StoredState.read(states, KEY)
    await states.write(KEY, StreamState(orders_scored=9), None)
    with pytest.raises(WriteConflict):
        await stored.write(StreamState(orders_scored=1))
    assert (stored.state, stored.version) == (StreamState(), None)
    assert (await StoredState.read(states, KEY)).state.orders_scored == 9


async def test_after_a_failure_the_same_version_may_be_written_again() -> None:
    world = World()
    stored = await StoredState.read(FakeStates(world), KEY)
    world.unreachable = {"state"}
    with pytest.raises(TransientError):
        await stored.write(StreamState(orders_scored=1))
    world.unreachable = set()
    await stored.write(StreamState(orders_scored=1))
    assert world.state.orders_scored == 1
