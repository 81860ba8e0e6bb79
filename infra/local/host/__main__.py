"""python -m infra.local.host [APP_DIR] [--port 7071]: run a Python function app on this machine.

It knows the triggers Event Hub, timer and HTTP. If it cannot run the app, it ends with 1 and one
line. SIGTERM or Ctrl-C stops it gracefully: running batches end first. As in Azure they get no
checkpoint then, so the next host gets them once more.

Settings come from the environment, then from APP_DIR/local.settings.json. The host itself has one
setting: LOCAL_HOST_ZONED_TIMES=true sends enqueued times with their zone; Azure does not do that.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web
from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.blob.aio import BlobServiceClient

from infra.local.commands import port
from infra.local.host import config, routes
from infra.local.host.errors import HostError
from infra.local.host.eventhub import CHECKPOINT_CONTAINER, EventHubListener, zoned_times
from infra.local.host.functions import Function, load_functions
from infra.local.host.timer import STATUS_CONTAINER, TimerListener

log = logging.getLogger("host")
_HOST = "127.0.0.1"
_HOST_ID = "AzureFunctionsWebHost__hostid"  # named as in Azure

type Listener = EventHubListener | TimerListener


async def run(app: Path, port: int) -> None:
    """Serve the app until a signal comes; raise HostError if it cannot be served."""
    config.add_local_settings(app, os.environ)
    host_json = config.read_host_json(app, os.environ)
    functions = load_functions(app)
    storage = config.setting("AzureWebJobsStorage", "the host's own storage")
    await _make_containers(storage)
    # Hosts of one app share its timers; apps on one storage account must not.
    host_id = os.environ.get(_HOST_ID) or app.name.lower()
    listeners = _listeners(functions, host_json, storage, host_id)
    timers = [listener for listener in listeners if isinstance(listener, TimerListener)]
    prefix = host_json.extensions.http.route_prefix
    runner = web.AppRunner(routes.application(functions, timers, prefix), access_log=None)
    try:
        address = await _serve(runner, port)
        stop = _stop_event()
        tasks = [await listener.start() for listener in listeners]
        kinds = ", ".join(f"{function.name} ({function.kind})" for function in functions)
        print(f"host on {address}: {kinds or 'no functions'}", flush=True)
        await _until(stop, tasks)
    finally:
        await asyncio.gather(*(listener.stop() for listener in listeners))
        await runner.cleanup()


def _listeners(
    functions: Sequence[Function], host_json: config.HostConfig, storage: str, host_id: str
) -> list[Listener]:
    listeners: list[Listener] = []
    for function in functions:
        match function.kind:
            case "eventHubTrigger":
                options = host_json.extensions.event_hubs
                listeners.append(EventHubListener(function, options, storage, zoned_times()))
            case "timerTrigger":
                listeners.append(TimerListener(function, storage, host_id))
            case "httpTrigger":
                pass  # served by the routes
            case other:
                log.warning("%s is not run: this host knows no %s", function.name, other)
    return listeners


async def _make_containers(storage: str) -> None:
    try:
        async with BlobServiceClient.from_connection_string(storage, retry_total=3) as service:
            for name in (CHECKPOINT_CONTAINER, STATUS_CONTAINER):
                with contextlib.suppress(ResourceExistsError):
                    await service.create_container(name)
    except ValueError as error:
        raise HostError(f"app setting AzureWebJobsStorage: {error}") from None
    except AzureError as error:
        text = str(error).splitlines()[0]
        raise HostError(f"storage (AzureWebJobsStorage) does not answer: {text}") from None


async def _serve(runner: web.AppRunner, port: int) -> str:
    """Listen on `port`, or on a free port if it is 0; return the address."""
    await runner.setup()
    try:
        await web.TCPSite(runner, _HOST, port).start()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise HostError(f"port {port} is taken: choose another with --port") from None
    return f"http://{_HOST}:{runner.addresses[0][1]}"


def _stop_event() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _until(stop: asyncio.Event, tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for `stop`; raise HostError if a listener ends before."""
    stopped = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    for task in done - {stopped}:
        raise HostError(f"a listener ended: {task.exception()!r}")


def _log_to_stderr(verbose: bool) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    log.setLevel(logging.DEBUG if verbose else logging.INFO)
    logging.getLogger("azure").setLevel(logging.WARNING)
    # The runtime logs each failed invocation. We do, too, with the number of the attempt.
    logging.getLogger("azure.functions").setLevel(logging.CRITICAL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.host", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("app", nargs="?", type=Path, default=Path(), help="the app's folder (here)")
    parser.add_argument("--port", type=port, default=7071, help="for HTTP; 0: any free port")
    parser.add_argument("--verbose", action="store_true", help="log every invocation")
    options = parser.parse_args(arguments)
    _log_to_stderr(options.verbose)
    try:
        asyncio.run(run(options.app.resolve(), options.port))
    except HostError as error:
        print(f"host: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
