"""One seed: simulated, and held against the invariants."""

import argparse
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.simulation.faults import plan_of
from tests.simulation.invariants import broken, innocent_orders_set_aside
from tests.simulation.orders import STREAMS
from tests.simulation.world import Outcome, clean_pass, simulate


@dataclass(frozen=True, slots=True)
class Told:
    """What of a plan is told rather than drawn (`tests.simulation.faults.plan_of`)."""

    hosts: int | None = None
    fail: float | None = None
    kill: float | None = None

    @classmethod
    def of(cls, options: argparse.Namespace) -> "Told":
        """What a command line tells."""
        return cls(options.hosts, options.fail, options.kill)

    def command(self, seed: int) -> str:
        """What simulates a seed once more."""
        told = {"hosts": self.hosts, "fail": self.fail, "kill": self.kill}
        more = "".join(f" --{name} {value}" for name, value in told.items() if value is not None)
        return f"python -m tests.simulation --seed {seed}{more}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A simulation, the number of its innocent orders that were set aside, and what broke."""

    outcome: Outcome
    innocent: int
    broken: dict[str, list[str]]


def judged(seed: int, told: Told = Told()) -> Verdict:
    """Simulate a seed."""
    plan = plan_of(seed, streams=STREAMS, hosts=told.hosts, fail=told.fail, kill=told.kill)
    with _silence():
        outcome, clean = simulate(plan), clean_pass(plan.stream)
    innocent = len(innocent_orders_set_aside(outcome, clean))
    return Verdict(outcome, innocent, broken(outcome, clean))


def faults(seed: int) -> list[str]:
    """Return the broken invariants of a seed; the first line has the command that repeats it."""
    lines = [f"{name}: {place}" for name, places in judged(seed).broken.items() for place in places]
    return [f"seed {seed}: {Told().command(seed)}", *lines] if lines else []


@contextmanager
def _silence() -> Iterator[None]:
    """Without what the handler says of faults, which are meant."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
