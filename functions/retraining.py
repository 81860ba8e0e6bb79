"""Start the nightly training: here in a process of its own, or elsewhere as a job.

A job is followed to its end (`Retraining.follow`): one that failed is tried again under another
name, a few times, and how the night ended is told once.

The training itself is `training.pipeline`: it takes the lease that lets only one run at a time,
takes up what a broken run left, and alone moves the pointer. So a run that fails, or is killed at
any line, leaves the champion serving.
"""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from functions.metrics import RETRAIN_FAILED
from functions.ports import Files, JobQueue, JobStatus, Telemetry
from functions.telemetry import SILENT
from shared.containers import ARCHIVE, REFERENCE, TRAINING
from shared.errors import ConfigurationError, NotThereError, SheriffError, WriteConflict
from shared.formats import time_text
from shared.policy import Policy, parse_policy
from shared.reference import POLICY, previous

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parents[1]
COMMAND = (sys.executable, "-m", "training.pipeline")
MEGABYTE = 1_000_000

MOST_ATTEMPTS = 3
"""Jobs of one night: an image that lacks something fails each time, and costs each time."""
AGAIN: frozenset[JobStatus] = frozenset({"failed"})
AGAIN_BY_HAND: frozenset[JobStatus] = frozenset({"failed", "canceled"})
"""How an attempt must have ended for another: one that somebody canceled only by hand."""

GRACE_SECONDS = 10.0
"""For a training that is told to stop, to give its lease back."""

_LONGEST_LINE = 1 << 20
_SHOWN = 500  # characters of a line


class RetrainError(SheriffError):
    """The nightly training failed; the champion serves on."""


class Archive(Files, Protocol):
    """Files that can be summed up, and added to."""

    async def size(self, container: str, folder: str) -> int:
        """Bytes of a container's files that lie in a folder of this name, at any depth.

        Raises:
            TransientError: they cannot be listed now.
        """

    async def write(self, container: str, name: str, data: bytes, version: str | None) -> None:
        """Replace the version that was read (None: create).

        Raises:
            WriteConflict: it is no longer that version.
            TransientError: it may be written next time.
        """


@dataclass(frozen=True, slots=True)
class Night:
    """The jobs of one night: how its last attempt stands (None: there was none), and the name that
    another attempt would have (None: there may be none)."""

    name: str
    status: JobStatus | None
    following: str | None


@dataclass
class Retraining:
    """What starting the training needs; ``jobs`` is None where no job is set up."""

    files: Archive
    hub: str
    jobs: JobQueue | None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    command: Sequence[str] = COMMAND
    telemetry: Telemetry = SILENT

    async def start(self) -> None:
        """Train, and return when it is done; a training that was handed over goes on elsewhere.

        Raises:
            RetrainError: it failed, or came to no end.
            ConfigurationError: the archive is too large for here, and no job is set up; or the
                policy is wrong, or gone.
            TransientError: storage or Azure could not be reached.
        """
        failed, here = 1, False
        try:
            here = await retrain(
                await self.files.size(ARCHIVE, self.hub),
                await self._policy(),
                lambda: run_here(self.command),
                None if self.jobs is None else self._hand_over,
            )
            failed = 0
        finally:
            if here or failed:  # how a job ends is told when it does
                self.telemetry.measure(RETRAIN_FAILED, failed)

    async def follow(self) -> None:
        """Look how the jobs of tonight and of the night before stand.

        One that failed is tried again, once a look, while it is the latest night and has attempts
        left. How a night ended is told once.

        Raises:
            TransientError: storage or Azure could not be reached; the next look does it.
        """
        if self.jobs is None:
            return
        before, tonight = [await night(self.jobs, at, AGAIN) for at in self._nights()]
        latest = tonight if tonight.status else before
        for one in (before, tonight):
            if one.status in {None, "running"}:
                continue
            if one is latest and one.following is not None:
                job = await self.jobs.submit(one.following)
                logger.warning("the nightly training failed and is tried again: %s", job)
            else:
                await self._tell(one)

    async def _policy(self) -> Policy:
        found = await self._read(POLICY)
        if found is not None:
            return parse_policy(found)
        if await self._read(previous(POLICY)) is not None:
            raise ConfigurationError(f"{REFERENCE}/{POLICY} was there and is gone: put it back")
        return Policy()

    async def _read(self, name: str) -> bytes | None:
        try:
            found = await self.files.read(REFERENCE, name)
        except NotThereError:
            return None
        assert found is not None  # no version was known
        return found[0]

    def _nights(self) -> tuple[datetime, datetime]:
        return self.now() - timedelta(days=1), self.now()

    async def _hand_over(self) -> None:
        """Start a job, unless one runs or tonight's is done.

        Raises:
            RetrainError: tonight's attempts are used up.
        """
        assert self.jobs is not None
        before, tonight = [await night(self.jobs, at, AGAIN_BY_HAND) for at in self._nights()]
        for one in (before, tonight):
            if one.status == "running":
                logger.warning("the nightly training runs already: %s", one.name)
                return
        if tonight.status == "completed":
            logger.warning("the nightly training is done already: %s", tonight.name)
            return
        if tonight.following is None:
            raise RetrainError(
                f"the nightly training failed {MOST_ATTEMPTS} times as the job {tonight.name}; "
                "the champion serves on"
            )
        job = await self.jobs.submit(tonight.following)
        logger.warning("the nightly training is handed over: %s", job)

    async def _tell(self, ended: Night) -> None:
        """Measure how a night of jobs ended, once: a record in the storage says that it was told.

        Who dies between the two tells it twice, which is better than never.
        """
        record = f"jobs/{ended.name}.json"
        with suppress(NotThereError):
            await self.files.read(TRAINING, record)
            return
        if ended.status == "completed":
            self.telemetry.measure(RETRAIN_FAILED, 0)
        else:
            self.telemetry.measure(RETRAIN_FAILED, 1)
            logger.error(
                "the nightly training %s as a job: %s; the champion serves on",
                "was canceled" if ended.status == "canceled" else "failed",
                ended.name,
            )
        told = {"night": ended.name, "status": ended.status, "told_at": time_text(self.now())}
        with suppress(WriteConflict):  # told by another at the same time
            await self.files.write(TRAINING, record, json.dumps(told).encode(), None)


def job_name(at: datetime, attempt: int = 1) -> str:
    """A name for each attempt of each night (UTC), so that trying again starts no second job."""
    name = f"sheriff-{at.astimezone(UTC):%Y%m%d}"
    return name if attempt == 1 else f"{name}-{attempt}"


async def night(jobs: JobQueue, at: datetime, again: Collection[JobStatus]) -> Night:
    """How a night's jobs stand; there may be another attempt where the last one is ``again``.

    Raises:
        TransientError: Azure does not say now.
    """
    status: JobStatus | None = None
    for attempt in range(1, MOST_ATTEMPTS + 1):
        found = await jobs.status(job_name(at, attempt))
        if found is None:
            allowed = status is None or status in again
            return Night(job_name(at), status, job_name(at, attempt) if allowed else None)
        status = found
    return Night(job_name(at), status, None)


async def retrain(
    archive_bytes: int,
    policy: Policy,
    run: Callable[[], Awaitable[None]],
    hand_over: Callable[[], Awaitable[None]] | None,
) -> bool:
    """Train here while the archive is no larger than the policy's ``retrain_here_megabytes``.

    Whether it was done here; else it goes on elsewhere.

    Raises:
        ConfigurationError: it is larger, and there is nobody to hand it over to.
    """
    most = policy.retrain_here_megabytes
    if archive_bytes <= most * MEGABYTE:
        await run()
        return True
    if hand_over is None:
        raise ConfigurationError(
            f"the archive has {archive_bytes / MEGABYTE:,.0f} MB, and retrain_here_megabytes of "
            f"the policy is {most:,}: set RETRAIN_JOB_WORKSPACE, RETRAIN_JOB_COMPUTE and "
            "RETRAIN_JOB_ENVIRONMENT to hand the training over, or raise that limit"
        )
    await hand_over()
    return False


async def run_here(command: Sequence[str] = COMMAND) -> None:
    """Run the training in a process of its own, log what it says, and wait for its end.

    A cancelled wait ends the process, too.

    Raises:
        RetrainError: it ended with another code than 0.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env=environment(os.environ, sys.path),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        _, last = await asyncio.gather(_passed_on(process.stdout), _passed_on(process.stderr))
        code = await process.wait()
    finally:
        await _ended(process)
    if code:
        raise RetrainError(
            f"the nightly training failed (code {code}): {last or 'it said nothing'}; "
            "the champion serves on"
        )


def environment(environ: Mapping[str, str], path: Sequence[str]) -> dict[str, str]:
    """The environment of a process that finds all that this one finds, wherever that lies."""
    return {**environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, path)])}


async def _passed_on(lines: asyncio.StreamReader) -> str:
    """Log lines as they come; the last one that says anything."""
    last, line = "", b"\n"
    while line:
        try:
            line = await lines.readline()
        except ValueError:  # longer than any line worth reading, and passed over
            continue
        if text := line.decode(errors="replace").rstrip()[:_SHOWN]:
            logger.info("training: %s", text)
            last = text
    return last


async def _ended(process: asyncio.subprocess.Process) -> None:
    """See a process to its end: it has ended, or it is asked to, or it is made to."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(GRACE_SECONDS):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
