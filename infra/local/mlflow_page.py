"""make mlflow: show the runs of the demo, or of another local store, on MLflow's page."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.local import commands, processes
from infra.local.processes import HOST, Child, StackError
from infra.local.services import ROOT
from training.models.registry import Registry
from training.models.tracking import ENVIRONMENT, Store, located

DEMO = f"sqlite:///{ROOT}/.sheriff/demo/stack/mlflow/mlflow.db"
PORT = 5000
_GRACE_SECONDS = 10


def serve(store: Store, port: int, log: Path, record: Callable[[Child], None]) -> Child:
    """Start MLflow's server on a local store; ``record`` gets it before it runs.

    Raises:
        StackError: the port is taken.
    """
    try:
        processes.require_free("mlflow", port)
    except StackError as error:
        raise StackError(f"port {port} is taken: make mlflow PORT={port + 1}") from error
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store.uri),
        *("--no-serve-artifacts", "--default-artifact-root", store.artifacts or ""),
        *("--host", HOST, "--port", str(port), "--workers", "1"),
    ]
    quiet = ENVIRONMENT | {
        "MLFLOW_LOGGING_LEVEL": "INFO",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    return processes.start("mlflow", command, log, quiet, record=record)


def page(uri: str, port: int) -> None:
    """Serve the page until Ctrl-C.

    Raises:
        StackError: there are no runs yet, or the port is taken.
        ConfigurationError: Sheriff cannot use the store.
    """
    store = located(uri)
    if store.folder is None:
        raise StackError(f"{uri} is a server: open its own page")
    if not Path(store.uri.removeprefix("sqlite:///")).exists():
        raise StackError(f"no runs in {store.folder} yet: run `make demo` first")
    registry = Registry.open(uri)
    if not registry.has_runs():
        raise StackError(f"no runs in {store.folder} yet: run `make demo` first")
    started: list[Child] = []
    try:
        child = serve(store, port, store.folder / "page.log", started.append)
        print(f"MLflow: http://{HOST}:{child.port}{registry.page} (Ctrl-C ends it)", flush=True)
        if child.handle is not None:
            child.handle.wait()
    finally:
        for server in started:
            processes.stop(server, _GRACE_SECONDS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the page; return 2 and print one line if that cannot be."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.mlflow_page", description=__doc__)
    parser.add_argument("--port", type=commands.port, default=PORT, help=f"default {PORT}")
    options = parser.parse_args(arguments)

    def command() -> int:
        with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is how it ends
            page(os.environ.get("MLFLOW_TRACKING_URI") or DEMO, options.port)
        return 0

    return commands.run("mlflow", command, bad=2)


if __name__ == "__main__":
    sys.exit(main())
