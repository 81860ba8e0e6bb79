"""Watching streams for incidents: from the command to the figures, on little data."""

import json
from multiprocessing import active_children
from pathlib import Path

import msgspec
import pytest

from training import incident_benchmark
from training.comparison.quality import Delay
from training.console import run
from training.incident_benchmark import (
    STREAMS,
    IncidentBenchmark,
    Task,
    do,
    learned,
    planned,
    show,
    watched,
)
from training.simulation.scenarios import make_scenarios

SIZES = {"history": 2_500, "orders": 2_400, "clean": 1_500, "seed": 3}


def a_task(stream: str, partitions: int = 2) -> Task:
    return Task("base", stream, partitions, **SIZES)


@pytest.fixture(scope="module")
def bundle() -> bytes:
    (scenario,) = make_scenarios(["base"], SIZES["history"], SIZES["orders"], SIZES["seed"])
    return msgspec.json.encode(learned(scenario, SIZES["history"], SIZES["seed"]))


def test_the_streams_are_what_they_are_called() -> None:
    hidden = {name: set(planned(a_task(name))[1].drawn.hidden_bp.tolist()) for name in STREAMS}
    assert hidden == {
        "many-runs": {0, 100},
        "many-unseen": {0, 70},
        "promotion": {0},
        "clean": {0},
    }
    _, promotion = planned(a_task("promotion"))
    assert promotion.company.promotions
    _, clean = planned(a_task("clean"))
    assert len(clean.ids) == SIZES["clean"]
    assert int(clean.drawn.units.added.sum()) > 0  # other frauds go on


@pytest.mark.parametrize("stream", ["many-runs", "many-unseen"])
def test_planted_runs_open_soon_and_nothing_else_does(stream: str, bundle: bytes) -> None:
    found = do(a_task(stream), bundle)
    assert found.delay.episodes >= 4
    assert found.delay.orders_p95 is not None
    assert found.delay.orders_p95 <= 10
    assert (found.false_openings, found.false_per_million) == (0, 0.0)


def test_a_clean_stream_and_a_promotion_open_nothing(bundle: bytes) -> None:
    for stream in ("clean", "promotion"):
        found = do(a_task(stream), bundle)
        assert (found.false_openings, found.clean_orders) == (0, found.orders)
        assert found.delay.episodes == 0


def test_the_command_prints_and_writes_every_stream(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    incident_benchmark.main([
        *("--history", "600", "--orders", "400", "--clean", "500", "--partitions", "1", "3"),
        *("--json", str(tmp_path / "watch.json")),
    ])  # fmt: skip
    printed = capsys.readouterr().out
    assert all(stream in printed for stream in STREAMS)
    written = json.loads((tmp_path / "watch.json").read_text())
    assert [(one["stream"], one["partitions"]) for one in written] == [
        (stream, partitions) for stream in STREAMS for partitions in (1, 3)
    ]


def test_a_number_of_partitions_below_1_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(incident_benchmark.main, ["--partitions", "0"])
    assert ended.value.code == 2
    assert "expected a whole number 1 to 2000" in capsys.readouterr().err


def test_every_stream_says_a_line_when_it_is_done_and_the_table_fits_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    incident_benchmark.main([
        *("--history", "600", "--orders", "400", "--clean", "500", "--partitions", "2"),
    ])  # fmt: skip
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "learning from 600 orders of base"
    done = {line.split(",")[0] for line in lines[1:5]}
    assert done == set(STREAMS)
    assert all("2 partitions: " in line and "opened falsely: " in line for line in lines[1:5])
    show(
        [
            IncidentBenchmark(
                "many-unseen", 16, 1_000_000, Delay(999, 9.0, 99.0, 99.0, 1.0, 9.0), 99, 10**6
            )
        ],
        "price-rise",
    )
    table = capsys.readouterr().out.splitlines()
    assert max(len(line.rstrip()) for line in [*lines[5:], *table]) <= 80
    assert "per million" in "".join(table)


def test_ctrl_c_ends_the_processes_that_were_started(
    bundle: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(incident_benchmark, "result_line", interrupted)
    with pytest.raises(KeyboardInterrupt):
        watched([a_task("promotion"), a_task("clean")], bundle)
    assert active_children() == []
