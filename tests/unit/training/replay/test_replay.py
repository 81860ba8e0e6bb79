"""A replay makes the alerts and incidents that the function would have made."""

import json
from collections.abc import Sequence
from itertools import batched
from pathlib import Path
from typing import Any

import pytest

from functions.handlers import score_batch
from shared.catalogue import packaged_catalogue
from shared.errors import OrderError
from shared.model import packaged_bundle
from shared.order import Order, parse_order
from shared.order_event import OrderEvent
from shared.partitions import partition_for_key
from shared.policy import Policy
from shared.scoring import Scorer
from shared.stream_key import StreamKey
from tests.orders import order_body
from tests.unit.functions.world import World
from tests.unit.training.mixed_stream import make_folder, scorer_of
from training.history.files import ReadLine, read_lines
from training.replay.replay import Replay


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("mixed"))


@pytest.mark.parametrize("batch", [1, 7, 1000])
async def test_alerts_and_incidents_are_those_of_the_function_however_the_stream_is_cut(
    batch: int, folder: Path
) -> None:
    replay = Replay(scorer_of(folder), partitions=4)
    scored = list(replay.run(read_lines(folder / "mixed.jsonl")))
    lines = list(read_lines(folder / "mixed.jsonl"))
    world = await _by_function(scorer_of(folder), lines, batch)
    states = [state for state, _ in world.states_by_key.values()]
    assert len(scored) == sum(one.orders_scored for one in states)
    assert replay.duplicates == sum(one.duplicates for one in states)
    assert replay.stale == sum(one.stale for one in states)
    # The line that is no order has no time: the function's streams are without it.
    assert sum(replay.dead_letters.values()) == 1 + sum(one.dead_lettered for one in states)
    assert len(world.alerts_by_id) > 20
    assert _comparable({name: alert for (_, name), alert in replay.alerts.items()}) == _comparable(
        world.alerts_by_id
    )
    incidents = {name: incident for name, (incident, _) in world.incidents_by_id.items()}
    assert len(incidents) == 1
    assert replay.incidents == incidents


async def _by_function(scorer: Scorer, lines: Sequence[ReadLine], batch: int) -> World:
    """What the function's own code stores of each partition, in batches."""
    orders = [(line.order, line.body) for line in lines if not isinstance(line.order, OrderError)]
    orders.sort(key=lambda pair: pair[0].ordered_at)
    world = World()
    context = world.context(scorer)
    for partition in range(4):
        mine = [one for one in orders if partition_for_key(one[0].rep_id, 4) == partition]
        events = [_event(at, order, body) for at, (order, body) in enumerate(mine)]
        key = StreamKey("orders", "$Default", str(partition))
        for part in batched(events, batch, strict=False):
            await score_batch(context, key, part)
    return world


def _event(sequence: int, order: Order, body: bytes) -> OrderEvent:
    return OrderEvent(
        body=body,
        sequence_number=sequence,
        enqueued_at=order.ordered_at,
        offset=str(sequence),
        partition_key=order.rep_id,
    )


def _comparable(alerts: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Alerts without what differs: when they were made and changed, and a file has no traces."""
    left_out = {"scored_at", "revisited_at", "event"}
    return {
        name: {field: value for field, value in alert.items() if field not in left_out}
        | {"event": {k: v for k, v in alert["event"].items() if k != "trace_id"}}
        for name, alert in alerts.items()
    }


def test_an_alert_of_a_lower_revision_names_the_first_higher_one(folder: Path) -> None:
    replay = Replay(scorer_of(folder))
    scored = list(replay.run(read_lines(folder / "mixed.jsonl")))
    highest = {one.order.order_id: one.order.revision for one in scored}
    lower = [a for a in replay.alerts.values() if a["revision"] < highest[a["order_id"]]]
    assert lower
    for alert in replay.alerts.values():
        successor = f"{alert['order_id']}.{highest[alert['order_id']]}"
        assert alert.get("superseded_by") == (successor if alert in lower else None)


def test_another_reps_revision_hides_no_alert(folder: Path) -> None:
    lines = list(read_lines(folder / "mixed.jsonl"))
    replay = Replay(scorer_of(folder))
    list(replay.run(lines))
    alerted = {alert["order_id"]: alert for alert in replay.alerts.values()}
    order_id, alert = next((i, a) for i, a in alerted.items() if "superseded_by" not in a)
    last = json.loads(lines[-1].body)
    body = json.dumps(
        alert["order"]
        | {"order_id": order_id, "revision": 9_999, "rep_id": "somebody else"}
        | {"ordered_at": last["ordered_at"]}
    ).encode()
    again = Replay(scorer_of(folder), partitions=16)
    list(again.run([*lines, ReadLine(len(lines) + 1, body, parse_order(body))]))
    others = [name for rep, name in again.alerts if rep == "somebody else"]
    assert [name.startswith(f"{order_id}.9999") for name in others] == [True]
    assert "superseded_by" not in again.alerts[alert["rep_id"], alert["id"]]


def test_a_scorer_that_fails_on_one_order_sets_it_aside() -> None:
    class Broken(Scorer):
        def score_many(
            self, orders: Sequence[Order], episode: Any, names: Sequence[str] = ()
        ) -> Any:
            if orders[0].order_id == "bad":
                raise ZeroDivisionError
            return super().score_many(orders, episode, names)

    replay = Replay(Broken(packaged_bundle(), packaged_catalogue(), Policy()))
    bodies = [order_body(order_id=name) for name in ("good", "bad", "fine")]
    lines = [ReadLine(at, body, parse_order(body)) for at, body in enumerate(bodies)]
    assert [one.order.order_id for one in replay.run(lines)] == ["good", "fine"]
    assert replay.dead_letters == {"scoring_failed": 1}
