"""Ask the orders' hub about itself: when it was created, and where its partitions begin and end.

    python -m functions.hub look
    python -m functions.hub acknowledge

`look` says how far each partition is read, and whether the hub was created anew since the state
documents were written. `acknowledge` ends the alarm about a hub that was created anew; use it after
you have done what docs/operations.md says. Settings are the app's own (docs/settings.md).
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

from functions.progress import HubSeen, PartitionSeen
from functions.settings import Settings
from functions.watch_stores import CosmosWatch
from functions.watching import Watcher, told
from shared.errors import SheriffError, WriteConflict
from shared.stores.aio.cosmos import Cosmos
from shared.stores.aio.event_hubs import HubReader
from shared.stores.settings import HubSettings


class OrdersHub:
    """One hub as one consumer group sees it (`functions.watching.HubReader`)."""

    def __init__(self, settings: HubSettings, consumer_group: str) -> None:
        self._reader = HubReader(settings, consumer_group)

    async def look(self) -> HubSeen:
        """Return what the hub says now.

        Raises:
            TransientError: it does not answer, it does not exist, or it may not be asked.
        """
        hub, partitions = await self._reader.properties()
        return HubSeen(hub["created_at"], tuple(map(_partition, partitions)))


def _partition(properties: Mapping[str, Any]) -> PartitionSeen:
    return PartitionSeen(
        properties["id"],
        properties["beginning_sequence_number"],
        properties["last_enqueued_sequence_number"],
        None if properties["is_empty"] else properties["last_enqueued_time_utc"],
    )


def _say(text: str, to: TextIO | None = None) -> None:
    print(text, file=to or sys.stdout)


async def _look(watcher: Watcher) -> None:
    _say(json.dumps(told(await watcher.looked()), indent=2))


async def _acknowledge(watcher: Watcher) -> None:
    known = await watcher.acknowledge()
    if known is None:
        _say("nobody has looked at the hub yet: there is nothing to acknowledge")
    else:
        _say(f"acknowledged: the hub created at {known.created_at:%Y-%m-%dT%H:%M:%SZ}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m functions.hub",
        description="How far the orders' hub is read, and whether it was made anew.",
        epilog="Settings come from the environment: docs/settings.md.",
    )
    commands = parser.add_subparsers(required=True, metavar="look|acknowledge")
    look = commands.add_parser("look", help="look at it now, and change nothing")
    look.set_defaults(act=_look)
    acknowledge = commands.add_parser("acknowledge", help="end the alarm about a hub made anew")
    acknowledge.set_defaults(act=_acknowledge)
    return parser


async def _run(act: Callable[[Watcher], Any]) -> None:
    settings, hub = Settings.from_environ(os.environ), HubSettings.from_environ(os.environ)
    cosmos = Cosmos(settings.cosmos)
    store, group = CosmosWatch(cosmos), settings.orders_consumer_group
    try:
        await act(Watcher(settings.orders_hub, group, store, OrdersHub(hub, group), store))
    finally:
        await cosmos.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. It is 1, after one line, if the command fails."""
    arguments = _parser().parse_args(argv)
    try:
        asyncio.run(_run(arguments.act))
    except WriteConflict:
        _say("somebody looked at the hub meanwhile: try again", sys.stderr)
        return 1
    except SheriffError as error:
        _say(str(error), sys.stderr)
        return 1
    except KeyboardInterrupt:
        _say("interrupted", sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
