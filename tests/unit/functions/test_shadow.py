"""A challenger scores in silence: the same counts however the stream comes, and no harm done."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.handlers import score_batch
from functions.scoring_context import Limits, ScoringContext
from functions.shadow import Shadow
from shared.assessment import Assessment
from shared.catalogue import packaged_catalogue
from shared.episodes import EpisodeState
from shared.errors import TransientError
from shared.model import packaged_bundle
from shared.order import Order, parse_order
from shared.order_event import OrderEvent
from shared.policy import Policy
from shared.scoring import Scorer
from tests.unit.functions.world import KEY, Died, FakeShadows, World, event, order_event

LISTED = 3578.27 + 120.0 + 25.0


def scorer(version: str, **fields: Any) -> Scorer:
    bundle = msgspec.structs.replace(packaged_bundle(), version=version, **fields)
    return Scorer(bundle, packaged_catalogue(), Policy())


CHAMPION = scorer("champion")
CHALLENGER = scorer("challenger", added_item_rate=1e-9, hidden_discount_rate=1e-9)


def bike(sequence: int, order_id: str, share: float, revision: int = 0) -> OrderEvent:
    lines = [{"product_id": name, "quantity": 1} for name in
             ("Road150Red44", "HitchRack4Bike", "CableLock")]  # fmt: skip
    charged = round(LISTED * share, 4)
    return order_event(sequence, order_id, revision, lines=lines, charged_price=charged)


STREAM = [
    bike(0, "a", 1.0),
    bike(1, "b", 0.99),
    event(2, b"not json"),
    bike(3, "b", 0.99),  # a duplicate
    bike(4, "c", 0.95),
    bike(5, "d", 0.4),
    bike(6, "c", 0.9, revision=1),
    *(bike(n, f"e-{n}", 0.987) for n in range(7, 15)),
    bike(15, "f", 1.2),
]
SCORED = 14


def context(
    world: World,
    executor: Executor,
    challenger: Callable[[], Any] = lambda: CHALLENGER,
    chunk: int = 50,
    **options: Any,
) -> ScoringContext:
    shadow = Shadow(
        FakeShadows(world), challenger, executor, chunk, options.get("clock", lambda: 0.0)
    )
    return world.context(CHAMPION, shadow=shadow, executor=executor, **options)


@pytest.fixture
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as made:
        yield made


def document(world: World) -> dict[str, Any]:
    [(found, _)] = world.shadows_by_id.values()
    return found


async def deliver(one: ScoringContext) -> None:
    """Deliver the stream as the endless retry policy does."""
    while True:
        with suppress(TransientError):
            await score_batch(one, KEY, STREAM)
            return
        await asyncio.sleep(0)  # the other process's turn


async def undisturbed(executor: Executor, stream: Sequence[OrderEvent] = STREAM) -> World:
    world = World()
    await score_batch(context(world, executor), KEY, stream)
    return world


async def test_what_both_models_would_alert_is_counted(executor: Executor) -> None:
    world = await undisturbed(executor)
    found = document(world)
    assert (found["version"], found["champions"]) == ("challenger", ["champion"])
    assert (found["orders"], found["failed"]) == (SCORED, 0)
    orders = [parse_order(one.body) for n, one in enumerate(STREAM) if n not in (2, 3)]
    for name, model in (("champion", CHAMPION), ("challenger", CHALLENGER)):
        assessed, _ = model.score_many(orders, EpisodeState())
        assert found[name]["alerts"] == sum(one.alerted for one in assessed)
        losses = [one.expected_loss_e4 for one in assessed if one.alerted]
        assert found[name]["expected_loss_e4"] == sum(losses)
    assert 0 < found["challenger"]["alerts"] < found["champion"]["alerts"]
    assert found["both"] == found["challenger"]["alerts"]
    assert found["disagreements"]
    assert found["sequence_number"] == 15
    assert found["champion"]["findings"]["hidden_discount"] >= 8


async def test_no_alert_is_ever_written_by_a_shadow(executor: Executor) -> None:
    world, alone = await undisturbed(executor), World()
    await score_batch(alone.context(CHAMPION), KEY, STREAM)
    assert world.contents() == alone.contents()
    assert {alert["model_version"] for alert in world.alerts_by_id.values()} == {"champion"}
    assert world.order_of_writes[-2:] == ["state", "shadow"]


@settings(deadline=None, max_examples=25)
@given(
    cuts=st.lists(st.integers(1, len(STREAM)), max_size=5),
    chunk=st.integers(1, 6),
    again=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_counts_do_not_depend_on_how_the_stream_is_cut_and_replays_change_nothing(
    cuts: list[int], chunk: int, again: list[bool]
) -> None:
    async def cut(executor: Executor) -> World:
        world, start = World(), 0
        for end, twice in zip(sorted({*cuts, len(STREAM)}), again, strict=False):
            ours = context(world, executor, chunk=chunk, limits=Limits(chunk=chunk))
            await score_batch(ours, KEY, STREAM[start:end])
            if twice:
                await score_batch(context(world, executor), KEY, STREAM[:end])
                world.states_by_key.pop(KEY)  # the champion scores all of it again
                await score_batch(context(world, executor), KEY, STREAM[:end])
            start = end
        return world

    with ThreadPoolExecutor(1) as executor:
        assert document(asyncio.run(cut(executor))) == document(asyncio.run(undisturbed(executor)))


async def test_each_challenger_and_each_partition_has_its_own_document(executor: Executor) -> None:
    world = World()
    other = msgspec.structs.replace(packaged_bundle(), version="other")
    now = [CHALLENGER, Scorer(other, packaged_catalogue(), Policy())]
    ours = context(world, executor, challenger=lambda: now[0])
    await score_batch(ours, KEY, STREAM[:5])
    now.reverse()
    await score_batch(ours, KEY, STREAM[5:])
    orders = {name: found["orders"] for name, (found, _) in world.shadows_by_id.items()}
    assert orders == {f"{KEY}.challenger": 3, f"{KEY}.other": SCORED - 3}


async def test_without_a_challenger_nothing_is_read_or_written(executor: Executor) -> None:
    world = World(unreachable={"shadow"})
    await score_batch(context(world, executor, challenger=lambda: None), KEY, STREAM)
    assert world.shadows_by_id == {}


async def test_a_store_that_is_away_costs_comparisons_and_no_batch(
    executor: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    world, logged = World(), "shadow work is lost"
    ours = context(world, executor)
    world.unreachable = {"shadow"}
    with caplog.at_level(logging.WARNING):
        await score_batch(ours, KEY, STREAM[:5])
        await score_batch(ours, KEY, STREAM[5:8])
    assert sum(logged in record.message for record in caplog.records) == 1
    world.unreachable = set()
    await score_batch(ours, KEY, STREAM[8:])
    assert world.state.orders_scored == SCORED
    assert document(world)["orders"] == SCORED - 6


async def test_a_process_that_dies_before_the_shadow_is_written_counts_nothing_twice(
    executor: Executor,
) -> None:
    world = World()

    def die(what: str) -> None:
        if what == "before shadow":
            raise Died

    world.on_write = die
    with pytest.raises(Died):
        await score_batch(context(world, executor), KEY, STREAM[:5])
    world.on_write = lambda what: None
    await score_batch(context(world, executor), KEY, STREAM)
    assert world.state.orders_scored == SCORED
    assert document(world)["orders"] == SCORED - 3


async def test_a_process_that_dies_after_it_was_written_counts_nothing_twice(
    executor: Executor,
) -> None:
    world = World()

    def die(what: str) -> None:
        if what == "after shadow":
            raise Died

    world.on_write = die
    with pytest.raises(Died):
        await score_batch(context(world, executor), KEY, STREAM[:5])
    world.on_write = lambda what: None
    await score_batch(context(world, executor), KEY, STREAM)
    assert document(world) == document(await undisturbed(executor))


async def test_two_processes_on_one_partition_count_no_order_twice(executor: Executor) -> None:
    world = World()
    both = [context(world, executor), context(world, executor)]
    await asyncio.gather(*(deliver(one) for one in both))
    assert world.state.orders_scored == SCORED
    assert document(world)["orders"] <= SCORED
    assert document(world)["champion"]["alerts"] <= len(world.alerts_by_id)


class Broken(Scorer):
    """A challenger that fails on some orders."""

    def score_many(
        self, orders: Sequence[Order], episode: EpisodeState
    ) -> tuple[list[Assessment], EpisodeState]:
        if orders[0].order_id.startswith("e-"):
            raise ZeroDivisionError("a bug")
        return super().score_many(orders, episode)


async def test_orders_a_challenger_fails_on_are_counted_and_the_rest_goes_on(
    executor: Executor,
) -> None:
    world = World()
    broken = Broken(CHALLENGER.bundle, CHALLENGER.catalogue, CHALLENGER.policy)
    await score_batch(context(world, executor, challenger=lambda: broken), KEY, STREAM)
    found = document(world)
    assert (found["orders"], found["failed"]) == (SCORED - 8, 8)
    assert found["sequence_number"] == 15


async def test_past_the_batchs_deadline_the_shadow_leaves_the_rest(executor: Executor) -> None:
    world = World()
    late = {"at": 0.0}

    def clock() -> float:
        late["at"] += 1.0
        return late["at"]

    limits = Limits(deadline=8, chunk=50)
    await score_batch(context(world, executor, chunk=2, clock=clock, limits=limits), KEY, STREAM)
    assert world.state.orders_scored == SCORED
    assert 0 < document(world)["orders"] < SCORED


async def test_a_batch_that_has_used_up_its_time_has_no_shadow(executor: Executor) -> None:
    world = World()
    shadow = Shadow(FakeShadows(world), lambda: CHALLENGER, executor, clock=lambda: 61.0)
    await score_batch(
        world.context(CHAMPION, shadow=shadow, executor=executor, clock=lambda: 0.0), KEY, STREAM
    )
    assert world.shadows_by_id == {}


class Stuck(FakeShadows):
    """A store that never answers."""

    async def read(self, *_: Any) -> Any:
        await asyncio.Event().wait()


async def test_a_store_that_never_answers_is_given_up(
    executor: Executor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("functions.shadow.STORE_SECONDS", 0.01)
    world = World()
    shadow = Shadow(Stuck(world), lambda: CHALLENGER, executor, clock=lambda: 59.99)
    await score_batch(
        world.context(CHAMPION, shadow=shadow, executor=executor, clock=lambda: 0.0), KEY, STREAM
    )
    assert world.state.orders_scored == SCORED
    assert "TimeoutError" in caplog.text


async def test_a_batch_that_is_not_committed_is_not_compared(executor: Executor) -> None:
    world = World(unreachable={"state"})
    with pytest.raises(TransientError):
        await score_batch(context(world, executor), KEY, STREAM)
    assert world.shadows_by_id == {}


async def test_an_order_whose_alert_no_store_takes_is_not_compared(executor: Executor) -> None:
    world = World(refused={"alert a.0"})
    alerted = {"lines": [{"product_id": "Road150Red44", "quantity": 1}], "charged_price": 1}
    stream = [
        order_event(0, "a", **alerted),
        order_event(1, "b", **alerted),
    ]
    await score_batch(context(world, executor), KEY, stream)
    assert {*world.letters} == {("0", 0)}
    assert (document(world)["orders"], document(world)["champion"]["alerts"]) == (1, 1)


async def test_a_hub_made_anew_is_compared_from_its_beginning(executor: Executor) -> None:
    world = await undisturbed(executor)
    anew = [
        OrderEvent(
            json.dumps(json.loads(one.body) | {"order_id": f"new-{n}"}).encode(),
            n,
            STREAM[-1].enqueued_at.replace(hour=13),
        )
        for n, one in enumerate(STREAM[:2])
    ]
    await score_batch(context(world, executor), KEY, anew)
    assert document(world)["orders"] == SCORED + 2
    assert document(world)["sequence_number"] == 1
