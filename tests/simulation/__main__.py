"""python -m tests.simulation: simulate many seeds, or one again.

Ends with what was done and what broke; the exit code is 1 if an invariant did.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.simulation.seeds import Told, Verdict, judged


def main(argv: Sequence[str] | None = None) -> int:
    """Simulate as told; 1 if anything broke."""
    options = _options(argv)
    told, console = Told.of(options), Console()
    seeds = range(options.first, options.first + options.seeds)
    if options.seed is not None:
        seeds = range(options.seed, options.seed + 1)
    counted: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for seed in track(seeds, "simulating", console=console, disable=not console.is_terminal):
        verdict = judged(seed, told)
        _count(counted, verdict)
        failed.update(verdict.broken.keys())
        if verdict.broken:
            _say(console, seed, verdict, told)
    console.print(_table(counted, failed))
    return 1 if failed else 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=_some, default=1000, help="how many, from 1 on (1000)")
    parser.add_argument("--first", type=_number, default=0, help="the first of them (0)")
    parser.add_argument("--seed", type=_number, help="this one alone")
    parser.add_argument("--hosts", type=int, choices=range(1, 5), help="1 to 4; else drawn")
    parser.add_argument("--fail", type=_share, help="share of calls that fail, and are lost (0-1)")
    parser.add_argument("--kill", type=_share, help="chance of a death at each moment (0-1)")
    return parser.parse_args(argv)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)


def _some(text: str) -> int:
    if not _number(text):
        raise argparse.ArgumentTypeError("0 seeds show nothing")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 1")
    return share


def _count(counted: Counter[str], verdict: Verdict) -> None:
    counted["streams"] += 1
    counted["events"] += sum(map(len, verdict.outcome.stream.partitions.values()))
    counted["innocent orders set aside"] += verdict.innocent
    counted.update(verdict.outcome.counted)


def _say(console: Console, seed: int, verdict: Verdict, told: Told) -> None:
    console.print(f"[red]seed {seed}[/]: {', '.join(verdict.broken)}")
    for places in verdict.broken.values():
        for place in places[:3]:
            console.print(f"    {place}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"    again: {told.command(seed)}", markup=False, soft_wrap=True)


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
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
