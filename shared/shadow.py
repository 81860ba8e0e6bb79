"""What a challenger would have done beside the champion, counted order by order.

A challenger that is neither better nor worse by the history scores the stream in silence: the same
orders in the same order, with a belief of its own, and no alert is written. What it says at an
order's arrival is held against what the champion said; revisits count for neither.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from heapq import nsmallest
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec.structs import replace

from shared.assessment import Assessment
from shared.episodes import EpisodeState, episode_from, episode_of_version_1
from shared.errors import ConfigurationError
from shared.formats import time_text, utc_time
from shared.stream import Arrival, place

KIND = "shadow"

MOST_DISAGREEMENTS = 20
"""Orders that are named, those on which the two differ most."""

WORTH_NAMING = 0.05
"""Probabilities that differ by less are no disagreement."""

_Count = Annotated[int, msgspec.Meta(ge=0)]


class Tally(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one model made of the orders: alerts, their findings by typology, their expected loss
    (ten-thousandths of the currency)."""

    alerts: _Count = 0
    findings: dict[str, int] = {}
    expected_loss_e4: _Count = 0

    def plus(self, other: "Tally") -> "Tally":
        """Both together."""
        names = sorted({*self.findings, *other.findings})
        return Tally(
            self.alerts + other.alerts,
            {name: self.findings.get(name, 0) + other.findings.get(name, 0) for name in names},
            self.expected_loss_e4 + other.expected_loss_e4,
        )


class Disagreement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order, and how likely a fraud it is (0-1) to either model."""

    order_id: str
    champion: float
    challenger: float

    @property
    def rank(self) -> tuple[float, str, float, float]:
        """Sorts the largest difference first."""
        return (-abs(self.champion - self.challenger), self.order_id, self.champion,
                self.challenger)  # fmt: skip


class ShadowTotals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two models compared on the orders that both scored.

    Attributes:
        version: of the challenger.
        champions: versions that it was held against, sorted.
        orders: orders compared; fewer than were scored where shadow work was lost.
        failed: orders that the challenger could not score; they are not among ``orders``.
        champion: what the champions made of the orders.
        challenger: what the challenger made of them.
        both: orders that both would alert.
        disagreements: the orders on which they differ most, the largest difference first.
        first_at: when the first of the orders entered the hub (aware UTC).
        last_at: when the last one did.
    """

    version: str
    champions: tuple[str, ...] = ()
    orders: _Count = 0
    failed: _Count = 0
    champion: Tally = Tally()
    challenger: Tally = Tally()
    both: _Count = 0
    disagreements: tuple[Disagreement, ...] = ()
    first_at: datetime | None = None
    last_at: datetime | None = None

    def plus(self, other: "ShadowTotals") -> "ShadowTotals":
        """Both together; the version is this one's."""
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
            disagreements=tuple(nsmallest(MOST_DISAGREEMENTS, named, key=lambda one: one.rank)),
            first_at=min(first, default=None),
            last_at=max(last, default=None),
        )


class ShadowState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a challenger is in one partition, and what it made of it.

    ``sequence_number`` and ``enqueued_at`` (aware UTC) are those of the last order compared: -1
    and None before the first. ``episode`` is what the challenger believes of the partition.
    """

    totals: ShadowTotals
    sequence_number: int = -1
    enqueued_at: datetime | None = None
    episode: EpisodeState = EpisodeState()

    def is_new(self, sequence_number: int, enqueued_at: datetime) -> bool:
        """Whether an order has not been compared yet."""
        arrival = place(self.sequence_number, self.enqueued_at, sequence_number, enqueued_at)
        return arrival is not Arrival.SEEN

    def to_document(self, version: int = 2) -> dict[str, Any]:
        """JSON-ready, without the partition's own fields; `from_document` reads it back.

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
        """Read a stored state of either version; fields that are not known are ignored.

        Raises:
            ConfigurationError: the document is not one of these schemas.
        """
        try:
            read = msgspec.convert({**document, "episode": episode_from(document)}, _Document)
            kept = {name: getattr(read, name) for name in _TOTALS}
            times = {name: _time(getattr(read, name)) for name in ("first_at", "last_at")}
            return cls(
                totals=ShadowTotals(**{**kept, **times}),
                sequence_number=read.sequence_number,
                enqueued_at=_time(read.enqueued_at),
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
    """The state with one more order, which must be new to it.

    ``challenger`` is what it concluded and what it believes after that; None where it failed.
    """
    if challenger is None:
        one = ShadowTotals(state.totals.version, failed=1)
        episode = state.episode
    else:
        mine, episode = challenger
        one = _compared(state.totals.version, champion, mine, enqueued_at)
    return replace(
        state,
        totals=state.totals.plus(one),
        sequence_number=sequence_number,
        enqueued_at=enqueued_at,
        episode=episode,
    )


def totals(documents: Iterable[Mapping[str, Any]]) -> ShadowTotals | None:
    """All partitions of one challenger together; None without any document.

    Raises:
        ConfigurationError: a document is none, or they are of several challengers.
    """
    every = [ShadowState.from_document(document).totals for document in documents]
    if not every:
        return None
    first, *others = every
    for other in others:
        if other.version != first.version:
            message = f"shadow documents are of {first.version} and {other.version}, expected one"
            raise ConfigurationError(message)
        first = first.plus(other)
    return first


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


class _Document(msgspec.Struct):
    """A `ShadowState` as it is stored, without the partition's own fields."""

    version: str
    champions: tuple[str, ...]
    orders: _Count
    failed: _Count
    champion: Tally
    challenger: Tally
    both: _Count
    disagreements: tuple[Disagreement, ...]
    first_at: str | None
    last_at: str | None
    sequence_number: int
    enqueued_at: str | None
    episode: EpisodeState
    kind: Literal["shadow"]
    schema_version: Literal[1, 2]


_TOTALS = (
    "version",
    "champions",
    "orders",
    "failed",
    "champion",
    "challenger",
    "both",
    "disagreements",
)  # stored just as they are


def _text(at: datetime | None) -> str | None:
    return None if at is None else time_text(at)


def _time(text: str | None) -> datetime | None:
    return None if text is None else utc_time(text)
