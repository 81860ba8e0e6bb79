"""A challenger scores beside the champion, and nothing that is wrong with it stops the champion."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

from functions.model_loader import ModelLoader
from tests.unit.functions.model_loader_world import Clock, FakeFiles, loader, settled


@pytest.fixture
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as made:
        yield made


async def test_a_challenger_scores_beside_until_its_pointer_goes(executor: Executor) -> None:
    files, clock = FakeFiles(), Clock()
    files.promote("v1")
    ours = loader(files, executor, clock)
    champion = await settled(ours)
    assert ours.challenger() is None
    files.promote("v2", pointer="challenger")
    clock.at = 30
    assert await settled(ours) is champion
    challenger = ours.challenger()
    assert challenger is not None
    assert challenger.bundle.version == ours.status()["challenger_version"] == "v2"
    clock.at = 60
    await settled(ours)
    assert ours.challenger() is challenger
    del files.files["models/challenger.json"]
    clock.at = 90
    assert await settled(ours) is champion
    assert ours.challenger() is None
    assert ours.status()["last_refusal"] is None


async def test_a_challenger_scores_with_the_policy_that_serves(executor: Executor) -> None:
    files, clock = FakeFiles(), Clock()
    files.promote("v1")
    files.promote("v2", pointer="challenger")
    ours = loader(files, executor, clock)
    await settled(ours)
    files.files["reference/policy.json"] = b'{"alert_probability": 0.7}'
    clock.at = 30
    await settled(ours)
    challenger = ours.challenger()
    assert challenger is not None
    assert challenger.policy.alert_probability == 0.7


async def test_a_challenger_that_became_champion_is_not_its_own_shadow(
    executor: Executor,
) -> None:
    files, clock = FakeFiles(), Clock()
    files.promote("v1")
    files.promote("v2", pointer="challenger")
    ours = loader(files, executor, clock)
    await settled(ours)
    files.promote("v2")
    clock.at = 30
    assert (await settled(ours)).bundle.version == "v2"
    assert ours.challenger() is None


async def test_a_bad_challenger_is_refused_quietly_and_the_champion_serves(
    executor: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    files, clock = FakeFiles(), Clock()
    files.promote("v1")
    files.promote("v2", pointer="challenger")
    ours = loader(files, executor, clock)
    champion = await settled(ours)
    files.promote("v3", sha256="0" * 64, pointer="challenger")
    for clock.at in (30, 60):
        assert await settled(ours) is champion
    assert ours.challenger() is None
    status = ours.status()
    assert "bundle has SHA-256" in status["challenger_refusal"]
    assert status["last_refusal"] is None
    assert sum("is refused" in record.message for record in caplog.records) == 1
    files.promote("v3", pointer="challenger")
    clock.at = 90
    await settled(ours)
    assert ours.status()["challenger_refusal"] is None
    assert ours.status()["challenger_version"] == "v3"


async def test_whatever_looking_for_a_challenger_raises_the_champion_serves(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, clock = FakeFiles(), Clock()
    files.promote("v1")
    ours = loader(files, executor, clock)
    await settled(ours)
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
        assert (await settled(ours)).bundle.version == "v2"
    assert ours.challenger() is None


async def test_without_a_shadow_no_challenger_is_looked_for(executor: Executor) -> None:
    files = FakeFiles()
    files.promote("v2", pointer="challenger")
    ours = ModelLoader(files, executor, 30, shadow=False)
    await settled(ours)
    assert ours.challenger() is None
    assert files.read_whole == 0
