"""`python -m training.backtest`: scores a file of orders exactly as the function does."""

import argparse
import asyncio
import os

from rich.console import Console

from shared.policy import Policy, parse_policy
from shared.scoring import Scorer
from training.comparison.metrics import Quality, Verdict, by_size, judge, read_truth
from training.console import (
    PARTITIONS,
    WIDTH,
    ArgumentParser,
    progress,
    run,
    short_table,
)
from training.evaluation.verdicts import verdicts
from training.history.files import read_lines
from training.history.price_arrays import read_catalogue
from training.models.bundle_folder import BUNDLE_FILE, CARD_FILE, load
from training.replay.replay import Replay
from training.replay.replay_files import SCORE_COLUMNS, replayed


def show_quality(verdicts_of: dict[str, list[Verdict]]) -> None:
    """Print precision, recall and average precision by typology, then by order size."""
    columns = ("typology", "units", "orders", "frauds", "flagged", "precision", "recall", "AP")
    table = short_table("against the truth", *columns, left=("typology",))
    for typology, judged in verdicts_of.items():
        table.add_row(typology, "all", *_cells(judge(judged)))
    for typology, judged in verdicts_of.items():
        table.add_section()
        for size, quality in by_size(judged):
            table.add_row(typology, size, *_cells(quality))
    Console(width=WIDTH).print(table)


def _cells(quality: Quality) -> tuple[str, ...]:
    shares = (quality.precision, quality.recall, quality.average_precision)
    return (
        str(quality.orders),
        str(quality.frauds),
        str(quality.flagged),
        *("-" if share is None else f"{share:.3f}" for share in shares),
    )


def _parser() -> ArgumentParser:
    flags = ArgumentParser(
        prog="training.backtest",
        description="Score a file of orders in time order (ties: file order) as the function does. "
        "Alerts carry the order's own time as enqueued_at and scored_at.",
    )
    flags.reads("orders", help="orders, one JSON object a line")
    flags.reads(
        "--model", required=True, files=(BUNDLE_FILE, CARD_FILE), help="folder that train wrote"
    )
    flags.writes("--scores", required=True, help=f"CSV: {','.join(SCORE_COLUMNS)}")
    flags.writes("--alerts", required=True, help="alert documents, one a line")
    flags.writes("--incidents", help="incidents, one a line")
    flags.reads("--truth", help="CSV; prints precision and recall")
    flags.add_argument(
        "--partitions", type=PARTITIONS, default=1, help="partitions of the hub (%(default)s)"
    )
    flags.reads("--catalogue", help="CSV (default: packaged)")
    flags.reads("--policy", help="JSON (default: packaged)")
    flags.add_argument(
        "--write", action="store_true", help="load the alerts into Cosmos DB (COSMOS_ENDPOINT)"
    )
    return flags


def _scorer(options: argparse.Namespace) -> Scorer:
    policy = Policy() if options.policy is None else parse_policy(options.policy.read_bytes())
    return Scorer(load(options.model), read_catalogue(options.catalogue), policy)


def main(arguments: list[str] | None = None) -> None:
    """Score, write, judge, and perhaps load the alerts into the store.

    Raises:
        ConfigurationError: a file or flag cannot be used, or an order has no truth.
        BundleError: the model cannot be loaded.
    """
    options = _parser().parse(arguments)
    truth = None if options.truth is None else read_truth(options.truth)
    scorer = _scorer(options)
    replay = Replay(scorer, options.partitions)
    lines = progress(read_lines(options.orders), "reading orders")
    scores = replayed(replay, lines, options.scores, options.alerts, options.incidents)
    if truth is not None:
        show_quality(verdicts(scores, truth, scorer.policy.alert_probability))
    if options.write:
        _write(replay)


def _write(replay: Replay) -> None:
    from training.stores import load_alerts  # noqa: PLC0415 - the Azure SDKs, only for --write

    alerts = list(replay.alerts.values())
    created = asyncio.run(load_alerts(os.environ, alerts))
    print(f"{created} alerts loaded, {len(alerts) - created} were there already")


if __name__ == "__main__":
    run(main)
