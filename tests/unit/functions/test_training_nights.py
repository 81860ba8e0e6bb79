"""How the jobs of a night are named, and when another may follow."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from functions.ports import JobStatus
from functions.training_nights import AGAIN, AGAIN_BY_HAND, Night, job_name, night
from tests.unit.functions.test_retraining import TONIGHT, FakeJobs

NIGHT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


def test_every_attempt_has_a_name_of_its_own() -> None:
    names = [job_name(NIGHT, attempt) for attempt in (1, 2, 3)]
    assert names == [TONIGHT, f"{TONIGHT}-2", f"{TONIGHT}-3"]


def test_a_job_is_named_by_its_night_in_utc() -> None:
    east = timezone(timedelta(hours=9))
    assert job_name(datetime(2026, 11, 24, 1, tzinfo=east)) == "sheriff-20261123"


@pytest.mark.parametrize(
    ("stands", "expected"),
    [
        ((), Night(TONIGHT, None, TONIGHT)),
        (("running",), Night(TONIGHT, "running", None)),
        (("completed",), Night(TONIGHT, "completed", None)),
        (("failed",), Night(TONIGHT, "failed", f"{TONIGHT}-2")),
        (("failed", "failed"), Night(TONIGHT, "failed", f"{TONIGHT}-3")),
        (("failed", "failed", "failed"), Night(TONIGHT, "failed", None)),
        (("failed", "completed"), Night(TONIGHT, "completed", None)),
        (("canceled",), Night(TONIGHT, "canceled", None)),
    ],
)
async def test_a_night_that_failed_has_another_attempt_until_there_were_three(
    stands: tuple[JobStatus, ...], expected: Night
) -> None:
    names = (TONIGHT, f"{TONIGHT}-2", f"{TONIGHT}-3")
    jobs = FakeJobs(stands=dict(zip(names, stands, strict=False)))
    assert await night(jobs, NIGHT, AGAIN) == expected


async def test_a_night_that_somebody_canceled_may_be_tried_again_by_hand() -> None:
    jobs = FakeJobs(stands={TONIGHT: "canceled"})
    assert (await night(jobs, NIGHT, AGAIN_BY_HAND)).following == f"{TONIGHT}-2"
