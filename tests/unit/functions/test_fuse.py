"""Where scoring fails on many orders, the batch waits and nothing is set aside."""

import pytest

from functions.attempts import PATIENCE
from functions.condition import Conditions
from functions.fuse import Fuse, FuseError
from functions.handlers import score_batch
from functions.scoring_context import Limits
from tests.unit.functions.streams import commit_somehow
from tests.unit.functions.world import KEY, NOON, Died, FakeScorer, World, event, order_event


async def test_scoring_that_fails_on_many_orders_blows_the_fuse_and_sets_nothing_aside() -> None:
    world = World()
    context = world.context()
    world.scorer = FakeScorer(bugs={"o-0", "o-1", "o-2"})
    batch = [event(n) for n in range(10)]
    for _ in range(2 * PATIENCE):
        with pytest.raises(FuseError, match="3 orders in a batch of 10"):
            await score_batch(context, KEY, batch)
    assert (world.letters, world.state.sequence_number) == ({}, -1)
    assert "3 orders" in context.conditions.fuses["0"].why
    assert context.conditions.standing_still["0"].attempts == 2 * PATIENCE
    assert world.order_of_writes == ["state"] * 2  # the first try is noted, none goes one by one
    world.scorer = FakeScorer()
    await score_batch(context, KEY, batch)
    assert world.state.orders_scored == 10
    assert (context.conditions.fuses, context.conditions.standing_still) == ({}, {})


async def test_scoring_that_fails_on_a_fifth_of_a_batch_sets_those_aside() -> None:
    world = World(scorer=FakeScorer(bugs={"o-0", "o-7"}))
    batch = [event(n) for n in range(10)]
    await score_batch(world.context(), KEY, batch)
    assert set(world.letters) == {("0", 0), ("0", 7)}


async def test_failures_add_up_over_the_chunks_that_are_committed_together() -> None:
    world = World(scorer=FakeScorer(bugs={"o-0", "o-1", "o-7"}))
    context = world.context(limits=Limits(chunk=5))
    with pytest.raises(FuseError, match="3 orders in a batch of 10"):
        await score_batch(context, KEY, [event(n) for n in range(10)])
    assert world.letters == {}


async def test_one_order_that_comes_often_in_a_batch_counts_once_for_the_fuse() -> None:
    """Its repeats and revisions fail as it does, and say nothing of other orders."""
    world = World(scorer=FakeScorer(bugs={"often"}))
    often = [order_event(n, "often", revision=n) for n in range(4)]
    batch = [*often, *(event(n) for n in range(4, 10))]
    await score_batch(world.context(), KEY, batch)
    assert set(world.letters) == {("0", n) for n in range(4)}


async def test_the_fuse_holds_as_well_where_orders_are_scored_one_by_one() -> None:
    bugs = {f"o-{n}" for n in range(9)}
    world = World(scorer=FakeScorer(bugs=bugs, kills={"o-9"}))
    first = world.context()
    batch = [event(n) for n in range(10)]
    with pytest.raises(Died):
        await score_batch(first, KEY, batch)
    context = world.later().context()
    for _ in range(4):
        with pytest.raises(FuseError):
            await score_batch(context, KEY, batch)
    assert set(world.letters) == {("0", 0), ("0", 1)}  # a fifth of the batch, and not one more


async def test_the_fuse_holds_where_many_orders_are_scored_and_cannot_be_written() -> None:
    def fail(what: str) -> None:
        if what.startswith("before alert"):
            raise ZeroDivisionError("a bug")

    world = World(on_write=fail)
    batch = [event(n) for n in range(10)]
    tries = 3 * PATIENCE
    assert await commit_somehow(world, world.context(), batch, tries) == tries
    assert set(world.letters) == {("0", 0), ("0", 1)}  # a fifth of the batch, and not one more


def failing(count: int) -> frozenset[tuple[str, str]]:
    return frozenset(("Annie Corns", f"o-{n}") for n in range(count))


@pytest.mark.parametrize(("events", "failed"), [(9, 9), (10, 2), (100, 20), (10, 0)])
def test_few_failures_or_a_small_batch_leave_the_fuse_whole(events: int, failed: int) -> None:
    conditions = Conditions()
    Fuse(conditions, KEY, lambda: NOON, events, one_by_one=False).check(failing(failed))
    assert conditions.well


@pytest.mark.parametrize(("events", "failed"), [(10, 3), (100, 21)])
def test_more_than_a_fifth_of_a_batch_blows_the_fuse(events: int, failed: int) -> None:
    conditions = Conditions()
    with pytest.raises(FuseError):
        Fuse(conditions, KEY, lambda: NOON, events, one_by_one=False).check(failing(failed))
    assert conditions.fuses["0"].since == NOON


def test_failures_add_up_over_the_commits_of_a_batch() -> None:
    fuse = Fuse(Conditions(), KEY, lambda: NOON, 10, one_by_one=True)
    for n in range(2):
        fuse.check(frozenset({("Annie Corns", f"o-{n}")}))
    fuse.check(frozenset({("Annie Corns", "o-1")}))  # the same order again
    with pytest.raises(FuseError, match="3 orders in a batch of 10"):
        fuse.check(frozenset({("Annie Corns", "o-2")}))


def test_once_it_has_blown_no_order_on_its_own_is_set_aside() -> None:
    conditions = Conditions()
    conditions.note_fuse("0", NOON, "scoring fails on 3 orders in a batch of 10")
    alone = Fuse(conditions, KEY, lambda: NOON, 1, one_by_one=True)
    alone.check(frozenset())
    with pytest.raises(FuseError):
        alone.check(failing(1))
    Fuse(conditions, KEY, lambda: NOON, 1, one_by_one=False).check(failing(1))
