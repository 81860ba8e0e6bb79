"""Shadow scoring: what a challenger would have done beside the champion.

A challenger that the history shows to be neither better nor worse scores the stream in silence. It
gets the same orders as the champion, has a belief of its own, and writes no alerts. Both models are
compared by what they said when each order arrived. Revisits do not count.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from heapq import nsmallest
from operator import attrgetter
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec.structs import replace

from shared.assessment import Assessment
from shared.episodes import EpisodeState, episode_from, episode_of_version_1
from shared.errors import ConfigurationError
from shared.formats import time_text
from shared.stream import Arrival, place

KIND = "shadow"

MOST_DISAGREEMENTS = 20
"""The most orders that are named: those on which the two models differ most."""

WORTH_NAMING = 0.05
"""An order is named only if the probabilities differ by this much."""

_Count = Annotated[int, msgspec.Meta(ge=0)]


class Tally(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The conclusions of one model: alerts, their findings by typology, and their expected loss."""

    alerts: _Count = 0
    findings: dict[str, int] = {}
    expected_loss_e4: _Count = 0

    def plus(self, other: "Tally") -> "Tally":
        """Return the sum of both."""
        names = sorted({*self.findings, *other.findings})
        return Tally(
            self.alerts + other.alerts,
            {name: self.findings.get(name, 0) + other.findings.get(name, 0) for name in names},
            self.expected_loss_e4 + other.expected_loss_e4,
        )


class Disagreement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order, with the probability of a fraud (0-1) by either model."""

    order_id: str
    champion: float
    challenger: float

    @property
    def rank(self) -> tuple[float, str, float, float]:
        """Return a key that sorts the largest difference first."""
        return (-abs(self.champion - self.challenger), self.order_id, self.champion,
                self.challenger)  # fmt: skip


class ShadowTotals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two models compared on the orders that both scored.

    Attributes:
        version: version of the challenger.
        champions: versions of the champions that it was compared with, sorted.
        orders: orders compared; fewer than were scored where shadow work was lost.
        failed: orders that the challenger could not score, which ``orders`` does not count.
        champion: what the champions concluded.
        challenger: what the challenger concluded.
        both: orders that both would alert.
        disagreements: the orders on which they differ most, the largest difference first.
        first_at: when the first of the orders entered the hub (aware UTC).
        last_at: when the last of them entered the hub (aware UTC).
    """

    version: str
    champions: tuple[str, ...] = ()
    orders: _Count = 0
    failed: _Count = 0
    champion: Tally = Tally()
    challenger: Tally = Tally()
    both: _Count = 0
    disagreements: tuple[Disagreement, ...] = ()
    first_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    last_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None

    def plus(self, other: "ShadowTotals") -> "ShadowTotals":
        """Return the sum of both, with the version of this one."""
        named = (*self.disagreements, *other.disagreements)
        first = [at for at in (self.first_at, other.first_at) if at]
        last = [at for at in (self.last_at, other.last_at) if at]
        return ShadowTotals(
            version=self.version,
            champions=tuple(sorted({*self.champions, *other.champions})),
            orders=self.orders + other.orders,
            failed=self.failed + other.failed,
            champion=self.champion.plus(other.champion),
            challenger=self.challenger.plus(other.challenger),
            both=self.both + other.both,
            disagreements=tuple(nsmallest(MOST_DISAGREEMENTS, named, key=attrgetter("rank"))),
            first_at=min(first, default=None),
            last_at=max(last, default=None),
        )


class ShadowState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The progress of a challenger in one partition, and its conclusions there.

    ``sequence_number`` and ``enqueued_at`` (aware UTC) belong to the last order compared; they are
    -1 and None before the first. ``episode`` is the challenger's own state of the partition.
    """

    totals: ShadowTotals
    sequence_number: int = -1
    enqueued_at: datetime | None = None
    episode: EpisodeState = EpisodeState()

    def is_new(self, sequence_number: int, enqueued_at: datetime) -> bool:
        """Return whether an order has not been compared yet."""
        arrival = place(self.sequence_number, self.enqueued_at, sequence_number, enqueued_at)
        return arrival is not Arrival.SEEN

    def to_document(self, version: int = 2) -> dict[str, Any]:
        """Return the state ready for JSON, without the partition's own fields.

        Version 1 is what the release before reads, for a roll-out that may still go back.
        """
        totals = cast(dict[str, Any], msgspec.to_builtins(self.totals))
        return {
            "kind": KIND,
            "schema_version": version,
            **totals,
            "first_at": _text(self.totals.first_at),
            "last_at": _text(self.totals.last_at),
            "sequence_number": self.sequence_number,
            "enqueued_at": _text(self.enqueued_at),
            "episode": episode_of_version_1(self.episode)
            if version == 1
            else msgspec.to_builtins(self.episode),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "ShadowState":
        """Read a stored state of either version; unknown fields are ignored.

        Raises:
            ConfigurationError: the document is not one of these schemas.
        """
        try:
            read = msgspec.convert({**document, "episode": episode_from(document)}, _Position)
            return cls(
                totals=msgspec.convert(_required(document), ShadowTotals),
                sequence_number=read.sequence_number,
                enqueued_at=read.enqueued_at,
                episode=read.episode,
            )
        except ValueError as error:
            raise ConfigurationError(f"shadow document cannot be read: {error}") from error


def compare(
    state: ShadowState,
    champion: Assessment,
    challenger: tuple[Assessment, EpisodeState] | None,
    sequence_number: int,
    enqueued_at: datetime,
) -> ShadowState:
    """Return the state with one more order, which must be new to it.

    ``challenger`` is the challenger's conclusion and its state after the order; None if it failed.
    """
    if challenger is None:
        order = ShadowTotals(state.totals.version, failed=1)
        episode = state.episode
    else:
        concluded, episode = challenger
        order = _compared(state.totals.version, champion, concluded, enqueued_at)
    return replace(
        state,
        totals=state.totals.plus(order),
        sequence_number=sequence_number,
        enqueued_at=enqueued_at,
        episode=episode,
    )


def totals(documents: Iterable[Mapping[str, Any]]) -> ShadowTotals | None:
    """Return the sum over all partitions of a challenger; None without any document.

    Raises:
        ConfigurationError: a document cannot be read, or they belong to several challengers.
    """
    partitions = [ShadowState.from_document(document).totals for document in documents]
    if not partitions:
        return None
    whole, *others = partitions
    for other in others:
        if other.version != whole.version:
            message = f"shadow documents are of {whole.version} and {other.version}, expected one"
            raise ConfigurationError(message)
        whole = whole.plus(other)
    return whole


def _compared(
    version: str, champion: Assessment, challenger: Assessment, at: datetime
) -> ShadowTotals:
    named = Disagreement(champion.order.order_id, champion.probability, challenger.probability)
    differ = abs(named.champion - named.challenger) >= WORTH_NAMING
    return ShadowTotals(
        version=version,
        champions=(champion.model_version,),
        orders=1,
        champion=_tally(champion),
        challenger=_tally(challenger),
        both=int(champion.alerted and challenger.alerted),
        disagreements=(named,) if differ else (),
        first_at=at,
        last_at=at,
    )


def _tally(assessment: Assessment) -> Tally:
    if not assessment.alerted:
        return Tally()
    typologies = [finding.typology for finding in assessment.findings]
    findings = {name: typologies.count(name) for name in sorted({*typologies})}
    return Tally(1, findings, assessment.expected_loss_e4)


class _Position(msgspec.Struct):
    """The fields of a stored `ShadowState` that its totals do not have."""

    sequence_number: int
    enqueued_at: Annotated[datetime, msgspec.Meta(tz=True)] | None
    episode: EpisodeState
    kind: Literal["shadow"]
    schema_version: Literal[1, 2]


def _required(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the totals, all of which must be there."""
    missing = set(ShadowTotals.__struct_fields__) - document.keys()
    if missing:
        raise ValueError(f"{', '.join(sorted(missing))} missing")
    return {name: document[name] for name in ShadowTotals.__struct_fields__}


def _text(at: datetime | None) -> str | None:
    return None if at is None else time_text(at)
