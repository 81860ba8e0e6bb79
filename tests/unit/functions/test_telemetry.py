"""What leaves the process: figures and traces as they arrive elsewhere, and nobody's data."""

import json
import logging
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from functions import telemetry as module
from functions.handlers import score_batch
from functions.metrics import METRICS, MODEL_AGE, ORDERS_SCORED
from functions.telemetry import MOST_LINKS, SILENT, Traced, telemetry
from shared.errors import TransientError
from shared.order import Order
from shared.order_event import OrderEvent
from shared.stream import Attempt
from tests.collectors import FakeCollector, FakeIngestion, collector, ingestion
from tests.orders import order_body
from tests.patience import PATIENCE
from tests.unit.functions.streams import EPISODE, real_scorer
from tests.unit.functions.world import KEY, FakeScorer, World, event

ROOT = Path(__file__).parents[3]
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SENT = f"00-{TRACE}-{SPAN}-01"


@dataclass
class Seen:
    """Telemetry that is kept in memory."""

    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)
    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    def __post_init__(self) -> None:
        traces = TracerProvider(shutdown_on_exit=False)
        traces.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader], shutdown_on_exit=False)
        self.telemetry = Traced(self.meters.get_meter("test"), traces.get_tracer("test"))

    def spans(self, name: str) -> list[Any]:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    def points(self) -> list[tuple[str, Any]]:
        """Every point of every metric since the last look, with the metric's name."""
        data = self.reader.get_metrics_data()
        return [
            (metric.name, point)
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
        ]


@pytest.fixture
def seen() -> Iterator[Seen]:
    ours = Seen()
    yield ours
    ours.meters.shutdown()


async def test_a_batch_is_a_span_that_links_to_its_producers(seen: Seen) -> None:
    stream = [replace(event(1), traceparent=SENT), replace(event(2), traceparent=SENT), event(3)]
    world = World(scorer=FakeScorer(alerts={"o-1", "o-3"}))
    await score_batch(world.context(telemetry=seen.telemetry), KEY, stream)
    [span] = seen.spans("score batch")
    assert span.kind is SpanKind.CONSUMER
    assert [
        (f"{one.context.trace_id:032x}", f"{one.context.span_id:016x}") for one in span.links
    ] == [(TRACE, SPAN)]
    assert span.attributes == {
        "messaging.system": "eventhubs",
        "messaging.operation.type": "process",
        "messaging.destination.name": "orders",
        "messaging.destination.partition.id": "0",
        "messaging.batch.message_count": 3,
        "sheriff.events": 3,
        "sheriff.scored": 3,
        "sheriff.alerts": 2,
    }


async def test_a_large_batch_has_no_more_links_than_a_span_takes(seen: Seen) -> None:
    stream = [replace(event(n), traceparent=f"00-{n:032x}-{SPAN}-01") for n in range(1, 101)]
    await score_batch(World().context(telemetry=seen.telemetry), KEY, stream)
    [span] = seen.spans("score batch")
    assert len(span.links) == MOST_LINKS


async def test_an_alert_leads_to_its_trace_and_the_trace_to_the_batch(seen: Seen) -> None:
    world = World()
    stream = [
        replace(event(1), traceparent=SENT),
        event(2),
    ]
    await score_batch(world.context(telemetry=seen.telemetry), KEY, stream)
    [batch] = seen.spans("score batch")
    alerts = {f"{span.context.trace_id:032x}": span for span in seen.spans("alert")}
    assert (
        set(alerts)
        == {alert["event"]["trace_id"] for alert in world.alerts_by_id.values()}
        > {TRACE}
    )
    for span in alerts.values():
        [link] = span.links
        assert link.context.span_id == batch.context.span_id
        assert span.attributes == {"sheriff.typology": "none"}


async def test_a_batch_that_fails_is_a_failed_span_without_a_message(seen: Seen) -> None:
    with pytest.raises(TransientError):
        await score_batch(
            World(unreachable={"state"}).context(telemetry=seen.telemetry), KEY, [event(1)]
        )
    [span] = seen.spans("score batch")
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "TransientError"
    assert span.events == ()


def test_every_metric_can_be_recorded_and_only_its_own_label_is(seen: Seen) -> None:
    for metric in METRICS:
        seen.telemetry.measure(metric, 3, "x" if metric.label else "")
    points = dict(seen.points())
    assert set(points) == {metric.name for metric in METRICS}
    for metric in METRICS:
        assert dict(points[metric.name].attributes) == ({metric.label: "x"} if metric.label else {})


def test_a_gauge_that_is_no_longer_set_is_no_longer_sent(seen: Seen) -> None:
    seen.telemetry.measure(MODEL_AGE, 5, "v-1")
    assert [name for name, _ in seen.points()] == ["sheriff.model.age"]
    seen.telemetry.measure(MODEL_AGE, 1, "v-2")
    assert [dict(point.attributes) for _, point in seen.points()] == [{"version": "v-2"}]


# Nobody's data ---------------------------------------------------------------------------------

SECRETS = ("ORDER-4711", "Rosa Personal", "CUST-0815", "rosa@example.org", "999333.77")
"""What identifies an order, its rep and its customer, and a part of a body."""


def secret(sequence: int, **fields: Any) -> OrderEvent:
    return event(
        sequence,
        order_body(
            order_id=f"ORDER-4711-{sequence}",
            rep_id="Rosa Personal",
            customer_id="CUST-0815",
            contact="rosa@example.org",
            **fields,
        ),
    )


class Indiscreet(FakeScorer):
    """Fails with messages that quote the order."""

    def _score(self, order: Order) -> Any:
        if order.order_id in self.bugs:
            raise KeyError(f"{order.order_id} of {order.rep_id} for CUST-0815")
        return super()._score(order)


def indiscreet_world() -> World:
    """Return a world for `INDISCREET`: the third order is a bug, the fourth's alert is refused."""
    name = "ORDER-4711-{}".format
    scorer = Indiscreet(alerts=set(map(name, (1, 4, 8))), bugs={name(3)})
    return World(scorer=scorer, refused={f"alert {name(4)}.0"})


INDISCREET = [
    secret(1),
    secret(2),
    secret(3),
    secret(4),
    event(5, b'{"rep_id": "Rosa Personal", "customer_id": "CUST-0815", rosa@example.org'),
    secret(6, charged_price="999333.77 for Rosa Personal"),
    secret(7, currency="SEK"),
    secret(8, revision=2),
]


async def indiscretions(world: World, told: Any) -> str:
    """Score, fail, score alone, set aside, and find attempts that never came back.

    Returns what the host gets to report of the failures.
    """
    context, reports = world.context(telemetry=told), ""
    for away in ({"state"}, {"letter"}, {"alert"}, set()):
        world.unreachable = set(away)
        try:
            await score_batch(context, KEY, INDISCREET)
        except TransientError as error:
            assert away
            reports += "".join(traceback.format_exception(error))
    state, version = world.states_by_key[KEY]
    world.states_by_key[KEY] = (
        replace(state, attempt=Attempt("e", world.now, True, tuple("abcd"))),
        version,
    )
    await score_batch(world.later().context(telemetry=told), KEY, [secret(9), secret(10)])
    return reports


async def test_no_figure_span_or_log_line_tells_of_an_order_a_rep_or_a_customer(
    seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    world = indiscreet_world()
    with caplog.at_level(logging.DEBUG, logger="functions"):
        reports = await indiscretions(world, seen.telemetry)
        await score_batch(World().context(real_scorer(), telemetry=seen.telemetry), KEY, EPISODE)
    assert {letter.code for letter in world.letters.values()} == {
        "scoring_failed", "store_refused", "not_json", "wrong_type", "currency_mismatch",
        "attempts_vanished",
    }  # fmt: skip
    assert reports.count("unreachable") >= 3
    told = [reports, *(span.to_json() for span in seen.exporter.get_finished_spans())]
    told += [f"{name} {point.to_json()}" for name, point in seen.points()]
    formatter = logging.Formatter()
    told += [f"{formatter.format(record)} {record.args}" for record in caplog.records]
    assert len(told) > 20
    held = "\n".join(told)
    assert [word for word in (*SECRETS, "Annie Corns", "34477", "doubtful") if word in held] == []


# Elsewhere -------------------------------------------------------------------------------------

DISABLED_INSTRUMENTATIONS = "azure_sdk,django,fastapi,flask,httpx,psycopg2,requests,urllib,urllib3"
"""As docs/telemetry.md and the templates set it."""

SCORES_A_BATCH = """
import asyncio, logging, os, sys
from dataclasses import replace
from functions.handlers import score_batch
from functions.telemetry import telemetry
from tests.unit.functions.test_telemetry import INDISCREET, SENT, indiscreet_world
from tests.unit.functions.world import KEY
logging.getLogger().setLevel(logging.INFO)
if os.environ.get("PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY"):
    from azure_functions_runtime.otel import initialize_azure_monitor
    initialize_azure_monitor()  # as the worker does
context = indiscreet_world().context(telemetry=telemetry(os.environ))
stream = [replace(INDISCREET[0], traceparent=SENT), *INDISCREET[1:]]
asyncio.run(score_batch(context, KEY, stream))
"""


def scores_a_batch(**settings: str) -> None:
    """A process of its own scores a batch and ends, which sends all that is left."""
    subprocess.run(
        [sys.executable, "-c", SCORES_A_BATCH],
        cwd=ROOT,
        env={**os.environ, **settings},
        check=True,
        timeout=PATIENCE,
    )


@pytest.fixture(scope="module")
def collected() -> Iterator[FakeCollector]:
    with collector() as ours:
        scores_a_batch(OTEL_EXPORTER_OTLP_ENDPOINT=ours.endpoint)
        yield ours


def test_a_collector_gets_the_figures(collected: FakeCollector) -> None:
    found = collected.metrics()
    assert {
        "sheriff.orders.scored", "sheriff.orders.dead_lettered", "sheriff.alerts",
        "sheriff.batch.size", "sheriff.scoring.duration", "sheriff.lag", "sheriff.belief",
    } <= set(found)  # fmt: skip
    [scored] = found["sheriff.orders.scored"].sum.data_points
    assert scored.as_int == 3
    [size] = found["sheriff.batch.size"].histogram.data_points
    assert (size.count, size.sum) == (1, 8)


def test_a_collector_gets_the_batch_with_its_links_and_the_alerts_in_their_traces(
    collected: FakeCollector,
) -> None:
    spans = collected.spans()
    [batch] = [span for span in spans if span.name == "score batch"]
    assert [(link.trace_id.hex(), link.span_id.hex()) for link in batch.links] == [(TRACE, SPAN)]
    alerts = [span for span in spans if span.name == "alert"]
    assert len(alerts) == 2
    assert TRACE in {span.trace_id.hex() for span in alerts}
    assert {link.span_id for span in alerts for link in span.links} == {batch.span_id}


def test_a_collector_gets_the_log_within_the_trace_of_its_batch(collected: FakeCollector) -> None:
    [batch] = [span for span in collected.spans() if span.name == "score batch"]
    [line] = [record for record in collected.log() if "8 events in" in record.body.string_value]
    assert line.trace_id == batch.trace_id
    assert line.severity_text == "WARN"


def test_what_a_collector_gets_names_its_source_and_nobody(collected: FakeCollector) -> None:
    text = collected.text()
    assert "'service.name', 'value': {'stringValue': 'sheriff'}" in text.replace("'key': ", "")
    assert [word for word in SECRETS if word in text] == []


# In Azure --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ingested() -> Iterator[FakeIngestion]:
    with ingestion() as ours:
        scores_a_batch(
            PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY="true",
            APPLICATIONINSIGHTS_CONNECTION_STRING=ours.connection,
            APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL="true",  # it goes to another endpoint
            OTEL_SERVICE_NAME="sheriff-scorer",
            OTEL_TRACES_SAMPLER="always_on",
            PYTHON_APPLICATIONINSIGHTS_LOGGER_NAME="functions",
            OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=DISABLED_INSTRUMENTATIONS,
        )
        yield ours


def test_application_insights_gets_the_figures_under_their_names(ingested: FakeIngestion) -> None:
    found = {
        item["data"]["baseData"]["metrics"][0]["name"]: item["data"]["baseData"]
        for item in ingested.items("MetricData")
    }
    assert found["sheriff.orders.scored"]["metrics"][0]["value"] == 3
    assert found["sheriff.lag"]["properties"].keys() == {"event"}
    assert found["sheriff.belief"]["properties"] == {"partition": "0"}
    assert {item["tags"]["ai.cloud.role"] for item in ingested.items("MetricData")} == {
        "sheriff-scorer"
    }


def test_application_insights_finds_an_alert_by_its_trace_and_the_batch_by_the_alert(
    ingested: FakeIngestion,
) -> None:
    [batch] = ingested.items("RequestData")
    alerts = {
        item["tags"]["ai.operation.id"]: item for item in ingested.items("RemoteDependencyData")
    }
    assert len(alerts) == 2  # and no span of any library
    [link] = json.loads(alerts[TRACE]["data"]["baseData"]["properties"]["_MS.links"])
    assert link["id"] == batch["data"]["baseData"]["id"]
    assert link["operation_Id"] == batch["tags"]["ai.operation.id"]


def test_application_insights_gets_nobodys_data(ingested: FakeIngestion) -> None:
    text = b"".join(ingested.bodies).decode()
    assert "8 events in" in text
    assert [word for word in SECRETS if word in text] == []


# What is asked for -----------------------------------------------------------------------------


def test_nothing_is_said_unless_it_is_asked_for() -> None:
    assert telemetry({}) is SILENT
    assert telemetry({"OTEL_SERVICE_NAME": "scorer", "OTEL_EXPORTER_OTLP_ENDPOINT": " "}) is SILENT


def test_in_azure_the_runtimes_own_setup_is_used_and_nothing_set_up_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr(module, "_of_our_own", never)
    ours = telemetry({
        "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
    })  # fmt: skip
    assert isinstance(ours, Traced)
    ours.measure(ORDERS_SCORED, 1)


def test_orders_are_scored_where_telemetry_cannot_be_set_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise ImportError("no opentelemetry")

    monkeypatch.setattr(module, "_of_our_own", broken)
    assert telemetry({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}) is SILENT
    assert [record.message for record in caplog.records] == [
        "telemetry cannot start, so nothing is recorded"
    ]


def test_a_start_loads_no_telemetry_unless_it_is_asked_for() -> None:
    script = (
        "import os, sys, function_app; from functions import wiring; wiring.telemetry();"
        "print(*{name for name in sys.modules"
        " if name.startswith(('opentelemetry', 'azure.monitor'))})"
    )
    unset = ("OTEL_EXPORTER_OTLP_ENDPOINT", "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY")
    environ = {name: value for name, value in os.environ.items() if name not in unset}

    def loaded(**settings: str) -> str:
        command = [sys.executable, "-c", script]
        return subprocess.run(
            command, cwd=ROOT, env=environ | settings, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert loaded() == ""
    assert "opentelemetry.sdk" in loaded(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
