"""The incident benchmark as a command: what it prints and writes, and how it ends."""

import json
from multiprocessing import active_children
from pathlib import Path

import msgspec
import pytest

from shared.model import packaged_bundle
from training import incident_benchmark
from training.comparison.quality import Delay
from training.console import run
from training.evaluation.incident_openings import IncidentBenchmark
from training.evaluation.incident_streams import STREAMS, Task
from training.incident_benchmark import measure_all, show


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
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(incident_benchmark, "result_line", interrupted)
    tasks = [Task("base", stream, 2, 2_500, 2_400, 1_500, 3) for stream in ("promotion", "clean")]
    with pytest.raises(KeyboardInterrupt):
        measure_all(tasks, msgspec.json.encode(packaged_bundle()))
    assert active_children() == []
