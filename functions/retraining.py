"""Start the nightly training: here in a process of its own, or elsewhere as a job.

`Retraining.follow` follows a job to its end. A job that failed is tried again under another name, a
few times, and the end of the night is measured once.

The training itself is `training.pipeline`. It takes the lease that lets only one run at a time,
continues what a broken run left, and is the only one to move the pointer. So a run that fails, or
is killed at any line, leaves the champion serving.
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
"""Jobs of one night. More would not help: an image that lacks something fails every time."""
AGAIN: frozenset[JobStatus] = frozenset({"failed"})
AGAIN_BY_HAND: frozenset[JobStatus] = frozenset({"failed", "canceled"})
"""How a job must have ended for another try. One that was canceled is tried only by hand."""

GRACE_SECONDS = 10.0
"""How long a training that is told to stop has to give its lease back."""

_LONGEST_LINE = 1 << 20
_SHOWN = 500  # characters of a line


class RetrainError(SheriffError):
    """The nightly training failed; the champion serves on."""


class Archive(Files, Protocol):
    """Files whose sizes can be added up, and that can be written."""

    async def size(self, container: str, folder: str) -> int:
        """Return the bytes of a container's files that lie in a folder of this name, at any depth.

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
    """The jobs of one night.

    ``status`` is how the last attempt stands; None: there was no attempt. ``following`` is the name
    that another attempt would have; None: no other is allowed.
    """

    name: str
    status: JobStatus | None
    following: str | None


@dataclass
class Retraining:
    """Starts the training and follows its jobs; ``jobs`` is None where no job is set up."""

    files: Archive
    hub: str
    jobs: JobQueue | None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    command: Sequence[str] = COMMAND
    telemetry: Telemetry = SILENT

    async def start(self) -> None:
        """Train here and return when it is done, or start a job, which goes on elsewhere.

        Raises:
            RetrainError: it failed, or did not end.
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
            if here or failed:  # the end of a job is measured when it ends
                self.telemetry.measure(RETRAIN_FAILED, failed)

    async def follow(self) -> None:
        """Look at the jobs of tonight and of the night before.

        A job that failed is tried again, once a look, while its night is the latest and has
        attempts left. The end of a night is measured once.

        Raises:
            TransientError: storage or Azure could not be reached; the next look does it.
        """
        if self.jobs is None:
            return
        before, tonight = [await night(self.jobs, at, AGAIN) for at in self._nights()]
        latest = tonight if tonight.status else before
        for jobs_of_night in (before, tonight):
            if jobs_of_night.status in {None, "running"}:
                continue
            if jobs_of_night is latest and jobs_of_night.following is not None:
                job = await self.jobs.submit(jobs_of_night.following)
                logger.warning("the nightly training failed and is tried again: %s", job)
            else:
                await self._tell(jobs_of_night)

    async def _policy(self) -> Policy:
        text = await self._read(POLICY)
        if text is not None:
            return parse_policy(text)
        if await self._read(previous(POLICY)) is not None:
            raise ConfigurationError(f"{REFERENCE}/{POLICY} was there and is gone: put it back")
        return Policy()

    async def _read(self, name: str) -> bytes | None:
        try:
            file = await self.files.read(REFERENCE, name)
        except NotThereError:
            return None
        assert file is not None  # no version was known
        return file[0]

    def _nights(self) -> tuple[datetime, datetime]:
        return self.now() - timedelta(days=1), self.now()

    async def _hand_over(self) -> None:
        """Start a job, unless one is running or tonight's is done.

        Raises:
            RetrainError: tonight's attempts are used up.
        """
        assert self.jobs is not None
        before, tonight = [await night(self.jobs, at, AGAIN_BY_HAND) for at in self._nights()]
        for jobs_of_night in (before, tonight):
            if jobs_of_night.status == "running":
                logger.warning("the nightly training runs already: %s", jobs_of_night.name)
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
        """Measure the end of a night, once: a record in the storage says that it was measured.

        A process that dies before it writes the record measures the end twice, which is better
        than never.
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
        with suppress(WriteConflict):  # another process has measured it at the same time
            await self.files.write(TRAINING, record, json.dumps(told).encode(), None)


def job_name(at: datetime, attempt: int = 1) -> str:
    """Return the job name of an attempt of a night (UTC); submitting it twice starts one job."""
    name = f"sheriff-{at.astimezone(UTC):%Y%m%d}"
    return name if attempt == 1 else f"{name}-{attempt}"


async def night(jobs: JobQueue, at: datetime, again: Collection[JobStatus]) -> Night:
    """Look at a night's jobs; another attempt is allowed if the last one ended as in ``again``.

    Raises:
        TransientError: Azure does not say now.
    """
    status: JobStatus | None = None
    for attempt in range(1, MOST_ATTEMPTS + 1):
        latest = await jobs.status(job_name(at, attempt))
        if latest is None:
            allowed = status is None or status in again
            return Night(job_name(at), status, job_name(at, attempt) if allowed else None)
        status = latest
    return Night(job_name(at), status, None)


async def retrain(
    archive_bytes: int,
    policy: Policy,
    run: Callable[[], Awaitable[None]],
    hand_over: Callable[[], Awaitable[None]] | None,
) -> bool:
    """Train here if the archive is small enough, else hand over; return whether it was done here.

    The policy's ``retrain_here_megabytes`` is the limit.

    Raises:
        ConfigurationError: the archive is larger, and no job is set up.
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

    If the wait is cancelled, the process ends, too.

    Raises:
        RetrainError: its exit code is not 0.
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
    """Return the environment of a process that can import all that this one can."""
    return {**environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, path)])}


async def _passed_on(lines: asyncio.StreamReader) -> str:
    """Log lines as they come; return the last line with any text."""
    last, line = "", b"\n"
    while line:
        try:
            line = await lines.readline()
        except ValueError:  # too long to be worth reading: skip it
            continue
        if text := line.decode(errors="replace").rstrip()[:_SHOWN]:
            logger.info("training: %s", text)
            last = text
    return last


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Make sure that a process has ended: ask it to, and after `GRACE_SECONDS` kill it."""
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
