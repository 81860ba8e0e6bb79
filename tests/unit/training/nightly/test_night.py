"""A nightly run: what it leaves behind, and that dying anywhere in it loses and doubles nothing."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from itertools import count

import msgspec
import pytest

from shared.champion import CHALLENGER, parse_pointer
from shared.containers import MODELS, TRAINING
from shared.decision import Decision
from shared.errors import TransientError
from shared.order import parse_order
from tests.schemas import violations
from tests.unit.training.nightly.night_world import NOW, NightWorld, a_company, always, bodies
from tests.unit.training.world import KilledError
from training.comparison import fraud_injection, judgement
from training.models import model_store
from training.models.registry import MODEL, RULES_MODEL
from training.nightly import judging, night
from training.nightly.results import Result, read_result, report_path
from training.report.captions import draw_charts
from training.report.page import render


@pytest.fixture(scope="module", autouse=True)
def brief() -> Iterator[None]:
    """Inject frauds in one round, and draw no charts: neither is tested here.

    Both models take equally long, as far as the clock tells: on a busy machine it might tell that
    the challenger is slow, and a night would refuse it.
    """
    clock = count()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judgement.time, "process_time", lambda: next(clock))
        patch.setattr(fraud_injection, "MOST_ROUNDS", 1)
        patch.setattr(night, "draw_charts", lambda report: {})
        patch.setattr(night, "render", lambda report, charts: "<html>")
        yield


@pytest.fixture
def world() -> NightWorld:
    return a_company()


@pytest.fixture(scope="module")
def second_night() -> NightWorld:
    """A company before its second night, which has more to learn from."""
    company = a_company()
    company.night().run()
    company.archive(bodies()[600:], 2)
    return company


@pytest.fixture(scope="module")
def morning_after(second_night: NightWorld) -> NightWorld:
    """What comes of that night when nothing dies."""
    company = deepcopy(second_night)
    company.night().run()
    return company


def test_the_first_night_promotes_what_it_learned_and_records_all_of_it(
    world: NightWorld, monkeypatch: pytest.MonkeyPatch
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


def test_a_night_without_anything_new_does_nothing(world: NightWorld) -> None:
    world.night().run()
    before = dict(world.blobs.blobs)
    assert world.night().run() is None
    assert world.blobs.blobs == before
    assert "nothing new to learn" in world.said[-1]


def test_too_few_orders_are_not_learned_from() -> None:
    company = NightWorld()
    assert company.night().run() is None
    company.archive(bodies()[:200], 1)
    assert company.night().run() is None
    assert "200 orders are archived, too few to learn from" in company.said[-1]
    assert company.champion is None


def test_the_next_night_judges_against_the_champion_on_orders_that_neither_has_seen(
    world: NightWorld,
) -> None:
    world.night().run()
    first = world.champion
    world.archive(bodies()[600:], 2)
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
    after: int, second_night: NightWorld, morning_after: NightWorld
) -> None:
    world = deepcopy(second_night)
    world.blobs.writes_left = after
    with suppress(KilledError):
        world.night().run()
    world.blobs.revive()
    world.check()
    assert world.champion in {second_night.champion, morning_after.champion}
    world.night().run()
    world.check()
    assert world.champion == morning_after.champion
    assert world.record.registered == morning_after.record.registered  # nothing twice
    assert world.record.aliases == morning_after.record.aliases
    assert world.blobs.blobs.keys() == morning_after.blobs.blobs.keys()


def test_dying_was_tried_at_every_write_of_a_night(
    second_night: NightWorld, morning_after: NightWorld
) -> None:
    assert len(morning_after.blobs.writes) - len(second_night.blobs.writes) <= 9


@pytest.mark.parametrize(
    ("last_write", "computed_again"),
    [
        ("training/snapshots/.*[.]json", ["learn_challenger", "judge_challenger"]),
        ("models/.*/card[.]json", ["judge_challenger"]),
        ("training/runs/.*[.]json", []),
    ],
)
def test_a_night_killed_after_a_stage_is_taken_up_at_the_next_stage(
    last_write: str,
    computed_again: list[str],
    second_night: NightWorld,
    morning_after: NightWorld,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = deepcopy(second_night)
    world.blobs.last_write = last_write
    with pytest.raises(KilledError):
        world.night().run()
    world.blobs.revive()
    world.blobs.reads.clear()
    computed: list[str] = []
    for stage in ("learn_challenger", "judge_challenger"):
        monkeypatch.setattr(night, stage, counted(getattr(night, stage), stage, computed))
    assert world.night().run() is not None
    assert computed == computed_again
    assert not any(name.endswith(".avro") for name in world.blobs.reads)
    assert world.champion == morning_after.champion


def counted[**P, R](function: Callable[P, R], name: str, calls: list[str]) -> Callable[P, R]:
    def counting(*arguments: P.args, **options: P.kwargs) -> R:
        calls.append(name)
        return function(*arguments, **options)

    return counting


def test_a_night_killed_after_its_promotion_does_not_judge_the_champion_by_itself(
    second_night: NightWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "decide", always("promoted"))
    world = deepcopy(second_night)
    world.blobs.last_write = "models/champion[.]json"
    with pytest.raises(KilledError):
        world.night().run()
    world.blobs.revive()
    promoted = world.champion
    assert promoted is not None
    assert promoted != second_night.champion
    applied = world.night().run()
    assert applied is not None
    assert applied.champion == promoted
    result = read_result(world.blobs, promoted)
    assert result is not None
    assert (result.applied, result.champion) == (True, second_night.champion)


def test_a_night_first_mends_the_record_whatever_it_does_then(morning_after: NightWorld) -> None:
    """A night that was killed is under way there, and an alias may have missed the pointer."""
    world = deepcopy(morning_after)
    world.record.under_way.add("killed")
    world.record.clear(MODEL, "champion")
    assert world.night().run() is None  # nothing is new
    assert world.record.under_way == set()
    assert world.record.aliases[MODEL, "champion"] == world.record.number_of(
        MODEL, str(world.champion)
    )


def test_a_result_that_was_applied_is_the_end_of_a_night(
    second_night: NightWorld, morning_after: NightWorld
) -> None:
    world = deepcopy(morning_after)
    begun = list(world.record.begun)
    assert world.night().run() is None
    assert world.record.begun == begun


def test_bad_records_and_decisions_are_kept_and_judged_by(world: NightWorld) -> None:
    world.night().run()
    world.archive([*bodies()[600:], b"{half an order"], 2)
    world.blobs.put("reference", "policy.json", b'{"label_delay_days": 0}')
    orders = [parse_order(body) for body in bodies()[600:]]
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


@pytest.mark.parametrize(
    ("checks", "unwritten"), [(0, "models/"), (1, "training/runs/"), (2, "models/champion.json")]
)
def test_a_run_that_loses_its_lease_writes_nothing_more_that_others_read(
    world: NightWorld, checks: int, unwritten: str
) -> None:
    world.lease.checks_left = checks
    with pytest.raises(TransientError, match="lease"):
        world.night().run()
    assert not any(name.startswith(unwritten) for name in world.blobs.writes)


def test_a_record_that_fails_leaves_the_champion_serving(world: NightWorld) -> None:
    world.night().run()
    first = world.champion
    world.archive(bodies()[600:], 2)
    world.record.failing = TransientError("MLflow does not answer")
    with pytest.raises(TransientError, match="MLflow"):
        world.night().run()
    assert world.champion == first


def test_what_was_rolled_back_is_not_promoted_again_by_the_same_history(
    world: NightWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.night().run()
    first = world.champion
    world.archive(bodies()[600:], 2)
    monkeypatch.setattr(judging, "decide", always("promoted"))
    world.night().run()
    assert world.champion != first
    model_store.roll_back(world.blobs, NOW)
    assert world.night().run() is None
    assert world.champion == first


def test_a_policy_that_changed_is_a_night_of_its_own(world: NightWorld) -> None:
    world.night().run()
    world.blobs.put("reference", "policy.json", b'{"recall_tolerance": 0.5}')
    assert world.night().run() is not None
    assert len(world.record.begun) == 2


def test_what_cannot_be_read_of_earlier_runs_is_made_again(world: NightWorld) -> None:
    world.night().run()
    assert world.champion is not None
    for (container, name), (_, version) in list(world.blobs.blobs.items()):
        if container == TRAINING and name.endswith(".json"):
            world.blobs.blobs[container, name] = (b'{"of": "another release"}', version)
    assert world.night().run() is not None
    result = read_result(world.blobs, world.champion)
    assert result is not None
    assert result.applied


def test_a_broken_champion_is_replaced_by_what_beats_the_packaged_tables(world: NightWorld) -> None:
    world.night().run()
    assert world.champion is not None
    world.blobs.put(MODELS, f"{world.champion}/bundle.json", b"broken")
    broken = world.champion
    world.archive(bodies()[600:], 2)
    world.night().run()
    assert world.champion != broken
    world.check()


def test_a_challenger_that_is_neither_better_nor_worse_scores_in_shadow(
    world: NightWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.night().run()
    first = world.champion
    world.archive(bodies()[600:800], 2)
    monkeypatch.setattr(judging, "decide", always("shadow"))
    world.night().run()
    assert world.champion == first
    shadow = parse_pointer(world.blobs.content(MODELS, CHALLENGER)).version
    assert world.record.pointed(MODEL, "challenger") == world.record.number_of(MODEL, shadow)
    world.archive(bodies()[800:], 3)
    monkeypatch.setattr(judging, "decide", always("promoted"))
    world.night().run()
    assert world.champion != first
    assert world.blobs.read(MODELS, CHALLENGER) is None
    assert world.record.pointed(MODEL, "challenger") is None
