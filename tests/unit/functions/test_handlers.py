"""The rules of the stream, each as a fact about what is stored afterwards."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.handlers import PATIENCE, Desk, Limits, score_batch
from functions.ports import OrderEvent
from shared.errors import TransientError
from shared.stream import StreamState
from tests.unit.functions.world import (
    KEY,
    NOON,
    Died,
    ToldScorer,
    World,
    event,
    order_event,
)

STREAM = [
    order_event(0, "a", customer_id="alert"),
    event(1, b"not json"),
    order_event(2, "b", customer_id="plain"),
    order_event(3, "a", customer_id="alert"),  # a duplicate
    order_event(4, "a", 1, customer_id="alert"),  # supersedes
    order_event(5, "c", customer_id="bug"),
    order_event(6, "d", customer_id="refuse"),
    order_event(7, "a", 2, customer_id="alert"),
    order_event(8, "a", 0, customer_id="alert"),  # late
    order_event(9, "e", customer_id="alert"),
]


async def undisturbed(stream: list[OrderEvent] = STREAM) -> World:
    world = World()
    await score_batch(world.desk(), KEY, stream)
    return world


async def deliver(world: World, desk: Desk, stream: list[OrderEvent]) -> None:
    """Deliver a batch as the endless retry policy does."""
    while True:
        try:
            await score_batch(desk, KEY, stream)
        except TransientError:
            world.unreachable.clear()
        else:
            return


async def test_every_event_of_a_batch_ends_where_it_belongs() -> None:
    world = await undisturbed()
    assert set(world.alerts_by_id) == {"a.0", "a.1", "a.2", "e.0"}
    codes = {sequence: letter.code for (_, sequence), letter in world.letters.items()}
    assert codes == {1: "not_json", 5: "scoring_failed", 6: "store_refused"}
    state = world.state
    assert (state.orders_scored, state.dead_lettered, state.duplicates, state.stale) == (5, 3, 1, 1)
    assert (state.sequence_number, state.enqueued_at) == (9, NOON + timedelta(seconds=9))


async def test_an_alert_names_the_first_higher_revision_that_superseded_it() -> None:
    alerts = (await undisturbed()).alerts_by_id
    marks = {name: alert.get("superseded_by") for name, alert in alerts.items()}
    assert marks == {"a.0": "a.1", "a.1": "a.2", "a.2": None, "e.0": None}


async def test_the_state_is_written_last_and_dead_letters_after_alerts() -> None:
    kinds = [what.split(maxsplit=1)[0] for what in (await undisturbed()).order_of_writes]
    assert list(dict.fromkeys(kinds[1:])) == ["alert", "mark", "letter", "state"]
    assert kinds[1:] == sorted(kinds[1:], key=["alert", "mark", "letter", "state"].index)


@settings(deadline=None)  # a loop and a thread each
@given(st.lists(st.integers(1, len(STREAM)), max_size=4))
def test_any_cut_of_the_stream_stores_the_same(cuts: list[int]) -> None:
    async def cut() -> World:
        world, desk, start = World(), None, 0
        for end in sorted({*cuts, len(STREAM)}):
            desk = desk or world.desk(limits=Limits(chunk=3))
            await score_batch(desk, KEY, STREAM[start:end])
            start = end
        return world

    assert asyncio.run(cut()).contents() == asyncio.run(undisturbed()).contents()


# Two deaths: a third may be held against an order, which is another fact, tested below.
@settings(deadline=None)
@given(st.lists(st.integers(0, 60), max_size=2), st.integers(1, len(STREAM)), st.booleans())
def test_a_process_that_dies_at_any_write_loses_and_doubles_nothing(
    deaths: list[int], cut: int, whole: bool
) -> None:
    """Each death is at one moment before or after a write; the batches come again to a new one."""

    async def live() -> World:
        world = World()
        batches = [STREAM] if whole else [STREAM[:cut], STREAM[cut:]]
        for batch in filter(None, batches):
            for death in [*deaths, None]:
                world.on_write = dying_at(death)
                try:
                    await score_batch(world.desk(), KEY, batch)
                    break
                except Died:
                    continue
        world.on_write = lambda _: None
        await score_batch(world.desk(), KEY, STREAM)  # a lost checkpoint: all of it again
        return world

    assert asyncio.run(live()).contents() == asyncio.run(undisturbed()).contents()


def dying_at(moment: int | None) -> Callable[[str], None]:
    moments = 0

    def told(_: str) -> None:
        nonlocal moments
        moments += 1
        if moment is not None and moments > moment:
            raise Died

    return told


@pytest.mark.parametrize(
    ("what", "letters"),
    [("alert e.0", {1, 5, 6}), ("alert", {1, 5, 6}), ("mark a.0", {1, 5, 6}), ("letter 1", {5, 6})],
)
async def test_a_passing_failure_commits_nothing_but_does_the_rest(
    what: str, letters: set[int]
) -> None:
    world = World()
    desk = world.desk()
    await score_batch(desk, KEY, [event(-1)])
    world.unreachable = {what}
    with pytest.raises(TransientError):
        await score_batch(desk, KEY, STREAM)
    assert world.state.sequence_number == -1
    assert {sequence for _, sequence in world.letters} == letters
    await deliver(world, desk, STREAM)
    assert world.state.sequence_number == 9
    assert set(world.alerts_by_id) == {"a.0", "a.1", "a.2", "e.0"}


async def test_a_healthy_batch_writes_its_state_once() -> None:
    world = World()
    desk = world.desk()
    await score_batch(desk, KEY, STREAM[:4])
    assert world.order_of_writes.count("state") == 2  # a process notes its first batch
    await score_batch(desk, KEY, STREAM[4:])
    assert world.order_of_writes.count("state") == 3


async def test_events_that_are_committed_are_skipped() -> None:
    world = await undisturbed()
    scorer = ToldScorer()
    summary = await score_batch(world.desk(scorer), KEY, STREAM)
    assert (summary.skipped, scorer.asked) == (len(STREAM), [])


async def test_a_hub_created_anew_is_read_from_its_start_and_said_aloud(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = await undisturbed()
    later = [
        replace(event(n, customer_id="alert"), enqueued_at=NOON + timedelta(days=1, seconds=n))
        for n in range(3)
    ]
    await score_batch(world.desk(), KEY, later)
    assert world.state.sequence_number == 2
    assert world.state.orders_scored == 8
    assert [r.message for r in caplog.records if "new hub" in r.message] == [
        "orders.$Default.0: sequence numbers start again: this is a new hub"
    ]


async def test_another_currency_is_set_aside_even_where_the_order_would_be_a_duplicate() -> None:
    world = await undisturbed([order_event(0, "a"), order_event(1, "a", currency="XTS")])
    assert [letter.code for letter in world.letters.values()] == ["currency_mismatch"]
    assert (world.state.orders_scored, world.state.duplicates) == (1, 0)


async def test_a_set_aside_order_is_scored_when_it_is_sent_again() -> None:
    world = await undisturbed()
    again = [order_event(10, "c", customer_id="alert"), order_event(11, "d", customer_id="alert")]
    await score_batch(world.desk(), KEY, again)
    assert {"c.0", "d.0"} <= set(world.alerts_by_id)


async def test_the_order_that_kills_every_process_is_found_and_set_aside() -> None:
    world = World()
    batch = [event(n, customer_id="kill" if n == 5 else "alert") for n in range(9)]
    deaths = 0
    while True:
        try:
            await score_batch(world.desk(), KEY, batch)
            break
        except Died:
            deaths += 1
    assert deaths == 3  # with the whole batch, then twice on its own
    assert [letter.code for letter in world.letters.values()] == ["attempts_vanished"]
    assert set(world.alerts_by_id) == {f"o-{n}.0" for n in range(9) if n != 5}
    assert (world.state.orders_scored, world.state.dead_lettered) == (8, 1)
    assert world.state.attempts == 0


async def test_an_order_that_kills_a_settled_process_is_found_as_well() -> None:
    world = World()
    desk = world.desk()
    await score_batch(desk, KEY, [event(0)])
    batch = [event(1), event(2, customer_id="kill")]
    with pytest.raises(Died):
        await score_batch(desk, KEY, batch)
    assert world.state.attempts == 0  # a healthy run leaves no note
    for _ in range(3):
        with pytest.raises(Died):
            await score_batch(world.desk(), KEY, batch)
    await score_batch(world.desk(), KEY, batch)
    assert set(world.letters) == {("0", 2)}


async def test_failures_that_come_back_never_set_an_order_aside() -> None:
    world = World()
    for _ in range(6):
        world.unreachable = {"alert"}
        with pytest.raises(TransientError):
            await score_batch(world.desk(), KEY, [event(0, customer_id="alert")])
    assert world.state.attempts == 0
    world.unreachable = set()
    await score_batch(world.desk(), KEY, [event(0, customer_id="alert")])
    assert (set(world.alerts_by_id), world.letters) == ({"o-0.0"}, {})


async def test_a_batch_that_keeps_failing_is_committed_up_to_the_order_that_fails() -> None:
    world = World()
    desk = world.desk()
    world.unreachable = {"alert o-3.0"}
    batch = [event(n, customer_id="alert") for n in range(6)]
    for _ in range(PATIENCE + 1):
        with pytest.raises(TransientError):
            await score_batch(desk, KEY, batch)
    assert world.state.sequence_number == 2
    world.unreachable = set()
    await score_batch(desk, KEY, batch)
    assert world.state.orders_scored == 6


async def test_a_store_that_was_away_leaves_no_partition_slow() -> None:
    world = World()
    desk = world.desk()
    await score_batch(desk, KEY, STREAM[:2])
    world.unreachable = {"state"}
    for _ in range(PATIENCE + 2):
        with pytest.raises(TransientError):
            await score_batch(desk, KEY, STREAM[2:])
    world.unreachable = set()
    world.order_of_writes.clear()
    await score_batch(desk, KEY, STREAM[2:])
    assert world.order_of_writes.count("state") == 1


async def test_past_the_deadline_what_is_judged_is_committed_and_the_rest_comes_again() -> None:
    world = World()
    moments = iter([0.0, 1.0, 2.0, 61.0, 62.0])
    desk = world.desk(limits=Limits(chunk=2), clock=lambda: next(moments))
    with pytest.raises(TransientError, match="out of time"):
        await score_batch(desk, KEY, STREAM)
    assert world.state.sequence_number == 3
    await score_batch(world.desk(), KEY, STREAM)
    assert world.contents() == (await undisturbed()).contents()


async def test_two_processes_on_one_partition_store_what_one_would() -> None:
    world = World()
    await asyncio.gather(
        *(deliver(world, world.desk(limits=Limits(chunk=1)), STREAM) for _ in range(3))
    )
    assert world.contents() == (await undisturbed()).contents()


async def test_a_state_that_never_holds_still_is_a_passing_failure() -> None:
    world = World()

    def interfere(what: str) -> None:
        if what == "before state":
            _, version = world.states_by_key.get(KEY, (None, 0))
            world.states_by_key[KEY] = (StreamState(), version + 1)

    world.on_write = interfere
    with pytest.raises(TransientError, match="keeps changing"):
        await score_batch(world.desk(), KEY, STREAM)


async def test_the_log_line_of_a_batch_counts_and_names_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "functions")
    await undisturbed()
    [line] = [r.message for r in caplog.records if "events in" in r.message]
    assert "10 events" in line
    assert "5 scored, 4 alerts (0 known), 1 duplicates, 1 stale, 0 skipped" in line
    assert "not_json 1, scoring_failed 1, store_refused 1" in line
    assert "Annie" not in caplog.text
