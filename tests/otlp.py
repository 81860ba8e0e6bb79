"""A collector to send telemetry to: it takes OTLP over HTTP and keeps what it got, decoded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_SIGNALS: dict[str, type[Message]] = {
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}


@dataclass
class Collector:
    """What arrived so far."""

    endpoint: str = ""
    requests: list[Any] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def metrics(self) -> dict[str, Any]:
        """The metrics by name, each as it arrived last."""
        return {
            metric.name: metric
            for request in self._of(ExportMetricsServiceRequest)
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def spans(self) -> list[Any]:
        return [
            span
            for request in self._of(ExportTraceServiceRequest)
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def log(self) -> list[Any]:
        return [
            record
            for request in self._of(ExportLogsServiceRequest)
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    def text(self) -> str:
        """All of it, as JSON and in its own bytes, to look for what must not be there."""
        whole = [str(MessageToDict(request)) for request in self.requests]
        return "\n".join(whole + [repr(one.SerializeToString()) for one in self.requests])

    def _of(self, kind: type[Message]) -> list[Any]:
        return [request for request in self.requests if isinstance(request, kind)]


@contextmanager
def collector() -> Iterator[Collector]:
    """A collector on a free port of this machine."""
    ours = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = _SIGNALS[self.path]()
            request.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
            with ours.arrived:
                ours.requests.append(request)
                ours.arrived.notify_all()
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ours.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield ours
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
