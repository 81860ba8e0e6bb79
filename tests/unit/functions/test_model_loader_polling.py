"""The loader looks for new files beside the batches, and what was refused is not read again."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import pytest

from functions.model_loader import ModelLoader
from shared.errors import TransientError
from shared.model import encode_bundle
from tests.bundles import a_bundle
from tests.unit.functions.model_loader_world import Clock, FakeFiles, settled
from tests.unit.functions.world import NOON, FakeTelemetry

ABOUT: ContextVar[str] = ContextVar("ABOUT", default="nothing")


@dataclass
class SlowFiles(FakeFiles):
    """Files that are read once they may be; remembers in which context they were asked for."""

    may: asyncio.Event = field(default_factory=asyncio.Event)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    broken: Exception | None = None
    contexts: set[str] = field(default_factory=set)

    async def read(
        self, container: str, name: str, known: str | None = None
    ) -> tuple[bytes, str] | None:
        self.contexts.add(ABOUT.get())
        self.began.set()
        await self.may.wait()
        if self.broken is not None:
            raise self.broken
        return await super().read(container, name, known)


class CountingExecutor(ThreadPoolExecutor):
    """Counts what it is given to do."""

    def __init__(self) -> None:
        super().__init__(1)
        self.given = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.given += 1
        return super().submit(fn, *args, **kwargs)


@pytest.fixture
def executor() -> Iterator[CountingExecutor]:
    with CountingExecutor() as made:
        yield made


def polled(
    files: FakeFiles, executor: Executor, heard: FakeTelemetry | None = None
) -> tuple[ModelLoader, Clock]:
    clock = Clock()
    telemetry = heard or FakeTelemetry()
    return ModelLoader(
        files, executor, 30, clock=clock, now=lambda: NOON, telemetry=telemetry
    ), clock


async def started(files: SlowFiles, executor: Executor) -> tuple[ModelLoader, Clock, FakeTelemetry]:
    """A model store that serves, whose files are slow from now on."""
    heard = FakeTelemetry()
    files.promote("v1")
    ours, clock = polled(files, executor, heard)
    files.may.set()
    await ours.scorer()
    files.may.clear()
    files.asked.clear()
    return ours, clock, heard


async def test_once_something_serves_no_batch_waits_for_a_look_and_only_one_is_under_way(
    executor: CountingExecutor,
) -> None:
    files = SlowFiles()
    ours, clock, _ = await started(files, executor)
    first = await ours.scorer()
    files.promote("v2")
    for clock.at in (30, 60, 90):  # the store answers nothing, and each batch gets its scorer
        assert await ours.scorer() is first
    files.may.set()
    assert (await settled(ours)).bundle.version == "v2"
    assert files.asked.count("models/champion.json") == 1


async def test_a_look_is_no_part_of_the_batch_that_began_it(executor: CountingExecutor) -> None:
    files = SlowFiles()
    ours, clock, _ = await started(files, executor)
    files.may.set()
    ABOUT.set("a batch")
    clock.at = 30
    await settled(ours)
    assert files.contexts == {"nothing"}


async def test_a_batch_that_is_cut_short_leaves_the_first_look_to_the_others(
    executor: CountingExecutor,
) -> None:
    files = SlowFiles()
    files.promote("v1")
    ours, _ = polled(files, executor)
    batches = [asyncio.create_task(ours.scorer()) for _ in range(2)]
    await files.began.wait()
    batches[0].cancel()
    files.may.set()
    assert (await batches[1]).bundle.version == "v1"


async def test_what_a_look_raises_is_said_and_counted_and_what_serves_goes_on(
    executor: CountingExecutor, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = SlowFiles()
    ours, clock, heard = await started(files, executor)
    first = await ours.scorer()
    files.may.set()

    def bug(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(ours, "_measure_age", bug)
    clock.at = 30
    assert await settled(ours) is first
    assert heard.total("sheriff.shelf.failed") == 1
    assert "the look for what serves failed" in caplog.text


async def test_a_store_that_is_away_is_said_and_counted_and_asked_again_later(
    executor: CountingExecutor,
) -> None:
    files = SlowFiles()
    ours, clock, heard = await started(files, executor)
    first = await ours.scorer()
    files.may.set()
    files.broken = OSError("the network is gone")  # not even one of our own
    clock.at = 30
    assert await settled(ours) is first
    assert heard.total("sheriff.shelf.failed") == 3  # bundle, catalogue, policy
    files.broken = None
    files.promote("v2")
    clock.at = 60
    assert (await settled(ours)).bundle.version == "v2"


async def test_closing_ends_the_look_that_is_under_way(executor: CountingExecutor) -> None:
    files = SlowFiles()
    ours, clock, _ = await started(files, executor)
    clock.at = 30
    await ours.scorer()
    await ours.close()
    assert ours._look is not None
    assert ours._look.cancelled()
    await ours.close()


@pytest.mark.parametrize("name", ["catalogue.csv", "policy.json"])
async def test_a_refused_file_is_read_and_parsed_once_until_it_changes(
    name: str, executor: CountingExecutor
) -> None:
    files = FakeFiles()
    files.promote("v1", reference=[])
    ours, clock = polled(files, executor)
    await ours.scorer()
    files.files[f"reference/{name}"] = b"\xff"
    read, given = files.read_whole, executor.given
    for clock.at in range(30, 300, 30):
        await settled(ours)
    assert (files.read_whole - read, executor.given - given) == (1, 1)
    files.files[f"reference/{name}"] = b"\xff\xff"
    for clock.at in range(300, 600, 30):
        await settled(ours)
    assert (files.read_whole - read, executor.given - given) == (2, 2)


@pytest.mark.parametrize("pointer", ["champion", "challenger"])
async def test_a_refused_bundle_is_read_and_parsed_once_until_it_or_its_pointer_changes(
    pointer: str, executor: CountingExecutor
) -> None:
    files = FakeFiles()
    files.promote("v1", reference=[])
    ours, clock = polled(files, executor)
    await ours.scorer()
    files.promote("v2", data=b"no bundle", pointer=pointer)
    read, given = files.read_whole, executor.given
    for clock.at in range(30, 300, 30):
        await settled(ours)
    assert (files.read_whole - read, executor.given - given) == (2, 2)  # the pointer, the bundle
    data, sha256 = encode_bundle(a_bundle("v2"))
    files.promote("v2", data=data, sha256=sha256, pointer=pointer)
    clock.at = 300
    await settled(ours)
    assert (files.read_whole - read, executor.given - given) == (4, 5)  # and a scorer


async def test_a_refused_file_is_read_once_too_while_nothing_serves(
    executor: CountingExecutor,
) -> None:
    files = FakeFiles()
    files.promote("v1")
    files.files["reference/catalogue.csv"] = b"\xff"
    ours, _ = polled(files, executor)
    for _ in range(5):
        with pytest.raises(TransientError):
            await ours.scorer()
    assert files.read_whole == executor.given == 3  # pointer, bundle, catalogue
