"""The triggers as the worker's own loader sees them, and what a batch of theirs becomes."""

import importlib
import json
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from azure.functions.decorators.function_app import Function
from azure_functions_runtime.bindings.meta import load_binding_registry
from azure_functions_runtime.functions import Registry

from functions import retrain_nightly, watch_hub
from functions.settings import ROLES
from infra.checks.delivery import wrong_host, wrong_trigger
from infra.local import services
from infra.local.host.ncrontab import Schedule
from shared.errors import ConfigurationError

ROOT = Path(__file__).parents[3]


PROTOS = SimpleNamespace(BindingInfo=SimpleNamespace(undefined=0, out=1, inout=2))


def app(monkeypatch: pytest.MonkeyPatch, role: str) -> list[Function]:
    monkeypatch.setenv("SHERIFF_ROLE", role)
    module: ModuleType = importlib.reload(importlib.import_module("function_app"))
    functions: list[Function] = module.app.get_functions()
    return functions


def function(monkeypatch: pytest.MonkeyPatch, role: str, name: str) -> Function:
    [found] = [one for one in app(monkeypatch, role) if one.get_function_name() == name]
    return found


@pytest.mark.parametrize(
    ("role", "names"),
    [
        ("scorer", {"score_orders", "watch_hub", "health"}),
        ("desk", {"alerts", "health"}),
        ("trainer", {"retrain_nightly", "follow_training", "health"}),
        (
            "all",
            {"score_orders", "watch_hub", "alerts", "retrain_nightly", "follow_training", "health"},
        ),
    ],
)
def test_a_role_registers_its_triggers_and_the_worker_accepts_them(
    monkeypatch: pytest.MonkeyPatch, role: str, names: set[str]
) -> None:
    load_binding_registry()
    functions = app(monkeypatch, role)
    assert {one.get_function_name() for one in functions} == names
    for one in functions:
        Registry().add_indexed_function(one, PROTOS)


def test_an_unknown_role_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="SHERIFF_ROLE is 'king'"):
        app(monkeypatch, "king")


def test_orders_come_as_bytes_in_batches_and_are_retried_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    score = function(monkeypatch, "scorer", "score_orders")
    binding = json.loads(json.dumps(score.get_trigger().get_dict_repr(), default=str))
    assert binding["connection"] == "EventHubConnection"
    assert binding["eventHubName"] == "%ORDERS_HUB%"
    assert binding["consumerGroup"] == "%ORDERS_CONSUMER_GROUP%"
    assert (binding["cardinality"], binding["dataType"]) == ("MANY", "BINARY")
    assert score.get_settings_dict("retry_policy") == {
        "setting_name": "retry_policy",
        "strategy": "exponential_backoff",
        "max_retry_count": "-1",
        "minimum_interval": "00:00:02",
        "maximum_interval": "00:01:00",
    }


def test_the_training_is_started_by_its_schedule_and_never_by_a_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train = function(monkeypatch, "trainer", "retrain_nightly")
    binding = json.loads(json.dumps(train.get_trigger().get_dict_repr(), default=str))
    assert binding["type"] == "timerTrigger"
    assert binding["schedule"] == "%RETRAIN_SCHEDULE%"
    assert (binding["useMonitor"], binding["runOnStartup"]) == (True, False)


@pytest.mark.parametrize(
    ("role", "name", "setting", "usual"),
    [
        ("scorer", "watch_hub", "WATCH_SCHEDULE", "0 * * * * *"),
        ("trainer", "follow_training", "RETRAIN_FOLLOW_SCHEDULE", "0 */10 * * * *"),
    ],
)
@pytest.mark.parametrize("given", [None, "", "30 */2 * * * *"])
def test_a_timer_that_looks_has_a_schedule_of_its_own_and_one_by_default(
    monkeypatch: pytest.MonkeyPatch,
    role: str,
    name: str,
    setting: str,
    usual: str,
    given: str | None,
) -> None:
    monkeypatch.delenv(setting, raising=False)
    if given is not None:
        monkeypatch.setenv(setting, given)
    for module in (watch_hub, retrain_nightly):
        importlib.reload(module)
    binding = function(monkeypatch, role, name).get_trigger().get_dict_repr()
    assert binding["schedule"] == (given or usual)
    assert (binding["useMonitor"], binding["runOnStartup"]) == (False, False)
    Schedule.parse(str(binding["schedule"]))


def test_the_schedule_is_set_wherever_the_trigger_is() -> None:
    example = json.loads((ROOT / "local.settings.example.json").read_text())["Values"]
    local = services.app_settings({"azurite": 1, "eventhubs": 2, "cosmos": 3})
    for found in (example, local):
        schedule = Schedule.parse(found["RETRAIN_SCHEDULE"])
        evening = datetime(2026, 11, 23, 20, tzinfo=UTC)
        assert schedule.after(evening) == datetime(2026, 11, 24, 2, tzinfo=UTC)


def test_no_event_hub_trigger_of_any_role_ever_gives_a_batch_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kinds = []
    for role in ROLES:
        for one in app(monkeypatch, role):
            kind = one.get_trigger().type
            kinds.append(kind)
            policy = one.get_settings_dict("retry_policy")
            assert list(wrong_trigger(one.get_function_name(), kind, policy)) == []
    assert kinds.count("eventHubTrigger") == 2  # scorer, and all


@pytest.mark.parametrize(
    ("retry", "why"),
    [
        (None, "has no retry policy"),
        ({}, "has no retry policy"),
        ({"strategy": "fixed_delay", "max_retry_count": "5", "delay_interval": "00:00:01"}, "5 ti"),
        ({"strategy": "fixed_delay", "max_retry_count": "-1"}, "without delay_interval"),
        (
            {"strategy": "exponential_backoff", "max_retry_count": "-1",
             "minimum_interval": "00:00:02"},
            "without maximum_interval",
        ),
    ],
)  # fmt: skip
def test_an_event_hub_trigger_that_gives_up_is_refused(
    retry: dict[str, str] | None, why: str
) -> None:
    [found] = wrong_trigger("score_orders", "eventHubTrigger", retry)
    assert why in found
    assert list(wrong_trigger("retrain_nightly", "timerTrigger", retry)) == []


@pytest.mark.parametrize(
    "options",
    [
        {"batchCheckpointFrequency": 2},
        {"BatchCheckpointFrequency": "10"},
        {"batchCheckpointFrequency": 0},
        {"enableCheckpointing": False},
        {"initialOffsetOptions": {"type": "fromEnd"}},
        {"initialOffsetOptions": {"type": "fromEnqueuedTime", "enqueuedTimeUtc": "2026-01-01"}},
    ],
)
def test_a_host_json_that_loses_batches_is_refused(options: dict[str, Any]) -> None:
    assert len(list(wrong_host({"extensions": {"eventHubs": options}}))) == 1


def test_the_hosts_settings_leave_no_batch_behind() -> None:
    host = json.loads((ROOT / "host.json").read_text())
    assert list(wrong_host(host)) == []
    hubs = host["extensions"]["eventHubs"]
    assert hubs["batchCheckpointFrequency"] == 1
    assert hubs["prefetchCount"] >= 2 * hubs["maxEventBatchSize"]
    assert host["functionTimeout"] == "00:05:00"  # the deadline of a batch is at most 200 s
