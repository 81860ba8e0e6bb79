"""Send metrics and traces by OpenTelemetry, which is loaded only where the settings ask for it.

In Azure the runtime has set everything up by the time a function runs
(``PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY``). This module only adds Sheriff's own metrics and
spans. Anywhere else ``OTEL_EXPORTER_OTLP_ENDPOINT`` names a collector.

A span never holds an exception's message, because that may quote the order.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from functions.metrics import METRICS, Metric
from functions.ports import Telemetry
from functions.settings import telemetry_target
from functions.trace_context import parsed
from shared.order_event import OrderEvent
from shared.stream_key import StreamKey

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Meter, Observation
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.trace import Link, Tracer

logger = logging.getLogger(__name__)

SCOPE = "sheriff"
MOST_LINKS = 32
"""The most producers' traces that a batch links to; an alert's ``trace_id`` finds the others."""


class Silent:
    """Records nothing (`functions.ports.Telemetry`)."""

    def batch(self, key: StreamKey, events: Sequence[OrderEvent]) -> AbstractContextManager[None]:
        return nullcontext()

    def note(self, **figures: int) -> None:
        return

    def alerted(self, trace_id: str, typology: str) -> None:
        return

    def measure(self, metric: Metric, value: float, label: str = "") -> None:
        return


SILENT = Silent()


class Traced:
    """Records in OpenTelemetry (`functions.ports.Telemetry`)."""

    def __init__(self, meter: "Meter", tracer: "Tracer") -> None:
        from opentelemetry import trace  # noqa: PLC0415 - loaded only if it is used

        self._trace: Any = trace
        self._tracer = tracer
        self._record = {metric: _recorder(meter, metric) for metric in METRICS}

    @contextmanager
    def batch(self, key: StreamKey, events: Sequence[OrderEvent]) -> Iterator[None]:
        with self._tracer.start_as_current_span(
            "score batch",
            kind=self._trace.SpanKind.CONSUMER,
            links=self._links(events),
            attributes={
                "messaging.system": "eventhubs",
                "messaging.operation.type": "process",
                "messaging.destination.name": key.hub,
                "messaging.destination.partition.id": key.partition_id,
                "messaging.batch.message_count": len(events),
            },
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except BaseException as error:
                span.set_status(self._trace.StatusCode.ERROR, type(error).__name__)
                raise

    def note(self, **figures: int) -> None:
        span = self._trace.get_current_span()
        span.set_attributes({f"sheriff.{name}": value for name, value in figures.items()})

    def alerted(self, trace_id: str, typology: str) -> None:
        """Add a span to the order's trace, with a link to the batch in which it was found."""
        # The id of the order's own span is not kept; any id makes the new span a part of the trace.
        order = self._context(trace_id, trace_id[16:])
        batch = self._trace.get_current_span().get_span_context()
        self._tracer.start_span(
            "alert",
            context=self._trace.set_span_in_context(self._trace.NonRecordingSpan(order)),
            links=[self._trace.Link(batch)] if batch.is_valid else [],
            attributes={"sheriff.typology": typology},
        ).end()

    def measure(self, metric: Metric, value: float, label: str = "") -> None:
        self._record[metric](value, {metric.label: label} if metric.label else {})

    def _links(self, events: Sequence[OrderEvent]) -> "list[Link]":
        sent = dict.fromkeys(event.traceparent for event in events if event.traceparent)
        return [
            self._trace.Link(self._context(*parsed(traceparent)))
            for traceparent in list(sent)[:MOST_LINKS]
        ]

    def _context(self, trace_id: str, span_id: str) -> Any:
        sampled = self._trace.TraceFlags(self._trace.TraceFlags.SAMPLED)
        return self._trace.SpanContext(int(trace_id, 16), int(span_id, 16) or 1, True, sampled)


class _Latest:
    """A gauge's last value for every label, since the last export.

    The SDK's own gauge would go on sending a value that was set once: the belief of a partition
    that moved to another instance, or the age of a model that no longer serves.
    """

    def __init__(self) -> None:
        self._values: dict[frozenset[tuple[str, str]], float] = {}

    def set(self, value: float, labels: Mapping[str, str]) -> None:
        self._values[frozenset(labels.items())] = value

    def observe(self, _: "CallbackOptions") -> "list[Observation]":
        from opentelemetry.metrics import Observation  # noqa: PLC0415 - see above

        values, self._values = self._values, {}
        return [Observation(value, dict(labels)) for labels, value in values.items()]


def _recorder(meter: "Meter", metric: Metric) -> Callable[[float, Mapping[str, str]], None]:
    match metric.kind:
        case "counter":
            return meter.create_counter(metric.name, metric.unit, metric.says).add
        case "gauge":
            latest = _Latest()
            meter.create_observable_gauge(metric.name, [latest.observe], metric.unit, metric.says)
            return latest.set
        case "histogram":
            return meter.create_histogram(
                metric.name,
                metric.unit,
                metric.says,
                explicit_bucket_boundaries_advisory=metric.edges,
            ).record


def telemetry(environ: Mapping[str, str]) -> Telemetry:
    """Return the telemetry that the settings ask for; if it cannot start, record nothing."""
    try:
        match telemetry_target(environ):
            case "azure":
                return _of_the_runtime()
            case "otlp":
                return _of_our_own(environ)
    except Exception:  # orders are scored without telemetry, too
        logger.exception("telemetry cannot start, so nothing is recorded")
    return SILENT


def _of_the_runtime() -> Telemetry:
    from opentelemetry import metrics, trace  # noqa: PLC0415 - see above

    return Traced(metrics.get_meter(SCOPE), trace.get_tracer(SCOPE))


def _of_our_own(environ: Mapping[str, str]) -> Telemetry:
    """Send metrics, traces and the log of `functions` to the collector in the OTEL_* settings."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415
        OTLPMetricExporter,
    )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    resource = _resource(environ)
    traces = TracerProvider(resource=resource)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource)
    _export_log(resource)
    return Traced(meters.get_meter(SCOPE), traces.get_tracer(SCOPE))


def _export_log(resource: "Resource") -> None:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import (  # noqa: PLC0415
        OTLPLogExporter,
    )
    from opentelemetry.instrumentation.logging.handler import LoggingHandler  # noqa: PLC0415
    from opentelemetry.sdk._logs import LoggerProvider  # noqa: PLC0415
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor  # noqa: PLC0415

    logs = LoggerProvider(resource=resource)
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    # Only our own log: an exporter in trouble logs, too, and would send that for ever.
    logging.getLogger("functions").addHandler(LoggingHandler(logging.INFO, logs))


def _resource(environ: Mapping[str, str]) -> "Resource":
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415

    named = environ.get("OTEL_SERVICE_NAME") or "service.name=" in environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    return Resource.create({} if named else {"service.name": "sheriff"})
