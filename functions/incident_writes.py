"""Write the episodes of a judgement into their incidents, which partitions share."""

import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions import metrics
from functions.judgement import Judgement
from functions.ports import IncidentStore, Telemetry
from shared.errors import RefusedError, TransientError, WriteConflict
from shared.incidents import PartitionEpisode, find_incident, joinable_since, seen_since, settle
from shared.stream_key import StreamKey
from shared.typologies import HIDDEN_DISCOUNT

logger = logging.getLogger(__name__)

type Versioned = tuple[dict[str, Any], str]
"""An incident, and the version of it that was read."""

_CONFLICTS = 20
"""The most tries to write an incident. All partitions of the hub may write it at once, and each
time only one of them succeeds."""


@dataclass(frozen=True, slots=True)
class IncidentWriter:
    """The incidents, and where to count those that open."""

    incidents: IncidentStore
    telemetry: Telemetry

    async def write(self, judgement: Judgement, key: StreamKey) -> dict[str, str]:
        """Write the episodes that changed; return the incident id of each episode, by name.

        Raises:
            TransientError: an incident may be written next time.
        """
        known = judgement.known_incidents
        return {
            name: await self._settle(part, known.get(name), judgement.currency, key)
            for name, part in judgement.episodes.items()
        }

    async def _settle(
        self, part: PartitionEpisode, known: str | None, currency: str, key: StreamKey
    ) -> str:
        for _ in range(_CONFLICTS):
            candidates, highest = await self._candidates(part, known)
            incident = settle([document for document, _ in candidates], part, currency, highest)
            before, version = _stored(candidates, incident["id"])
            if incident is before:  # nothing new: it knows a later state of the episode already
                return str(incident["id"])
            with contextlib.suppress(WriteConflict):  # another partition was first: join it
                await self._put(incident, version)
                _log_status(incident, before)
                if before is None:
                    self.telemetry.measure(metrics.INCIDENTS_OPENED, 1)
                return str(incident["id"])
        raise TransientError(f"{key}: the incident keeps changing")

    async def _put(self, incident: dict[str, Any], version: str | None) -> None:
        try:
            await self.incidents.put(incident, version)
        except RefusedError as error:  # it has a bound: no order is to blame
            logger.exception("an incident is refused: the batch comes again until it is taken")
            raise TransientError(str(error)) from error

    async def _candidates(
        self, part: PartitionEpisode, known: str | None
    ) -> tuple[list[Versioned], int]:
        """Return the incident of an episode where it is known, else all that it may join.

        The number that comes with them is the highest of all incidents. It only matters where a
        new one opens.
        """
        if known is not None:
            incident = await self.incidents.read(HIDDEN_DISCOUNT, known)
            if incident is not None and find_incident([incident[0]], part) is not None:
                return [incident], 0
        joinable = await self._joinable(part)
        if find_incident([document for document, _ in joinable], part) is not None:
            return joinable, 0
        # Read the number first. An incident that opens after this takes the next number, so ours
        # collides with it. One that opened before is among those that are read now.
        highest = await self.incidents.highest(HIDDEN_DISCOUNT)
        return await self._joinable(part), highest

    async def _joinable(self, part: PartitionEpisode) -> list[Versioned]:
        return await self.incidents.joinable(
            HIDDEN_DISCOUNT,
            part.episode.discount_bp / 100,
            joinable_since(part.episode),
            seen_since(part.episode),
        )


def _stored(
    candidates: list[Versioned], incident_id: str
) -> tuple[dict[str, Any] | None, str | None]:
    """Return the incident of an id as it was read; None where it is a new one."""
    for document, version in candidates:
        if document["id"] == incident_id:
            return document, version
    return None, None


def _log_status(incident: Mapping[str, Any], before: Mapping[str, Any] | None) -> None:
    """Log one line when an incident opens or closes, without a word about any order or person."""
    if before is None or before["status"] != incident["status"]:
        logger.warning(
            "incident %s is %s: %g %%, %d orders",
            incident["id"],
            incident["status"],
            incident["percent"],
            incident["orders_affected"],
        )
