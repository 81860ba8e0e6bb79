"""What serves is exchanged while warm, and a bad one never serves."""

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import timedelta

import pytest

from shared.classifier import Classifier, Term
from shared.episodes import EpisodeState
from shared.errors import TransientError
from shared.features import FEATURE_NAMES
from shared.model import Golden, encode_bundle
from shared.scoring import Scorer
from tests.bundles import a_bundle, golden
from tests.orders import an_order
from tests.unit.functions.model_loader_world import Clock, FakeFiles, loader, settled
from tests.unit.functions.world import NOON


@pytest.fixture
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as made:
        yield made


async def test_where_nothing_was_put_the_packaged_tables_serve_and_say_so(
    executor: Executor,
) -> None:
    ours = loader(FakeFiles(), executor)
    scorer = await settled(ours)
    assert scorer.bundle.degraded
    assert ours.degraded() == (
        ("bundle", "none was ever published"),
        ("catalogue", "none was ever published"),
    )
    assert ours.status()["degraded"][0]["table"] == "bundle"
    assert ours.status()["refusals"] == []


async def test_a_promoted_bundle_serves_after_the_poll_interval_and_not_before(
    executor: Executor,
) -> None:
    files, clock = FakeFiles(), Clock()
    ours = loader(files, executor, clock)
    first = await settled(ours)
    files.promote("v2")
    clock.at = 29
    assert await settled(ours) is first
    clock.at = 30
    assert (await settled(ours)).bundle.version == "v2"
    assert ours.status()["bundle_version"] == "v2"


async def test_what_has_not_changed_is_not_read_again(executor: Executor) -> None:
    files, clock = FakeFiles(), Clock()
    files.promote("v1")
    ours = loader(files, executor, clock)
    first = await settled(ours)
    read = files.read_whole
    clock.at = 100
    assert await settled(ours) is first
    assert files.read_whole == read


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("models/champion.json", b"{}", "pointer is not readable"),
        ("models/champion.json", b'{"version": "../x", "sha256": ""}', "pointer is not readable"),
        ("models/v1/bundle.json", b"{}", "bundle has SHA-256"),
        ("reference/policy.json", b'{"no_such_threshold": 1}', "no_such_threshold"),
        ("reference/catalogue.csv", b"no such header", ""),
    ],
)
async def test_a_bad_one_is_refused_once_aloud_and_the_one_before_serves_on(
    name: str, data: bytes, why: str, executor: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    files, clock = FakeFiles(), Clock()
    files.promote("v1")
    ours = loader(files, executor, clock)
    await settled(ours)
    files.promote("v2")
    good = files.files.get(name)
    files.files[name] = data
    if name == "models/v1/bundle.json":
        files.promote("v2", sha256="0" * 64)
    for clock.at in (30, 60):
        served = (await settled(ours)).bundle.version
    bad_pointer = name.startswith("models")
    assert served == ("v1" if bad_pointer else "v2")
    refusal = ours.status()["last_refusal"]
    assert why in refusal["why"]
    assert refusal["since"] == "2026-03-01T12:00:00.000000Z"
    assert sum("is refused" in record.message for record in caplog.records) == 1
    if good is not None:
        files.files[name] = good
        files.promote("v3")
        clock.at = 90
        assert (await settled(ours)).bundle.version == "v3"
        assert ours.status()["last_refusal"] is None


async def test_a_pointer_to_nothing_is_refused_and_nothing_packaged_stands_in(
    executor: Executor,
) -> None:
    files = FakeFiles()
    files.promote("v1")
    bundle = files.files.pop("models/v1/bundle.json")
    ours = loader(files, executor)
    with pytest.raises(TransientError, match=r"models/v1/bundle\.json, which is not there"):
        await ours.scorer()
    assert "models/v1/bundle.json, which is not there" in ours.status()["last_refusal"]["why"]
    assert ours.status()["bundle_version"] is None
    files.files["models/v1/bundle.json"] = bundle
    assert (await ours.scorer()).bundle.version == "v1"


async def test_nothing_is_scored_while_it_is_unknown_what_serves(executor: Executor) -> None:
    files = FakeFiles(unreachable=True)
    ours = loader(files, executor)
    with pytest.raises(TransientError):
        await settled(ours)
    files.unreachable = False
    assert await settled(ours)


async def test_what_serves_goes_on_while_storage_is_gone(executor: Executor) -> None:
    files, clock = FakeFiles(), Clock()
    files.promote("v1")
    ours = loader(files, executor, clock)
    first = await settled(ours)
    files.unreachable, clock.at = True, 30
    assert await settled(ours) is first


async def test_many_batches_at_once_look_only_once(executor: Executor) -> None:
    files = FakeFiles()
    files.promote("v1")
    ours = loader(files, executor)
    scorers = await asyncio.gather(*(ours.scorer() for _ in range(8)))
    assert len({id(scorer) for scorer in scorers}) == 1
    assert files.read_whole == 2
    files.unreachable = True
    cold = loader(files, executor)
    files.asked.clear()
    failed = await asyncio.gather(*(cold.scorer() for _ in range(8)), return_exceptions=True)
    assert {type(error) for error in failed} == {TransientError}
    assert files.asked == ["models/champion.json"]  # all waited for the same look


def alerts_name(scorer: Scorer) -> str:
    """The version that the next alert would carry."""
    (assessment,), _ = scorer.score_many([an_order(charged_price=1)], EpisodeState())
    assert assessment.alerted
    return assessment.model_version


def a_classifier(names: tuple[str, ...] = FEATURE_NAMES) -> Classifier:
    return Classifier(1.0, 0.0, tuple(Term(name, (), (0.0,), (0,)) for name in names))


def tampered(files: FakeFiles) -> None:
    files.promote("v2")
    data = files.files["models/v2/bundle.json"]
    files.files["models/v2/bundle.json"] = data[:100] + bytes([data[100] ^ 1]) + data[101:]


def wrong_hash(files: FakeFiles) -> None:
    files.promote("v2", sha256="0" * 64)


def other_schema(files: FakeFiles) -> None:
    files.promote("v2", data=encode_bundle(a_bundle("v2", schema_version=2))[0])


def other_versions_bundle(files: FakeFiles) -> None:
    files.promote("v2", data=encode_bundle(a_bundle("v3"))[0])


def half_written(files: FakeFiles) -> None:
    whole, sha256 = encode_bundle(a_bundle("v2"))
    files.promote("v2", sha256=sha256, data=whole[: len(whole) // 2])


def not_yet_written(files: FakeFiles) -> None:
    files.promote("v2")
    del files.files["models/v2/bundle.json"]


def missing_pointer(files: FakeFiles) -> None:
    del files.files["models/champion.json"]


def half_a_pointer(files: FakeFiles) -> None:
    files.files["models/champion.json"] = files.files["models/champion.json"][:20]


def golden_mismatch(files: FakeFiles) -> None:
    files.promote("v2", data=encode_bundle(a_bundle("v2", golden=golden(0.99)))[0])


def golden_nonsense(files: FakeFiles) -> None:
    nonsense = Golden("no catalogue", golden().orders)
    files.promote("v2", data=encode_bundle(a_bundle("v2", golden=nonsense))[0])


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (tampered, "bundle has SHA-256"),
        (wrong_hash, f"expected {'0' * 64}: refused"),
        (other_schema, "bundle has schema_version 2, expected 1"),
        (other_versions_bundle, "pointer names v2, its bundle is v3"),
        (half_written, "bundle has SHA-256"),
        (not_yet_written, "models/v2/bundle.json, which is not there"),
        (missing_pointer, "it was there and is gone"),
        (half_a_pointer, "pointer is not readable"),
        (golden_mismatch, "golden order golden-03: p_added_item"),
        (golden_nonsense, "golden orders cannot be scored: ConfigurationError"),
    ],
)
async def test_what_is_wrong_is_refused_once_aloud_and_alerts_go_on_under_the_old_version(
    spoil: Callable[[FakeFiles], None],
    why: str,
    executor: Executor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    files, clock = FakeFiles(), Clock()
    files.promote("v1")
    good = dict(files.files)
    ours = loader(files, executor, clock)
    first = await settled(ours)
    spoil(files)
    for clock.at in (30, 60, 90):
        assert await settled(ours) is first
        assert alerts_name(await settled(ours)) == "v1"
    refusal = ours.status()["last_refusal"]
    assert refusal["what"] == "models/champion.json"
    assert why in refusal["why"]
    assert sum("is refused" in record.message for record in caplog.records) == 1
    files.files, clock.at = good, 120  # put right again
    assert await settled(ours) is first
    assert ours.status()["last_refusal"] is None


async def test_a_bundle_whose_golden_orders_come_out_as_they_should_serves(
    executor: Executor,
) -> None:
    files = FakeFiles()
    files.promote("v1", data=encode_bundle(a_bundle("v1", golden=golden()))[0])
    assert alerts_name(await loader(files, executor).scorer()) == "v1"


async def test_a_classifier_for_other_features_is_left_out_and_the_tables_serve(
    executor: Executor,
) -> None:
    files = FakeFiles()
    other = a_bundle("v1", classifier=a_classifier(("moon_phase", *FEATURE_NAMES[1:])))
    files.promote("v1", data=encode_bundle(other)[0])
    ours = loader(files, executor)
    served = await settled(ours)
    assert served.bundle.classifier is None
    assert alerts_name(served) == "v1"
    assert "unknown moon_phase" in ours.status()["refused_classifier"]
    assert ours.status()["last_refusal"] is None


async def test_a_classifier_of_another_form_is_left_out_and_the_tables_serve(
    executor: Executor,
) -> None:
    files = FakeFiles()
    fields = json.loads(encode_bundle(a_bundle("v1"))[0])
    fields["classifier"] = {"kind": "forest", "trees": []}
    files.promote("v1", data=json.dumps(fields).encode())
    ours = loader(files, executor)
    assert alerts_name(await settled(ours)) == "v1"
    assert "the classifier is not readable" in ours.status()["refused_classifier"]


async def test_another_scikit_learn_version_invalidates_nothing(executor: Executor) -> None:
    """The classifier is tables of its own; scikit-learn fits them and is not there to serve."""
    files = FakeFiles()
    files.promote("v1", data=encode_bundle(a_bundle("v1", classifier=a_classifier()))[0])
    card = {"version": "v1", "libraries": {"scikit-learn": "99.0"}}
    files.files["models/v1/card.json"] = json.dumps(card).encode()
    ours = loader(files, executor)
    assert (await settled(ours)).bundle.classifier is not None
    assert ours.status()["refused_classifier"] is None


async def test_a_policy_that_goes_away_serves_on_and_is_reported(executor: Executor) -> None:
    files, clock = FakeFiles(), Clock()
    files.files["reference/policy.json"] = b'{"alert_probability": 0.7}'
    ours = loader(files, executor, clock)
    await settled(ours)
    del files.files["reference/policy.json"]
    clock.at = 30
    assert (await settled(ours)).policy.alert_probability == 0.7
    assert ours.status()["last_refusal"]["why"] == "it was there and is gone"


async def test_the_status_says_since_when_a_bundle_serves(executor: Executor) -> None:
    files, clock = FakeFiles(), Clock()
    files.promote("v1")
    pointer = json.loads(files.files["models/champion.json"])
    pointer["moved_at"] = "2026-02-28T02:10:00.000000Z"
    files.files["models/champion.json"] = json.dumps(pointer).encode()
    ours = loader(files, executor, clock)
    await settled(ours)
    assert ours.status()["promoted_at"] == "2026-02-28T02:10:00.000000Z"
    assert ours.status()["serving_since"] == "2026-03-01T12:00:00.000000Z"
    files.files["reference/policy.json"] = b'{"alert_probability": 0.7}'
    ours.now, clock.at = lambda: NOON + timedelta(hours=1), 30
    await settled(ours)
    assert ours.status()["serving_since"] == "2026-03-01T12:00:00.000000Z"
    files.promote("v2")
    clock.at = 60
    await settled(ours)
    assert ours.status()["serving_since"] == "2026-03-01T13:00:00.000000Z"
    assert ours.status()["promoted_at"] is None
