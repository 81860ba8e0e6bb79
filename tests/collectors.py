"""Fakes of where telemetry goes: a collector of OTLP, and Application Insights."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
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
class FakeCollector:
    """A collector of OTLP; it keeps what arrives."""

    endpoint: str = ""
    requests: list[Any] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def metrics(self) -> dict[str, Any]:
        """Return the metrics by name, each as it arrived last."""
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
        """Return everything as JSON and as bytes, to look for what must not be there."""
        whole = [str(MessageToDict(request)) for request in self.requests]
        return "\n".join(whole + [repr(request.SerializeToString()) for request in self.requests])

    def _of(self, kind: type[Message]) -> list[Any]:
        return [request for request in self.requests if isinstance(request, kind)]


@dataclass
class FakeIngestion:
    """An ingestion endpoint; it keeps the JSON items that arrive; ``data`` has their kind."""

    connection: str = ""
    bodies: list[bytes] = field(default_factory=list)

    def items(self, kind: str) -> list[dict[str, Any]]:
        every = [item for body in self.bodies for item in json.loads(body)]
        return [item for item in every if item["data"]["baseType"] == kind]


@contextmanager
def collector() -> Iterator[FakeCollector]:
    """Run a collector on a free port of this machine."""
    ours = FakeCollector()

    def take(path: str, body: bytes) -> bytes:
        request = _SIGNALS[path]()
        request.ParseFromString(body)
        with ours.arrived:
            ours.requests.append(request)
            ours.arrived.notify_all()
        return b""

    with _server(take) as ours.endpoint:
        yield ours


@contextmanager
def ingestion() -> Iterator[FakeIngestion]:
    """Run Application Insights' ingestion endpoint on a free port of this machine."""
    ours = FakeIngestion()

    def take(path: str, body: bytes) -> bytes:
        if not path.endswith("/track"):
            return b"{}"
        ours.bodies.append(body)
        count = len(json.loads(body))
        answer = {"itemsReceived": count, "itemsAccepted": count, "errors": []}
        return json.dumps(answer).encode()

    with _server(take) as endpoint:
        ours.connection = (
            "InstrumentationKey=00000000-0000-0000-0000-000000000001;"
            f"IngestionEndpoint={endpoint}/;LiveEndpoint={endpoint}/"
        )
        yield ours


@contextmanager
def _server(take: Callable[[str, bytes], bytes]) -> Iterator[str]:
    """Run an HTTP server that answers with ``take(path, body)``; yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            answer = take(self.path, body)
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
