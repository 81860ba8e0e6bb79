"""Event Hubs Capture: it writes every event to Avro files, one a partition and window.

The metadata of a file name the events in it. After a restart, capture reads them to find out where
to go on. So there is no second record that could contradict the files. A file is created under the
time of its first event and never written over: a window that is written twice meets its own file
and stops there.

The service leaves two things open. Here a window starts with its first event, and an empty window
makes no file.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.blob.aio import BlobServiceClient, ContainerClient

from infra.local.eventhubs.capture_files import CaptureFile, encode, file_name
from infra.local.eventhubs.hubs import Hub, Partition
from infra.local.eventhubs.log import Event
from shared.containers import ARCHIVE

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CaptureSettings:
    """A window ends `seconds` after its first event, or when its events reach `size_bytes`."""

    container: str = ARCHIVE
    namespace: str = "local"
    seconds: float = 300
    size_bytes: int = 300 << 20


class PartitionCapture:
    """Writes the windows of one partition, each once, in order."""

    def __init__(
        self, prefix: str, partition: Partition, container: ContainerClient, window: CaptureSettings
    ) -> None:
        """`prefix` is the partition's folder, with its slash."""
        self._prefix = prefix
        self._log = partition.log
        self._container = container
        self._window = window
        self._next: int | None = None  # sequence number; unknown until the files have been read

    async def write_due(self, now_ms: int) -> None:
        """Write the windows that have ended by `now_ms`; after an AzureError, just call again."""
        try:
            if self._next is None:
                self._next = await self._resume()
            while events := self._due(self._next, now_ms):
                self._next = await self._write(events) + 1
        except AzureError:
            self._next = None  # a storage that failed may have lost its latest files
            raise

    async def _resume(self) -> int:
        """Return the sequence number of the first event that no file holds."""
        newest: CaptureFile | None = None
        async for blob in self._container.list_blobs(self._prefix, include=["metadata"]):
            newest = CaptureFile.read(blob.name, blob.metadata)  # names are in order of time
        if newest is None:
            return self._log.first_sequence
        if self._is_of_another_log(newest):
            _logger.warning("%s holds an older log; capture starts anew", self._prefix)
            return self._log.first_sequence
        return newest.last_sequence + 1

    def _is_of_another_log(self, file: CaptureFile) -> bool:
        sequence = file.last_sequence
        if sequence >= self._log.next_sequence:
            return True
        forgotten = sequence < self._log.first_sequence
        return not forgotten and self._log.event(sequence).enqueued_ms != file.last_enqueued_ms

    def _due(self, start: int, now_ms: int) -> list[Event]:
        """Return the events of the next window, [] if it has not ended."""
        log = self._log
        if start < log.first_sequence:
            _logger.error(
                "%s: events %d to %d were forgotten before they were captured",
                self._prefix,
                start,
                log.first_sequence - 1,
            )
            start = log.first_sequence
        if start >= log.next_sequence:
            return []
        first = log.event(start)
        end_ms = first.enqueued_ms + int(self._window.seconds * 1000)
        full_offset = first.offset + self._window.size_bytes
        if log.end_offset < full_offset and now_ms < end_ms:
            return []
        # The event that fills a window still belongs to it.
        return log.slice(start, min(log.find_offset(full_offset), log.find_time(end_ms)))

    async def _write(self, events: list[Event]) -> int:
        """Create the window's file, and return the last sequence number in it."""
        content = await asyncio.to_thread(encode, events)
        second = events[0].enqueued_ms // 1000
        while True:
            file = CaptureFile.of(second, events)
            stored = await self._create(file, content)
            if stored.starts_like(file):
                return stored.last_sequence
            second += 1  # another window has the name; the next free second keeps the order

    async def _create(self, file: CaptureFile, content: bytes) -> CaptureFile:
        """Create a file; return it, or the file that already has its name."""
        blob = self._container.get_blob_client(file_name(self._prefix, file.second))
        try:
            await blob.upload_blob(content, metadata=file.metadata(), overwrite=False)
        except ResourceExistsError:
            properties = await blob.get_blob_properties()
            return CaptureFile.read(properties.name, properties.metadata)
        return file


class Capture:
    """Captures every partition of `hubs` while its `async with` block runs.

    Events that are not written when it stops are written after the next start, if the hubs keep
    their logs. If the storage fails, it tries again for as long as it takes.
    """

    def __init__(self, hubs: Iterable[Hub], storage: str, settings: CaptureSettings) -> None:
        """`storage` is a connection string of Blob Storage."""
        self._service = BlobServiceClient.from_connection_string(storage, retry_total=1)
        self._container = self._service.get_container_client(settings.container)
        self._partitions = [
            PartitionCapture(
                f"{settings.namespace}/{hub.name}/{partition.id}/",
                partition,
                self._container,
                settings,
            )
            for hub in hubs
            for partition in hub.partitions
        ]
        self._poll_seconds = min(1.0, settings.seconds / 4)
        self._loop: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.create_task(self._run())
        self._loop.add_done_callback(_report_failure)
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._loop:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        await self._service.close()

    async def _run(self) -> None:
        failing = False
        has_container = False
        while True:
            try:
                has_container = has_container or await self._ensure_container()
                for partition in self._partitions:
                    await partition.write_due(time.time_ns() // 1_000_000)
                failing = False
            except AzureError as error:
                if not failing:  # one warning an outage
                    _logger.warning("capture waits for the storage: %s", _first_line(error))
                failing, has_container = True, False
            await asyncio.sleep(self._poll_seconds)

    async def _ensure_container(self) -> bool:
        if not await self._container.exists():
            await self._container.create_container()
        return True


def _report_failure(loop: asyncio.Task[None]) -> None:
    if not loop.cancelled() and (error := loop.exception()):
        _logger.error("capture has ended: %s", error, exc_info=error)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
