"""`python -m training.incident_benchmark`: how soon incidents open, and how seldom falsely.

One bundle is learned from a history; then the same streams are watched in 1, 4 and 16 partitions:
one with many runs of the known percentage, one with as many of a percentage that nobody has seen,
one with a promotion, and a very long one without any hidden discount.
"""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from itertools import batched
from multiprocessing import active_children
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console

from shared.episodes import EpisodeState
from shared.errors import TransientError
from shared.formats import alert_id
from shared.model import ModelBundle
from shared.order import Order, parse_order
from shared.partitions import partition_for_key
from shared.policy import Policy
from shared.scoring import Scorer
from training.command_files import replacing
from training.comparison.quality import Delay, hidden_episodes, measure_delay
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
from training.evaluation.incident_quality import LEAST
from training.evaluation.trials import Stream, draw_stream
from training.learning.learn import learn
from training.simulation.company import HiddenDiscounts
from training.simulation.scenarios import NAMES, Scenario, make_scenarios

CHUNK = 2_000
"""Orders scored at a time, of all partitions together."""

CLEAN_PER_DAY = 3_000.0
"""Orders a day of the clean stream: a million in a year."""


@dataclass(frozen=True, slots=True)
class IncidentBenchmark:
    """One stream in so many partitions.

    ``false_openings`` are runs that opened with an order outside of every planted one, in
    ``clean_orders``; ``delay`` is until a planted one opened, over those of `LEAST` orders in a
    partition.
    """

    stream: str
    partitions: int
    orders: int
    delay: Delay
    false_openings: int
    clean_orders: int

    @property
    def false_per_million(self) -> float | None:
        """False openings per million clean orders."""
        return 1e6 * self.false_openings / self.clean_orders if self.clean_orders else None


def watch(
    bundle: ModelBundle, scenario: Scenario, stream: Stream, partitions: int
) -> IncidentBenchmark:
    """Score a stream, and compare the runs that open with those that were planted."""
    scorer = Scorer(bundle, scenario.catalogue, Policy())
    states = [EpisodeState() for _ in range(partitions)]
    opened = np.zeros(len(stream.ids), dtype=bool)
    partition = np.zeros(len(stream.ids), dtype=np.int64)
    bodies = progress(stream.bodies(), f"{scenario.name}, {partitions} partitions", len(opened))
    for rows in batched(enumerate(map(parse_order, bodies)), CHUNK, strict=False):
        for number, mine in _by_partition(rows, partitions):
            at = [row for row, _ in mine]
            partition[at] = number
            orders = [order for _, order in mine]
            opened[at], states[number] = _opened(scorer, orders, states[number])
    episodes = hidden_episodes(stream.drawn.hidden_bp)
    return IncidentBenchmark(
        stream=scenario.name,
        partitions=partitions,
        orders=len(opened),
        delay=measure_delay(episodes, partition, opened, stream.drawn.times, LEAST),
        false_openings=int((opened & (episodes == 0)).sum()),
        clean_orders=int((episodes == 0).sum()),
    )


def _by_partition(
    rows: Sequence[tuple[int, Order]], partitions: int
) -> Iterator[tuple[int, list[tuple[int, Order]]]]:
    found: dict[int, list[tuple[int, Order]]] = {}
    for row, order in rows:
        found.setdefault(partition_for_key(order.rep_id, partitions), []).append((row, order))
    yield from found.items()


def _opened(
    scorer: Scorer, orders: list[Order], state: EpisodeState
) -> tuple[list[bool], EpisodeState]:
    """Whether a run opened with each order."""
    assessments, state = scorer.score_many(orders, state)
    return [
        any(found.opened_by == alert_id(order.order_id, order.revision) for found in one.episodes)
        for order, one in zip(orders, assessments, strict=True)
    ], state


@dataclass(frozen=True, slots=True)
class Task:
    """One stream to watch, small enough to be sent to another process."""

    scenario: str
    stream: str
    partitions: int
    history: int
    orders: int
    clean: int
    seed: int


STREAMS = ("many-runs", "many-unseen", "promotion", "clean")


def planned(task: Task) -> tuple[Scenario, Stream]:
    """The stream of a task: what its scenario makes of the days after its history.

    Raises:
        ConfigurationError: a size is out of its range.
    """
    sizes = (task.history, task.orders, task.seed)
    base, episodes, promotion, unseen = make_scenarios(
        (task.scenario, "many-runs", "promotion", "hidden-unseen"), *sizes
    )
    if task.stream == "promotion":
        company = replace(base.stream, promotions=promotion.stream.promotions)
        company = replace(company, hidden=HiddenDiscounts(episodes=0))
    elif task.stream == "clean":
        volume = replace(base.stream.volume, orders_per_day=CLEAN_PER_DAY, yearly_growth=1.0)
        company = replace(base.stream, volume=volume, hidden=HiddenDiscounts(episodes=0))
    else:
        often = episodes.stream.hidden
        percents = base.stream.hidden.percents_bp
        if task.stream == "many-unseen":
            percents = unseen.stream.hidden.percents_bp
        company = replace(base.stream, hidden=replace(often, percents_bp=percents))
    count = task.clean if task.stream == "clean" else task.orders
    scenario = replace(base, name=task.stream, stream=company)
    return scenario, draw_stream(scenario, company, count, task.seed + 1, "watch-")


def do(task: Task, bundle: bytes) -> IncidentBenchmark:
    """Watch the stream of a task."""
    scenario, stream = planned(task)
    return watch(msgspec.json.decode(bundle, type=ModelBundle), scenario, stream, task.partitions)


def learned(scenario: Scenario, count: int, seed: int) -> ModelBundle:
    """The bundle of a scenario's history."""
    history = draw_stream(scenario, scenario.history, count, seed, "history-")
    orders = [parse_order(body) for body in history.bodies()]
    return learn(orders, scenario.catalogue, f"watch-{scenario.name}").bundle


def watched(tasks: Sequence[Task], bundle: bytes) -> list[IncidentBenchmark]:
    """Watch every stream, several at a time; each says a line when it is done.

    After Ctrl-C the processes that were started are ended, too.
    """
    with ProcessPoolExecutor(os.cpu_count(), initializer=_in_silence) as pool:
        running = [pool.submit(do, task, bundle) for task in tasks]
        try:
            for done in progress(as_completed(running), "watching the streams", len(running)):
                print(result_line(done.result()), flush=True)
        except BrokenProcessPool as error:
            raise TransientError(
                "a process that watched a stream was ended by the system"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            children = active_children()
            for child in children:
                child.terminate()
            for child in children:
                child.join()
            raise
    return [done.result() for done in running]


def _in_silence() -> None:
    """In a process of the pool: Ctrl-C ends it, and its bars would lie over those of the others."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - while it lives


def result_line(one: IncidentBenchmark) -> str:
    """What one stream came to.

    >>> result_line(Watched("clean", 4, 1000, Delay(0, 0, None, None, None, None), 0, 1000))
    'clean, 4 partitions: 1,000 orders, 0 runs, 0 missed; opened falsely: 0'
    """
    delay = one.delay
    after = "" if delay.orders_p50 is None else f", opened after {delay.orders_p50:.3g} orders"
    return (
        f"{one.stream}, {one.partitions} partitions: {one.orders:,} orders, {delay.episodes} runs"
        f"{after}, {delay.missed} missed; opened falsely: {one.false_openings}"
    )


def show(found: Sequence[IncidentBenchmark], scenario: str) -> None:
    """Print one line a stream and number of partitions."""
    table = short_table(
        f"incidents, learned from {scenario}",
        *("stream", "partitions", "orders", "runs", "after", "95 %", "missed"),
        *("false", "per million"),
        left=("stream",),
    )
    for one in found:
        delay = one.delay
        table.add_row(
            one.stream,
            str(one.partitions),
            f"{one.orders:,}",
            str(delay.episodes),
            _number(delay.orders_p50),
            _number(delay.orders_p95),
            str(delay.missed),
            str(one.false_openings),
            _number(one.false_per_million),
        )
    console = Console(width=WIDTH)
    console.print(table)
    console.print(
        f"runs: planted ones of {LEAST} orders or more in a partition; after: opened after so many "
        "orders of the partition, the median, and the 95th percentile; false: openings with an "
        "order outside of every planted run, and how many those are per million such orders",
        highlight=False,
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def main(arguments: list[str] | None = None) -> None:
    """Learn, watch every stream, and print.

    Raises:
        ConfigurationError: a size is out of its range.
    """
    flags = ArgumentParser(
        prog="training.incident_benchmark",
        description="How soon hidden discounts open incidents, and how seldom that is false.",
    )
    flags.add_argument(
        "--scenario", choices=NAMES, default="base", metavar="NAME",
        help=f"learned, of {', '.join(NAMES)} (%(default)s)",
    )  # fmt: skip
    flags.add_argument("--history", type=COUNT, default=60_000, help="learned from (%(default)s)")
    flags.add_argument("--orders", type=COUNT, default=20_000, help="of each stream (%(default)s)")
    flags.add_argument("--clean", type=COUNT, default=1_000_000, help="clean ones (%(default)s)")
    flags.add_argument("--partitions", type=PARTITIONS, nargs="+", default=[1, 4, 16], metavar="N")
    flags.add_argument("--seed", type=SEED, default=1, help="of every random draw (%(default)s)")
    flags.writes("--json", help="write all figures to this file")
    options = flags.parse(arguments)
    print(f"learning from {options.history:,} orders of {options.scenario}", flush=True)
    (scenario,) = make_scenarios((options.scenario,), options.history, options.orders, options.seed)
    bundle = msgspec.json.encode(learned(scenario, options.history, options.seed))
    tasks = [
        Task(
            options.scenario, stream, partitions,
            options.history, options.orders, options.clean, options.seed,
        )
        for stream in STREAMS
        for partitions in options.partitions
    ]  # fmt: skip
    found = watched(tasks, bundle)
    show(found, options.scenario)
    if options.json is not None:
        with replacing(options.json) as file:
            file.write(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")


if __name__ == "__main__":
    run(main)
