"""Look at the hub from outside the trigger, remember what was seen, and say what is wrong."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from functions.metrics import HUB_ANEW, PARTITION_LAG, PARTITION_STALLED
from functions.ports import Telemetry
from functions.progress import Committed, HubSeen, Watch, acknowledge, looked
from functions.telemetry import SILENT
from shared.errors import WriteConflict
from shared.formats import time_text

logger = logging.getLogger(__name__)


class StateReader(Protocol):
    """The state documents, as far as they say how far each partition is done."""

    async def states(self, hub: str, consumer_group: str) -> list[Committed]:
        """All of a hub, as a consumer group reads it; a partition never committed has none.

        Raises:
            TransientError: they cannot be read now.
        """


class HubReader(Protocol):
    """The hub itself."""

    async def look(self) -> HubSeen:
        """What the hub says of itself and of each partition.

        Raises:
            TransientError: it does not say now.
        """


class WatchStore(Protocol):
    """What was seen of a hub; a version is what the store calls one writing of it."""

    async def read(self, hub: str, consumer_group: str) -> tuple[Watch | None, str | None]:
        """What was seen last, and its version; None and None before the first look.

        Raises:
            TransientError: it cannot be read now.
        """

    async def write(self, hub: str, consumer_group: str, watch: Watch, version: str | None) -> None:
        """Replace the version that was read (None: create).

        Raises:
            WriteConflict: it is no longer that version.
            TransientError: it may be written next time.
        """


@dataclass(frozen=True)
class Watcher:
    """Looks at one hub, as one consumer group reads it."""

    hub_name: str
    consumer_group: str
    states: StateReader
    hub: HubReader
    watches: WatchStore
    telemetry: Telemetry = SILENT
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def look(self) -> Watch:
        """Look, remember and measure.

        Raises:
            TransientError: a store or the hub cannot be read; what is known stays.
        """
        known, version = await self.known()
        seen = await self._looked(known)
        try:
            await self.watches.write(self.hub_name, self.consumer_group, seen, version)
        except WriteConflict:
            logger.info("somebody else looked at the hub meanwhile")
        self._say(known, seen)
        return seen

    async def looked(self) -> Watch:
        """Look, and change nothing. Raises: as `look`."""
        return await self._looked((await self.known())[0])

    async def _looked(self, known: Watch | None) -> Watch:
        # The states first: what is committed after the hub was asked may be past its answer.
        committed = await self.states.states(self.hub_name, self.consumer_group)
        return looked(known, committed, await self.hub.look(), self.now())

    async def known(self) -> tuple[Watch | None, str | None]:
        """What was seen at the last look, and its version."""
        return await self.watches.read(self.hub_name, self.consumer_group)

    async def acknowledge(self) -> Watch | None:
        """Note that somebody knows of the new hub; None where there was no look yet.

        Raises:
            WriteConflict: somebody looked meanwhile: try again.
        """
        known, version = await self.known()
        if known is None:
            return None
        done = acknowledge(known)
        await self.watches.write(self.hub_name, self.consumer_group, done, version)
        return done

    def _say(self, known: Watch | None, seen: Watch) -> None:
        self.telemetry.measure(HUB_ANEW, 1 if seen.made_anew else 0)
        stalled = set(seen.stalled)
        for partition, one in seen.partitions.items():
            self.telemetry.measure(PARTITION_LAG, one.behind_events, partition)
            self.telemetry.measure(PARTITION_STALLED, int(partition in stalled), partition)
        before = known.made_anew if known else None
        if seen.made_anew and seen.made_anew != before:
            logger.error("the hub was made anew: %s", seen.made_anew.why)
        for partition in sorted(stalled - set(known.stalled if known else ())):
            one = seen.partitions[partition]
            logger.error(
                "partition %s stands still at sequence number %d: %d events wait",
                partition, one.sequence_number, one.behind_events,
            )  # fmt: skip


def told(watch: Watch) -> dict[str, Any]:
    """What health tells of a look, ready for JSON."""
    anew = watch.made_anew
    return {
        "seen_at": time_text(watch.seen_at),
        "created_at": time_text(watch.created_at),
        "made_anew": None
        if anew is None
        else {"noticed_at": time_text(anew.noticed_at), "why": anew.why},
        "partitions": {
            partition: {
                "behind_events": one.behind_events,
                "behind_seconds": one.behind_seconds,
                "standing_since": time_text(one.since)
                if one.since and partition in watch.stalled
                else None,
                "attempts": one.attempts,
            }
            for partition, one in watch.partitions.items()
        },
    }
