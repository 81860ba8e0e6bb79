"""python -m tests.simulation: simulate many seeds, or one again.

Ends with what was done and what broke; the exit code is 1 if an invariant did.
"""

import argparse
import logging
import sys
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.simulation.faults import plan_of
from tests.simulation.invariants import broken, innocent_orders_set_aside
from tests.simulation.orders import STREAMS
from tests.simulation.world import clean_pass, simulate


def main(argv: Sequence[str] | None = None) -> int:
    """Simulate as told; 1 if anything broke."""
    options = _options(argv)
    logging.disable(logging.CRITICAL)  # what the handler says of faults that are meant
    console = Console()
    seeds = range(options.first, options.first + options.seeds)
    if options.seed is not None:
        seeds = range(options.seed, options.seed + 1)
    counted: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for seed in track(seeds, "simulating", console=console, disable=not console.is_terminal):
        found = _simulated(seed, options, counted)
        failed.update(found.keys())
        if found:
            _say(console, seed, found, options)
    console.print(_table(counted, failed))
    return 1 if failed else 0


def repeated_by(
    seed: int, hosts: int | None = None, fail: float | None = None, kill: float | None = None
) -> str:
    """The command that simulates the same once more."""
    fixed = {"hosts": hosts, "fail": fail, "kill": kill}
    more = "".join(f" --{name} {value}" for name, value in fixed.items() if value is not None)
    return f"python -m tests.simulation --seed {seed}{more}"


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many (1000)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (0)")
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument("--hosts", type=int, choices=range(1, 5), help="1 to 4; else drawn")
    parser.add_argument("--fail", type=float, help="share of calls that fail, and are lost (0-1)")
    parser.add_argument("--kill", type=float, help="chance of a death at each moment (0-1)")
    return parser.parse_args(argv)


def _simulated(
    seed: int, options: argparse.Namespace, counted: Counter[str]
) -> dict[str, list[str]]:
    plan = plan_of(
        seed, streams=STREAMS, hosts=options.hosts, fail=options.fail, kill=options.kill
    )
    outcome, clean = simulate(plan), clean_pass(plan.stream)
    counted["streams"] += 1
    counted["events"] += sum(map(len, outcome.stream.partitions.values()))
    counted["innocent orders set aside"] += len(innocent_orders_set_aside(outcome, clean))
    counted.update(outcome.counted)
    return broken(outcome, clean)


def _say(
    console: Console, seed: int, found: dict[str, list[str]], options: argparse.Namespace
) -> None:
    console.print(f"[red]seed {seed}[/]: {', '.join(found)}")
    for places in found.values():
        for place in places[:3]:
            console.print(f"    {place}", markup=False, highlight=False)
    command = repeated_by(seed, options.hosts, options.fail, options.kill)
    console.print(f"    again: {command}", markup=False, highlight=False)


def _table(counted: Counter[str], failed: Counter[str]) -> Table:
    table = Table("what", "how often", title="Simulated")
    for name in ("streams", "events", "innocent orders set aside"):
        table.add_row(name, f"{counted.pop(name, 0):,}")
    for name, number in sorted(counted.items()):
        table.add_row(name, f"{number:,}")
    for name, number in failed.items():
        table.add_row(f"broken: {name}", f"{number:,} streams")
    if not failed:
        table.add_row("broken invariants", "0")
    return table


if __name__ == "__main__":
    sys.exit(main())
