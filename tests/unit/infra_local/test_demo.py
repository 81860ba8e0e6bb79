"""What the demo replaces and says at its end; how the local commands take bad options."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local import mlflow_page, stack
from infra.local.demo import __main__ as demo
from infra.local.demo.results import _shown
from infra.local.host import __main__ as host
from training.models.registry import Registry


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(demo, "ROOT", tmp_path)
    monkeypatch.setattr(demo, "STATE", tmp_path / ".sheriff" / "demo")
    monkeypatch.setattr(demo, "OWN", tmp_path / ".sheriff" / "demo-orders")
    return tmp_path / ".sheriff" / "demo"


def test_an_earlier_demo_is_replaced_with_a_word(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo._empty(state)
    assert capsys.readouterr().out == ""
    (state / "orders.jsonl").write_text("old")
    demo._empty(state)
    assert capsys.readouterr().out == "the earlier demo in .sheriff/demo is replaced\n"
    assert list(state.iterdir()) == []


def test_own_orders_leave_the_demo_of_the_simulated_company_alone(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state.mkdir(parents=True)
    (state / "report.html").write_text("kept")
    orders = state.parent / "mine.jsonl"
    orders.write_text("{}\n")
    made: list[Path] = []
    monkeypatch.setattr(demo, "_empty", made.append)

    def stopped(*_: object) -> None:
        raise demo.StackError("as far as this")

    monkeypatch.setattr(demo, "given", stopped)
    assert demo.main(["--orders", str(orders)]) == 1
    assert capsys.readouterr().err == "demo: as far as this\n"
    assert made == [demo.OWN]
    assert (state / "report.html").read_text() == "kept"


def test_the_last_lines_promise_only_what_there_is(state: Path) -> None:
    folder = demo.OWN / "stack" / "mlflow"
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    without = demo.last_lines(demo.OWN, uri)
    assert without[:2] == [
        "everything is stopped; logs and data are in .sheriff/demo-orders",
        "nothing was learned, so there are no runs for MLflow's page",
    ]
    assert not folder.exists()
    with Registry.open(uri).run("v1"):
        pass
    own, demos = demo.last_lines(demo.OWN, uri)[1], demo.last_lines(state, uri)[1]
    assert demos == "make mlflow opens the page of the runs"
    where = "sqlite:///.sheriff/demo-orders/stack/mlflow/mlflow.db"
    assert own == f"MLFLOW_TRACKING_URI={where} make mlflow opens the page of the runs"
    assert "stack up --state .sheriff/demo-orders/stack;" in without[-1]


def test_the_page_of_the_runs_is_that_of_the_demos_own_stack() -> None:
    settings = stack.Stack(demo.STATE / "stack", dict.fromkeys(stack.DEFAULT_PORTS, 1)).settings()
    assert settings["MLFLOW_TRACKING_URI"] == mlflow_page.DEMO


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_says_so_in_one_line(
    number: signal.Signals,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(demo, "demo", lambda _: os.kill(os.getpid(), number))
    assert demo.main([]) == 130
    assert capsys.readouterr() == ("", "demo: interrupted\n")


@pytest.mark.parametrize("content", [None, "", "\n \n"])
def test_a_file_without_orders_is_said_before_anything_starts(
    content: str | None, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders = state.parent / "orders.jsonl"
    orders.parent.mkdir(parents=True)
    if content is not None:
        orders.write_text(content)
    assert demo.main(["--orders", str(orders)]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert str(orders) in err
    assert not demo.OWN.exists()


def test_a_cell_of_the_demo_is_neither_markup_nor_a_command_to_the_terminal() -> None:
    assert _shown("[bold]rep[/] \x1b[2J") == r"\[bold]rep\[/] \u001b[2J"


@pytest.mark.parametrize("port", ["65536", "99999", "-1", "x", "", "²", "1" * 9])
@pytest.mark.parametrize("main", [host.main, mlflow_page.main])
def test_a_port_that_is_none_is_refused_by_name(
    main: Callable[[list[str]], int], port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--port", port])
    assert ended.value.code == 2
    assert f"argument --port: {port!r}: expected a port, 0 to 65535" in capsys.readouterr().err
