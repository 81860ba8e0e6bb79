"""The order that kills its process is found, and no other order is blamed."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions import incident_writes
from functions.attempts import DEATHS, PATIENCE, Care, care, off_record, on_record
from functions.handlers import score_batch
from functions.stored_state import StoredState
from shared.errors import TransientError, WriteConflict
from shared.stream import NOBODY, Attempt, StreamState
from tests.unit.functions.streams import (
    EPISODE,
    LISTED,
    STREAM,
    alone,
    charged,
    commit_somehow,
    dying_at,
    real_scorer,
    undisturbed,
    world_of_stream,
)
from tests.unit.functions.world import (
    KEY,
    NOON,
    Died,
    FakeScorer,
    FakeStates,
    World,
    event,
    order_event,
)


async def test_the_order_that_kills_every_process_is_found_and_set_aside() -> None:
    world = World()
    world.scorer = FakeScorer(kills={"o-5"})
    batch = [event(n) for n in range(9)]
    deaths = 0
    while True:
        try:
            await score_batch(world.later().context(), KEY, batch)
            break
        except Died:
            deaths += 1
    assert deaths == 1 + DEATHS  # with the whole batch, then on its own
    assert [letter.code for letter in world.letters.values()] == ["attempts_vanished"]
    assert set(world.alerts_by_id) == {f"o-{n}.0" for n in range(9) if n != 5}
    assert (world.state.orders_scored, world.state.dead_lettered) == (8, 1)
    assert world.state.attempt is None


async def test_an_order_that_kills_a_settled_process_is_found_as_well() -> None:
    world = World()
    context = world.context()
    await score_batch(context, KEY, [event(0)])
    world.scorer = FakeScorer(kills={"o-2"})
    batch = [event(1), event(2)]
    with pytest.raises(Died):
        await score_batch(context, KEY, batch)
    assert world.state.attempt is None  # a healthy run leaves no note
    for _ in range(1 + DEATHS):
        with pytest.raises(Died):
            await score_batch(world.later().context(), KEY, batch)
    await score_batch(world.later().context(), KEY, batch)
    assert set(world.letters) == {("0", 2)}


async def test_failures_that_come_back_never_set_an_order_aside() -> None:
    world = World()
    for _ in range(6):
        world.unreachable = {"alert"}
        with pytest.raises(TransientError):
            await score_batch(world.context(), KEY, [event(0)])
    assert world.state.attempt is None
    world.unreachable = set()
    await score_batch(world.context(), KEY, [event(0)])
    assert (set(world.alerts_by_id), world.letters) == ({"o-0.0"}, {})


async def test_a_batch_that_keeps_failing_is_committed_up_to_the_order_that_fails() -> None:
    world = World()
    context = world.context()
    world.unreachable = {"alert o-3.0"}
    batch = [event(n) for n in range(6)]
    for _ in range(PATIENCE + 1):
        with pytest.raises(TransientError):
            await score_batch(context, KEY, batch)
    assert world.state.sequence_number == 2
    world.unreachable = set()
    await score_batch(context, KEY, batch)
    assert world.state.orders_scored == 6


async def test_a_store_that_was_away_leaves_no_partition_slow() -> None:
    world = world_of_stream()
    context = world.context()
    await score_batch(context, KEY, STREAM[:2])
    world.unreachable = {"state"}
    for _ in range(PATIENCE + 2):
        with pytest.raises(TransientError):
            await score_batch(context, KEY, STREAM[2:])
    world.unreachable = set()
    world.order_of_writes.clear()
    await score_batch(context, KEY, STREAM[2:])
    assert world.order_of_writes.count("state") == 1


async def test_whatever_is_raised_between_reading_and_writing_ends_with_one_order_set_aside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def spoiled(*args: Any, **options: Any) -> Any:
        if args[1].episode.opened_by == "h-5.0":
            raise OverflowError("date value out of range")
        return settle(*args, **options)

    settle = incident_writes.settle
    monkeypatch.setattr(incident_writes, "settle", spoiled)
    world = World()
    context = world.context(real_scorer())
    batch = [*EPISODE, *(alone(n, **charged(LISTED)) for n in range(11, 24))]
    assert await commit_somehow(world, context, batch, 12) == PATIENCE
    assert [letter.code for letter in world.letters.values()] == ["scoring_failed"]
    assert world.state.sequence_number == 23
    assert (world.state.orders_scored, world.state.dead_lettered) == (23, 1)


async def test_a_success_makes_the_next_batch_an_ordinary_one() -> None:
    """Failures are counted in a row."""
    world = World()
    context = world.context()
    for start in range(0, 40, 10):
        batch = [event(n) for n in range(start, start + 10)]
        for _ in range(PATIENCE - 1):
            world.unreachable = {"alert"}
            with pytest.raises(TransientError):
                await score_batch(context, KEY, batch)
        world.unreachable = set()
        world.order_of_writes.clear()
        await score_batch(context, KEY, batch)
        assert world.order_of_writes.count("state") == 1


async def test_an_attempt_of_another_process_is_waited_for_as_long_as_a_batch_may_take() -> None:
    world = world_of_stream()
    world.on_write = dying_at(1)
    with pytest.raises(Died):
        await score_batch(world.context(), KEY, STREAM)
    world.on_write = lambda _: None
    context = world.context()
    with pytest.raises(TransientError, match="another process"):
        await score_batch(context, KEY, STREAM)
    await score_batch(world.later() and context, KEY, STREAM)
    assert world.contents() == (await undisturbed()).contents()


async def test_two_hosts_that_fail_for_minutes_on_one_order_set_nothing_aside() -> None:
    """After a steal the loser goes on retrying, as the trigger does."""
    world = world_of_stream()
    hosts = [world.context(), world.context()]
    world.unreachable = {"alert"}
    for _ in range(4 * DEATHS):
        for host in hosts:
            with pytest.raises(TransientError):
                await score_batch(host, KEY, STREAM)
            world.later()
    world.unreachable = set()
    await commit_somehow(world, hosts[0], STREAM, 3)
    assert world.contents() == (await undisturbed()).contents()


async def test_three_kills_in_a_row_on_one_order_set_nothing_aside() -> None:
    world = World(scorer=FakeScorer(kills={"o-0"}))
    batch = [event(0), event(1)]
    for _ in range(4):  # with the batch, then on its own
        with pytest.raises(Died):
            await score_batch(world.later().context(), KEY, batch)
    await score_batch(world.later().context(FakeScorer()), KEY, batch)
    assert (world.letters, world.state.orders_scored) == ({}, 2)


async def test_an_attempt_that_ended_and_could_not_say_so_is_no_death() -> None:
    """The state can be written before the run and not after it."""
    world = World()
    context = world.context()
    for _ in range(3 * DEATHS):
        wrote: list[str] = []

        def once(what: str, wrote: list[str] = wrote) -> None:
            if what == "before state":
                wrote.append(what)
                if len(wrote) > 1:
                    raise TransientError("state: unreachable")

        world.on_write, world.unreachable = once, {"alert"}
        with pytest.raises(TransientError):
            await score_batch(context, KEY, [event(0)])
        world.later()
    world.on_write, world.unreachable = (lambda _: None), set()
    await score_batch(context, KEY, [event(0)])
    assert (world.letters, set(world.alerts_by_id)) == ({}, {"o-0.0"})


async def test_processes_that_die_while_they_write_blame_no_order() -> None:
    """An outage may end one process after the other; the order was judged before."""

    def die(what: str) -> None:
        if what.startswith("before alert"):
            raise Died

    world = World(on_write=die)
    for _ in range(3 * DEATHS):
        with pytest.raises(Died):
            await score_batch(world.later().context(), KEY, [event(0)])
    world.on_write = lambda _: None
    await score_batch(world.later().context(), KEY, [event(0)])
    assert (world.letters, set(world.alerts_by_id)) == ({}, {"o-0.0"})


async def test_only_one_partition_of_a_process_is_on_record_at_a_time() -> None:
    """If the process dies, no order is suspected for what another partition's order did."""
    on_record_at_once: list[int] = []

    def look(_: str) -> None:
        states = [state for state, _ in world.states_by_key.values()]
        on_record_at_once.append(sum(state.attempt is not None for state in states))

    world = World(on_write=look)
    context = world.context()
    keys = [replace(KEY, partition_id=str(n)) for n in range(3)]
    await asyncio.gather(*(score_batch(context, key, [event(0)]) for key in keys))
    assert max(on_record_at_once) == 1
    assert all(state.orders_scored == 1 for state, _ in world.states_by_key.values())


async def test_an_attempt_on_an_older_hub_says_nothing_of_the_new_one() -> None:
    world = World()
    await score_batch(world.context(), KEY, [event(n) for n in range(10)])
    state, version = world.states_by_key[KEY]
    stale = Attempt("dead", NOON - timedelta(hours=1), True, ("a", "b", "c", "d"))
    world.states_by_key[KEY] = (replace(state, attempt=stale), version)
    later = NOON + timedelta(days=1)
    anew = [replace(order_event(n, f"new-{n}"), enqueued_at=later) for n in range(3)]
    await score_batch(world.context(), KEY, anew)
    assert (world.letters, world.state.orders_scored) == ({}, 13)


LONG_AGO = NOON - timedelta(minutes=2)
FOUR = ("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("attempt", "begun", "expected"),
    [
        (None, None, Care("on record")),  # the process is new to the partition
        (None, 0, Care("together")),
        (None, PATIENCE - 1, Care("together")),
        (None, PATIENCE, Care("one by one")),
        (Attempt("other", NOON), 0, Care("wait")),
        (Attempt("other", LONG_AGO), 0, Care("one by one")),
        (Attempt("other", NOON + timedelta(days=9)), 0, Care("one by one")),  # its clock was wrong
        (Attempt("me", LONG_AGO), 0, Care("together")),  # it ended somehow: this process is alive
        (Attempt("other", LONG_AGO, True, FOUR), 0, Care("one by one", (*FOUR, "other"))),
        (Attempt("a", LONG_AGO, True, FOUR), 0, Care("one by one", FOUR)),  # each once
        (Attempt("other", LONG_AGO, True, ("me", "a")), 0, Care("one by one", ("a", "other"))),
        (Attempt("me", NOON, True, FOUR), 0, Care("one by one", FOUR)),
        (Attempt(NOBODY, NOON, True, FOUR), 0, Care("one by one", FOUR)),
    ],
)
def test_how_carefully_a_process_scores_depends_on_the_attempt_on_record(
    attempt: Attempt | None, begun: int | None, expected: Care
) -> None:
    assert care(attempt, begun, "me", NOON, 60) == expected


async def test_an_attempt_is_on_record_while_it_lasts_and_its_end_after_a_failure() -> None:
    world = World()
    stored = await StoredState.read(FakeStates(world), KEY)
    attempt = Attempt("me", NOON, alone=True, vanished=("a",))
    on_it: list[Attempt | None] = []

    async def fail() -> None:
        async with on_record(stored, attempt):
            on_it.append(world.state.attempt)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert on_it == [attempt]
    assert world.state.attempt == replace(attempt, owner=NOBODY)


async def test_an_attempt_that_fails_after_its_commit_needs_no_further_write() -> None:
    world = World()
    stored = await StoredState.read(FakeStates(world), KEY)

    async def fail_after_commit() -> None:
        async with on_record(stored, Attempt("me", NOON)):
            await stored.write(StreamState(orders_scored=1))
            raise TransientError("out of time")

    with pytest.raises(TransientError):
        await fail_after_commit()
    assert world.order_of_writes == ["state", "state"]


async def test_an_order_that_is_judged_is_no_longer_suspected_of_the_process() -> None:
    world = World()
    stored = await StoredState.read(FakeStates(world), KEY)
    attempt = Attempt("me", NOON, alone=True, vanished=("a",))

    async def die_after_judging() -> None:
        async with on_record(stored, attempt):
            await off_record(stored)
            raise Died

    with pytest.raises(Died):
        await die_after_judging()
    assert world.state.attempt == replace(attempt, owner=NOBODY)


async def test_the_end_of_an_attempt_is_not_written_over_what_another_process_wrote() -> None:
    world = World()
    states = FakeStates(world)
    stored = await StoredState.read(states, KEY)

    async def be_overtaken() -> None:
        async with on_record(stored, Attempt("me", NOON)):
            await states.write(KEY, StreamState(orders_scored=9), stored.version)
            await stored.write(StreamState(orders_scored=1))

    with pytest.raises(WriteConflict):
        await be_overtaken()
    assert (world.state.orders_scored, world.state.attempt) == (9, None)
