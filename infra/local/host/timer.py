"""The timer trigger: it fires by its schedule, on one host at a time, and remembers when.

As in WebJobs, a blob in container `azure-webjobs-hosts` holds the last and next times. If no host
ran when the timer was due, the next host fires it when it starts (`past_due`). A lease on the blob
keeps two hosts from firing the same timer.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import logging

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.blob.aio import BlobClient, BlobLeaseClient

from infra.local.host import datums
from infra.local.host.config import expand
from infra.local.host.errors import HostError
from infra.local.host.functions import Function, Outcome
from infra.local.host.ncrontab import Schedule

log = logging.getLogger("host")

STATUS_CONTAINER = "azure-webjobs-hosts"
_LEASE_SECONDS = 15  # the shortest that Azure allows; the timers of a killed host rest so long
_LONGEST_SLEEP_SECONDS = 60  # then it looks again: somebody may have set the clock


class TimerListener:
    """Fires a function by its schedule."""

    def __init__(self, function: Function, storage: str, host_id: str) -> None:
        self.function = function
        try:
            text = expand(function.trigger["schedule"], f"schedule of {function.name}")
            self._schedule = Schedule.parse(text)
        except ValueError as error:
            raise HostError(f"{function.name}: {error}") from None
        self._monitored = function.trigger.get("useMonitor") is not False
        self._blob = BlobClient.from_connection_string(
            storage, STATUS_CONTAINER, f"timers/{host_id}/Host.Functions.{function.name}/status"
        )
        self._firing = asyncio.Lock()  # a firing never overlaps another of its function
        self._halt = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._by_hand: set[asyncio.Task[None]] = set()

    async def start(self) -> asyncio.Task[None]:
        """Begin to wait for the schedule; the task ends only by `stop`."""
        self._task = asyncio.create_task(self._run())
        return self._task

    async def stop(self) -> None:
        """Wait for a running function, then give the lease back."""
        self._halt.set()
        async with self._firing:
            if self._task:
                self._task.cancel()
                await asyncio.wait([self._task])
        await self._blob.close()

    def fire_by_hand(self) -> None:
        """Fire at once, or after the running function; the schedule stays as it is."""
        task = asyncio.create_task(self._fire_alone())
        self._by_hand.add(task)
        task.add_done_callback(self._by_hand.discard)

    async def _fire_alone(self) -> None:
        async with self._firing:
            await self._fire(_now(), None, past_due=False)

    async def _run(self) -> None:
        """Hold the lease and keep the schedule; start again after a failure of the storage."""
        if self.function.trigger.get("runOnStartup"):
            await self._fire_alone()
        while True:
            try:
                lease = await self._acquire()
                async with asyncio.TaskGroup() as group:
                    group.create_task(_renew(lease))
                    group.create_task(self._keep_schedule(lease))
            except* ResourceExistsError:
                log.debug("%s: another host has the timer", self.function.name)
            except* AzureError as errors:
                log.warning("%s: timer: %s", self.function.name, errors.exceptions[0])
            await asyncio.sleep(_LEASE_SECONDS / 3)

    async def _acquire(self) -> BlobLeaseClient:
        """Take the lease on the status; raise ResourceExistsError if another host has it."""
        if not await self._blob.exists():
            await self._blob.upload_blob(b"{}")
        return await self._blob.acquire_lease(_LEASE_SECONDS)

    async def _keep_schedule(self, lease: BlobLeaseClient) -> None:
        last, due = await self._recall()
        past_due = due <= _now()
        if not past_due:
            await self._remember(lease, last, due)  # so that a missed first time shows
        while True:
            await _sleep_until(due)
            async with self._firing:
                outcome = await self._fire(due, last, past_due)
                last, due, past_due = due, self._schedule.after(_now()), False
                if outcome.final:
                    await self._remember(lease, last, due)

    async def _fire(self, due: dt.datetime, last: dt.datetime | None, past_due: bool) -> Outcome:
        following = self._schedule.after(max(due, _now()))
        value = datums.timer_fired(last, following, past_due)
        return await self.function.invoke(value, {}, self._halt)

    async def _recall(self) -> tuple[dt.datetime | None, dt.datetime]:
        """Return when it fired last, and when it should fire (or should have fired) next."""
        stored: dict[str, str] = {}
        if self._monitored:
            stored = json.loads(await (await self._blob.download_blob()).readall())
        if "LastUpdated" not in stored:
            return None, self._schedule.after(_now())
        last = dt.datetime.fromisoformat(stored["Last"]) if stored["Last"] else None
        # Computed, not read from `Next`: the schedule may have changed since.
        return last, self._schedule.after(dt.datetime.fromisoformat(stored["LastUpdated"]))

    async def _remember(
        self, lease: BlobLeaseClient, last: dt.datetime | None, following: dt.datetime
    ) -> None:
        if not self._monitored:
            return
        status = {"Last": last, "Next": following, "LastUpdated": _now()}
        content = json.dumps(status, default=dt.datetime.isoformat).encode()
        await self._blob.upload_blob(content, overwrite=True, lease=lease)


async def _renew(lease: BlobLeaseClient) -> None:
    try:
        while True:
            await asyncio.sleep(_LEASE_SECONDS / 3)
            await lease.renew()
    finally:
        with contextlib.suppress(AzureError):  # it is over already, or will end by itself
            await lease.release()


async def _sleep_until(moment: dt.datetime) -> None:
    # It waits for a time on a clock that may be set: there is no event to wait for.
    while (left := (moment - _now()).total_seconds()) > 0:  # noqa: ASYNC110
        await asyncio.sleep(min(left, _LONGEST_SLEEP_SECONDS))


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
