"""The simulation itself: the same each time, and no blind eye turned."""

import ast
import copy
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.errors import TransientError, WriteConflict
from tests.simulation import __main__ as command
from tests.simulation import loop, seeds
from tests.simulation.faults import Plan, plan_of
from tests.simulation.hosts import Process, Trigger
from tests.simulation.invariants import broken
from tests.simulation.orders import STREAMS, stream
from tests.simulation.stores import LARGEST, Cloud, Container, Line, Weather
from tests.simulation.world import Outcome, clean_pass, simulate

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def plan(seed: int = 0, **changes: Any) -> Plan:
    return replace(plan_of(seed, streams=STREAMS), **changes)


def quiet(number: int = 0) -> Plan:
    """A plan in which nothing goes wrong."""
    return plan(
        stream=number, fails=0.0, loses=0.0, throttles=0.0, hangs=0.0, dies=0.0, hunts=0,
        kills=None, steals=None, forgets=None, publishes=None, outages=(), hosts=2,
    )  # fmt: skip


def test_a_seed_gives_the_same_run_each_time() -> None:
    first, again = (simulate(plan(5), traced=True) for _ in range(2))
    assert first.digest == again.digest
    assert first == again
    assert simulate(plan(6), traced=True).digest != first.digest


def test_a_seed_gives_the_same_run_in_every_process() -> None:
    script = (
        "from tests.simulation.faults import plan_of\n"
        "from tests.simulation.world import simulate\n"
        f"print(simulate(plan_of(5, streams={STREAMS}), traced=True).digest)"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": salt},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        ).stdout
        for salt in ("1", "2")
    }
    assert digests == {simulate(plan(5), traced=True).digest + "\n"}


def test_one_file_knows_the_loop_s_library() -> None:
    knowing = [
        file.name
        for file in sorted((ROOT / "tests").rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Import) and "simloop" in {one.name for one in node.names})
        or (isinstance(node, ast.ImportFrom) and str(node.module).startswith("simloop"))
    ]
    assert knowing == ["loop.py"]


def test_where_nothing_goes_wrong_nothing_is_broken() -> None:
    # A stream without an order that ends its process.
    outcome = simulate(quiet(1))
    assert broken(outcome, clean_pass(1)) == {}
    assert not outcome.counted


def test_the_streams_hold_what_is_to_be_tested() -> None:
    passes = [clean_pass(number) for number in range(STREAMS)]
    codes = {letter["code"] for one in passes for letter in one["letters"].values()}
    assert {"not_json", "store_refused", "scoring_failed", "currency_mismatch"} <= codes
    assert any(len(one["incidents"]) > 1 for one in passes)
    assert any("incident_id" in alert for one in passes for alert in one["alerts"].values())
    assert any("superseded_by" in alert for one in passes for alert in one["alerts"].values())
    states = [state for one in passes for state in one["states"].values()]
    assert sum(state["duplicates"] for state in states) > 10
    assert any(stream(number).kills for number in range(STREAMS))


def _loses_an_alert(contents: dict[str, Any]) -> None:
    contents["alerts"].pop(next(iter(contents["alerts"])))


def _doubles_an_alert(contents: dict[str, Any]) -> None:
    contents["alerts"]["rep/again"] = next(iter(contents["alerts"].values()))


def _changes_an_alert(contents: dict[str, Any]) -> None:
    next(iter(contents["alerts"].values()))["probability"] = 0.123


def _loses_money_of_an_incident(contents: dict[str, Any]) -> None:
    next(iter(contents["incidents"].values()))["amount_lost"] -= 1


def _doubles_an_incident(contents: dict[str, Any]) -> None:
    incident = next(iter(contents["incidents"].values()))
    contents["incidents"]["hidden_discount-000099"] = incident


def _loses_a_letter(contents: dict[str, Any]) -> None:
    contents["letters"].pop(next(iter(contents["letters"])))


def _miscounts(contents: dict[str, Any]) -> None:
    next(iter(contents["states"].values()))["orders_scored"] += 1


def _sets_an_order_aside(contents: dict[str, Any]) -> None:
    contents["letters"]["0", 0] = {"code": "attempts_vanished", "body": ""}


def _believes_something_else(contents: dict[str, Any]) -> None:
    next(iter(contents["states"].values()))["episode"]["belief"]["unseen"] = 0.5


@pytest.mark.parametrize(
    ("spoil", "names"),
    [
        (_loses_an_alert, {"alerts_are_those_of_a_clean_pass"}),
        (_doubles_an_alert, {"alerts_are_those_of_a_clean_pass"}),
        (_changes_an_alert, {"alerts_are_those_of_a_clean_pass"}),
        (_loses_money_of_an_incident, {"incidents_are_those_of_a_clean_pass"}),
        (_doubles_an_incident, {"incidents_are_those_of_a_clean_pass"}),
        (_loses_a_letter, {"the_books_balance", "what_is_wrong_is_set_aside"}),
        (_miscounts, {"the_books_balance", "states_are_those_of_a_clean_pass"}),
        (_sets_an_order_aside, {"the_books_balance", "no_innocent_order_is_set_aside"}),
        (_believes_something_else, {"states_are_those_of_a_clean_pass"}),
    ],
)
def test_an_invariant_breaks_over(spoil: Callable[[dict[str, Any]], None], names: set[str]) -> None:
    found = _spoilt(spoil)
    assert set(found) - {"a_replay_changes_nothing"} == names


def test_an_invariant_breaks_over_a_replay_that_changes_something() -> None:
    outcome = simulate(quiet(1))
    replayed = copy.deepcopy(outcome.replayed)
    _doubles_an_alert(replayed)
    assert set(broken(replace(outcome, replayed=replayed), clean_pass(1))) == {
        "a_replay_changes_nothing"
    }


def test_an_invariant_breaks_over_what_is_never_committed_and_over_an_error() -> None:
    outcome = replace(simulate(quiet(1)), settled_after=None, unexpected=("KeyError: 1",))
    next(iter(outcome.contents["states"].values()))["sequence_number"] -= 1
    assert set(broken(outcome, clean_pass(1))) - {"the_books_balance"} == {
        "everything_is_committed_soon",
        "nothing_unexpected_is_raised",
    }


def _spoilt(spoil: Callable[[dict[str, Any]], None]) -> dict[str, list[str]]:
    outcome: Outcome = simulate(quiet(1))
    contents = copy.deepcopy(outcome.contents)
    spoil(contents)
    return broken(replace(outcome, contents=contents), clean_pass(1))


def test_an_order_that_ends_its_process_is_set_aside_and_nothing_else_is() -> None:
    number = next(number for number in range(STREAMS) if stream(number).killers)
    outcome = simulate(quiet(number))
    assert outcome.suspected == stream(number).killers
    assert broken(outcome, clean_pass(number)) == {}


def test_a_dead_process_writes_nothing_more() -> None:
    async def killed() -> tuple[dict[str, Any], dict[str, Any]]:
        cloud = Cloud()
        trigger = Trigger(stream(1), plan(batch=50))
        process = Process("p1", trigger, cloud, Weather(quiet()))
        process.take(next(iter(stream(1).partitions)))
        while not cloud.contents()["alerts"]:
            await loop.sleep(0.01)
        process.die()
        at_death = cloud.contents()
        await loop.sleep(600)
        return at_death, cloud.contents()

    (at_death, later), _ = loop.run(1, killed)
    assert at_death == later
    assert at_death["alerts"]
    assert later["states"] == at_death["states"]


def test_a_container_refuses_what_is_too_large_and_what_has_changed() -> None:
    container = Container()
    first = container.create("a", {"id": "a"})
    with pytest.raises(WriteConflict):
        container.create("a", {"id": "a"})
    container.replace("a", {"id": "a", "n": 1}, first)
    with pytest.raises(WriteConflict):
        container.replace("a", {"id": "a"}, first)
    with pytest.raises(Exception, match="413"):
        container.create("b", {"id": "b", "text": "x" * LARGEST})


@pytest.mark.parametrize(
    ("fault", "landed"), [("failed", False), ("throttled", False), ("answer lost", True)]
)
def test_a_call_that_fails_has_or_has_not_been_made(fault: str, landed: bool) -> None:
    certain = {"failed": "fails", "throttled": "throttles", "answer lost": "loses"}[fault]
    changes: dict[str, Any] = {certain: 2.0}
    weather = Weather(replace(quiet(), **changes))
    made: list[int] = []

    async def called() -> None:
        with pytest.raises(TransientError):
            await Line(weather).call("alerts", lambda: made.append(1))

    loop.run(1, called)
    assert (made != []) == landed
    assert weather.injected == {fault: 1}


def test_the_command_counts_and_fails_with_what_repeats_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--seed", "1", "--fail", "0", "--kill", "0", "--hosts", "1"]) == 0
    assert "broken invariants" in capsys.readouterr().out
    monkeypatch.setattr(seeds, "broken", lambda *_: {"the_books_balance": ["0: 1 of 2"]})
    assert command.main(["--seed", "1", "--fail", "0", "--hosts", "1"]) == 1
    said = capsys.readouterr().out
    assert "again: python -m tests.simulation --seed 1 --hosts 1 --fail 0.0" in said
    assert "broken: the_books_balance" in said


@pytest.mark.parametrize("argument", ["--seeds=-1", "--fail=2", "--kill=x", "--hosts=9"])
def test_the_command_refuses_what_makes_no_sense(
    argument: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main([argument])
    assert argument.split("=")[1] in capsys.readouterr().err
