"""Writes what a replay ends in: scores, alert documents, incidents, and a summary in words."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from shared.printable import printable
from training.command_files import replacing
from training.console import progress
from training.history.files import ReadLine, write_lines
from training.replay.replay import Replay
from training.replay.scores import Score, score_all

SCORE_COLUMNS = (
    "order_id",
    "revision",
    "p_added_item",
    "p_hidden_discount",
    "probability",
    "alerted",
    "final_probability",
)


def replayed(
    replay: Replay, lines: Iterable[ReadLine], scores: Path, alerts: Path, incidents: Path | None
) -> list[Score]:
    """Score orders, write the files, print a summary, and return the scores."""
    written = score_all(progress(replay.run(lines), "scoring orders"))
    write_scores(scores, written)
    write_lines(alerts, map(msgspec.json.encode, replay.alerts.values()))
    if incidents is not None:
        write_lines(incidents, map(msgspec.json.encode, replay.incidents.values()))
    print(_summary(written, replay))
    for incident in replay.incidents.values():
        print(printable(f"{incident['id']} ({incident['status']}): {incident['message']}"))
    return written


def _summary(scores: Sequence[Score], replay: Replay) -> str:
    letters = sum(replay.dead_letters.values())
    codes = ", ".join(f"{code} {count}" for code, count in sorted(replay.dead_letters.items()))
    return (
        f"{len(scores)} orders scored, {len(replay.alerts)} alerts, {letters} dead letters"
        + (f" ({codes})" if codes else "")
        + f", {replay.duplicates} duplicates, {replay.stale} stale revisions"
    )


def write_scores(path: Path, scores: Iterable[Score]) -> None:
    """Write the scores file: `SCORE_COLUMNS`, one line an order scored.

    An id that a spreadsheet would take for a formula gets an apostrophe before it.
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
