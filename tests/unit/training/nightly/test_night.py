"""A nightly run: what it leaves behind, and that dying anywhere in it loses and doubles nothing."""

import json
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from shared.catalogue import packaged_catalogue
from shared.champion import CHALLENGER, CHAMPION, parse_pointer
from shared.containers import ARCHIVE, MODELS, TRAINING
from shared.decision import Decision
from shared.errors import TransientError
from shared.model import encode_bundle, packaged_bundle
from shared.order import parse_order
from tests.bundles import a_bundle
from tests.schemas import violations
from tests.unit.training.world import (
    FakeBlobs,
    FakeDocuments,
    FakeLease,
    FakeRecord,
    capture_file,
    capture_name,
)
from training.comparison import fraud_injection
from training.comparison.comparison import Check, Comparison, Verdict
from training.history.dataset import gather_dataset
from training.history.price_arrays import price_table
from training.models import model_store
from training.models.model_card import ModelCard, ModelCardData, encode_card
from training.models.registry import MODEL, RULES_MODEL
from training.nightly import night
from training.nightly.night import Night
from training.nightly.results import Result, move, read_result, report_path
from training.report.captions import draw_charts
from training.report.page import render
from training.simulate import order_bodies, order_ids
from training.simulation.company import Company, Ladder
from training.simulation.synthesis import draw_orders

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
MARKET = Company(ladder=Ladder(steps=(300, 700, 1_200), rate=0.25))


@pytest.fixture(scope="module")
def bodies() -> list[bytes]:
    """A history, as its producers sent it."""
    prices = price_table(packaged_catalogue())
    drawn = draw_orders(MARKET, prices, 1_000, 8)
    return list(order_bodies(drawn, prices, MARKET, order_ids(drawn, "h-"), "USD"))


@pytest.fixture(scope="module", autouse=True)
def brief() -> Iterator[None]:
    """One round of planted frauds, and no charts: neither is what is tested here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fraud_injection, "MOST_ROUNDS", 1)
        patch.setattr(night, "draw_charts", lambda report: {})
        patch.setattr(night, "render", lambda report, charts: "<html>")
        yield


class KilledError(Exception):
    """The process died."""


@dataclass
class World:
    """The stores of a company, and whether its process dies at its next write but so many."""

    blobs: FakeBlobs = field(default_factory=FakeBlobs)
    documents: FakeDocuments = field(default_factory=FakeDocuments)
    record: FakeRecord = field(default_factory=FakeRecord)
    lease: FakeLease = field(default_factory=FakeLease)
    said: list[str] = field(default_factory=list)

    def archive(self, bodies: list[bytes], day: int) -> None:
        """A day's file of the archive."""
        name = capture_name(NOW - timedelta(days=30 - day))
        self.blobs.put(ARCHIVE, name, capture_file(bodies))

    def night(self) -> Night:
        return Night(
            self.blobs, self.documents, self.record, self.lease, "orders", NOW, self.said.append
        )

    @property
    def champion(self) -> str | None:
        found = self.blobs.read(MODELS, CHAMPION)
        return None if found is None else parse_pointer(found[0]).version

    def check(self) -> None:
        """There is one champion or none, and it is whole: what scorers would find now."""
        pointer, _ = model_store.read_pointer(self.blobs)
        if pointer is not None:
            model_store.read_bundle(self.blobs, pointer.version, pointer.sha256)


@pytest.fixture
def world(bodies: list[bytes]) -> World:
    made = World()
    made.archive(bodies[:600], 1)
    return made


@pytest.fixture(scope="module")
def second_night(bodies: list[bytes]) -> World:
    """A company before its second night, which has more to learn from."""
    made = World()
    made.archive(bodies[:600], 1)
    made.night().run()
    made.archive(bodies[600:], 2)
    return made


@pytest.fixture(scope="module")
def morning_after(second_night: World) -> World:
    """What comes of that night when nothing dies."""
    made = deepcopy(second_night)
    made.night().run()
    return made


def dying(blobs: FakeBlobs, after: int) -> Iterator[None]:
    """Let the process die instead of (or right after) its n-th write."""
    write, count = blobs.write, 0

    def mortal(*arguments: object, **flags: object) -> str:
        nonlocal count
        count += 1
        if count > after:
            raise KilledError
        return write(*arguments, **flags)  # type: ignore[arg-type]

    blobs.write = mortal  # type: ignore[method-assign]
    yield
    blobs.write = write  # type: ignore[method-assign]


def test_the_first_night_promotes_what_it_learned_and_records_all_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(night, "draw_charts", draw_charts)
    monkeypatch.setattr(night, "render", render)
    applied = world.night().run()
    assert applied is not None
    version = applied.champion
    decided = world.said.index(f"decided: {version} is promoted")
    assert world.said[decided + 1].startswith("  - ")
    assert max(map(len, world.said)) <= 80
    assert version == world.champion
    assert version is not None
    result = read_result(world.blobs, version)
    assert result is not None
    assert (result.outcome, result.applied, result.champion) == ("promoted", True, None)
    assert violations("run", json.loads(msgspec.json.encode(result))) == []
    recording = world.record.runs[version]
    assert recording.parameters_said["snapshot_sha256"] == result.snapshot_sha256
    assert recording.metrics_said["challenger.added_item.recall"] > 0
    assert recording.tags_said["outcome"] == "promoted"
    assert {"report.html", "card.json"} <= recording.artifacts.keys()
    assert any(name.startswith("plots/") for name in recording.artifacts)
    assert world.blobs.content(TRAINING, report_path(version)) == recording.artifacts["report.html"]
    assert f"snapshots/{result.snapshot_sha256}.parquet" in {
        name for container, name in world.blobs.blobs if container == TRAINING
    }
    for name in (MODEL, RULES_MODEL):
        assert world.record.aliases == {(MODEL, "champion"): 1, (RULES_MODEL, "champion"): 1}
        assert world.record.version_tags[name, 1]["outcome"] == "promoted"


def test_a_night_without_anything_new_does_nothing(world: World) -> None:
    world.night().run()
    before = dict(world.blobs.blobs)
    assert world.night().run() is None
    assert world.blobs.blobs == before
    assert "nothing new to learn" in world.said[-1]


def test_too_few_orders_are_not_learned_from(bodies: list[bytes]) -> None:
    world = World()
    assert world.night().run() is None
    world.archive(bodies[:200], 1)
    assert world.night().run() is None
    assert "200 orders are archived, too few to learn from" in world.said[-1]
    assert world.champion is None


def test_the_next_night_judges_against_the_champion_on_orders_that_neither_has_seen(
    world: World, bodies: list[bytes]
) -> None:
    world.night().run()
    first = world.champion
    world.archive(bodies[600:], 2)
    world.night().run()
    results = [
        msgspec.json.decode(data, type=Result)
        for (container, name), (data, _) in world.blobs.blobs.items()
        if container == TRAINING and name.startswith("runs/") and name.endswith(".json")
    ]
    (second,) = (result for result in results if result.version != first)
    assert second.champion == first
    assert second.metrics["archive.records"] == 1_000


@pytest.mark.parametrize("after", range(9))
def test_a_night_that_dies_at_any_write_is_completed_by_the_next_one(
    after: int, second_night: World, morning_after: World
) -> None:
    world = deepcopy(second_night)
    death = dying(world.blobs, after)
    next(death)
    with suppress(KilledError):
        world.night().run()
    next(death, None)
    world.check()
    assert world.champion in {second_night.champion, morning_after.champion}
    world.night().run()
    world.check()
    assert world.champion == morning_after.champion
    assert world.record.registered == morning_after.record.registered  # nothing twice
    assert world.record.aliases == morning_after.record.aliases
    assert world.blobs.blobs.keys() == morning_after.blobs.blobs.keys()


def test_what_was_decided_before_a_death_is_done_and_not_decided_again(
    second_night: World,
) -> None:
    world = deepcopy(second_night)
    night_before = len(world.record.begun)
    writes = 0
    write = world.blobs.write

    def until_decided(container: str, name: str, *rest: object, **flags: object) -> str:
        nonlocal writes
        if writes:
            raise KilledError
        writes += container == TRAINING and name.startswith("runs/") and name.endswith(".json")
        return write(container, name, *rest, **flags)  # type: ignore[arg-type]

    world.blobs.write = until_decided  # type: ignore[method-assign]
    with suppress(KilledError):
        world.night().run()
    world.blobs.write = write  # type: ignore[method-assign]
    assert writes == 1
    assert world.night().run() is not None
    assert len(world.record.begun) == night_before + 1


def test_dying_was_tried_at_every_write_of_a_night(
    second_night: World, morning_after: World
) -> None:
    assert len(morning_after.blobs.writes) - len(second_night.blobs.writes) <= 9


def test_bad_records_and_decisions_are_kept_and_judged_by(
    world: World, bodies: list[bytes]
) -> None:
    world.night().run()
    world.archive([*bodies[600:], b"{half an order"], 2)
    world.blobs.put("reference", "policy.json", b'{"label_delay_days": 0}')
    orders = [parse_order(body) for body in bodies[600:]]
    world.documents.made = [
        Decision(
            order.order_id,
            order.rep_id,
            "dismissed",
            "ann",
            "2026-01-01T00:00:00Z",
            typology="added_item",
            source=source,
        )
        for order, source in zip(orders, ["alert", "blind"] * 200, strict=True)
    ]
    world.night().run()
    recording = list(world.record.runs.values())[-1]
    assert json.loads(recording.artifacts["bad_records.json"])[0]["code"] == "not_json"
    assert recording.metrics_said["archive.refused"] == 1
    assert recording.parameters_said["decisions"] == 400
    assert "difference.decisions" in recording.metrics_said
    assert "difference.blind_sample" in recording.metrics_said


def test_a_run_that_lost_its_lease_writes_nothing_that_others_read(world: World) -> None:
    world.lease.lost = True
    with pytest.raises(TransientError, match="lease"):
        world.night().run()
    assert not any(container == MODELS for container, _ in world.blobs.blobs)


def test_a_record_that_fails_leaves_the_champion_serving(world: World, bodies: list[bytes]) -> None:
    world.night().run()
    first = world.champion
    world.archive(bodies[600:], 2)
    world.record.failing = TransientError("MLflow does not answer")
    with pytest.raises(TransientError, match="MLflow"):
        world.night().run()
    assert world.champion == first


def test_what_was_rolled_back_is_not_promoted_again_by_the_same_history(
    world: World, monkeypatch: pytest.MonkeyPatch, bodies: list[bytes]
) -> None:
    world.night().run()
    first = world.champion
    world.archive(bodies[600:], 2)
    monkeypatch.setattr(night, "decide", always("promoted"))
    world.night().run()
    assert world.champion != first
    model_store.roll_back(world.blobs, NOW)
    assert world.night().run() is None
    assert world.champion == first


def test_a_policy_that_changed_is_a_night_of_its_own(world: World) -> None:
    world.night().run()
    world.blobs.put("reference", "policy.json", b'{"recall_tolerance": 0.5}')
    assert world.night().run() is not None
    assert len(world.record.begun) == 2


def test_a_snapshot_that_was_damaged_is_made_again(world: World) -> None:
    first = gather_dataset(world.blobs, world.documents, "orders", NOW)
    assert first is not None
    name = f"snapshots/{first.snapshot_sha256}.parquet"
    whole = world.blobs.content(TRAINING, name)
    world.blobs.put(TRAINING, name, whole[:-100])
    again = gather_dataset(world.blobs, world.documents, "orders", NOW)
    assert again is not None
    assert (again.orders, again.version) == (first.orders, first.version)
    assert world.blobs.content(TRAINING, name) == whole


def test_what_cannot_be_read_of_earlier_runs_is_made_again(world: World) -> None:
    world.night().run()
    assert world.champion is not None
    for (container, name), (_, version) in list(world.blobs.blobs.items()):
        if container == TRAINING and name.endswith(".json"):
            world.blobs.blobs[container, name] = (b'{"of": "another release"}', version)
    assert world.night().run() is not None
    result = read_result(world.blobs, world.champion)
    assert result is not None
    assert result.applied


def test_models_are_compared_only_on_orders_later_than_what_the_champion_learned(
    world: World,
) -> None:
    data = gather_dataset(world.blobs, world.documents, "orders", NOW)
    assert data is not None
    bundle = packaged_bundle()
    everything = night.compared(night.Champion("v1", bundle, None), bundle, data)
    until = data.orders[-20].ordered_at
    rest = night.compared(night.Champion("v1", bundle, until), bundle, data)
    assert everything is not None
    assert rest is not None
    assert len(everything.later.real_days) == 120
    assert len(rest.later.real_days) == 19
    after_all = night.Champion("v1", bundle, data.orders[-1].ordered_at)
    assert night.compared(after_all, bundle, data) is None


def test_a_decision_that_was_overtaken_changes_nothing(world: World) -> None:
    """The pointer moved by hand between the decision and its doing."""
    world.night().run()
    assert world.champion is not None
    result = read_result(world.blobs, world.champion)
    assert result is not None
    late = msgspec.structs.replace(result, version="late", champion="somebody-else")
    data, sha256 = encode_bundle(a_bundle("late"))
    day = "2026-01-01T00:00:00Z"
    card = encode_card(ModelCard("late", sha256, ModelCardData(day, day, "0" * 64)))
    model_store.publish(world.blobs, "late", data, card)
    applied = move(world.blobs, late, NOW)
    assert applied.champion == world.champion == result.version
    assert "serves by now" in applied.refusal


def test_a_broken_champion_is_replaced_by_what_beats_the_packaged_tables(
    world: World, bodies: list[bytes]
) -> None:
    world.night().run()
    assert world.champion is not None
    world.blobs.put(MODELS, f"{world.champion}/bundle.json", b"broken")
    broken = world.champion
    world.archive(bodies[600:], 2)
    world.night().run()
    assert world.champion != broken
    world.check()


def test_what_scorers_go_back_to_stands_in_for_a_broken_champion(world: World) -> None:
    for version in ("v1", "v2"):
        data, sha256 = encode_bundle(a_bundle(version))
        day = "2026-01-01T00:00:00Z"
        card = encode_card(ModelCard(version, sha256, ModelCardData(day, day, "0" * 64)))
        model_store.publish(world.blobs, version, data, card)
        model_store.promote(world.blobs, version, NOW, None, by_hand=True)
    world.blobs.put(MODELS, "v2/bundle.json", b"broken")
    champion = world.night()._champion()
    assert (champion.version, champion.bundle.version) == ("v2", "v1")
    assert champion.bundle.degraded


def test_a_challenger_that_is_neither_better_nor_worse_scores_in_shadow(
    world: World, monkeypatch: pytest.MonkeyPatch, bodies: list[bytes]
) -> None:
    world.night().run()
    first = world.champion
    world.archive(bodies[600:800], 2)
    monkeypatch.setattr(night, "decide", always("shadow"))
    world.night().run()
    assert world.champion == first
    shadow = parse_pointer(world.blobs.content(MODELS, CHALLENGER)).version
    assert world.record.pointed(MODEL, "challenger") == world.record.number_of(MODEL, shadow)
    world.archive(bodies[800:], 3)
    monkeypatch.setattr(night, "decide", always("promoted"))
    world.night().run()
    assert world.champion != first
    assert world.blobs.read(MODELS, CHALLENGER) is None
    assert world.record.pointed(MODEL, "challenger") is None


def always(outcome: str):
    def decide(comparison: Comparison, policy: object, *, champion_degraded: bool) -> Verdict:
        return Verdict(outcome, (f"It is {outcome}.",), (Check("any", True, "Fine."),))  # type: ignore[arg-type]

    return decide
