"""`python -m training.incident_benchmark`: how soon incidents open, and how seldom falsely.

It learns one bundle from a simulated history. Then it scores four streams, each in 1, 4 and 16
partitions: many episodes of the known percentage, as many of a percentage that nobody has seen, a
promotion, and a very long stream without any hidden discount.
"""

import os
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children
from pathlib import Path

import msgspec
from rich.console import Console

from shared.errors import TransientError
from training.command_files import replacing
from training.console import (
    COUNT,
    PARTITIONS,
    SEED,
    WIDTH,
    ArgumentParser,
    progress,
    run,
    short_table,
)
from training.evaluation.incident_openings import IncidentBenchmark, measure
from training.evaluation.incident_quality import LEAST
from training.evaluation.incident_streams import STREAMS, Task, learned
from training.simulation.scenarios import NAMES, make_scenarios


def measure_all(tasks: Sequence[Task], bundle: bytes) -> list[IncidentBenchmark]:
    """Measure every stream, several at a time, and print a line when one is done.

    After Ctrl-C the processes that were started are ended, too.

    Raises:
        TransientError: the system ended a process.
    """
    with ProcessPoolExecutor(os.cpu_count(), initializer=_in_silence) as pool:
        running = [pool.submit(measure, task, bundle) for task in tasks]
        try:
            _print_when_done(running)
        except BrokenProcessPool as error:
            raise TransientError("the system ended a process that scored a stream") from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            _end_children()
            raise
    return [future.result() for future in running]


def _print_when_done(running: Sequence[Future[IncidentBenchmark]]) -> None:
    for done in progress(as_completed(running), "scoring the streams", len(running)):
        print(result_line(done.result()), flush=True)


def _end_children() -> None:
    children = active_children()
    for child in children:
        child.terminate()
    for child in children:
        child.join()


def _in_silence() -> None:
    """Let Ctrl-C end a process of the pool, and hide its bars, which would cover the others'."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - while it lives


def result_line(benchmark: IncidentBenchmark) -> str:
    """Return what one stream came to.

    >>> from training.comparison.quality import Delay
    >>> nothing = Delay(0, 0, None, None, None, None)
    >>> result_line(IncidentBenchmark("clean", 4, 1000, nothing, 0, 1000))
    'clean, 4 partitions: 1,000 orders, 0 episodes, 0 missed; opened falsely: 0'
    """
    delay = benchmark.delay
    after = "" if delay.orders_p50 is None else f", opened after {delay.orders_p50:.3g} orders"
    return (
        f"{benchmark.stream}, {benchmark.partitions} partitions: {benchmark.orders:,} orders, "
        f"{delay.episodes} episodes{after}, {delay.missed} missed; "
        f"opened falsely: {benchmark.false_openings}"
    )


def show(benchmarks: Sequence[IncidentBenchmark], scenario: str) -> None:
    """Print one line for each stream and number of partitions."""
    table = short_table(
        f"incidents, learned from {scenario}",
        *("stream", "partitions", "orders", "episodes", "after", "95 %", "missed"),
        *("false", "per million"),
        left=("stream",),
    )
    for benchmark in benchmarks:
        table.add_row(*_cells(benchmark))
    console = Console(width=WIDTH)
    console.print(table)
    console.print(
        f"episodes: those injected with {LEAST} orders or more in a partition; after: opened after "
        "so many orders of the partition, the median, and the 95th percentile; false: episodes "
        "that opened with an order outside of every injected one, and how many per million such "
        "orders",
        highlight=False,
    )


def _cells(benchmark: IncidentBenchmark) -> tuple[str, ...]:
    delay = benchmark.delay
    return (
        benchmark.stream,
        str(benchmark.partitions),
        f"{benchmark.orders:,}",
        str(delay.episodes),
        _number(delay.orders_p50),
        _number(delay.orders_p95),
        str(delay.missed),
        str(benchmark.false_openings),
        _number(benchmark.false_per_million),
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _parser() -> ArgumentParser:
    flags = ArgumentParser(
        prog="training.incident_benchmark",
        description="How soon hidden discounts open incidents, and how seldom that is false.",
    )
    flags.add_argument(
        "--scenario", choices=NAMES, default="base", metavar="NAME",
        help=f"learned, of {', '.join(NAMES)} (%(default)s)",
    )  # fmt: skip
    flags.add_argument(
        "--history", type=COUNT, default=60_000, help="orders to learn from (%(default)s)"
    )
    flags.add_argument(
        "--orders", type=COUNT, default=20_000, help="orders of each stream (%(default)s)"
    )
    flags.add_argument(
        "--clean", type=COUNT, default=1_000_000, help="orders of the clean stream (%(default)s)"
    )
    flags.add_argument("--partitions", type=PARTITIONS, nargs="+", default=[1, 4, 16], metavar="N")
    flags.add_argument(
        "--seed", type=SEED, default=1, help="seed of all random draws (%(default)s)"
    )
    flags.writes("--json", help="write all figures to this file")
    return flags


def main(arguments: list[str] | None = None) -> None:
    """Learn, score every stream, and print.

    Raises:
        ConfigurationError: a size is out of its range.
    """
    options = _parser().parse(arguments)
    history, orders, seed = options.history, options.orders, options.seed
    print(f"learning from {history:,} orders of {options.scenario}", flush=True)
    (scenario,) = make_scenarios((options.scenario,), history, orders, seed)
    bundle = msgspec.json.encode(learned(scenario, history, seed))
    tasks = [
        Task(options.scenario, stream, partitions, history, orders, options.clean, seed)
        for stream in STREAMS
        for partitions in options.partitions
    ]
    benchmarks = measure_all(tasks, bundle)
    show(benchmarks, options.scenario)
    if options.json is not None:
        with replacing(options.json) as file:
            file.write(msgspec.json.format(msgspec.json.encode(benchmarks), indent=2) + b"\n")


if __name__ == "__main__":
    run(main)
