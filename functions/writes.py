"""Apply a judgement: alerts, then dead letters. The caller commits the state after them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from functions.judgement import Judgement, Scored, refused
from functions.ports import AlertStore, DeadLetterStore, RefusedError, StreamKey
from shared.errors import TransientError


@dataclass(frozen=True, slots=True)
class Written:
    """A judgement whose alerts and dead letters are stored, less what a store refused.

    ``alerts`` of its alerts are new, ``known_alerts`` were there already.
    """

    judgement: Judgement
    alerts: int
    known_alerts: int


@dataclass(frozen=True, slots=True)
class Writer:
    """The stores a judgement goes to, and how many writes may be under way at once."""

    alerts: AlertStore
    dead_letters: DeadLetterStore
    at_once: int

    async def write(self, key: StreamKey, judgement: Judgement, now: datetime) -> Written:
        """Write all that can be written; an order whose alert is refused becomes a dead letter.

        Older revisions are marked only after every alert of the judgement is there, because one
        of them may be the older one.

        Raises:
            TransientError: something is left to do, everything else is done.
        """
        alerted = [one for one in judgement.scored if one.alert is not None]
        created = await self._each(self._create, alerted)
        revised = _revised(judgement.scored)
        marked = await self._each(self._supersede, revised)
        latest = [revisions[-1] for revisions in revised]
        outcomes = [*zip(alerted, created, strict=True), *zip(latest, marked, strict=True)]
        refusals = {
            one.event.sequence_number: str(outcome)
            for one, outcome in outcomes
            if isinstance(outcome, RefusedError)
        }
        if refusals:
            judgement = refused(judgement, key, refusals, now)
        kept = await self._each(self.dead_letters.add, judgement.dead_letters)
        _raise_first([outcome for _, outcome in outcomes] + kept, key)
        return Written(judgement, created.count(True), created.count(False))

    async def _create(self, one: Scored) -> bool:
        assert one.alert is not None
        return await self.alerts.create(one.alert)

    async def _supersede(self, revisions: Sequence[Scored]) -> None:
        # In turn: the first higher revision marks an alert, wherever the batch is cut.
        for one in revisions:
            await self.alerts.supersede(one.order.order_id, one.order.revision)

    async def _each[T](
        self, act: Callable[[T], Awaitable[Any]], items: Sequence[T]
    ) -> list[Any | BaseException]:
        """The outcome of every act, as a value or as what it raised."""
        turn = asyncio.Semaphore(self.at_once)

        async def in_turn(item: T) -> Any:
            async with turn:
                return await act(item)

        return await asyncio.gather(*map(in_turn, items), return_exceptions=True)


def _revised(scored: Sequence[Scored]) -> list[list[Scored]]:
    """Every order that is a later revision, by order id, in order of arrival.

    Whether an earlier one was seen does not matter: it may be older than what is remembered.
    """
    by_order: dict[str, list[Scored]] = {}
    for one in scored:
        if one.order.revision > 0:
            by_order.setdefault(one.order.order_id, []).append(one)
    return list(by_order.values())


def _raise_first(outcomes: Sequence[Any], key: StreamKey) -> None:
    """Raise what no refusal explains: a bug or a cancellation as it is, else one TransientError."""
    errors = [one for one in outcomes if isinstance(one, BaseException)]
    failures = [one for one in errors if isinstance(one, TransientError)]
    for error in errors:
        if not isinstance(error, TransientError | RefusedError):
            raise error
    if failures:
        raise TransientError(f"{key}: {len(failures)} writes failed, as: {failures[0]}")
