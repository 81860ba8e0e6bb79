"""Episodes become incidents, which partitions share."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from functions.attempts import PATIENCE
from functions.handlers import score_batch
from functions.incident_writes import IncidentWriter
from functions.judgement import Judgement
from shared.episodes import Episode
from shared.errors import TransientError
from shared.incidents import PartitionEpisode
from shared.stream import StreamState
from tests.schemas import violations
from tests.unit.functions.streams import (
    BASKET,
    EPISODE,
    HIDDEN,
    LISTED,
    after_the_episode,
    alone,
    charged,
    commit_somehow,
    real_scorer,
)
from tests.unit.functions.world import KEY, NOON, FakeIncidents, FakeTelemetry, World, order_event


async def test_an_episode_becomes_an_incident() -> None:
    world = await after_the_episode()
    ((incident, _),) = world.incidents_by_id.values()
    assert violations("incident", incident) == []
    assert (incident["status"], incident["percent"]) == ("closed", 1.0)
    assert incident["orders_affected"] == 4
    assert incident["sample_order_ids"] == ["doubtful", "h-3", "h-4", "h-5"]
    assert incident["amount_lost"] == pytest.approx(0.01 * (3 * LISTED + 25.0))
    assert world.state.episode.episode is None
    assert violations("state", state_document(world.state)) == []


async def test_the_log_tells_when_an_incident_opens_and_closes_and_names_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    context = world.context(real_scorer())
    for one in EPISODE:
        await score_batch(context, KEY, [one])
    assert [r.message for r in caplog.records if "incident" in r.message] == [
        "incident hidden_discount-000001 is open: 1 %, 4 orders",
        "incident hidden_discount-000001 is closed: 1 %, 4 orders",
    ]
    assert "Annie" not in caplog.text


async def test_without_the_incidents_nothing_of_an_episode_is_committed() -> None:
    world = World(unreachable={"incident"})
    context = world.context(real_scorer())
    with pytest.raises(TransientError):
        await score_batch(context, KEY, EPISODE)
    assert (world.alerts_by_id, world.state.sequence_number) == ({}, -1)
    world.unreachable = set()
    await score_batch(context, KEY, EPISODE)
    assert world.contents() == (await after_the_episode()).contents()


async def test_partitions_that_open_at_once_share_one_incident() -> None:
    world = World()
    context = world.context(real_scorer())
    keys = [replace(KEY, partition_id=str(number)) for number in range(6)]
    await asyncio.gather(*(score_batch(context, key, EPISODE) for key in keys))
    ((incident, _),) = world.incidents_by_id.values()
    assert incident["orders_affected"] == 4 * 6
    assert set(incident["by_partition"]) == {key.partition_id for key in keys}


async def test_a_partition_that_comes_second_to_an_incident_joins_it() -> None:
    """Another one has opened it after this one looked, and before it wrote."""
    world, other = World(), World()
    await score_batch(other.context(real_scorer()), replace(KEY, partition_id="7"), EPISODE)

    def overtaken(what: str) -> None:
        if what.startswith("before incident") and not world.incidents_by_id:
            world.incidents_by_id.update(other.incidents_by_id)

    world.on_write = overtaken
    await score_batch(world.context(real_scorer()), KEY, EPISODE)
    ((incident, _),) = world.incidents_by_id.values()
    assert set(incident["by_partition"]) == {"0", "7"}
    assert incident["orders_affected"] == 8


async def test_a_partition_joins_an_incident_that_opens_while_it_looks_for_the_highest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its number is the highest then, so that a new incident would not collide with it."""
    world, other = World(), World()
    await score_batch(other.context(real_scorer()), replace(KEY, partition_id="7"), EPISODE)
    highest = FakeIncidents.highest

    async def overtaken(self: FakeIncidents, kind: str) -> int:
        world.incidents_by_id.update(other.incidents_by_id)
        return await highest(self, kind)

    monkeypatch.setattr(FakeIncidents, "highest", overtaken)
    await score_batch(world.context(real_scorer()), KEY, EPISODE)
    ((incident, _),) = world.incidents_by_id.values()
    assert set(incident["by_partition"]) == {"0", "7"}


async def test_an_incident_that_the_store_refuses_is_no_orders_fault() -> None:
    world = World(refused={"incident"})
    context = world.context(real_scorer())
    assert await commit_somehow(world, context, EPISODE, 3 * PATIENCE) == 3 * PATIENCE
    assert world.letters == {}


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


async def test_an_episode_finds_its_incident_however_many_came_after() -> None:
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


def judgement_of(name: str, percent: int, sequence: int = 1) -> Judgement:
    """Return a judgement with an open episode as it is after the event of this number."""
    episode = Episode(name, percent, NOON, NOON, NOON)
    part = PartitionEpisode("0", sequence, episode, 0)
    return Judgement((), (), StreamState(), 1, episodes={name: part}, currency="USD")


async def test_an_incident_that_knows_a_later_state_of_the_episode_is_not_written_again() -> None:
    """As after a lost checkpoint, or from a host that has lost the partition."""
    world = World()
    writer = IncidentWriter(FakeIncidents(world), FakeTelemetry())
    later = await writer.write(judgement_of("o-1.0", 100, sequence=9), KEY)
    assert await writer.write(judgement_of("o-1.0", 100, sequence=5), KEY) == later
    assert world.order_of_writes == ["incident hidden_discount-000001"]


async def test_an_episode_of_another_percentage_opens_the_incident_with_the_next_number() -> None:
    world, telemetry = World(), FakeTelemetry()
    writer = IncidentWriter(FakeIncidents(world), telemetry)
    await writer.write(judgement_of("o-1.0", 100), KEY)
    incident_of = await writer.write(judgement_of("o-2.0", 150), KEY)
    assert incident_of == {"o-2.0": "hidden_discount-000002"}
    assert telemetry.total("sheriff.incidents.opened") == 2
