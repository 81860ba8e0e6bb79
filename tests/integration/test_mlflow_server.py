"""A real MLflow server: the same record as on SQLite, with and without aliases, and its page."""

from __future__ import annotations

import json
import socket
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts

from infra.local import mlflow_page, processes
from infra.local.processes import HOST, StackError
from shared.model import encode_bundle, packaged_bundle
from tests.orders import order_fields
from training.models.registry import Registry
from training.models.tracking import RegistryUnreachableError, located


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@pytest.fixture(scope="module")
def server(store: str) -> Iterator[str]:
    """`make mlflow` on a store with a run; when it is asked to end, its server ends with it."""
    with Registry.open(store).run("v0"):
        pass
    command = [sys.executable, "-m", "infra.local.mlflow_page"]
    page = processes.start(
        "mlflow",
        [*command, "--port", str(processes.free_port())],
        Path(store.removeprefix("sqlite:///")).with_name("command.log"),
        {"MLFLOW_TRACKING_URI": store},
    )
    yield f"http://{HOST}:{page.port}"
    processes.stop(page, grace=15)
    assert page.handle is not None
    assert page.handle.returncode == 0
    processes.require_free("mlflow", page.port)


class WithoutAliases(BaseHTTPRequestHandler):
    """Passes every request on but those about aliases, which it answers as Azure ML does."""

    behind = ""

    def _pass(self) -> None:
        if "alias" in self.path:
            self.send_error(404)
            return
        length = int(self.headers.get("Content-Length") or 0)
        request = urllib.request.Request(
            self.behind + self.path,
            self.rfile.read(length) if length else None,
            {"Content-Type": "application/json"},
            method=self.command,
        )
        try:
            with urllib.request.urlopen(request) as answer:
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, body = error.code, error.read()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_DELETE = _pass  # noqa: N815 - named by http.server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
        pass


@pytest.fixture
def without_aliases(server: str) -> Iterator[str]:
    handler = type("Handler", (WithoutAliases,), {"behind": server})
    with ThreadingHTTPServer((HOST, 0), handler) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        yield f"http://{HOST}:{proxy.server_port}"
        proxy.shutdown()
        thread.join()


def register(registry: Registry, version: str, name: str) -> tuple[str, int]:
    bundle, _ = encode_bundle(msgspec.structs.replace(packaged_bundle(), version=version))
    with registry.run(version) as run:
        run.parameters({"days": 14})
        run.metrics({"recall": 0.5})
        run.artifact("report.html", b"<p>well</p>")
        with run.child("C=1") as child:
            child.metrics({"average_precision": 0.9})
        return run.run_id, run.model(name, bundle, version, [order_fields()])


def test_a_server_keeps_the_same_record_as_a_file(server: str, store: str, tmp_path: Path) -> None:
    runs = [register(Registry.open(uri), "v1", "sheriff") for uri in (server, store, server)]
    assert len(set(runs)) == 1
    run_id, number = runs[0]
    client = MlflowClient(server)
    run = client.get_run(run_id)
    assert (run.info.status, run.data.params, run.data.metrics) == (
        "FINISHED",
        {"days": "14"},
        {"recall": 0.5},
    )
    path = download_artifacts(
        run_id=run_id, artifact_path="report.html", dst_path=str(tmp_path), tracking_uri=server
    )
    assert Path(path).read_bytes() == b"<p>well</p>"
    registry = Registry.open(server)
    assert registry.repair("sheriff", "v1")
    assert registry.pointed("sheriff", "champion") == number
    registry.clear("sheriff", "champion")
    assert registry.pointed("sheriff", "champion") is None


def test_tags_stand_for_aliases_on_a_server_without_them(without_aliases: str) -> None:
    registry = Registry.open(without_aliases)
    for version in ("t1", "t2"):
        register(registry, version, "sheriff-tags")
    for number in (1, 2):
        registry.point("sheriff-tags", "champion", number)
        assert registry.pointed("sheriff-tags", "champion") == number
    two, one = registry.versions("sheriff-tags")
    assert (one.aliases, two.aliases) == ((), ("champion",))
    assert "alias.champion" in two.tags
    registry.clear("sheriff-tags", "champion")
    assert registry.pointed("sheriff-tags", "champion") is None


def test_the_page_is_said_to_be_where_the_runs_are(server: str, store: str) -> None:
    said = Path(store.removeprefix("sqlite:///")).with_name("command.log").read_text()
    assert said == f"MLflow: {server}{Registry.open(store).page} (Ctrl-C ends it)\n"
    with urllib.request.urlopen(f"{server}/health") as answer:
        assert answer.read() == b"OK"


def test_a_file_is_written_while_the_page_reads_it(server: str, store: str) -> None:
    ended, answers = threading.Event(), []
    asked = json.dumps({"experiment_ids": ["1"], "max_results": 100}).encode()

    def read() -> None:
        while not ended.is_set():
            request = urllib.request.Request(
                f"{server}/api/2.0/mlflow/runs/search", asked, {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request) as answer:
                answers.append(answer.status)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        for number in range(3):
            with Registry.open(store).run(f"beside-{number}") as run:
                run.metrics({f"m{n}": n for n in range(50)})
                with run.child("C=1") as child:
                    child.metrics({"x": 1.0})
    finally:
        ended.set()
        thread.join()
    assert answers
    assert set(answers) == {200}


def test_a_server_that_takes_a_call_and_never_answers_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    with socket.socket() as silent:
        silent.bind((HOST, 0))
        silent.listen()
        with pytest.raises(RegistryUnreachableError, match="does not answer"):
            Registry.open(f"http://{HOST}:{silent.getsockname()[1]}")


def test_a_taken_port_is_named_with_another_one(server: str, store: str, tmp_path: Path) -> None:
    port = int(server.rpartition(":")[2])
    with pytest.raises(StackError, match=f"port {port} is taken: make mlflow PORT={port + 1}"):
        mlflow_page.serve(located(store), port, tmp_path / "page.log", [].append)


def test_without_runs_the_page_says_how_to_make_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/none/mlflow.db")
    assert mlflow_page.main([]) == 2
    said = capsys.readouterr().err
    assert "run `make demo` first" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "none").exists()
