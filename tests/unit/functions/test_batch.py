"""Which events are new, and which orders their times allow."""

from dataclasses import replace
from datetime import timedelta

import pytest

from functions.batch import ReceivedEvent, doubtful, receive, unseen
from functions.handlers import score_batch
from shared.errors import OrderError
from shared.order import Order
from shared.stream import StreamState
from shared.uses import RecentOrders
from tests.unit.functions.streams import HIDDEN, STREAM, alone, real_scorer, undisturbed
from tests.unit.functions.world import KEY, NOON, FakeScorer, World, event, order_event


async def test_events_that_are_committed_are_skipped() -> None:
    world = await undisturbed()
    scorer = FakeScorer()
    summary = await score_batch(world.context(scorer), KEY, STREAM)
    assert (summary.skipped, scorer.asked) == (len(STREAM), [])


async def test_a_hub_created_anew_is_read_from_its_start_and_said_aloud(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = await undisturbed()
    later = [replace(event(n), enqueued_at=NOON + timedelta(days=1, seconds=n)) for n in range(3)]
    await score_batch(world.context(), KEY, later)
    assert world.state.sequence_number == 2
    assert world.state.orders_scored == 8
    assert [r.message for r in caplog.records if "new hub" in r.message] == [
        "orders.$Default.0: sequence numbers start again: this is a new hub"
    ]


async def test_an_order_dated_far_ahead_is_set_aside_and_the_partition_goes_on() -> None:
    for at in ("9999-12-31T23:59:59Z", "2026-03-02T12:00:10Z", "0001-01-01T00:00:00Z"):
        world = World()
        batch = [order_event(n, f"x-{n}", ordered_at=at, **HIDDEN) for n in range(4)]
        batch += [alone(n, **HIDDEN) for n in range(4, 12)]
        await score_batch(world.context(real_scorer()), KEY, batch)
        assert {letter.code for letter in world.letters.values()} == {"bad_time"}
        assert (world.state.orders_scored, world.state.dead_lettered) == (8, 4)
        other = replace(KEY, partition_id="1")
        await score_batch(world.context(real_scorer()), other, batch[4:])
        ((incident, _),) = world.incidents_by_id.values()
        assert incident["orders_affected"] == 16


async def test_a_new_hub_whose_events_are_no_later_is_not_skipped() -> None:
    world = World(scorer=FakeScorer(alerts={f"new-{n}" for n in range(50)}))
    ahead = [
        replace(event(n), enqueued_at=NOON + timedelta(days=3650, seconds=n)) for n in range(50)
    ]
    await score_batch(world.context(), KEY, ahead)
    anew = [replace(order_event(n, f"new-{n}"), enqueued_at=NOON + timedelta(n)) for n in range(50)]
    summary = await score_batch(world.context(), KEY, anew)
    assert summary.skipped == 0
    assert (world.state.orders_scored, len(world.alerts_by_id)) == (100, 50)


@pytest.mark.parametrize("first", [0, 500])
async def test_a_hub_that_is_read_again_from_its_start_is_no_new_one(first: int) -> None:
    """As after its checkpoints were reset; a release before this one marked nothing."""
    world = World()
    stream = [event(n) for n in range(600)]
    await score_batch(world.context(), KEY, stream[first:550])
    state, version = world.states_by_key[KEY]
    upgraded = StreamState.from_document(state.to_document(1) | {"beside": None})
    for before in (state, upgraded):
        world.states_by_key[KEY] = (before, version + 1)
        await score_batch(world.context(), KEY, stream)
        assert world.state.hubs == before.hubs
        assert world.state.orders_scored == 600 - first


async def test_a_hubs_clock_that_steps_back_makes_no_new_hub() -> None:
    world = World()
    stream = [event(0), event(1), replace(event(2), enqueued_at=NOON)]
    for _ in range(2):
        await score_batch(world.later().context(), KEY, stream)
    assert (world.state.hubs, world.state.orders_scored, world.state.duplicates) == (0, 3, 0)


def test_an_event_is_received_with_its_order_or_with_what_is_wrong() -> None:
    good, bad = receive(event(1)), receive(event(2, b"not json"))
    assert isinstance(good.order, Order)
    assert good.name == ("Annie Corns", "o-1")
    assert isinstance(bad.order, OrderError)
    assert (bad.order.code, bad.name) == ("not_json", ("", "event 2"))


@pytest.mark.parametrize(
    ("ahead", "good"), [(timedelta(days=1), True), (timedelta(days=1, microseconds=1), False)]
)
def test_an_order_may_be_dated_a_day_after_it_came_and_no_more(
    ahead: timedelta, good: bool
) -> None:
    came = event(1).enqueued_at
    received = receive(event(1, ordered_at=(came + ahead).isoformat()))
    assert isinstance(received.order, Order) == good
    if not good:
        assert isinstance(received.order, OrderError)
        assert received.order.code == "bad_time"


def test_a_bug_in_reading_one_event_is_kept_with_that_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_: bytes) -> Order:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("functions.batch.parse_order", broken)
    received = receive(event(7))
    assert isinstance(received.order, ZeroDivisionError)
    assert received.name == ("", "event 7")


def test_only_orders_from_before_the_horizon_are_doubtful() -> None:
    events = [
        receive(order_event(n, f"o-{n}", ordered_at=(NOON + timedelta(seconds=n)).isoformat()))
        for n in range(4)
    ]
    events.append(ReceivedEvent(event(4, b"x"), OrderError("not_json", "", "x")))
    assert doubtful(StreamState(), events) == set()
    forgetful = StreamState(recent=RecentOrders(forgotten_until=NOON + timedelta(seconds=1)))
    assert doubtful(forgetful, events) == {("Annie Corns", "o-0"), ("Annie Corns", "o-1")}


def test_of_events_that_overlap_with_the_committed_ones_the_rest_is_new() -> None:
    state = StreamState(sequence_number=2, enqueued_at=event(2).enqueued_at)
    before, fresh = unseen(state, [event(n) for n in range(5)])
    assert before is state
    assert [one.sequence_number for one in fresh] == [3, 4]
    assert unseen(state, [event(1), event(2)]) == (state, [])
