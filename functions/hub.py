"""The orders' hub, asked about itself: when it was made, and where its partitions begin and end.

    python -m functions.hub look
    python -m functions.hub acknowledge

The first says how far each partition is read, and whether the hub is another one than the state
documents are about. The second ends the alarm about a hub that was made anew, once somebody has
done what docs/operations.md says. Settings are the app's own (docs/settings.md).
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

from azure.eventhub.aio import EventHubConsumerClient
from azure.eventhub.exceptions import EventHubError

from functions.progress import HubSeen, PartitionSeen
from functions.settings import HubSettings, Settings
from functions.stores import Cosmos, Credential, credential, translated
from functions.watch_stores import CosmosWatch
from functions.watching import Watcher, told
from shared.errors import SheriffError, TransientError, WriteConflict

_SECONDS = 20.0  # for the whole look: each answer comes over a link of its own
_AT_ONCE = 8
_OPTIONS: dict[str, Any] = {"retry_total": 1, "retry_backoff_factor": 0.2, "auth_timeout": 10}


class OrdersHub:
    """One hub, as one consumer group may see it (`functions.watching.HubReader`).

    The role Azure Event Hubs Data Receiver, which the trigger needs, is enough.
    """

    def __init__(
        self, settings: HubSettings, consumer_group: str, credential: Callable[[], Credential]
    ) -> None:
        self._settings = settings
        self._group = consumer_group
        self._credential = credential

    async def look(self) -> HubSeen:
        """What it says now.

        Raises:
            TransientError: it does not answer, there is none, or nobody may ask.
        """
        # A client a look: at one a minute a connection of its own is cheaper than a stale one.
        try:
            with translated("look at the hub"):
                async with asyncio.timeout(_SECONDS), self._client() as client:
                    return await self._asked(client)
        except EventHubError as error:  # which is no AzureError
            raise TransientError(f"look at the hub: {type(error).__name__}") from error

    async def _asked(self, client: EventHubConsumerClient) -> HubSeen:
        about: Mapping[str, Any] = await client.get_eventhub_properties()
        partitions = await self._partitions(client, about["partition_ids"])
        return HubSeen(about["created_at"], tuple(partitions))

    async def _partitions(
        self, client: EventHubConsumerClient, ids: list[str]
    ) -> list[PartitionSeen]:
        turn = asyncio.Semaphore(_AT_ONCE)

        async def ask(partition: str) -> PartitionSeen:
            async with turn:
                return _seen(await client.get_partition_properties(partition))

        return await asyncio.gather(*(ask(one) for one in ids))

    def _client(self) -> EventHubConsumerClient:
        ours = self._settings
        if ours.connection:
            return EventHubConsumerClient.from_connection_string(
                ours.connection, self._group, eventhub_name=ours.orders_hub, **_OPTIONS
            )
        assert ours.namespace is not None  # HubSettings has the one or the other
        return EventHubConsumerClient(
            ours.namespace, ours.orders_hub, self._group, self._credential(), **_OPTIONS
        )


def _seen(properties: Mapping[str, Any]) -> PartitionSeen:
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
    looking = commands.add_parser("look", help="look at it now, and change nothing")
    looking.set_defaults(act=_look)
    knowing = commands.add_parser("acknowledge", help="end the alarm about a hub made anew")
    knowing.set_defaults(act=_acknowledge)
    return parser


async def _run(act: Callable[[Watcher], Any]) -> None:
    settings, hub = Settings.from_environ(os.environ), HubSettings.from_environ(os.environ)
    cosmos = Cosmos(settings)
    store = CosmosWatch(cosmos)
    group = settings.orders_consumer_group
    try:
        reader = OrdersHub(hub, group, lambda: credential(settings))
        await act(Watcher(settings.orders_hub, group, store, reader, store))
    finally:
        await cosmos.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 1 and one line on standard error where it cannot be done."""
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
