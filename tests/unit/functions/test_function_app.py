"""The triggers as the worker's own loader sees them, and what a batch of theirs becomes."""

import asyncio
import importlib
import json
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import azure.functions as func
import pytest
from azure.functions.decorators.function_app import Function
from azure.functions.eventhub import EventHubTriggerConverter
from azure.functions.meta import Datum
from azure_functions_runtime.bindings.meta import load_binding_registry
from azure_functions_runtime.functions import Registry

from functions import retrain_nightly, watch_hub, wiring
from functions import score_orders as trigger
from functions.retraining import RetrainError
from functions.settings import ROLES
from infra.checks.delivery import wrong_host, wrong_trigger
from infra.local import services
from infra.local.host.ncrontab import Schedule
from shared.errors import ConfigurationError, TransientError
from shared.order_event import OrderEvent
from shared.stream_key import StreamKey
from tests.unit.functions.world import FakeTelemetry

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


@pytest.mark.parametrize("cut", [asyncio.CancelledError(), SystemExit(1)])
async def test_a_training_that_is_cut_short_is_answered_as_a_failure(
    monkeypatch: pytest.MonkeyPatch, cut: BaseException
) -> None:
    async def start() -> None:
        raise cut

    monkeypatch.setattr(wiring, "retraining", lambda: SimpleNamespace(start=start, follow=start))
    with pytest.raises(RetrainError, match="cut short"):
        await retrain_nightly.retrain_nightly(func.TimerRequest())
    with pytest.raises(RetrainError, match="cut short"):
        await retrain_nightly.follow_training(func.TimerRequest())


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


FIRST_RUN = SimpleNamespace(retry_context=SimpleNamespace(retry_count=0, max_retry_count=-1))
FOURTH_RUN = SimpleNamespace(retry_context=SimpleNamespace(retry_count=3, max_retry_count=-1))


def delivered(
    partition: str = "3", naive: bool = True, properties: Any = None
) -> list[func.EventHubEvent]:
    """Two events as the host hands them over."""
    at = "2026-03-01T12:00:00.123" + ("" if naive else "Z")
    system = [
        {"SequenceNumber": n, "Offset": str(n * 96), "PartitionKey": key, "EnqueuedTimeUtc": at}
        for n, key in ((7, "Annie Corns"), (8, None))
    ]
    metadata = {
        "SystemPropertiesArray": Datum(json.dumps(system), "json"),
        "PartitionContext": Datum(json.dumps({"PartitionId": partition}), "json"),
    }
    if properties is not None:
        metadata["PropertiesArray"] = Datum(json.dumps(properties), "json")
    bodies = Datum(SimpleNamespace(bytes=[b"\xff", b"{}"]), "collection_bytes")
    events: list[func.EventHubEvent] = EventHubTriggerConverter.decode(
        bodies, trigger_metadata=metadata
    )
    return events


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the trigger hands to the handler."""
    batches: list[Any] = []

    async def score_batch(context: Any, key: StreamKey, events: list[OrderEvent]) -> None:
        batches.append((key, events))

    monkeypatch.setattr(trigger, "score_batch", score_batch)
    monkeypatch.setattr(wiring, "scoring_context", object)
    ours = SimpleNamespace(orders_hub="orders", orders_consumer_group="$Default")
    monkeypatch.setattr(wiring, "settings", lambda: ours)
    return batches


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> FakeTelemetry:
    ours = FakeTelemetry()
    monkeypatch.setattr(wiring, "telemetry", lambda: ours)
    return ours


@pytest.mark.parametrize("naive", [True, False])
async def test_a_batch_reaches_the_handler_whole_and_its_times_are_utc(
    scored: list[Any], naive: bool
) -> None:
    await trigger.score_orders(delivered(naive=naive), FIRST_RUN)
    at = datetime(2026, 3, 1, 12, 0, 0, 123000, tzinfo=UTC)
    assert scored == [
        (
            StreamKey("orders", "$Default", "3"),
            [
                OrderEvent(b"\xff", 7, at, "Annie Corns", "672"),
                OrderEvent(b"{}", 8, at, None, "768"),
            ],
        )
    ]


@pytest.mark.parametrize("cut", [asyncio.CancelledError(), SystemExit(1)])
async def test_a_batch_that_is_cut_short_is_answered_as_a_failure(
    scored: list[Any], monkeypatch: pytest.MonkeyPatch, cut: BaseException
) -> None:
    async def score_batch(*_: Any) -> None:
        raise cut

    monkeypatch.setattr(trigger, "score_batch", score_batch)
    with pytest.raises(TransientError, match="cut short"):
        await trigger.score_orders(delivered(), FIRST_RUN)


async def test_a_producers_trace_context_comes_with_its_event(scored: list[Any]) -> None:
    sent = f"00-{'a' * 32}-{'b' * 16}-01"
    properties = [{"source": "till"}, {"Diagnostic-Id": sent}]
    await trigger.score_orders(delivered(properties=properties), FIRST_RUN)
    [(_, events)] = scored
    assert [event.traceparent for event in events] == [None, sent]


@pytest.mark.parametrize("properties", [[{"traceparent": "x"}], "text", {"traceparent": "x"}])
async def test_properties_of_another_shape_cost_no_batch(
    scored: list[Any], properties: Any
) -> None:
    await trigger.score_orders(delivered(properties=properties), FIRST_RUN)
    [(_, events)] = scored
    assert [event.traceparent for event in events] == [None, None]


@pytest.mark.parametrize(("run", "retries"), [(FIRST_RUN, 0), (FOURTH_RUN, 1)])
async def test_every_run_of_a_batch_after_its_first_counts_as_a_retry(
    scored: list[Any], heard: FakeTelemetry, run: Any, retries: int
) -> None:
    await trigger.score_orders(delivered(), run)
    assert heard.total("sheriff.retries") == retries
