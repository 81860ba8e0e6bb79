"""What serves next: the newest good value, the one before it, or what came with the app."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import pytest

from functions.known_files import RefusedFileError
from functions.slots import GONE, Candidate, Slot
from shared.errors import NotThereError, TransientError
from tests.unit.functions.world import NOON, FakeTelemetry


@dataclass
class FakeSource:
    """Returns ``now``, and ``earlier`` before it; an exception is raised."""

    now: str | Exception
    earlier: list[str | Exception] = field(default_factory=list)
    ever: bool = False

    async def current(self) -> str:
        return await self._read(self.now)

    async def before(self) -> Sequence[Callable[[], Awaitable[str]]]:
        return [lambda value=value: self._read(value) for value in self.earlier]  # type: ignore[misc]

    async def was_there(self) -> bool:
        return self.ever

    @staticmethod
    async def _read(value: str | Exception) -> str:
        if isinstance(value, Exception):
            raise value
        return value


def slot(source: FakeSource, serving: Candidate[str] | None = None) -> Slot[str]:
    telemetry = FakeTelemetry()
    return Slot(
        "policy", "box/policy", source, lambda: "packaged", lambda: NOON, telemetry, serving
    )


BAD = RefusedFileError("box/policy", "it is half")
AWAY = TransientError("the store is away")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (FakeSource("new"), Candidate("new")),
        (FakeSource(NotThereError()), Candidate("packaged", packaged=True)),
        (FakeSource(NotThereError(), ["old"], ever=True), Candidate("old")),
        (FakeSource(BAD, ["old", "older"]), Candidate("old")),
        (FakeSource(BAD, [BAD, NotThereError(), "older"]), Candidate("older")),
    ],
)
async def test_a_process_that_starts_takes_the_latest_good_value(
    source: FakeSource, expected: Candidate[str]
) -> None:
    assert await slot(source).next() == expected


@pytest.mark.parametrize("source", [FakeSource(BAD), FakeSource(BAD, [AWAY]), FakeSource(AWAY)])
async def test_a_process_that_starts_waits_where_nothing_good_can_be_read(
    source: FakeSource,
) -> None:
    with pytest.raises(TransientError):
        await slot(source).next()


@pytest.mark.parametrize("source", [FakeSource(BAD, ["old"]), FakeSource(AWAY, ["old"])])
async def test_in_a_warm_process_what_serves_goes_on(source: FakeSource) -> None:
    ours = slot(source, Candidate("serving"))
    assert await ours.next() is None
    assert ours.value == "serving"


async def test_a_file_that_goes_while_it_serves_is_refused_and_serves_on() -> None:
    ours = slot(FakeSource(NotThereError()), Candidate("serving"))
    assert await ours.next() is None
    assert ours.refusals["box/policy"].why == GONE


async def test_a_refusal_keeps_its_time_and_a_good_file_clears_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = FakeSource(BAD)
    ours = slot(source, Candidate("serving"))
    for _ in range(3):
        await ours.next()
    assert ours.refusals["box/policy"].since == "2026-03-01T12:00:00.000000Z"
    assert len(caplog.records) == 1
    source.now = "new"
    assert await ours.next() == Candidate("new")
    assert ours.refusals == {}


async def test_a_value_that_did_not_fit_the_others_is_not_tried_again_until_it_changes() -> None:
    source = FakeSource("new")
    ours = slot(source, Candidate("serving"))
    ours.unfit = source.now  # type: ignore[assignment]
    assert await ours.next() is None
    source.now = "newer"
    assert await ours.next() == Candidate("newer")
