"""The jobs of one night: how they are named, how they stand, and whether another may follow."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from functions.ports import JobQueue, JobStatus

MOST_ATTEMPTS = 3
"""Jobs of one night. More would not help: an image that lacks something fails every time."""
AGAIN: frozenset[JobStatus] = frozenset({"failed"})
AGAIN_BY_HAND: frozenset[JobStatus] = frozenset({"failed", "canceled"})
"""The ends of a job after which it is tried again. A canceled job is tried again only by hand."""


@dataclass(frozen=True, slots=True)
class Night:
    """The jobs of one night.

    ``status`` is how the last attempt stands; None: there was no attempt. ``following`` is the name
    that another attempt would have; None: no other is allowed.
    """

    name: str
    status: JobStatus | None
    following: str | None


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
