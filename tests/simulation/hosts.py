"""Hosts, their processes, and the trigger as Microsoft's own was seen to work.

Where a partition is taken over, the one that lost it is not told: it goes on trying the same batch
until that ends, and writes its checkpoint over the winner's. A failing batch is tried for ever,
with the same growing pauses.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, NoReturn, cast

from functions.handlers import score_batch
from functions.model_loader import ModelLoader
from functions.scoring_context import Limits, ScoringContext
from shared.assessment import Assessment
from shared.episodes import EpisodeState
from shared.errors import TransientError
from shared.order import Order
from shared.order_event import OrderEvent
from shared.scoring import Scorer
from shared.stream_key import StreamKey
from tests.simulation import loop
from tests.simulation.faults import Plan
from tests.simulation.orders import BEGIN, Stream
from tests.simulation.stores import (
    Alerts,
    Cloud,
    Files,
    Incidents,
    Letters,
    Line,
    States,
    Weather,
)

SHORTEST, LONGEST = 2.0, 60.0
"""Seconds between two tries of a batch, as `functions/score_orders.py` asks of the trigger."""

EXPIRES = 40.0
"""Seconds until a dead host's partitions are somebody else's."""


class Died(BaseException):
    """An order has ended the process: no handler of ours may run on."""


class Told:
    """The real scorer, but for certain orders: a bug raises, and a killer ends the process."""

    def __init__(self, of: Scorer, stream: Stream, die: Callable[[str], NoReturn]) -> None:
        self._of, self._stream, self._die = of, stream, die

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)

    def score_many(
        self, orders: Sequence[Order], *more: Any
    ) -> tuple[list[Assessment], EpisodeState]:
        """As the scorer's."""
        for order in orders:
            if order.order_id in self._stream.kills:
                self._die(order.order_id)
            if order.order_id in self._stream.bugs:
                raise ZeroDivisionError("a bug")
        return self._of.score_many(orders, *more)


@dataclass
class Trigger:
    """What outlives the hosts: the hub's events, who owns a partition, and the checkpoints.

    ``deaths`` counts, for each event, the deaths of a process that had it in a batch and that it
    did not cause itself. ``said`` is why a batch of a partition failed last.
    """

    stream: Stream
    plan: Plan
    owners: dict[StreamKey, "Process | None"] = field(default_factory=dict)
    checkpoints: Counter[StreamKey] = field(default_factory=Counter)
    deaths: Counter[tuple[str, int]] = field(default_factory=Counter)
    counted: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)
    said: dict[StreamKey, str] = field(default_factory=dict)

    @cached_property
    def prey(self) -> tuple[StreamKey, int]:
        """The event over which processes die, by its partition and number."""
        chance = random.Random(f"prey {self.plan.seed}")
        key = chance.choice(list(self.stream.partitions))
        return key, chance.randrange(len(self.stream.partitions[key]))

    def arrived(self, key: StreamKey, start: int, most: int) -> tuple[OrderEvent, ...]:
        """The next events of a partition that are in the hub by now."""
        now = BEGIN + timedelta(seconds=loop.now())
        some = self.stream.partitions[key][start : start + most]
        return tuple(event for event in some if event.enqueued_at <= now)


class Process:
    """One life of a host: a scoring context, and a loop for each partition that it has."""

    def __init__(self, name: str, trigger: Trigger, cloud: Cloud, weather: Weather) -> None:
        self.name = name
        self.trigger = trigger
        self.alive = True
        self.stopping = False
        self.gone = asyncio.Event()
        self.busy: dict[StreamKey, tuple[OrderEvent, ...]] = {}
        self.pumps: dict[StreamKey, asyncio.Task[Any]] = {}
        self._chance = random.Random(f"process {name} {trigger.plan.seed}")
        self._line = Line(weather, self.die, self._hunted)
        self._cloud = cloud
        self.context = self._context(cloud)

    def _context(self, cloud: Cloud) -> ScoringContext:
        line = self._line
        inline = loop.Inline()
        loader = ModelLoader(
            Files(line, cloud), inline, 30, clock=loop.now, now=_wall_clock, shadow=False
        )
        told: dict[int, Told] = {}

        async def read_scorer() -> Scorer:
            scorer = await loader.scorer()
            if id(scorer) not in told:
                told[id(scorer)] = Told(scorer, self.trigger.stream, self._killed_by)
            return cast("Scorer", told[id(scorer)])

        return ScoringContext(
            Alerts(line, cloud),
            Incidents(line, cloud),
            States(line, cloud),
            Letters(line, cloud),
            read_scorer,
            limits=Limits(chunk=self._chance.choice((2, 5, 50))),
            now=_wall_clock,
            clock=loop.now,
            executor=inline,
            owner=self.name,
        )

    def take(self, key: StreamKey) -> None:
        """Begin to work on a partition."""
        self.trigger.owners[key] = self
        self.pumps[key] = loop.start(self.name, self._pump(key))

    def _hunted(self) -> bool:
        """Whether it is now that the process dies over the event that is hunted.

        First that is anywhere; then where the event is next and the process's attempt is on
        record, which is the most telling moment.
        """
        trigger = self.trigger
        if trigger.counted["hunted"] >= trigger.plan.hunts:
            return False
        key, number = trigger.prey
        if not any(event.sequence_number == number for event in self.busy.get(key, ())):
            return False
        found = self._cloud.states.read(str(key))
        state: dict[str, Any] = {"sequence_number": -1} if found is None else found[0]
        attempt = state.get("attempt") or {}
        mine = attempt.get("owner") == self.name or bool(state.get("attempts"))
        telling = mine and state["sequence_number"] == number - 1
        if (trigger.counted["hunted"] and not telling) or self._chance.random() < 0.5:
            return False
        trigger.counted["hunted"] += 1
        return True

    def die(self) -> None:
        """Stop at once, wherever anything of it is."""
        if not self.alive:
            return
        self.trigger.counted["kills"] += 1
        for key, batch in self.busy.items():
            for event in batch:
                self.trigger.deaths[key.partition_id, event.sequence_number] += 1
        self._end()

    def leave(self) -> None:
        """End as a process that has nothing left to do; one that has is killed."""
        if self.busy:
            self.die()
        else:
            self._end()

    def _killed_by(self, order_id: str) -> NoReturn:
        """An order ends the process in the middle of computing: the rest follows at once."""
        if self.alive:
            self.trigger.counted["kills by an order"] += 1
            self.alive = self._line.alive = False
            loop.soon(self._end)
        raise Died(order_id)

    def _end(self) -> None:
        self.alive = self._line.alive = False
        self.gone.set()
        loop.crash(self.name)

    async def _pump(self, key: StreamKey) -> None:
        trigger = self.trigger
        position = trigger.checkpoints[key]
        while trigger.owners[key] is self and not self.stopping:
            batch = trigger.arrived(key, position, self._chance.randint(1, trigger.plan.batch))
            if not batch:
                await loop.sleep(1 if loop.now() < 150 else 20)
                continue
            await self._until_done(key, batch)
            if self.stopping:
                return  # the real trigger writes no checkpoint then, however the batch ended
            position += len(batch)
            # Also where the partition is another's by now, whose checkpoint may be further on.
            trigger.checkpoints[key] = position

    async def _until_done(self, key: StreamKey, batch: tuple[OrderEvent, ...]) -> None:
        failures = 0
        while not await self._tried(key, batch):
            failures += 1
            await loop.sleep(self._pause(failures))

    async def _tried(self, key: StreamKey, batch: tuple[OrderEvent, ...]) -> bool:
        self.busy[key] = batch
        try:
            await score_batch(self.context, key, batch)
        except TransientError as error:
            self.trigger.counted["failed batches"] += 1
            self.trigger.said[key] = str(error)
            return False
        except Exception as error:  # noqa: BLE001 - the trigger tries again, whatever it was
            self.trigger.unexpected.append(f"{type(error).__name__}: {error}")
            return False
        finally:
            if self.alive:  # else they are what it died over
                del self.busy[key]
        return True

    def _pause(self, failures: int) -> float:
        if failures == 1:
            return SHORTEST
        grown = SHORTEST * 2.0 ** min(failures - 2, 10) * self._chance.uniform(0.8, 1.2)
        return min(SHORTEST + grown, LONGEST)


def _wall_clock() -> Any:
    return BEGIN + timedelta(seconds=loop.now())
