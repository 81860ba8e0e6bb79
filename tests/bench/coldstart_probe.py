"""Runs inside an unpacked scorer.zip, in a bare interpreter: from nothing to a scored batch.

Its arguments are the unpacked zip and a folder with a bundle, its catalogue and orders. Fakes
that answer at once replace stores and hub, so only the code's own time is measured.
"""

import asyncio
import dataclasses
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

STARTED = time.perf_counter()
APP, GIVEN = Path(sys.argv[1]), Path(sys.argv[2])
sys.path[:0] = [str(APP), str(APP / ".python_packages/lib/site-packages")]


class FakeStores:
    """Answers as empty stores would."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []
        self.committed: Any = None

    async def create(self, alert: dict[str, Any]) -> bool:
        self.alerts.append(alert)
        return True

    async def supersede(self, *_: Any) -> int:
        return 0

    async def latest(self, _kind: str) -> list[Any]:
        return []

    async def put(self, *_: Any) -> None:
        return

    revisit = add = put

    async def write(self, _key: Any, state: Any, _version: Any) -> str:
        self.committed = state
        return "1"


def serving() -> Any:
    """Return files as the model's store has them: a champion and the pointer to it."""
    from shared.champion import CHAMPION, bundle_path
    from shared.containers import MODELS
    from shared.errors import NotThereError

    pointer = json.loads((GIVEN / "champion.json").read_text())
    files = {
        (MODELS, CHAMPION): (GIVEN / "champion.json").read_bytes(),
        (MODELS, bundle_path(pointer["version"])): (GIVEN / "bundle.json").read_bytes(),
    }

    class FakeFiles:
        async def read(self, container: str, name: str, known: Any = None) -> Any:
            if (container, name) not in files:
                raise NotThereError(name)
            return None if known == "1" else (files[container, name], "1")

    return FakeFiles()


def telemetry() -> float:
    """Return the seconds to load what the runtime loads when telemetry is on."""
    began = time.perf_counter()
    import azure.monitor.opentelemetry  # noqa: F401
    import opentelemetry.sdk.metrics  # noqa: F401

    return time.perf_counter() - began


async def score(events: list[Any]) -> dict[str, Any]:
    """Score the batch as the trigger would; return how far it got and when."""
    from functions import wiring
    from functions.handlers import score_batch
    from functions.model_loader import ModelLoader
    from shared.stream import StreamState
    from shared.stream_key import StreamKey

    stores = FakeStores()

    class FakeStates(FakeStores):
        async def read(self, _key: Any) -> Any:
            return StreamState(), None

    made = wiring.scoring_context()
    states = FakeStates()
    loader = ModelLoader(serving(), made.executor, poll_seconds=30, shadow=False)
    context = dataclasses.replace(
        made, alerts=stores, incidents=stores, states=states, dead_letters=stores,
        read_scorer=loader.scorer, shadow=None,
    )  # fmt: skip
    ready = time.perf_counter()
    summary = await score_batch(context, StreamKey("orders", "$Default", "0"), events)
    return {
        "ready": ready - STARTED,
        "scored": summary.scored,
        "alerts": summary.alerts,
        "bundle": loader.status()["bundle_version"],
    }


def main() -> None:
    """Index, wire and score; print the seconds since the first line of this file."""
    os.environ.update(
        SHERIFF_ROLE="scorer",
        ORDERS_HUB="orders",
        ORDERS_CONSUMER_GROUP="sheriff",
        COSMOS_ENDPOINT="https://127.0.0.1:1/",
        BLOB_ACCOUNT_URL="https://127.0.0.1:1/",
        EventHubConnection__fullyQualifiedNamespace="127.0.0.1",
    )
    # The runtime is in the app's packages, and is loaded before the app.
    from azure_functions_runtime.loader import index_function_app

    runtime = time.perf_counter() - STARTED
    functions = index_function_app(str(APP / "function_app.py"))
    indexed = time.perf_counter() - STARTED
    from shared.order_event import OrderEvent

    bodies = (GIVEN / "orders.jsonl").read_bytes().splitlines()
    now = datetime.now(UTC)
    events = [OrderEvent(body, number, now, "rep") for number, body in enumerate(bodies)]
    answer = asyncio.run(score(events))
    done = time.perf_counter() - STARTED
    answer |= {"runtime": runtime, "indexed": indexed, "done": done, "telemetry": telemetry()}
    answer["functions"] = len(functions)
    answer["learning"] = sorted({"mlflow", "pandas", "sklearn"} & {*sys.modules})
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
