"""A store on this machine that answers what a test tells it to, and keeps what it was asked."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "bG9jYWw="

COSMOS_ACCOUNT = {
    "id": "local",
    "_rid": "r",
    "_self": "s",
    "_etag": "e",
    "writableLocations": [],
    "readableLocations": [],
    "partitionKey": {"paths": ["/rep_id"], "kind": "Hash", "version": 2},
}
"""What a Cosmos DB client reads of an account and of a container before its first request."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came in; the names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Answer:
    """What the server answers; ``error`` is the code by which Blob Storage names a failure."""

    status: int = 200
    document: Any = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    error: str = ""


@dataclass(slots=True)
class StoreServer:
    """Answers a request by its method and the end of its path, else as an account of Cosmos DB."""

    url: str
    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    @property
    def blob_connection(self) -> str:
        return (
            "DefaultEndpointsProtocol=http;AccountName=account;"
            f"AccountKey={KEY};BlobEndpoint={self.url}/account;"
        )

    def asked(self, method: str, end: str) -> list[Request]:
        """Return the requests of this kind, in their order."""
        return [
            request
            for request in self.requests
            if request.method == method and request.path.endswith(end)
        ]

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        for (method, end), answer in self.answers.items():
            if request.method == method and request.path.endswith(end):
                return answer
        return Answer(document=COSMOS_ACCOUNT)


@contextmanager
def serving() -> Iterator[StoreServer]:
    """Run a server on a free port for as long as this is entered."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            path = self.path.partition("?")[0]
            request = Request(self.command, path, headers, self.rfile.read(length))
            answer = server.answer(request)
            body = answer.body
            if answer.document is not None:
                body = json.dumps(answer.document).encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.error:
                self.send_header("x-ms-error-code", answer.error)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD" and answer.status not in {204, 304}:
                self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = do_HEAD = _answer  # noqa: N815 - http.server calls them so

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as above
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        server = StoreServer(f"http://127.0.0.1:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
