"""Run the emulator: `python -m infra.local.eventhubs orders:4:scorer,audit --dir state`."""

import argparse
import asyncio
import errno
import logging
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from infra.local.eventhubs import Emulator, HubSpec

STORAGE_VARIABLE = "BLOB_CONNECTION"


def main() -> int:
    """Run it; return 0 after a stop, 1 if it could not start (argparse itself ends with 2)."""
    logging.basicConfig(format="%(levelname)s %(message)s")
    parser = _parser()
    options = parser.parse_args()
    storage = os.environ.get(STORAGE_VARIABLE)
    if options.capture and not storage:
        parser.error(f"--capture needs the storage's connection string in {STORAGE_VARIABLE}")
    try:
        asyncio.run(_serve(options, storage))
    except BlockingIOError:
        return _fail(f"{options.dir} is in use by another emulator")
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        return _fail(f"port {options.port} is taken" if taken else str(error))
    except ValueError as error:
        return _fail(str(error))
    return 0


def _fail(reason: str) -> int:
    print(f"event hubs: {reason}", file=sys.stderr)
    return 1


async def _serve(options: argparse.Namespace, storage: str | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as running:
        emulator = Emulator(
            options.hubs, port=options.port, directory=options.dir, retain=options.retain
        )
        await running.enter_async_context(emulator)
        if options.capture and storage:
            await _start_capture(running, emulator, options, storage)
        print(f"event hubs ready on amqp://127.0.0.1:{emulator.port}", flush=True)
        await stop.wait()


async def _start_capture(
    running: AsyncExitStack, emulator: Emulator, options: argparse.Namespace, storage: str
) -> None:
    # Imported here: the Azure SDK takes a second to load, and only capture needs it.
    from infra.local.eventhubs.capture import Capture, CaptureSettings  # noqa: PLC0415

    settings = CaptureSettings(
        container=options.capture,
        namespace=options.capture_namespace,
        seconds=options.capture_seconds,
        size_bytes=options.capture_bytes,
    )
    await running.enter_async_context(Capture(emulator.hubs.values(), storage, settings))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.local.eventhubs",
        description="Event Hubs on 127.0.0.1. It prints one line with its address when it is ready,"
        " and stops on SIGTERM or Ctrl-C.",
    )
    parser.add_argument(
        "hubs",
        nargs="+",
        type=_hub_spec,
        metavar="HUB[:PARTITIONS[:GROUP,GROUP]]",
        help=f"a hub, its partitions (default {HubSpec.partitions}) and its consumer groups"
        " besides $Default",
    )
    parser.add_argument("--port", type=_port, default=5672, help="0: any free port (default 5672)")
    parser.add_argument("--dir", type=Path, help="keep the events here; else in memory")
    parser.add_argument(
        "--retain",
        type=_count,
        default=1_000_000,
        metavar="N",
        help="events a partition keeps (default %(default)s)",
    )
    _add_capture(parser)
    return parser


def _add_capture(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "capture",
        "archives every event as Avro in the blob storage whose connection string is in the"
        f" environment variable {STORAGE_VARIABLE}",
    )
    group.add_argument("--capture", metavar="CONTAINER", help="switch capture on")
    group.add_argument(
        "--capture-namespace", default="local", metavar="NAME", help="default: %(default)s"
    )
    group.add_argument(
        "--capture-seconds",
        type=_seconds,
        default=300.0,
        metavar="S",
        help="time window (default %(default)s)",
    )
    group.add_argument(
        "--capture-bytes",
        type=_count,
        default=300 << 20,
        metavar="N",
        help="size window (default %(default)s)",
    )


def _hub_spec(text: str) -> HubSpec:
    try:
        return HubSpec.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 0 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
