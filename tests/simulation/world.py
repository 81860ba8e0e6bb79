"""One simulation from its first event until everything is committed and nothing runs any more."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files as package_files

from shared.stream_key import StreamKey
from tests.simulation import loop
from tests.simulation.faults import Plan, plan_of
from tests.simulation.hosts import EXPIRES, Process, Trigger
from tests.simulation.orders import ARRIVES_WITHIN, PRICES, Stream, stream
from tests.simulation.stores import Cloud, Document, Weather

SETTLES_WITHIN = 120 * 60
"""Virtual seconds from the last fault until everything must be committed."""

LONGEST_STOP = 70.0
"""Seconds after which a host that was asked to stop is killed."""

CATALOGUE = "reference/catalogue.csv"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a simulation.

    Attributes:
        plan: what went wrong in it.
        stream: what was sent.
        contents: all that is stored (`Cloud.contents`).
        suspected: as `Cloud.suspected`.
        replayed: the same once every event was delivered again to a healthy process.
        settled_after: virtual seconds from the last fault until all was committed; None: never.
        deaths: as `Trigger.deaths`.
        counted: kills, failed batches, steals and so on, and the failures injected, by kind.
        said: as `Trigger.said`.
        unexpected: what `score_batch` raised that is no TransientError.
        digest: of every step of the loop, where it was asked for.
    """

    plan: Plan
    stream: Stream
    contents: Document
    suspected: frozenset[tuple[str, int]]
    replayed: Document
    settled_after: float | None
    deaths: Counter[tuple[str, int]]
    counted: Counter[str]
    said: dict[StreamKey, str]
    unexpected: tuple[str, ...]
    digest: str = ""


def simulate(plan: Plan, *, traced: bool = False) -> Outcome:
    """Run a plan; ``traced`` takes longer."""
    world = _World(plan, stream(plan.stream))
    outcome, digest = loop.run(plan.seed, world.live, traced=traced)
    return replace(outcome, digest=digest)


@cache
def clean_pass(number: int) -> Document:
    """What is stored of a stream where nothing fails, one partition after the other."""
    sound = stream(number)
    # What ends a process can only be set aside; in a clean pass it fails politely.
    sound = replace(sound, bugs=sound.bugs | sound.kills, kills=frozenset())
    plan = replace(plan_of(0, streams=1), stream=number, until=0.0, hunts=0, batch=7)

    async def passed() -> Document:
        cloud = _cloud()
        await loop.sleep(ARRIVES_WITHIN)
        await _replay(Trigger(sound, plan), cloud, "clean")
        return cloud.contents()

    return loop.run(0, passed)[0]


def _cloud() -> Cloud:
    cloud = Cloud()
    packaged = package_files("shared").joinpath("data/catalogue.csv").read_text().splitlines()
    used = [line for line in packaged if line.partition(",")[0] in {"product_id", *PRICES}]
    cloud.files[CATALOGUE] = ("\n".join(used).encode(), "1")  # the few that are read fast
    return cloud


async def _replay(trigger: Trigger, cloud: Cloud, name: str) -> None:
    """Deliver every event to a process to which nothing happens."""
    process = Process(name, trigger, cloud, Weather())
    trigger.checkpoints.clear()
    for key, events in trigger.stream.partitions.items():
        process.take(key)
        patience = loop.now() + SETTLES_WITHIN
        while trigger.checkpoints[key] < len(events):
            await loop.sleep(1)
            if loop.now() > patience:
                raise RuntimeError(f"{key}: not done in an undisturbed run: {trigger.said}")
    process.stopping = True
    await asyncio.gather(*process.pumps.values())


class _World:
    """The hosts, and what happens to them."""

    def __init__(self, plan: Plan, sent: Stream) -> None:
        self.plan = plan
        self.trigger = Trigger(sent, plan)
        self.cloud = _cloud()
        self.weather = Weather(plan)
        self.chance = random.Random(f"world {plan.seed}")
        self.processes: list[Process | None] = [None] * plan.hosts
        self.born = 0

    async def live(self) -> Outcome:
        """Until all is committed and nobody is at work, and once more over all of it."""
        for number in range(self.plan.hosts):
            loop.start("machines", self._host(number))
        for task in (self._balance(), self._kill(), self._steal(), self._forget(), self._publish()):
            loop.start("operations", task)
        settled = await self._settled()
        contents, suspected = self.cloud.contents(), frozenset(self.cloud.suspected)
        for place in ("operations", "machines", "cloud"):
            loop.crash(place)
        for process in self._alive():
            process.stopping = True
            loop.crash(process.name)
        self.cloud.files |= _cloud().files
        if settled is not None:
            sound = replace(self.trigger.stream, kills=frozenset())
            spared = Trigger(sound, replace(self.plan, hunts=0))
            await _replay(spared, self.cloud, "replay")
        return Outcome(
            self.plan,
            self.trigger.stream,
            contents,
            suspected,
            self.cloud.contents(),
            settled,
            self.trigger.deaths,
            self.trigger.counted + self.weather.injected,
            dict(self.trigger.said),
            tuple(self.trigger.unexpected),
        )

    async def _settled(self) -> float | None:
        """Seconds from the last fault until all is committed; None where that never comes."""
        while loop.now() < self.plan.until + SETTLES_WITHIN:
            await loop.sleep(20)
            if not any(process.busy for process in self._alive()) and self._all_committed():
                return max(0.0, loop.now() - self.plan.until)
        return None

    def _all_committed(self) -> bool:
        return all(
            self.cloud.state(key).sequence_number == events[-1].sequence_number
            for key, events in self.trigger.stream.partitions.items()
        )

    def _alive(self) -> Iterator[Process]:
        return (one for one in self.processes if one is not None and one.alive)

    async def _host(self, number: int) -> None:
        """One process after the other, on the same machine."""
        while True:
            self.born += 1
            process = Process(f"p{self.born}", self.trigger, self.cloud, self.weather)
            self.processes[number] = process
            await process.gone.wait()
            await loop.sleep(self.chance.uniform(0, 30))

    async def _balance(self) -> None:
        """Give every partition without a live owner to somebody, and look again."""
        since: dict[StreamKey, float] = {}
        while True:
            for key in self.trigger.stream.partitions:
                owner = self.trigger.owners.get(key)
                if owner is not None and owner.alive and not owner.stopping:
                    since.pop(key, None)
                    continue
                soon = owner is None or owner.stopping or owner not in self.processes
                lost = since.setdefault(key, loop.now())
                if soon or loop.now() - lost >= EXPIRES:
                    self._hand_over(key)
            await loop.sleep(5)

    def _hand_over(self, key: StreamKey) -> None:
        """Give a partition to a process that is not at work on it, if there is one."""
        able = [
            one
            for one in self._alive()
            if not one.stopping and (key not in one.pumps or one.pumps[key].done())
        ]
        if able:
            self.chance.choice(able).take(key)

    async def _kill(self) -> None:
        while await self._next(self.plan.kills):
            if living := list(self._alive()):
                self.chance.choice(living).die()

    async def _steal(self) -> None:
        """Move a partition to another host, or ask a host to stop."""
        while await self._next(self.plan.steals):
            if self.chance.random() < 0.15 and (living := list(self._alive())):
                loop.start("machines", self._stop(self.chance.choice(living)))
                continue
            self.trigger.counted["steals"] += 1
            self._hand_over(self.chance.choice(list(self.trigger.stream.partitions)))

    async def _stop(self, process: Process) -> None:
        """Let a process end what it is at, and kill it where that takes too long."""
        self.trigger.counted["stops"] += 1
        process.stopping = True
        asked = loop.now()
        while process.busy and loop.now() - asked < LONGEST_STOP:
            await loop.sleep(1)
        process.leave()

    async def _forget(self) -> None:
        """Lose a checkpoint: who takes the partition next begins earlier."""
        while await self._next(self.plan.forgets):
            key = self.chance.choice(list(self.trigger.stream.partitions))
            self.trigger.checkpoints[key] = self.chance.randint(0, self.trigger.checkpoints[key])
            self.trigger.counted["lost checkpoints"] += 1
            self._hand_over(key)

    async def _publish(self) -> None:
        """The catalogue is put there anew now and then, sometimes spoilt for a while."""
        good = self.cloud.files[CATALOGUE][0]
        version = 1
        while await self._next(self.plan.publishes):
            version += 1
            spoilt = self.chance.random() < 0.3
            self.cloud.files[CATALOGUE] = (b"\x00" if spoilt else good, str(version))
        self.cloud.files[CATALOGUE] = (good, str(version + 1))

    async def _next(self, every: float | None) -> bool:
        """Wait for the next time that something goes wrong; False once nothing does any more."""
        if every is None:
            return False
        await loop.sleep(self.chance.expovariate(1 / every))
        return loop.now() < self.plan.until
