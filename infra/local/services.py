"""The servers of the local stack: how each is started, and the settings that reach it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.local.processes import HOST, StackError
from shared.containers import ARCHIVE
from shared.locality import LOCAL

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

ORDERS_HUB = "orders"
ORDERS_PARTITIONS = 4
COSMOS_DATABASE = "sheriff"
CAPTURE_CONTAINER = ARCHIVE
CAPTURE_SECONDS = 60  # the service's shortest window

# Seconds each may take to stop by itself; the host waits up to 30 s for running batches.
GRACE_SECONDS = {"azurite": 10, "eventhubs": 10, "cosmos": 10, "host": 40}

# Azurite's documented development account: it is public, and only Azurite accepts it.
_AZURITE_ACCOUNT = "devstoreaccount1"
_AZURITE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
_ANY_KEY = "bG9jYWw="  # base64 of "local": the emulators check no keys, the SDKs want one


@dataclass(frozen=True)
class Service:
    """A server to start: its command line, and settings added to the environment."""

    command: list[str]
    environ: Mapping[str, str] = field(default_factory=dict)


def blob_connection(port: int) -> str:
    """Return the storage connection string of Azurite's blob service on `port`."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={_AZURITE_ACCOUNT};AccountKey={_AZURITE_KEY};"
        f"BlobEndpoint=http://{HOST}:{port}/{_AZURITE_ACCOUNT};"
    )


def event_hub_connection(port: int) -> str:
    """Return the Event Hubs connection string of the emulator on `port`."""
    return (
        f"Endpoint=sb://{HOST}:{port};SharedAccessKeyName=RootManageSharedAccessKey;"
        f"SharedAccessKey={_ANY_KEY};UseDevelopmentEmulator=true;"
    )


def app_settings(ports: Mapping[str, int]) -> dict[str, str]:
    """Return the app settings for servers on `ports` (of azurite, eventhubs and cosmos)."""
    blobs = blob_connection(ports["azurite"])
    return {
        LOCAL: "on",
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "AzureWebJobsStorage": blobs,
        "BLOB_CONNECTION": blobs,
        "EventHubConnection": event_hub_connection(ports["eventhubs"]),
        "ORDERS_HUB": ORDERS_HUB,
        "ORDERS_CONSUMER_GROUP": "$Default",
        "COSMOS_ENDPOINT": f"http://{HOST}:{ports['cosmos']}",
        "COSMOS_KEY": _ANY_KEY,
        "COSMOS_DATABASE": COSMOS_DATABASE,
        "RETRAIN_SCHEDULE": "0 0 2 * * *",
        "SHERIFF_ROLE": "all",
    }


def node() -> str:
    """Return the Node executable; raise StackError if it or its packages are missing."""
    executable = shutil.which("node")
    if executable is None:
        raise StackError("Node is missing: install Node 20 or later and put `node` on the PATH")
    if not (HERE / "node_modules" / "azurite").is_dir():
        raise StackError("the Node packages are missing: run `make setup` (npm ci in infra/local)")
    return executable


def require_python(version: tuple[int, int] = sys.version_info[:2]) -> None:
    """Raise StackError unless this is Python 3.13, which azure-functions-runtime is pinned for."""
    if version != (3, 13):
        raise StackError(
            f"Python 3.13 is missing: this is {version[0]}.{version[1]}; "
            "run the stack with the environment that `make setup` creates (.venv/bin/python)"
        )


def azurite(port: int, folder: Path) -> Service:
    """Return Azurite's blob service with its data in `folder`; acknowledged data survive a kill."""
    script = HERE / "azurite.js"
    options = {
        "--blobHost": HOST,
        "--blobPort": str(port),
        # Its default of 5 s cuts connections that the SDK still holds; each costs a retry.
        "--blobKeepAliveTimeout": "120",
        "--location": str(folder),
    }
    flags = ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    return Service([node(), str(script), *(part for o in options.items() for part in o), *flags])


def cosmos(port: int, folder: Path) -> Service:
    """Return the Cosmos DB emulator, its journal in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    journal = folder / "cosmos.jsonl"
    script = HERE / "cosmos.js"
    return Service([node(), str(script), "--port", str(port), "--journal", str(journal)])


def eventhubs(port: int, folder: Path, storage: str | None) -> Service:
    """Return the Event Hubs emulator with hub `orders`, its log in `folder`.

    Capture writes to `storage`; without one it does not run.
    """
    hub = f"{ORDERS_HUB}:{ORDERS_PARTITIONS}"
    arguments = [hub, "--port", str(port), "--dir", str(folder)]
    if storage is None:
        return _module("infra.local.eventhubs", *arguments, environ={})
    capture = ["--capture", CAPTURE_CONTAINER, "--capture-seconds", str(CAPTURE_SECONDS)]
    environ = {"BLOB_CONNECTION": storage}
    return _module("infra.local.eventhubs", *arguments, *capture, environ=environ)


def host(port: int, app: Path, settings: Mapping[str, str]) -> Service:
    """Return the functions host for the app in `app` with `settings`."""
    return _module("infra.local.host", str(app), "--port", str(port), environ=settings)


def _module(module: str, *arguments: str, environ: Mapping[str, str]) -> Service:
    """Return a Python module of this repository; it starts from any folder."""
    command = [sys.executable, "-m", module, *arguments]
    return Service(command, {"PYTHONPATH": str(ROOT), **environ})
