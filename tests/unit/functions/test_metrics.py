"""Every figure is measured where it happens, once, and has no label but its own."""

import json
import re
from collections import Counter
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions import metrics
from functions.handlers import score_batch
from functions.model_loader import ModelLoader
from functions.retraining import Retraining
from functions.shadow import Shadow
from functions.training_process import RetrainError
from functions.writes import likeliest_typology
from shared.errors import TransientError
from shared.formats import time_text
from shared.stream import StreamState
from tests.unit.functions.model_loader_world import FakeFiles
from tests.unit.functions.streams import EPISODE, STREAM, real_scorer, world_of_stream
from tests.unit.functions.test_retraining import NIGHT, FakeArchive, says
from tests.unit.functions.world import (
    KEY,
    NOON,
    FakeShadows,
    FakeTelemetry,
    World,
    event,
)


def test_names_are_unique_and_ours_and_labels_are_single_words() -> None:
    names = [metric.name for metric in metrics.METRICS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"sheriff\.[a-z_.]+", name) for name in names)
    labels = {metric.label for metric in metrics.METRICS if metric.label}
    assert labels == {"code", "typology", "store", "event", "version", "partition"}
    constants = {value for value in vars(metrics).values() if isinstance(value, metrics.Metric)}
    assert constants == set(metrics.METRICS)


def test_only_a_histogram_has_classes_and_they_ascend() -> None:
    for metric in metrics.METRICS:
        assert (metric.kind == "histogram") == bool(metric.edges)
        assert list(metric.edges) == sorted(set(metric.edges))


async def test_a_batch_counts_its_orders_its_dead_letters_and_its_alerts() -> None:
    world, heard = world_of_stream(), FakeTelemetry()
    await score_batch(world.context(telemetry=heard), KEY, STREAM)
    codes = Counter(letter.code for letter in world.letters.values())
    assert heard.of("sheriff.batch.size") == [(len(STREAM), "")]
    assert heard.total("sheriff.orders.scored") == world.state.orders_scored > 0
    assert dict(map(reversed, heard.of("sheriff.orders.dead_lettered"))) == codes
    assert heard.of("sheriff.alerts") == [(1, "none")] * len(world.alerts_by_id)
    [(milliseconds, _)] = heard.of("sheriff.scoring.duration")
    assert milliseconds > 0
    assert heard.spans[0][0] == "batch"
    assert ("note", {"events": 10, "scored": 5, "alerts": 4}) in heard.spans


async def test_orders_with_products_that_the_catalogue_does_not_know_are_counted() -> None:
    world, heard = World(), FakeTelemetry()
    unknown = [{"product_id": "GiftWrap", "quantity": 1}, {"product_id": "HLFork", "quantity": 1}]
    events = [event(1), event(2, lines=unknown), event(3, lines=unknown)]
    await score_batch(world.context(telemetry=heard, scorer=real_scorer()), KEY, events)
    assert heard.total("sheriff.orders.scored") == 3
    assert heard.total("sheriff.orders.unpriced") == 2


async def test_nothing_counts_twice_however_often_a_batch_comes_again() -> None:
    world, heard = world_of_stream(unreachable={"state"}), FakeTelemetry()
    with pytest.raises(TransientError):  # all of it is written but the commit
        await score_batch(world.context(telemetry=heard), KEY, STREAM)
    world.unreachable.clear()
    for _ in range(2):
        await score_batch(world.context(telemetry=heard), KEY, STREAM)
    assert heard.total("sheriff.alerts") == len(world.alerts_by_id)
    assert heard.total("sheriff.orders.scored") == world.state.orders_scored
    assert heard.total("sheriff.orders.dead_lettered") == world.state.dead_lettered


async def test_alerts_that_were_written_before_a_failure_are_counted_all_the_same() -> None:
    world, heard = world_of_stream(unreachable={"alert e.0"}), FakeTelemetry()
    with pytest.raises(TransientError):
        await score_batch(world.context(telemetry=heard), KEY, STREAM)
    world.unreachable.clear()
    await score_batch(world.context(telemetry=heard), KEY, STREAM)
    assert heard.total("sheriff.alerts") == len(world.alerts_by_id) == 4


@pytest.mark.parametrize("away", [set(), {"state"}])
async def test_the_age_of_events_is_known_also_while_they_fail(away: set[str]) -> None:
    world, heard = World(unreachable=away), FakeTelemetry()
    context = world.context(telemetry=heard)
    context.now = lambda: NOON + timedelta(seconds=60)
    try:
        await score_batch(context, KEY, [event(2), event(3), event(50)])
    except TransientError:
        assert away
    assert heard.of("sheriff.lag") == [(58.0, "oldest"), (10.0, "last")]


async def test_a_hub_whose_clock_is_ahead_makes_no_negative_age() -> None:
    heard = FakeTelemetry()
    await score_batch(World().context(telemetry=heard), KEY, [event(5)])
    assert heard.of("sheriff.lag") == [(0.0, "oldest"), (0.0, "last")]


async def test_an_incident_counts_when_it_opens_and_the_belief_is_its_partitions() -> None:
    world, heard = World(), FakeTelemetry()
    context = world.context(real_scorer(), telemetry=heard)
    for one in EPISODE[:6]:
        await score_batch(context, KEY, [one])
    assert heard.of("sheriff.incidents.opened") == [(1, "")]
    beliefs = [belief for belief, partition in heard.of("sheriff.belief") if partition == "0"]
    assert beliefs[0] < 0.5 < beliefs[-1] <= 1
    for one in EPISODE[6:]:
        await score_batch(context, KEY, [one])
    assert heard.of("sheriff.incidents.opened") == [(1, "")]
    assert heard.of("sheriff.belief")[-1][0] < 0.5
    assert {typology for _, typology in heard.of("sheriff.alerts")} == {"hidden_discount"}
    assert heard.total("sheriff.alerts") == len(world.alerts_by_id)


async def test_an_alert_held_by_an_earlier_version_is_counted_without_its_trace() -> None:
    world, heard = World(), FakeTelemetry()
    context = world.context(real_scorer(), telemetry=heard)
    for one in EPISODE[:3]:
        await score_batch(context, KEY, [one])
    state, version = world.states_by_key[KEY]
    held = json.loads(json.dumps(state.to_document()))
    for document in held["held"].values():
        del document["event"]["trace_id"]
    assert held["held"]
    world.states_by_key[KEY] = (StreamState.from_document(held), version)
    for one in EPISODE[3:]:
        await score_batch(context, KEY, [one])
    assert heard.total("sheriff.alerts") == len(world.alerts_by_id)
    traced = [name for name, _ in heard.spans if name == "alert"]
    assert len(traced) == len(world.alerts_by_id) - 1


@pytest.mark.parametrize(
    ("findings", "typology"),
    [
        ([], "none"),
        ([("unknown_rep", 1.0)], "none"),
        ([("unknown_rep", 1.0), ("added_item", 0.7), ("hidden_discount", 0.2)], "added_item"),
    ],
)
def test_an_alert_counts_under_its_likeliest_fraud(
    findings: list[tuple[str, float]], typology: str
) -> None:
    found = [{"typology": name, "probability": chance} for name, chance in findings]
    assert likeliest_typology({"findings": found}) == typology


async def test_what_a_challenger_scored_is_counted(executor: Executor) -> None:
    world, heard = world_of_stream(), FakeTelemetry()
    shadow = Shadow(FakeShadows(world), real_scorer, executor, telemetry=heard)
    context = world.context(shadow=shadow, executor=executor, telemetry=heard)
    for _ in range(2):
        await score_batch(context, KEY, STREAM)
    assert heard.total("sheriff.shadow.orders") == 5


@pytest.mark.parametrize(
    ("moved_at", "age"),
    [(time_text(NOON - timedelta(days=3)), 3 * 86400), (None, 0)],
)
async def test_the_age_of_a_model_counts_from_its_promotion(
    executor: Executor, moved_at: str | None, age: float
) -> None:
    heard, files = FakeTelemetry(), FakeFiles()
    files.promote("v-7")
    pointer = json.loads(files.files["models/champion.json"]) | {"moved_at": moved_at}
    files.files["models/champion.json"] = json.dumps(pointer).encode()
    await ModelLoader(files, executor, 30, now=lambda: NOON, telemetry=heard).scorer()
    assert heard.of("sheriff.model.age") == [(age, "v-7")]


@pytest.mark.parametrize(("script", "failed"), [("pass", 0), ("raise SystemExit(1)", 1)])
async def test_a_night_is_heard_of_and_whether_it_failed(script: str, failed: int) -> None:
    heard = FakeTelemetry()
    ours = Retraining(FakeArchive({}, None), "orders", None, lambda: NIGHT, says(script))
    try:
        await replace(ours, telemetry=heard).start()
    except RetrainError:
        assert failed
    assert heard.of("sheriff.retrain.failed") == [(failed, "")]


@pytest.fixture
def executor() -> Any:
    with ThreadPoolExecutor(1) as made:
        yield made
