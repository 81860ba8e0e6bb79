"""What serves is exchanged while warm, and a bad one never serves."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field

import msgspec
import pytest

from functions.ports import NotThereError
from functions.shelf import Shelf
from shared.errors import TransientError
from shared.model import encode_bundle, packaged_bundle
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

    def promote(self, version: str, sha256: str | None = None) -> None:
        learned = msgspec.structs.replace(packaged_bundle(), version=version, degraded=False)
        data, digest = encode_bundle(learned)
        self.files[f"models/{version}/bundle.json"] = data
        pointer = {"schema_version": 1, "version": version, "sha256": sha256 or digest}
        self.files["models/champion.json"] = json.dumps(pointer).encode()


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
