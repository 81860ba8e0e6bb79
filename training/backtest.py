"""`python -m training.backtest`: scores a file of orders exactly as the function does."""

import argparse
import asyncio
import csv
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from rich.console import Console

from shared.assessment import Assessment
from shared.errors import ConfigurationError
from shared.formats import alert_id
from shared.policy import Policy, parse_policy
from shared.printable import printable
from shared.scoring import Scorer
from training.command_files import replacing
from training.comparison.metrics import Quality, Truth, Verdict, by_size, judge, read_truth
from training.console import (
    PARTITIONS,
    WIDTH,
    ArgumentParser,
    progress,
    run,
    short_table,
)
from training.history.files import ReadLine, read_lines, write_lines
from training.history.price_arrays import read_catalogue
from training.replay.replay import Replay
from training.train import BUNDLE_FILE, CARD_FILE, load

SCORE_COLUMNS = (
    "order_id",
    "revision",
    "p_added_item",
    "p_hidden_discount",
    "probability",
    "alerted",
    "final_probability",
)


@dataclass(frozen=True, slots=True)
class Score:
    """One line of the scores file, with the order's size; probabilities are 0-1.

    ``alerted`` is what was decided at arrival, ``final_probability`` what is believed at the end
    of the stream.
    """

    order_id: str
    revision: int
    p_added_item: float
    p_hidden_discount: float
    probability: float
    alerted: bool
    final_probability: float
    units: int


def score_of(assessment: Assessment) -> Score:
    """The figures of an assessment that a backtest keeps."""
    order = assessment.order
    return Score(
        order_id=order.order_id,
        revision=order.revision,
        p_added_item=assessment.p_added_item,
        p_hidden_discount=assessment.p_hidden_discount,
        probability=assessment.probability,
        alerted=assessment.alerted,
        final_probability=assessment.probability,
        units=sum(line.quantity for line in order.lines),
    )


def score_all(assessments: Iterable[Assessment]) -> list[Score]:
    """A score for each assessment, with what orders after it have said of it."""
    scores: list[Score] = []
    place: dict[str, int] = {}
    for assessment in assessments:
        score = score_of(assessment)
        place[alert_id(score.order_id, score.revision)] = len(scores)
        scores.append(score)
        for revisit in assessment.revisits:
            at = place[revisit.alert_id]
            scores[at] = _revisited(scores[at], revisit.probability)
    return scores


def _revisited(score: Score, p_hidden: float) -> Score:
    """The score of an order whose hidden discount turned out to be this likely."""
    final = 1.0 - (1.0 - score.p_added_item) * (1.0 - p_hidden)
    return replace(score, final_probability=max(final, score.final_probability))


def write_scores(path: Path, scores: Iterable[Score]) -> None:
    """Write the scores file: `SCORE_COLUMNS`, one line an order scored.

    An id that begins with a minus has an apostrophe before it: spreadsheets take it for a formula.
    """
    with replacing(path) as file, io.TextIOWrapper(file, "utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(SCORE_COLUMNS)
        writer.writerows(
            (_harmless(score.order_id), *(getattr(score, name) for name in SCORE_COLUMNS[1:5]),
             int(score.alerted), score.final_probability)
            for score in scores
        )  # fmt: skip


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(("-", "=", "+", "@")) else text


def verdicts(
    scores: Sequence[Score], truth: dict[str, Truth], threshold: float
) -> dict[str, list[Verdict]]:
    """Scores against the truth, by typology and over both; each order at its last score.

    Raises:
        ConfigurationError: an order that was scored has no truth.
    """
    last = {score.order_id: score for score in scores}
    unknown = [order_id for order_id in last if order_id not in truth]
    if unknown:
        raise ConfigurationError(f"{len(unknown)} orders have no truth, as {unknown[0]}")
    pairs = [(score, truth[order_id]) for order_id, score in last.items()]
    return {
        "added_item": [
            Verdict(s.p_added_item >= threshold, s.p_added_item, t.added_item, s.units)
            for s, t in pairs
        ],
        "hidden_discount": [
            Verdict(
                s.p_hidden_discount >= threshold, s.p_hidden_discount, t.hidden_discount, s.units
            )
            for s, t in pairs
        ],
        "either": [Verdict(s.alerted, s.probability, t.fraud, s.units) for s, t in pairs],
    }


def show_quality(found: dict[str, list[Verdict]]) -> None:
    """Print precision, recall and average precision per typology, then by order size."""
    columns = ("typology", "units", "orders", "frauds", "flagged", "precision", "recall", "AP")
    table = short_table("against the truth", *columns, left=("typology",))
    for typology, judged in found.items():
        table.add_row(typology, "all", *_cells(judge(judged)))
    for typology, judged in found.items():
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
    flags.add_argument("--partitions", type=PARTITIONS, default=1, help="of the hub (%(default)s)")
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


def replayed(
    replay: Replay, lines: Iterable[ReadLine], scores: Path, alerts: Path, incidents: Path | None
) -> list[Score]:
    """Score orders, write what came of them, and print a summary; their scores."""
    found = score_all(progress(replay.run(lines), "scoring orders"))
    write_scores(scores, found)
    write_lines(alerts, map(msgspec.json.encode, replay.alerts.values()))
    if incidents is not None:
        write_lines(incidents, map(msgspec.json.encode, replay.incidents.values()))
    print(_summary(found, replay))
    for incident in replay.incidents.values():
        print(printable(f"{incident['id']} ({incident['status']}): {incident['message']}"))
    return found


def _summary(scores: Sequence[Score], replay: Replay) -> str:
    letters = sum(replay.dead_letters.values())
    codes = ", ".join(f"{code} {count}" for code, count in sorted(replay.dead_letters.items()))
    return (
        f"{len(scores)} orders scored, {len(replay.alerts)} alerts, {letters} dead letters"
        + (f" ({codes})" if codes else "")
        + f", {replay.duplicates} duplicates, {replay.stale} stale revisions"
    )


def _write(replay: Replay) -> None:
    from training.stores import load_alerts  # noqa: PLC0415 - the Azure SDKs, only for --write

    alerts = list(replay.alerts.values())
    created = asyncio.run(load_alerts(os.environ, alerts))
    print(f"{created} alerts loaded, {len(alerts) - created} were there already")


if __name__ == "__main__":
    run(main)
