"""What serves is exchanged while warm, and a bad one never serves."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.resources import files as package_files
from typing import Any

import msgspec
import pytest

from functions.ports import NotThereError
from functions.shelf import Shelf
from shared.classifier import Classifier, Term
from shared.episodes import EpisodeState
from shared.errors import TransientError
from shared.features import FEATURE_NAMES
from shared.model import Golden, GoldenOrder, ModelBundle, encode_bundle, packaged_bundle
from shared.scoring import Scorer
from tests.bundles import with_a_golden_order
from tests.orders import an_order, order_body
from tests.unit.functions.world import NOON


@dataclass
class FakeFiles:
    """Files whose versions are their contents; counts what is read whole."""

    files: dict[str, bytes] = field(default_factory=dict)
    unreachable: bool = False
    read_whole: int = 0

    async def read(
        self, container: str, name: str, known: str | None = None
    ) -> tuple[bytes, str] | None:
        if self.unreachable:
            raise TransientError("storage is gone")
        data = self.files.get(f"{container}/{name}")
        if data is None:
            raise NotThereError(f"{container}/{name}")
        if data.hex() == known:
            return None
        self.read_whole += 1
        return data, data.hex()

    def promote(
        self,
        version: str,
        sha256: str | None = None,
        data: bytes | None = None,
        pointer: str = "champion",
    ) -> None:
        """Put a bundle on the shelf, by default the packaged one, and point to it."""
        if data is None:
            data, _ = encode_bundle(a_bundle(version))
        self.files[f"models/{version}/bundle.json"] = data
        digest = sha256 or hashlib.sha256(data).hexdigest()
        fields = {"schema_version": 1, "version": version, "sha256": digest}
        self.files[f"models/{pointer}.json"] = json.dumps(fields).encode()


def a_bundle(version: str, **fields: Any) -> ModelBundle:
    made = msgspec.structs.replace(packaged_bundle(), version=version, degraded=False, **fields)
    return made if made.golden.orders else with_a_golden_order(made)


@pytest.fixture
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as made:
        yield made


@dataclass
class Clock:
    at: float = 0

    def __call__(self) -> float:
        return self.at


def shelf(files: FakeFiles, executor: Executor, clock: Clock | None = None) -> Shelf:
    return Shelf(files, executor, 30, clock=clock or Clock(), now=lambda: NOON)


async def test_where_nothing_was_put_the_packaged_tables_serve_and_say_so(
    executor: Executor,
) -> None:
    ours = shelf(FakeFiles(), executor)
    scorer = await ours.scorer()
    assert scorer.bundle.degraded
    assert ours.status()["degraded"]
    assert ours.status()["last_refusal"] is None


async def test_a_promoted_bundle_serves_after_the_poll_interval_and_not_before(
    executor: Executor,
) -> None:
    files, clock = FakeFiles(), Clock()
    ours = shelf(files, executor, clock)
    first = await ours.scorer()
    files.promote("v2")
    clock.at = 29
    assert await ours.scorer() is first
    clock.at = 30
    assert (await ours.scorer()).bundle.version == "v2"
    assert ours.status()["bundle_version"] == "v2"


async def test_what_has_not_changed_is_not_read_again(executor: Executor) -> None:
    files, clock = FakeFiles(), Clock()
    files.promote("v1")
    ours = shelf(files, executor, clock)
    first = await ours.scorer()
    read = files.read_whole
    clock.at = 100
    assert await ours.scorer() is first
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
    ours = shelf(files, executor, clock)
    await ours.scorer()
    files.promote("v2")
    good = files.files.get(name)
    files.files[name] = data
    if name == "models/v1/bundle.json":
        files.promote("v2", sha256="0" * 64)
    for clock.at in (30, 60):
        served = (await ours.scorer()).bundle.version
    bad_pointer = name.startswith("models")
    assert served == ("v1" if bad_pointer else "v2")
    refusal = ours.status()["last_refusal"]
    assert why in refusal["why"]
    assert refusal["at"] == "2026-03-01T12:00:00.000000Z"
    assert sum("is refused" in record.message for record in caplog.records) == 1
    if good is not None:
        files.files[name] = good
        files.promote("v3")
        clock.at = 90
        assert (await ours.scorer()).bundle.version == "v3"
        assert ours.status()["last_refusal"] is None


async def test_a_pointer_to_nothing_is_refused(executor: Executor) -> None:
    files = FakeFiles()
    files.promote("v1")
    del files.files["models/v1/bundle.json"]
    ours = shelf(files, executor)
    assert (await ours.scorer()).bundle.degraded
    assert "models/v1/bundle.json, which is not there" in ours.status()["last_refusal"]["why"]


async def test_nothing_is_scored_while_it_is_unknown_what_serves(executor: Executor) -> None:
    files = FakeFiles(unreachable=True)
    ours = shelf(files, executor)
    with pytest.raises(TransientError):
        await ours.scorer()
    files.unreachable = False
    assert await ours.scorer()


async def test_what_serves_goes_on_while_storage_is_gone(executor: Executor) -> None:
    files, clock = FakeFiles(), Clock()
    files.promote("v1")
    ours = shelf(files, executor, clock)
    first = await ours.scorer()
    files.unreachable, clock.at = True, 30
    assert await ours.scorer() is first


async def test_many_batches_at_once_look_only_once(executor: Executor) -> None:
    files = FakeFiles()
    files.promote("v1")
    ours = shelf(files, executor)
    scorers = await asyncio.gather(*(ours.scorer() for _ in range(8)))
    assert len({id(scorer) for scorer in scorers}) == 1
    assert files.read_whole == 2


def alerts_name(scorer: Scorer) -> str:
    """The version that the next alert would carry."""
    (assessment,), _ = scorer.score_many([an_order(charged_price=1)], EpisodeState())
    assert assessment.alerted
    return assessment.model_version


def a_classifier(names: tuple[str, ...] = FEATURE_NAMES) -> Classifier:
    return Classifier(1.0, 0.0, tuple(Term(name, (), (0.0,), (0,)) for name in names))


def golden(p_added_item: float = 0.0) -> Golden:
    """One order at list price, which no bundle finds fault with."""
    catalogue = package_files("shared").joinpath("data", "catalogue.csv").read_text()
    order = order_body(order_id="golden-03").decode()
    return Golden(catalogue, (GoldenOrder(order, p_added_item, 0.0, alerted=False),))


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
    ours = shelf(files, executor, clock)
    first = await ours.scorer()
    spoil(files)
    for clock.at in (30, 60, 90):
        assert await ours.scorer() is first
        assert alerts_name(await ours.scorer()) == "v1"
    refusal = ours.status()["last_refusal"]
    assert refusal["what"] == "models/champion.json"
    assert why in refusal["why"]
    assert sum("is refused" in record.message for record in caplog.records) == 1
    files.files, clock.at = good, 120  # put right again
    assert await ours.scorer() is first
    assert ours.status()["last_refusal"] is None


async def test_a_bundle_whose_golden_orders_come_out_as_they_should_serves(
    executor: Executor,
) -> None:
    files = FakeFiles()
    files.promote("v1", data=encode_bundle(a_bundle("v1", golden=golden()))[0])
    assert alerts_name(await shelf(files, executor).scorer()) == "v1"


async def test_a_classifier_for_other_features_is_left_out_and_the_tables_serve(
    executor: Executor,
) -> None:
    files = FakeFiles()
    other = a_bundle("v1", classifier=a_classifier(("moon_phase", *FEATURE_NAMES[1:])))
    files.promote("v1", data=encode_bundle(other)[0])
    ours = shelf(files, executor)
    served = await ours.scorer()
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
    ours = shelf(files, executor)
    assert alerts_name(await ours.scorer()) == "v1"
    assert "the classifier is not readable" in ours.status()["refused_classifier"]


async def test_another_scikit_learn_version_invalidates_nothing(executor: Executor) -> None:
    """The classifier is tables of its own; scikit-learn fits them and is not there to serve."""
    files = FakeFiles()
    files.promote("v1", data=encode_bundle(a_bundle("v1", classifier=a_classifier()))[0])
    card = {"version": "v1", "libraries": {"scikit-learn": "99.0"}}
    files.files["models/v1/card.json"] = json.dumps(card).encode()
    ours = shelf(files, executor)
    assert (await ours.scorer()).bundle.classifier is not None
    assert ours.status()["refused_classifier"] is None


async def test_a_policy_that_goes_away_serves_on_and_is_reported(executor: Executor) -> None:
    files, clock = FakeFiles(), Clock()
    files.files["reference/policy.json"] = b'{"alert_probability": 0.7}'
    ours = shelf(files, executor, clock)
    await ours.scorer()
    del files.files["reference/policy.json"]
    clock.at = 30
    assert (await ours.scorer()).policy.alert_probability == 0.7
    assert ours.status()["last_refusal"]["why"] == "it was there and is gone"


async def test_the_status_says_since_when_a_bundle_serves(executor: Executor) -> None:
    files, clock = FakeFiles(), Clock()
    files.promote("v1")
    pointer = json.loads(files.files["models/champion.json"])
    pointer["moved_at"] = "2026-02-28T02:10:00.000000Z"
    files.files["models/champion.json"] = json.dumps(pointer).encode()
    ours = shelf(files, executor, clock)
    await ours.scorer()
    assert ours.status()["promoted_at"] == "2026-02-28T02:10:00.000000Z"
    assert ours.status()["serving_since"] == "2026-03-01T12:00:00.000000Z"
    files.files["reference/policy.json"] = b'{"alert_probability": 0.7}'
    ours.now, clock.at = lambda: NOON + timedelta(hours=1), 30
    await ours.scorer()
    assert ours.status()["serving_since"] == "2026-03-01T12:00:00.000000Z"
    files.promote("v2")
    clock.at = 60
    await ours.scorer()
    assert ours.status()["serving_since"] == "2026-03-01T13:00:00.000000Z"
    assert ours.status()["promoted_at"] is None


async def test_a_challenger_scores_beside_until_its_pointer_goes(executor: Executor) -> None:
    files, clock = FakeFiles(), Clock()
    files.promote("v1")
    ours = shelf(files, executor, clock)
    champion = await ours.scorer()
    assert ours.challenger() is None
    files.promote("v2", pointer="challenger")
    clock.at = 30
    assert await ours.scorer() is champion
    challenger = ours.challenger()
    assert challenger is not None
    assert challenger.bundle.version == ours.status()["challenger_version"] == "v2"
    clock.at = 60
    await ours.scorer()
    assert ours.challenger() is challenger
    del files.files["models/challenger.json"]
    clock.at = 90
    assert await ours.scorer() is champion
    assert ours.challenger() is None
    assert ours.status()["last_refusal"] is None


async def test_a_challenger_scores_with_the_policy_that_serves(executor: Executor) -> None:
    files, clock = FakeFiles(), Clock()
    files.promote("v1")
    files.promote("v2", pointer="challenger")
    ours = shelf(files, executor, clock)
    await ours.scorer()
    files.files["reference/policy.json"] = b'{"alert_probability": 0.7}'
    clock.at = 30
    await ours.scorer()
    challenger = ours.challenger()
    assert challenger is not None
    assert challenger.policy.alert_probability == 0.7


async def test_a_challenger_that_became_champion_is_not_its_own_shadow(
    executor: Executor,
) -> None:
    files, clock = FakeFiles(), Clock()
    files.promote("v1")
    files.promote("v2", pointer="challenger")
    ours = shelf(files, executor, clock)
    await ours.scorer()
    files.promote("v2")
    clock.at = 30
    assert (await ours.scorer()).bundle.version == "v2"
    assert ours.challenger() is None


async def test_a_bad_challenger_is_refused_quietly_and_the_champion_serves(
    executor: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    files, clock = FakeFiles(), Clock()
    files.promote("v1")
    files.promote("v2", pointer="challenger")
    ours = shelf(files, executor, clock)
    champion = await ours.scorer()
    files.promote("v3", sha256="0" * 64, pointer="challenger")
    for clock.at in (30, 60):
        assert await ours.scorer() is champion
    assert ours.challenger() is None
    status = ours.status()
    assert "bundle has SHA-256" in status["challenger_refusal"]
    assert status["last_refusal"] is None
    assert sum("is refused" in record.message for record in caplog.records) == 1
    files.promote("v3", pointer="challenger")
    clock.at = 90
    await ours.scorer()
    assert ours.status()["challenger_refusal"] is None
    assert ours.status()["challenger_version"] == "v3"


async def test_whatever_looking_for_a_challenger_raises_the_champion_serves(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, clock = FakeFiles(), Clock()
    files.promote("v1")
    ours = shelf(files, executor, clock)
    await ours.scorer()
    read = files.read

    async def broken(
        container: str, name: str, known: str | None = None
    ) -> tuple[bytes, str] | None:
        if name == "challenger.json":
            raise ZeroDivisionError("a bug")
        return await read(container, name, known)

    monkeypatch.setattr(files, "read", broken)
    files.promote("v2")
    for clock.at in (30, 60):
        assert alerts_name(await ours.scorer()) == "v2"
    assert ours.challenger() is None


async def test_without_a_shadow_no_challenger_is_looked_for(executor: Executor) -> None:
    files = FakeFiles()
    files.promote("v2", pointer="challenger")
    ours = Shelf(files, executor, 30, shadow=False)
    await ours.scorer()
    assert ours.challenger() is None
    assert files.read_whole == 0
