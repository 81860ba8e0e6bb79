"""What a judgement needs is gathered: what the store has of old orders, and the computing time."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from functions.judgement_inputs import Judging
from functions.summary import BatchSummary
from shared.stream import StreamState
from shared.uses import RECENT_ORDERS, RecentOrders
from tests.unit.functions.world import (
    KEY,
    NOON,
    FakeAlerts,
    FakeScorer,
    World,
    event,
    order_event,
)


class FakeAlertsThatCount(FakeAlerts):
    """Remembers which orders it was asked for."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.asked: list[tuple[str, str]] = []

    async def earlier(self, rep_id: str, order_id: str) -> list[dict[str, Any]]:
        self.asked.append((rep_id, order_id))
        return await super().earlier(rep_id, order_id)


def judging(world: World, alerts: FakeAlerts) -> Judging:
    context = world.context()
    context.alerts = alerts
    return Judging(context, KEY, world.scorer, BatchSummary())  # type: ignore[arg-type]  # a fake


async def test_while_nothing_is_forgotten_the_store_is_not_asked() -> None:
    world = World()
    alerts = FakeAlertsThatCount(world)
    await judging(world, alerts).judge(StreamState(), [event(n) for n in range(5)])
    assert alerts.asked == []


async def test_the_store_is_asked_for_orders_that_may_have_been_forgotten() -> None:
    world = World()
    alerts = FakeAlertsThatCount(world)
    forgetful = StreamState(recent=RecentOrders(forgotten_until=NOON))
    older = order_event(1, "older", ordered_at=(NOON - timedelta(seconds=1)).isoformat())
    newer = order_event(2, "newer", ordered_at=(NOON + timedelta(seconds=1)).isoformat())
    await judging(world, alerts).judge(forgetful, [older, newer])
    assert alerts.asked == [("Annie Corns", "older")]


async def test_orders_of_a_batch_that_fills_the_memory_are_asked_for_as_well() -> None:
    """By the time that the last is judged, the first may be forgotten."""
    world = World()
    alerts = FakeAlertsThatCount(world)
    at = NOON.isoformat()
    events = [order_event(n, f"o-{n}", ordered_at=at) for n in range(RECENT_ORDERS + 1)]
    full = (await judging(world, FakeAlerts(world)).judge(StreamState(), events[:-1])).state
    await judging(world, alerts).judge(full, events[-1:])
    assert alerts.asked == [("Annie Corns", f"o-{RECENT_ORDERS}")]


async def test_orders_are_read_and_judged_beside_the_event_loop_and_the_time_is_recorded() -> None:
    class FakeScorerWithThread(FakeScorer):
        threads: set[int] = set()  # noqa: RUF012 - of this test alone

        def score_many(self, orders: Sequence[Any], *rest: Any) -> Any:
            self.threads.add(threading.get_ident())
            return super().score_many(orders, *rest)

    world = World(scorer=FakeScorerWithThread())
    ours = judging(world, FakeAlerts(world))
    judgement = await ours.judge(StreamState(), [event(1)])
    assert FakeScorerWithThread.threads.isdisjoint({threading.get_ident()})
    assert ours.summary.scoring_seconds > 0
    assert judgement.events == 1


async def test_a_batch_carries_the_time_at_which_it_is_judged() -> None:
    world = World()
    ours = judging(world, FakeAlerts(world))
    world.now = NOON + timedelta(hours=1)
    judgement = await ours.judge(StreamState(), [event(1)])
    assert judgement.scored[0].alert is not None
    assert judgement.scored[0].alert["scored_at"] == "2026-03-01T13:00:00.000000Z"
    assert judgement.state == replace(judgement.state, sequence_number=1)
