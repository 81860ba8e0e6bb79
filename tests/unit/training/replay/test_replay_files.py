"""The files that a replay ends in."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from shared.catalogue import packaged_catalogue
from shared.model import packaged_bundle
from shared.order import parse_order
from shared.policy import Policy
from shared.scoring import Scorer
from tests.orders import order_body
from training.history.files import ReadLine
from training.replay.replay import Replay
from training.replay.replay_files import SCORE_COLUMNS, replayed, write_scores
from training.replay.scores import Score


def test_an_order_id_is_no_formula_of_a_spreadsheet(tmp_path: Path) -> None:
    score = Score("-2-3", 0, 0.1, 0.2, 0.3, alerted=False, final_probability=0.3, units=1)
    write_scores(tmp_path / "scores.csv", [score, replace(score, order_id="o-1")])
    rows = (tmp_path / "scores.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == ["'-2-3", "o-1"]


def test_every_order_has_a_line_every_alert_a_document_and_the_summary_counts_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at_list, half_off_a_unit = order_body(), order_body(order_id="o-2", charged_price=319.5)
    lines = [
        ReadLine(number, body, parse_order(body))
        for number, body in enumerate((at_list, half_off_a_unit, at_list), start=1)
    ]
    scores, alerts, incidents = (tmp_path / name for name in ("s.csv", "a.jsonl", "i.jsonl"))
    replay = Replay(Scorer(packaged_bundle(), packaged_catalogue(), Policy()))
    written = replayed(replay, lines, scores, alerts, incidents)
    rows = list(csv.reader(scores.open()))
    assert tuple(rows[0]) == SCORE_COLUMNS
    assert [row[0] for row in rows[1:]] == ["o-1", "o-2"] == [score.order_id for score in written]
    assert [json.loads(line)["order_id"] for line in alerts.open()] == ["o-2"]
    assert incidents.read_bytes() == b""
    summary = "2 orders scored, 1 alerts, 0 dead letters, 1 duplicates, 0 stale revisions"
    assert capsys.readouterr().out.splitlines() == [summary]
