"""The rules of the stream, each as a fact about what is stored afterwards."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions import incident_writes
from functions.attempts import DEATHS, PATIENCE
from functions.fuse import FuseError
from functions.handlers import score_batch
from functions.scoring_context import Limits, ScoringContext
from shared.beliefs import Belief
from shared.catalogue import packaged_catalogue
from shared.dead_letter import DeadLetter
from shared.episodes import EpisodeState
from shared.errors import RefusedError, TransientError
from shared.model import packaged_bundle
from shared.order_event import OrderEvent
from shared.policy import Policy
from shared.scoring import Scorer
from shared.stream import Attempt, StreamState
from shared.uses import RECENT_ORDERS
from tests.schemas import violations
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


LISTED = 3578.27 + 120.0 + 25.0
"""List total of a road bike, a hitch rack and a cable lock."""

BASKET = {"Road150Red44": 1, "HitchRack4Bike": 1, "CableLock": 1}


def charged(amount: float, **units: int) -> dict[str, Any]:
    """The fields of an order of these units (else of `BASKET`) charged so much."""
    lines = [{"product_id": name, "quantity": n} for name, n in (units or BASKET).items()]
    return {"lines": lines, "charged_price": round(amount, 4)}


async def undisturbed(stream: list[OrderEvent] = STREAM) -> World:
    world = World()
    await score_batch(world.context(), KEY, stream)
    return world


async def deliver(world: World, context: ScoringContext, stream: list[OrderEvent]) -> None:
    """Deliver a batch as the endless retry policy does."""
    while True:
        try:
            await score_batch(context, KEY, stream)
        except TransientError:
            world.unreachable.clear()
            await asyncio.sleep(0)  # the other processes' turn
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
        world, context, start = World(), None, 0
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
        world = World()
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
    world = World()
    context = world.context()
    await score_batch(context, KEY, STREAM[:4])
    assert world.order_of_writes.count("state") == 2  # a process notes its first batch
    await score_batch(context, KEY, STREAM[4:])
    assert world.order_of_writes.count("state") == 3


async def test_events_that_are_committed_are_skipped() -> None:
    world = await undisturbed()
    scorer = ToldScorer()
    summary = await score_batch(world.context(scorer), KEY, STREAM)
    assert (summary.skipped, scorer.asked) == (len(STREAM), [])


async def test_a_hub_created_anew_is_read_from_its_start_and_said_aloud(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = await undisturbed()
    later = [
        replace(event(n, customer_id="alert"), enqueued_at=NOON + timedelta(days=1, seconds=n))
        for n in range(3)
    ]
    await score_batch(world.context(), KEY, later)
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
    await score_batch(world.context(), KEY, again)
    assert {"c.0", "d.0"} <= set(world.alerts_by_id)


async def test_the_order_that_kills_every_process_is_found_and_set_aside() -> None:
    world = World()
    batch = [event(n, customer_id="kill" if n == 5 else "alert") for n in range(9)]
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
    batch = [event(1), event(2, customer_id="kill")]
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
            await score_batch(world.context(), KEY, [event(0, customer_id="alert")])
    assert world.state.attempt is None
    world.unreachable = set()
    await score_batch(world.context(), KEY, [event(0, customer_id="alert")])
    assert (set(world.alerts_by_id), world.letters) == ({"o-0.0"}, {})


async def test_a_batch_that_keeps_failing_is_committed_up_to_the_order_that_fails() -> None:
    world = World()
    context = world.context()
    world.unreachable = {"alert o-3.0"}
    batch = [event(n, customer_id="alert") for n in range(6)]
    for _ in range(PATIENCE + 1):
        with pytest.raises(TransientError):
            await score_batch(context, KEY, batch)
    assert world.state.sequence_number == 2
    world.unreachable = set()
    await score_batch(context, KEY, batch)
    assert world.state.orders_scored == 6


async def test_a_store_that_was_away_leaves_no_partition_slow() -> None:
    world = World()
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


async def test_past_the_deadline_what_is_judged_is_committed_and_the_rest_comes_again() -> None:
    world = World()
    moments = iter([0.0, 1.0, 61.0, 62.0])
    context = world.context(limits=Limits(chunk=2), clock=lambda: next(moments))
    with pytest.raises(TransientError, match="out of time"):
        await score_batch(context, KEY, STREAM)
    assert world.state.sequence_number == 3
    await score_batch(world.context(), KEY, STREAM)
    assert world.contents() == (await undisturbed()).contents()


async def test_two_processes_on_one_partition_store_what_one_would() -> None:
    world = World()
    await asyncio.gather(
        *(deliver(world, world.context(limits=Limits(chunk=1)), STREAM) for _ in range(3))
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
        await score_batch(world.context(), KEY, STREAM)


RUN = [
    *(order_event(n, f"n-{n}", **charged(LISTED)) for n in range(2)),
    order_event(2, "doubtful", **charged(0.99 * 25.0, CableLock=1)),
    *(order_event(n, f"h-{n}", **charged(0.99 * LISTED)) for n in range(3, 6)),
    *(order_event(n, f"m-{n}", **charged(LISTED)) for n in range(6, 11)),
]
"""A hidden discount of 1 % runs from the third order to the sixth. The first of them could as well
have a step of the ladder; nobody can tell until the ones after it are there."""


def real_scorer() -> Scorer:
    return Scorer(packaged_bundle(), packaged_catalogue(), Policy())


async def watched() -> World:
    world = World()
    await score_batch(world.context(real_scorer()), KEY, RUN)
    return world


async def test_a_run_of_a_hidden_discount_becomes_an_incident() -> None:
    world = await watched()
    ((incident, _),) = world.incidents_by_id.values()
    assert violations("incident", incident) == []
    assert (incident["status"], incident["percent"]) == ("closed", 1.0)
    assert incident["orders_affected"] == 4
    assert incident["sample_order_ids"] == ["doubtful", "h-3", "h-4", "h-5"]
    assert incident["amount_lost"] == pytest.approx(0.01 * (3 * LISTED + 25.0))
    assert world.state.episode.episode is None
    assert violations("state", state_document(world.state)) == []


async def test_the_order_before_detection_becomes_an_alert_and_its_score_stays() -> None:
    world = await watched()
    alert = world.alerts_by_id["doubtful.0"]
    assert violations("alert", alert) == []
    assert alert["probability"] < 0.5
    assert alert["revisited_at"] is not None
    assert [finding["typology"] for finding in alert["findings"]][-1] == "hidden_discount"
    assert alert["findings"][-1]["probability"] > 0.5
    assert world.state.held == {}


async def test_every_alert_of_the_run_names_its_incident_and_no_other_does() -> None:
    alerts = (await watched()).alerts_by_id
    assert set(alerts) == {"doubtful.0", "h-3.0", "h-4.0", "h-5.0"}
    assert {alert["incident_id"] for alert in alerts.values()} == {"hidden_discount-000001"}


async def test_the_incident_is_written_before_the_alerts_that_name_it() -> None:
    kinds = [what.split(maxsplit=1)[0] for what in (await watched()).order_of_writes]
    assert list(dict.fromkeys(kinds[1:])) == ["incident", "alert", "revisit", "state"]


async def test_the_log_tells_when_an_incident_opens_and_closes_and_names_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    context = world.context(real_scorer())
    for one in RUN:
        await score_batch(context, KEY, [one])
    assert [r.message for r in caplog.records if "incident" in r.message] == [
        "incident hidden_discount-000001 is open: 1 %, 4 orders",
        "incident hidden_discount-000001 is closed: 1 %, 4 orders",
    ]
    assert "Annie" not in caplog.text


async def test_without_the_incidents_nothing_of_a_run_is_committed() -> None:
    world = World(unreachable={"incident"})
    context = world.context(real_scorer())
    with pytest.raises(TransientError):
        await score_batch(context, KEY, RUN)
    assert (world.alerts_by_id, world.state.sequence_number) == ({}, -1)
    world.unreachable = set()
    await score_batch(context, KEY, RUN)
    assert world.contents() == (await watched()).contents()


async def test_partitions_that_open_at_once_share_one_incident() -> None:
    world = World()
    context = world.context(real_scorer())
    keys = [replace(KEY, partition_id=str(number)) for number in range(6)]
    await asyncio.gather(*(score_batch(context, key, RUN) for key in keys))
    ((incident, _),) = world.incidents_by_id.values()
    assert incident["orders_affected"] == 4 * 6
    assert set(incident["by_partition"]) == {key.partition_id for key in keys}


async def test_a_partition_that_comes_second_to_an_incident_joins_it() -> None:
    """Another one has opened it after this one looked, and before it wrote."""
    world, other = World(), World()
    await score_batch(other.context(real_scorer()), replace(KEY, partition_id="7"), RUN)

    def overtaken(what: str) -> None:
        if what.startswith("before incident") and not world.incidents_by_id:
            world.incidents_by_id.update(other.incidents_by_id)

    world.on_write = overtaken
    await score_batch(world.context(real_scorer()), KEY, RUN)
    ((incident, _),) = world.incidents_by_id.values()
    assert set(incident["by_partition"]) == {"0", "7"}
    assert incident["orders_affected"] == 8


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(1, len(RUN)), max_size=4))
def test_any_cut_of_a_run_stores_the_same(cuts: list[int]) -> None:
    async def cut() -> World:
        world, start = World(), 0
        context = world.context(real_scorer(), limits=Limits(chunk=2))
        for end in sorted({*cuts, len(RUN)}):
            await score_batch(context, KEY, RUN[start:end])
            start = end
        return world

    assert asyncio.run(cut()).contents() == asyncio.run(watched()).contents()


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 30), max_size=2), st.integers(1, len(RUN)))
def test_a_process_that_dies_at_any_write_of_a_run_loses_and_doubles_nothing(
    deaths: list[int], cut: int
) -> None:
    async def live() -> World:
        world = World()
        for batch in filter(None, [RUN[:cut], RUN[cut:]]):
            for death in [*deaths, None]:
                world.on_write = dying_at(death)
                try:
                    await score_batch(world.later().context(real_scorer()), KEY, batch)
                    break
                except Died:
                    continue
        world.on_write = lambda _: None
        return world

    assert asyncio.run(live()).contents() == asyncio.run(watched()).contents()


def alone(number: int, **order: Any) -> OrderEvent:
    """An event whose order has the time at which it entered the hub."""
    at = NOON + timedelta(seconds=number)
    return order_event(number, f"o-{number}", ordered_at=at.isoformat(), **order)


HIDDEN = charged(0.99 * LISTED)


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


async def test_a_clock_that_an_older_release_let_run_ahead_is_set_right() -> None:
    world = World()
    far = datetime(9999, 12, 31, tzinfo=UTC)
    belief = msgspec.structs.replace(Belief(), at=far)
    world.states_by_key[KEY] = (StreamState(episode=EpisodeState(belief)), 1)
    await score_batch(world.context(real_scorer()), KEY, [alone(n, **HIDDEN) for n in range(8)])
    ((incident, _),) = world.incidents_by_id.values()
    assert incident["orders_affected"] == 8


async def test_an_order_of_years_ago_joins_no_run_and_moves_nothing() -> None:
    """As a backfill or a dead letter sent again brings it, in the middle of a run."""
    old = order_event(8, "old", ordered_at="2019-03-01T12:00:00Z", **HIDDEN)
    run = [alone(n, **HIDDEN) for n in range(12)]
    plain, mixed = World(), World()
    await score_batch(plain.context(real_scorer()), KEY, [*run[:8], *run[9:]])
    await score_batch(mixed.context(real_scorer()), KEY, [*run[:8], old, *run[9:]])
    ((expected, _),), ((incident, _),) = (w.incidents_by_id.values() for w in (plain, mixed))
    assert incident == expected
    assert mixed.state.episode == plain.state.episode


async def commit_somehow(
    world: World, context: ScoringContext, batch: list[OrderEvent], most: int
) -> int:
    """Deliver a batch until it is committed; how often it was not."""
    for failures in range(most):
        try:
            await score_batch(context, KEY, batch)
        except Exception:  # noqa: BLE001 - as the trigger's policy, which retries on anything
            world.later()
        else:
            return failures
    return most


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
    batch = [*RUN, *(alone(n, **charged(LISTED)) for n in range(11, 24))]
    assert await commit_somehow(world, context, batch, 12) == PATIENCE
    assert [letter.code for letter in world.letters.values()] == ["scoring_failed"]
    assert world.state.sequence_number == 23
    assert (world.state.orders_scored, world.state.dead_lettered) == (23, 1)


async def test_scoring_that_fails_on_many_orders_blows_the_fuse_and_sets_nothing_aside() -> None:
    world = World()
    context = world.context()
    batch = [event(n, customer_id="bug" if n < 3 else "alert") for n in range(10)]
    for _ in range(2 * PATIENCE):
        with pytest.raises(FuseError, match="3 orders in a batch of 10"):
            await score_batch(context, KEY, batch)
    assert (world.letters, world.state.sequence_number) == ({}, -1)
    assert "3 orders" in context.conditions.fuses["0"].why
    assert context.conditions.standing_still["0"].attempts == 2 * PATIENCE
    mended = [event(n, customer_id="alert") for n in range(10)]
    await score_batch(context, KEY, mended)
    assert world.state.orders_scored == 10
    assert (context.conditions.fuses, context.conditions.standing_still) == ({}, {})


async def test_scoring_that_fails_on_a_fifth_of_a_batch_sets_those_aside() -> None:
    world = World()
    batch = [event(n, customer_id="bug" if n in (0, 7) else "alert") for n in range(10)]
    await score_batch(world.context(), KEY, batch)
    assert set(world.letters) == {("0", 0), ("0", 7)}


async def test_one_order_that_comes_often_in_a_batch_counts_once_for_the_fuse() -> None:
    """Its repeats and revisions fail as it does, and say nothing of other orders."""
    world = World()
    often = [order_event(n, "often", customer_id="bug", revision=n) for n in range(4)]
    batch = [*often, *(event(n, customer_id="alert") for n in range(4, 10))]
    await score_batch(world.context(), KEY, batch)
    assert set(world.letters) == {("0", n) for n in range(4)}


async def test_the_fuse_holds_as_well_where_orders_are_scored_one_by_one() -> None:
    world = World()
    first = world.context()
    batch = [event(n, customer_id="kill" if n == 9 else "bug") for n in range(10)]
    with pytest.raises(Died):
        await score_batch(first, KEY, batch)
    context = world.later().context()
    for _ in range(4):
        with pytest.raises(FuseError):
            await score_batch(context, KEY, batch)
    assert set(world.letters) == {("0", 0), ("0", 1)}  # a fifth of the batch, and not one more


async def test_a_success_makes_the_next_batch_an_ordinary_one() -> None:
    """Failures are counted in a row."""
    world = World()
    context = world.context()
    for start in range(0, 40, 10):
        batch = [event(n, customer_id="alert") for n in range(start, start + 10)]
        for _ in range(PATIENCE - 1):
            world.unreachable = {"alert"}
            with pytest.raises(TransientError):
                await score_batch(context, KEY, batch)
        world.unreachable = set()
        world.order_of_writes.clear()
        await score_batch(context, KEY, batch)
        assert world.order_of_writes.count("state") == 1


async def test_an_attempt_of_another_process_is_waited_for_as_long_as_a_batch_may_take() -> None:
    world = World()
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
    world = World()
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
    world = World()
    batch = [event(0, customer_id="kill"), event(1, customer_id="alert")]
    for _ in range(4):  # with the batch, then on its own
        with pytest.raises(Died):
            await score_batch(world.later().context(), KEY, batch)
    await score_batch(world.later().context(ToldScorer()), KEY, [event(0), batch[1]])
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
            await score_batch(context, KEY, [event(0, customer_id="alert")])
        world.later()
    world.on_write, world.unreachable = (lambda _: None), set()
    await score_batch(context, KEY, [event(0, customer_id="alert")])
    assert (world.letters, set(world.alerts_by_id)) == ({}, {"o-0.0"})


async def test_one_chunk_is_scored_however_late_it_is() -> None:
    world = World()
    moments = iter([0.0, *[1_000.0] * 20])
    context = world.context(limits=Limits(chunk=2), clock=lambda: next(moments))
    with pytest.raises(TransientError, match="out of time"):
        await score_batch(context, KEY, STREAM)
    assert world.state.sequence_number == 1


async def test_the_time_of_a_batch_begins_once_what_serves_is_read() -> None:
    world, now = World(), [0.0]
    context = world.context(clock=lambda: now[0])
    told = await context.read_scorer()

    async def slow() -> Any:
        now[0] += 1_000.0
        return told

    context.read_scorer = slow
    await score_batch(context, KEY, STREAM)
    assert world.state.sequence_number == 9


async def test_a_dead_letter_that_the_store_refuses_is_not_counted_as_kept() -> None:
    world = World()
    context = world.context()
    kept = context.dead_letters.add

    async def refuse(letter: DeadLetter) -> None:
        raise RefusedError("400 Bad Request")

    context.dead_letters.add = refuse  # type: ignore[method-assign]
    with pytest.raises(TransientError):
        await score_batch(context, KEY, [event(0, b"not an order")])
    assert (world.state.dead_lettered, world.state.sequence_number) == (0, -1)
    context.dead_letters.add = kept  # type: ignore[method-assign]
    await score_batch(context, KEY, [event(0, b"not an order")])
    assert (world.state.dead_lettered, len(world.letters)) == (1, 1)


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


async def test_the_last_of_an_orders_revisions_is_set_aside_where_marking_is_refused() -> None:
    world = World()
    context = world.context()

    async def refuse(*_: Any) -> int:
        raise RefusedError("mark older revision: 400")

    context.alerts.supersede = refuse  # type: ignore[method-assign]
    batch = [order_event(n, "a", n, customer_id="alert") for n in range(3)]
    await score_batch(context, KEY, batch)
    assert set(world.letters) == {("0", 2)}


async def test_revisits_that_fail_are_not_passed_over() -> None:
    world = World(unreachable={"alert doubtful.0"})
    with pytest.raises(TransientError):
        await score_batch(world.context(real_scorer()), KEY, RUN)
    assert world.state.sequence_number == -1


async def test_a_different_order_under_a_used_id_is_an_alert_of_its_own() -> None:
    world = World()
    first = order_event(0, "a", **charged(LISTED))
    other = order_event(1, "a", customer_id="x", rep_id="Bo Ek", **charged(0.3 * LISTED))
    await score_batch(world.context(real_scorer()), KEY, [first, other, first, other])
    [alert] = world.alerts_by_id.values()
    assert violations("alert", alert) == []
    assert alert["id"].startswith("a.0.~")
    assert "reused_id" in [finding["typology"] for finding in alert["findings"]]
    assert (world.state.orders_scored, world.state.duplicates) == (2, 2)


async def test_an_order_of_another_rep_supersedes_nothing() -> None:
    world = World()
    fraud = order_event(0, "a", customer_id="alert")
    await score_batch(world.context(), KEY, [fraud])
    other = order_event(0, "a", 1, rep_id="Bo Ek", customer_id="alert")
    await score_batch(world.context(), replace(KEY, partition_id="1"), [other])
    assert "superseded_by" not in world.alerts_by_id["a.0"]


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


async def test_a_new_hub_whose_events_are_no_later_is_not_skipped() -> None:
    world = World()
    ahead = [
        replace(event(n), enqueued_at=NOON + timedelta(days=3650, seconds=n)) for n in range(50)
    ]
    await score_batch(world.context(), KEY, ahead)
    anew = [
        replace(order_event(n, f"new-{n}", customer_id="alert"), enqueued_at=NOON + timedelta(n))
        for n in range(50)
    ]
    summary = await score_batch(world.context(), KEY, anew)
    assert summary.skipped == 0
    assert (world.state.orders_scored, len(world.alerts_by_id)) == (100, 50)


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


async def test_orders_that_come_again_long_after_they_are_forgotten_count_once() -> None:
    """More orders than a partition remembers lie between; the store knows them all the same."""
    world = World()
    context = world.context(real_scorer())
    run = [alone(n, **HIDDEN) for n in range(12)]
    others = [alone(n, **charged(25.0, CableLock=1)) for n in range(12, 20 + RECENT_ORDERS)]
    for start in range(0, len(others), 200):
        await score_batch(context, KEY, ([] if start else run) + others[start : start + 200])
    before = world.contents()["incidents"]
    scored = world.state.orders_scored
    again = [replace(one, sequence_number=5_000 + n) for n, one in enumerate(run)]
    await score_batch(context, KEY, again)
    ((incident, _),) = world.incidents_by_id.values()
    assert incident["orders_affected"] == 12
    assert before.keys() == world.contents()["incidents"].keys()
    assert (world.state.orders_scored, world.state.duplicates) == (scored, 12)


async def test_a_different_order_under_an_id_long_forgotten_is_an_alert_of_its_own() -> None:
    """Its own time is new, so nothing is asked of the store until the alert is there already."""
    world = World()
    context = world.context()
    await score_batch(context, KEY, [order_event(0, "a", customer_id="alert")])
    world.alerts_by_id["a.0"]["status"] = "dismissed"
    for start in range(1, RECENT_ORDERS + 2, 200):
        await score_batch(context, KEY, [alone(n) for n in range(start, start + 200)])
    later = "2026-03-01T12:30:00Z"
    other = order_event(5_000, "a", customer_id="alert", charged_price=9, ordered_at=later)
    for _ in range(2):
        await score_batch(world.later().context(), KEY, [other])
    assert world.alerts_by_id.keys() == {"a.0", other_id := max(world.alerts_by_id)}
    assert other_id.startswith("a.0.~")
    assert world.alerts_by_id[other_id]["reasons"][0]["code"] == "reused_id"
    assert world.alerts_by_id["a.0"]["status"] == "dismissed"


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


async def test_an_incident_that_the_store_refuses_is_no_orders_fault() -> None:
    world = World()
    context = world.context(real_scorer())

    async def refuse(*_: Any) -> None:
        raise RefusedError("write incident in incidents: 413")

    context.incidents.put = refuse  # type: ignore[method-assign]
    assert await commit_somehow(world, context, RUN, 3 * PATIENCE) == 3 * PATIENCE
    assert world.letters == {}


@pytest.mark.parametrize("chunk", [1, 50])
async def test_what_supersedes_does_not_depend_on_the_cut(chunk: int) -> None:
    """A different order under the id came after the revision, which does not stand in its place."""
    world = World()
    revised = order_event(0, "a", 1, customer_id="alert")
    other = order_event(1, "a", 0, customer_id="alert", charged_price=9, rep_id="Bo Ek")
    ours = order_event(2, "a", 2, customer_id="alert")
    context = world.context(limits=Limits(chunk=chunk))
    for batch in ([revised, other, ours],) if chunk > 1 else ([revised], [other], [ours]):
        await score_batch(context, KEY, batch)
    marks = {name: alert.get("superseded_by") for name, alert in world.alerts_by_id.items()}
    assert marks.pop("a.1") == "a.2"
    assert set(marks.values()) == {None}


async def test_a_revision_takes_the_place_of_the_one_before_in_its_incident() -> None:
    world = World()
    context = world.context(real_scorer())
    run = [alone(n, **HIDDEN) for n in range(12)]
    at = NOON.isoformat()
    twice = {name: 2 * units for name, units in BASKET.items()}
    revised = order_event(12, "o-9", 1, ordered_at=at, **charged(0.99 * 2 * LISTED, **twice))
    await score_batch(context, KEY, run)
    await score_batch(context, KEY, [revised])
    ((incident, _),) = world.incidents_by_id.values()
    assert incident["orders_affected"] == 12
    assert incident["amount_lost"] == pytest.approx(0.01 * 13 * LISTED, abs=0.01)


async def test_a_run_finds_its_incident_however_many_came_after() -> None:
    world = World()
    context = world.context(real_scorer())
    await score_batch(context, KEY, [alone(n, **HIDDEN) for n in range(8)])
    ((first, version),) = world.incidents_by_id.values()
    later = "2026-06-01T12:00:00.000000Z"
    for number in range(2, 40):
        name = f"hidden_discount-{number:06d}"
        times = dict.fromkeys(("started_at", "detected_at", "last_seen_at"), later)
        document = first | times | {"id": name, "by_partition": {}}
        world.incidents_by_id[name] = (document, version)
    await score_batch(world.context(real_scorer()), KEY, [alone(n, **HIDDEN) for n in range(8, 12)])
    assert world.incidents_by_id[first["id"]][0]["orders_affected"] == 12
    assert len(world.incidents_by_id) == 39


@pytest.mark.parametrize("reps", [3_000])
async def test_any_number_of_reps_leaves_documents_that_the_store_takes(reps: int) -> None:
    """Each with the longest id that JSON can write; the fakes refuse what the service would."""
    world = World()
    context = world.context(real_scorer())
    name = lambda n: "".join(chr(0x1F600 + (n // 60**k) % 60) for k in range(3)) + "\U0001f600" * 61  # noqa: E731
    for start in range(0, reps, 200):
        batch = [alone(n, rep_id=name(n), **HIDDEN) for n in range(start, start + 200)]
        await score_batch(context, KEY, batch)
    ((incident, _),) = world.incidents_by_id.values()
    assert violations("incident", incident) == []
    assert incident["orders_affected"] == reps
    assert "more than 100 reps" in incident["message"]


def state_document(state: StreamState) -> dict[str, Any]:
    place = {"hub": "orders", "consumer_group": "scorers", "partition_id": "0"}
    return {"id": "orders.scorers.0", **place, **json.loads(json.dumps(state.to_document()))}


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
