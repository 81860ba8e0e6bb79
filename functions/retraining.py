"""Start the nightly training: here in a process of its own, or elsewhere as a job.

The training itself is `training.pipeline`: it takes the lease that lets only one run at a time,
takes up what a broken run left, and alone moves the pointer. So a run that fails, or is killed at
any line, leaves the champion serving.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from functions.metrics import RETRAIN_FAILED
from functions.ports import Files, JobQueue, NotThereError, Telemetry
from functions.telemetry import SILENT
from shared.errors import ConfigurationError, SheriffError
from shared.policy import Policy, parse_policy
from shared.reference import POLICY, REFERENCE, previous

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parents[1]
COMMAND = (sys.executable, "-m", "training.pipeline")
ARCHIVE = "orders-archive"  # a container
MEGABYTE = 1_000_000

GRACE_SECONDS = 10.0
"""For a training that is told to stop, to give its lease back."""

_LONGEST_LINE = 1 << 20
_SHOWN = 500  # characters of a line


class RetrainError(SheriffError):
    """The nightly training failed; the champion serves on."""


class Archive(Files, Protocol):
    """Files that can be summed up."""

    async def size(self, container: str, folder: str) -> int:
        """Bytes of a container's files that lie in a folder of this name, at any depth.

        Raises:
            TransientError: they cannot be listed now.
        """


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
        failed = 1
        try:
            await retrain(
                await self.files.size(ARCHIVE, self.hub),
                await self._policy(),
                lambda: run_here(self.command),
                None if self.jobs is None else self._hand_over,
            )
            failed = 0
        finally:
            self.telemetry.measure(RETRAIN_FAILED, failed)

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

    async def _hand_over(self) -> None:
        assert self.jobs is not None
        job = await self.jobs.submit(job_name(self.now()))
        logger.warning("the nightly training is handed over: %s", job)


def job_name(at: datetime) -> str:
    """One name a night (UTC), so that trying again does not start a second job."""
    return f"sheriff-{at.astimezone(UTC):%Y%m%d}"


async def retrain(
    archive_bytes: int,
    policy: Policy,
    run: Callable[[], Awaitable[None]],
    hand_over: Callable[[], Awaitable[None]] | None,
) -> None:
    """Train here while the archive is no larger than the policy's ``retrain_here_megabytes``.

    Raises:
        ConfigurationError: it is larger, and there is nobody to hand it over to.
    """
    most = policy.retrain_here_megabytes
    if archive_bytes <= most * MEGABYTE:
        await run()
        return
    if hand_over is None:
        raise ConfigurationError(
            f"the archive has {archive_bytes / MEGABYTE:,.0f} MB, and retrain_here_megabytes of "
            f"the policy is {most:,}: set RETRAIN_JOB_WORKSPACE, RETRAIN_JOB_COMPUTE and "
            "RETRAIN_JOB_ENVIRONMENT to hand the training over, or raise that limit"
        )
    await hand_over()


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
