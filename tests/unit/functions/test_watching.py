"""Looking at the hub from outside the trigger: what is read when, kept, measured and said."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from functions.progress import Committed, HubSeen, PartitionSeen, Watch
from functions.watching import Watcher, told
from shared.errors import TransientError, WriteConflict
from tests.unit.functions.world import NOON, FakeTelemetry


@dataclass
class Fakes:
    """State documents, a hub and what was seen of it, all in memory."""

    done: list[Committed] = field(default_factory=list)
    seen: HubSeen = field(default_factory=lambda: hub(-1))
    kept: Watch | None = None
    version: int = 0
    away: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    meanwhile: bool = False

    async def states(self, hub: str, consumer_group: str) -> list[Committed]:
        self._ask("states")
        return self.done

    async def look(self) -> HubSeen:
        self._ask("hub")
        return self.seen

    async def read(self, hub: str, consumer_group: str) -> tuple[Watch | None, str | None]:
        self._ask("read")
        return self.kept, str(self.version) if self.kept else None

    async def write(self, hub: str, consumer_group: str, watch: Watch, version: str | None) -> None:
        self._ask("write")
        if self.meanwhile or version != (str(self.version) if self.kept else None):
            raise WriteConflict("somebody was first")
        self.kept, self.version = watch, self.version + 1

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.away:
            raise TransientError(f"{what} is away")

    def watcher(self, heard: FakeTelemetry, minute: int = 0) -> Watcher:
        now = NOON + timedelta(minutes=minute)
        return Watcher("orders", "$Default", self, self, self, heard, lambda: now)


def hub(*ends: int) -> HubSeen:
    partitions = (PartitionSeen(str(n), 0, end, NOON) for n, end in enumerate(ends))
    return HubSeen(NOON - timedelta(days=9), tuple(partitions))


async def test_the_states_are_read_before_the_hub_is_asked() -> None:
    fakes = Fakes()
    await fakes.watcher(FakeTelemetry()).look()
    assert fakes.asked == ["read", "states", "hub", "write"]


async def test_every_look_measures_each_partition_and_whether_the_hub_is_the_same() -> None:
    fakes, heard = Fakes([Committed("0", 5, NOON)], hub(9, -1)), FakeTelemetry()
    for minute in range(6):
        await fakes.watcher(heard, minute).look()
    assert heard.of("sheriff.hub.anew") == [(0, "")] * 6
    assert heard.of("sheriff.partition.lag")[:2] == [(4, "0"), (0, "1")]
    stalled = [
        value for value, partition in heard.of("sheriff.partition.stalled") if partition == "0"
    ]
    assert stalled == [0, 0, 0, 0, 0, 1]


async def test_a_new_hub_and_a_partition_that_stands_still_are_said_once_and_measured_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fakes, heard = Fakes([Committed("0", 99, NOON)], hub(30)), FakeTelemetry()
    for minute in range(9):
        await fakes.watcher(heard, minute).look()
    errors = [one.message for one in caplog.records if one.levelno == logging.ERROR]
    assert len(errors) == 2
    assert errors[0].startswith("the hub was made anew: partition 0 is committed up to")
    assert errors[1] == "partition 0 stands still at sequence number -1: 31 events wait"
    assert heard.of("sheriff.hub.anew") == [(1, "")] * 9


async def test_an_alarm_ends_when_somebody_acknowledges_it() -> None:
    fakes, heard = Fakes([Committed("0", 99, NOON)], hub(30)), FakeTelemetry()
    await fakes.watcher(heard).look()
    await fakes.watcher(heard, 1).acknowledge()
    await fakes.watcher(heard, 2).look()
    assert heard.of("sheriff.hub.anew") == [(1, ""), (0, "")]


async def test_nothing_is_acknowledged_before_there_was_a_look() -> None:
    fakes = Fakes()
    assert await fakes.watcher(FakeTelemetry()).acknowledge() is None
    assert fakes.kept is None


async def test_two_who_look_at_once_leave_one_look_and_both_measure() -> None:
    fakes, heard = Fakes(meanwhile=True), FakeTelemetry()
    await fakes.watcher(heard).look()
    assert fakes.kept is None
    assert heard.of("sheriff.hub.anew") == [(0, "")]


async def test_an_acknowledgement_that_somebody_overtook_is_not_lost_in_silence() -> None:
    fakes = Fakes()
    await fakes.watcher(FakeTelemetry()).look()
    fakes.meanwhile = True
    with pytest.raises(WriteConflict):
        await fakes.watcher(FakeTelemetry(), 1).acknowledge()


@pytest.mark.parametrize("away", ["read", "states", "hub", "write"])
async def test_a_look_that_fails_leaves_what_is_known_and_measures_nothing(away: str) -> None:
    fakes, heard = Fakes(), FakeTelemetry()
    await fakes.watcher(heard).look()
    before = fakes.kept
    fakes.away.add(away)
    with pytest.raises(TransientError, match=f"{away} is away"):
        await fakes.watcher(heard, 1).look()
    assert fakes.kept == before
    assert len(heard.of("sheriff.hub.anew")) == 1


async def test_looking_without_remembering_writes_nothing() -> None:
    fakes = Fakes([Committed("0", 99, NOON)], hub(30))
    seen = await fakes.watcher(FakeTelemetry()).looked()
    assert told(seen)["made_anew"] is not None
    assert "write" not in fakes.asked
