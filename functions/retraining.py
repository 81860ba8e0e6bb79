"""Start the nightly training: here in a process of its own, or elsewhere as a job.

`Retraining.follow` follows a job to its end. A job that failed is tried again under another name, a
few times, and the end of the night is measured once.

The training itself is `training.pipeline`. It takes the lease that lets only one run at a time,
continues what a broken run left, and is the only one to move the pointer. So a run that fails, or
is killed at any line, leaves the champion serving.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from functions.metrics import RETRAIN_FAILED
from functions.ports import Files, JobQueue, Telemetry
from functions.telemetry import SILENT
from functions.training_nights import AGAIN, AGAIN_BY_HAND, MOST_ATTEMPTS, Night, night
from functions.training_process import COMMAND, RetrainError, run_here
from shared.containers import ARCHIVE, REFERENCE, TRAINING
from shared.errors import ConfigurationError, NotThereError, WriteConflict
from shared.formats import time_text
from shared.policy import Policy, parse_policy
from shared.reference import POLICY, previous

logger = logging.getLogger(__name__)

MEGABYTE = 1_000_000


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
