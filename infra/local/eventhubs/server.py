"""The emulator: its hubs, its port and its connections."""

import asyncio
import fcntl
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from infra.local.eventhubs.connection import Connection
from infra.local.eventhubs.frames import Limits, RefusedError
from infra.local.eventhubs.hubs import Hub, HubSpec, refuse_fewer_partitions

_HEARTBEAT_SECONDS = 20  # less than half of the shortest idle timeout of a known client (60 s)
_CLOSING_SECONDS = 2


class Emulator:
    """Event Hubs on 127.0.0.1; `async with` starts and stops it.

    With a `directory`, the events outlive the process; without, they are only in memory. A
    partition keeps `retain` events. After the start, `port` is the port that it listens on.
    """

    def __init__(
        self,
        specs: Sequence[HubSpec],
        *,
        port: int = 0,
        directory: Path | None = None,
        retain: int = 1_000_000,
        limits: Limits | None = None,
    ) -> None:
        """Raises ValueError if two hubs have the same name."""
        self._specs = specs
        if len({spec.name.lower() for spec in specs}) < len(specs):
            raise ValueError("two hubs have the same name")
        self.port = port
        self._directory = directory
        self._retain = retain
        self._limits = limits or Limits()
        self._connections: set[Connection] = set()
        self._lock: IO[bytes] | None = None
        self._server: asyncio.Server | None = None
        self._heartbeat: asyncio.Task[None] | None = None
        self.hubs: dict[str, Hub] = {}  # by name in lower case

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start to listen.

        Raises OSError (port taken, directory not usable), or ValueError if the directory has logs
        of more partitions than a hub should have.
        """
        try:
            self._open_hubs()
            self._server = await asyncio.get_running_loop().create_server(
                lambda: Connection(self.hubs, self._limits, self._connections),
                "127.0.0.1",
                self.port,
            )
        except BaseException:
            self._close_hubs()
            raise
        self.port = self._server.sockets[0].getsockname()[1]
        self._heartbeat = asyncio.create_task(self._beat())

    async def stop(self) -> None:
        """Tell the clients, and close port and logs; do nothing if it has already stopped."""
        if self._heartbeat:
            self._heartbeat.cancel()
        if self._server:
            self._server.close()
            for connection in list(self._connections):
                connection.shut(RefusedError("amqp:connection:forced", "The emulator is stopping."))
            try:
                async with asyncio.timeout(_CLOSING_SECONDS):
                    await self._server.wait_closed()
            except TimeoutError:  # a client does not read its last bytes
                self._server.abort_clients()
            self._server = None
        self._close_hubs()

    def _open_hubs(self) -> None:
        if self._directory:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(self._directory)
            for spec in self._specs:
                refuse_fewer_partitions(spec, self._directory)
        created_ms = time.time_ns() // 1_000_000
        for spec in self._specs:
            self.hubs[spec.name.lower()] = Hub(spec, created_ms, self._directory, self._retain)

    def _close_hubs(self) -> None:
        for hub in self.hubs.values():
            hub.close()
        if self._lock:
            self._lock.close()
            self._lock = None

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            for connection in self._connections:
                connection.beat()


def _lock(directory: Path) -> IO[bytes]:
    """Lock a directory: two emulators that write the same logs would ruin them.

    The second one gets a BlockingIOError. The lock ends with its process, even if that is killed.
    """
    file = (directory / "lock").open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file
