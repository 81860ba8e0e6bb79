"""Functions are indexed by the real runtime and retried by their policy."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from azure_functions_runtime.bindings.datumdef import Datum
from hypothesis import given
from hypothesis import strategies as st

from infra.local.host.errors import HostError
from infra.local.host.functions import Function, RetryPolicy, load_functions
from tests.patience import PATIENCE

TIMER = Datum("{}", "json")
APP = """
import azure.functions as func
app = func.FunctionApp()
calls = []

@app.timer_trigger(arg_name="timer", schedule="0 0 0 * * *")
@app.retry({retry})
def tick(timer: func.TimerRequest, context: func.Context) -> None:
    retry = context.retry_context
    calls.append((retry.retry_count, retry.max_retry_count, context.invocation_id))
    if retry.retry_count < {failures}:
        raise RuntimeError("not yet")
"""
FIXED = 'strategy="fixed_delay", max_retry_count="{}", delay_interval="00:00:00"'


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[Function]]:
    """Load an app from its source, as the host would; the process is put back afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "function_app", raising=False)

    def write(source: str) -> list[Function]:
        (tmp_path / "function_app.py").write_text(source)
        return load_functions(tmp_path)

    return write


def calls() -> list[tuple[int, int, str]]:
    return sys.modules["function_app"].calls


async def test_a_failing_function_is_called_again_as_a_new_invocation(
    load: Callable[[str], list[Function]],
) -> None:
    [tick] = load(APP.format(retry=FIXED.format(3), failures=2))
    outcome = await tick.invoke(TIMER, {})
    assert (outcome.succeeded, outcome.final) == (True, True)
    assert [(count, limit) for count, limit, _ in calls()] == [(0, 3), (1, 3), (2, 3)]
    assert len({invocation for _, _, invocation in calls()}) == 3


async def test_retries_end_at_their_limit_and_the_failure_is_final(
    load: Callable[[str], list[Function]],
) -> None:
    [tick] = load(APP.format(retry=FIXED.format(2), failures=99))
    outcome = await tick.invoke(TIMER, {})
    assert (outcome.succeeded, outcome.final) == (False, True)
    assert "not yet" in outcome.error
    assert len(calls()) == 3


async def test_endless_retries_end_by_success_or_by_the_host_s_stop_only(
    load: Callable[[str], list[Function]],
) -> None:
    [tick] = load(APP.format(retry=FIXED.format(-1), failures=200))
    assert (await tick.invoke(TIMER, {})).succeeded
    assert len(calls()) == 201


async def test_a_stop_breaks_off_the_waiting_and_the_outcome_is_not_final(
    load: Callable[[str], list[Function]],
) -> None:
    retry = 'strategy="fixed_delay", max_retry_count="-1", delay_interval="01:00:00"'
    [tick] = load(APP.format(retry=retry, failures=99))
    halt = asyncio.Event()
    invocation = asyncio.create_task(tick.invoke(TIMER, {}, halt))
    halt.set()
    outcome = await asyncio.wait_for(invocation, PATIENCE)
    assert (outcome.succeeded, outcome.final, len(calls())) == (False, False, 1)


def test_a_disabled_function_is_left_out(
    load: Callable[[str], list[Function]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "AzureWebJobs.tick.Disabled", "true")
    assert load(APP.format(retry=FIXED.format(1), failures=0)) == []


def test_an_annotation_the_runtime_refuses_is_an_error_of_one_line(
    load: Callable[[str], list[Function]],
) -> None:
    source = APP.format(retry=FIXED.format(1), failures=0).replace(
        "timer: func.", "timer: list[int] | func."
    )
    with pytest.raises(HostError, match="cannot be indexed: FunctionLoadError: ") as error:
        load(source)
    assert "\n" not in str(error.value)


@given(st.integers(0, 10_000), st.floats(0.8, 1.2))
def test_exponential_delays_stay_between_their_bounds(attempt: int, jitter: float) -> None:
    policy = RetryPolicy(-1, 2.0, 60.0, exponential=True)
    assert 2.0 <= policy.delay(attempt, jitter) <= 60.0
    assert policy.delay(attempt, jitter) <= policy.delay(attempt + 1, jitter)


def test_exponential_delays_are_those_that_were_measured_of_the_service() -> None:
    policy = RetryPolicy.of(
        {
            "strategy": "exponential_backoff",
            "max_retry_count": "-1",
            "minimum_interval": "00:00:01",
            "maximum_interval": "00:00:10",
        }
    )
    assert [policy.delay(attempt, 1.0) for attempt in range(6)] == [1, 2, 3, 5, 9, 10]
    assert [policy.delay(attempt, 0.8) for attempt in range(3)] == pytest.approx([1, 1.8, 2.6])
    assert [policy.delay(attempt, 1.2) for attempt in range(3)] == pytest.approx([1, 2.2, 3.4])
    ours = RetryPolicy(-1, 2.0, 60.0, exponential=True)
    assert [ours.delay(n, 1.0) for n in range(8)] == [2, 4, 6, 10, 18, 34, 60, 60]
    assert policy.allows(1_000_000)


def test_a_fixed_delay_stays() -> None:
    settings = {"strategy": "fixed_delay", "max_retry_count": "2", "delay_interval": "00:00:05"}
    policy = RetryPolicy.of(settings)
    assert [policy.delay(attempt, 1.1) for attempt in range(3)] == [5, 5, 5]
    assert [policy.allows(attempt) for attempt in range(4)] == [True, True, False, False]
