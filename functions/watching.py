"""Look at the hub from outside the trigger, store what was seen, and log what is wrong."""

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
    """Reads from the state documents how far each partition is done."""

    async def states(self, hub: str, consumer_group: str) -> list[Committed]:
        """Return how far a hub's partitions are done; a partition without a commit is left out.

        Raises:
            TransientError: they cannot be read now.
        """


class HubReader(Protocol):
    """Asks the hub itself."""

    async def look(self) -> HubSeen:
        """Return what the hub says about itself and its partitions.

        Raises:
            TransientError: the hub does not answer now.
        """


class WatchStore(Protocol):
    """Keeps what was seen of a hub. Each write gives it a new version."""

    async def read(self, hub: str, consumer_group: str) -> tuple[Watch | None, str | None]:
        """Return what was seen last, and its version; None and None before the first look.

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
        """Look, store what was seen, and measure it.

        Raises:
            TransientError: a store or the hub cannot be read; what is stored stays.
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
        """Look, and store nothing. Raises: as `look`."""
        return await self._looked((await self.known())[0])

    async def _looked(self, known: Watch | None) -> Watch:
        # The states first: what is committed later may be ahead of the hub's answer.
        committed = await self.states.states(self.hub_name, self.consumer_group)
        return looked(known, committed, await self.hub.look(), self.now())

    async def known(self) -> tuple[Watch | None, str | None]:
        """Return what was seen at the last look, and its version."""
        return await self.watches.read(self.hub_name, self.consumer_group)

    async def acknowledge(self) -> Watch | None:
        """Note that an operator knows of the new hub; return None if there was no look yet.

        Raises:
            WriteConflict: there was another look meanwhile; try again.
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
        for name, partition in seen.partitions.items():
            self.telemetry.measure(PARTITION_LAG, partition.behind_events, name)
            self.telemetry.measure(PARTITION_STALLED, int(name in stalled), name)
        before = known.made_anew if known else None
        if seen.made_anew and seen.made_anew != before:
            logger.error("the hub was made anew: %s", seen.made_anew.why)
        for name in sorted(stalled - set(known.stalled if known else ())):
            partition = seen.partitions[name]
            logger.error(
                "partition %s stands still at sequence number %d: %d events wait",
                name, partition.sequence_number, partition.behind_events,
            )  # fmt: skip


def told(watch: Watch) -> dict[str, Any]:
    """Return what health tells about a look, ready for JSON."""
    anew = watch.made_anew
    return {
        "seen_at": time_text(watch.seen_at),
        "created_at": time_text(watch.created_at),
        "made_anew": None
        if anew is None
        else {"noticed_at": time_text(anew.noticed_at), "why": anew.why},
        "partitions": {
            name: {
                "behind_events": partition.behind_events,
                "behind_seconds": partition.behind_seconds,
                "standing_since": time_text(partition.since)
                if partition.since and name in watch.stalled
                else None,
                "attempts": partition.attempts,
            }
            for name, partition in watch.partitions.items()
        },
    }
