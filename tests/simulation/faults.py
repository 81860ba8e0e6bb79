"""What goes wrong in one simulation, drawn from its seed."""

import random
from dataclasses import dataclass, replace

STORES = ("alerts", "incidents", "states", "dead_letters", "files")

FAULTS_SECONDS = 15 * 60
"""Virtual seconds until nothing goes wrong any more."""

FEW_DEATHS = 4
"""Processes that may die over one order by chance: nothing may follow from so few."""


@dataclass(frozen=True, slots=True)
class Outage:
    """From ``start`` to ``end`` (seconds) every call of a store fails, each after ``hangs``."""

    store: str
    start: float
    end: float
    hangs: float


@dataclass(frozen=True, slots=True)
class Plan:
    """One simulation. Probabilities are those of a call; times are virtual seconds.

    Attributes:
        seed: what all of it follows from.
        hosts: how many there are.
        stream: which of the streams (`tests.simulation.orders`) they score.
        fails: a call fails before anything is written.
        loses: it is written and its answer is lost, or is written after the caller gave up.
        throttles: 429, before anything is written.
        hangs: a call takes long, up to ten seconds.
        dies: the process dies at one of the moments of a call (three a call).
        hunts: how many processes die over one and the same event, each while it has it in a batch.
        kills: between two deaths that hit a process wherever it is; None: there are none.
        steals: between two moves of a partition to another host; None: there are none.
        forgets: between two checkpoints that are lost; None: there are none.
        publishes: between two writings of the catalogue, some of them spoilt; None: there are none.
        outages: of the stores.
        batch: the most events a host takes at once.
        until: after it nothing of all this happens.
    """

    seed: int
    hosts: int
    stream: int
    fails: float
    loses: float
    throttles: float
    hangs: float
    dies: float
    hunts: int
    kills: float | None
    steals: float | None
    forgets: float | None
    publishes: float | None
    outages: tuple[Outage, ...]
    batch: int
    until: float = FAULTS_SECONDS


def plan_of(
    seed: int,
    *,
    streams: int,
    hosts: int | None = None,
    fail: float | None = None,
    kill: float | None = None,
) -> Plan:
    """The plan of a seed, of which ``hosts`` and what follows may be told.

    What is told does not change what is drawn for the rest.

    Args:
        seed: what the plan is drawn from.
        streams: how many streams there are to choose from.
        hosts: how many there are.
        fail: probability of a call to fail, and of another one to lose its answer.
        kill: probability of a death at each moment of a call; there are no others then.
    """
    chance = random.Random(f"plan {seed}")
    rate = chance.choice((0.0, 0.02, 0.06, 0.15))
    plan = Plan(
        seed=seed,
        hosts=chance.randint(1, 4),
        stream=chance.randrange(streams),
        fails=rate * chance.random(),
        loses=rate * chance.random(),
        throttles=rate * chance.random() / 2,
        hangs=chance.choice((0.0, 0.01, 0.1)),
        dies=chance.choice((0.0, 0.0, 0.001, 0.01)),
        hunts=chance.choice((0, 0, 0, FEW_DEATHS)),
        kills=chance.choice((None, None, 200.0, 60.0)),
        steals=chance.choice((None, 120.0, 20.0)),
        forgets=chance.choice((None, 200.0)),
        publishes=chance.choice((None, None, None, 100.0)),
        outages=tuple(_outage(chance) for _ in range(chance.choice((0, 0, 1, 2, 3)))),
        batch=chance.choice((1, 3, 10, 50)),
    )
    if hosts is not None:
        plan = replace(plan, hosts=hosts)
    if fail is not None:
        plan = replace(plan, fails=fail, loses=fail)
    if kill is not None:
        plan = replace(plan, dies=kill, hunts=0, kills=None)
    return plan


def _outage(chance: random.Random) -> Outage:
    start = chance.uniform(0, FAULTS_SECONDS / 2)
    lasts = chance.choice((30.0, 120.0, 300.0))
    return Outage(
        chance.choice(STORES), start, start + lasts, chance.choice((0.02, 1.0, 5.0, 10.0))
    )
