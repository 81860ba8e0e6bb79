"""The nightly training is started here or elsewhere, and what goes wrong is one clear error."""

import json
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from functions.ports import JobStatus
from functions.retraining import Retraining, retrain
from functions.training_process import RetrainError
from shared.errors import ConfigurationError, NotThereError, TransientError, WriteConflict
from shared.policy import Policy
from tests.unit.functions.world import FakeTelemetry

NIGHT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


@dataclass
class FakeArchive:
    bytes_by_folder: dict[str, int] = field(default_factory=dict)
    policy: bytes | None = None
    previous: bytes | None = None
    told: dict[str, dict[str, str]] = field(default_factory=dict)

    async def write(self, container: str, name: str, data: bytes, version: str | None) -> None:
        assert (container, version) == ("training", None)
        if name in self.told:
            raise WriteConflict(name)
        self.told[name] = json.loads(data)

    async def read(
        self, container: str, name: str, known: str | None = None
    ) -> tuple[bytes, str] | None:
        if container == "training":
            if name not in self.told:
                raise NotThereError(name)
            return b"{}", "1"
        assert (container, known) == ("reference", None)
        found = {"policy.json": self.policy, "policy.previous.json": self.previous}[name]
        if found is None:
            raise NotThereError(name)
        return found, "1"

    async def size(self, container: str, folder: str) -> int:
        assert container == "orders-archive"
        return self.bytes_by_folder.get(folder, 0)


@dataclass
class FakeJobs:
    started: list[str] = field(default_factory=list)
    stands: dict[str, JobStatus] = field(default_factory=dict)

    async def status(self, name: str) -> JobStatus | None:
        return self.stands.get(name)

    async def submit(self, name: str) -> str:
        assert name not in self.stands, "one name is one job"
        self.started.append(name)
        self.stands[name] = "running"
        return f"/jobs/{name}"


def says(script: str) -> tuple[str, ...]:
    """A command in place of the training."""
    return (sys.executable, "-c", script)


def retraining(
    megabytes: int = 0,
    policy: bytes | None = None,
    jobs: FakeJobs | None = None,
    script: str = "",
    at: datetime = NIGHT,
    heard: FakeTelemetry | None = None,
    told: dict[str, dict[str, str]] | None = None,
) -> Retraining:
    size = {"orders": megabytes * 1_000_000}
    archive = FakeArchive(size, policy, told={} if told is None else told)
    command = says(script or "pass")
    return Retraining(archive, "orders", jobs, lambda: at, command, heard or FakeTelemetry())


TONIGHT, BEFORE = "sheriff-20261124", "sheriff-20261123"


@pytest.mark.parametrize(
    "names",
    [
        [TONIGHT],
        [BEFORE],
        [TONIGHT, f"{TONIGHT}-2", f"{TONIGHT}-3"],
        [BEFORE, f"{BEFORE}-2"],
    ],
)
async def test_a_job_that_runs_is_not_started_twice_nor_is_the_next_night_beside_it(
    names: list[str],
) -> None:
    jobs = FakeJobs()
    jobs.stands |= dict.fromkeys(names[:-1], "failed")
    jobs.stands[names[-1]] = "running"
    await retraining(1001, jobs=jobs).start()
    assert jobs.started == []


@pytest.mark.parametrize("status", ["failed", "canceled"])
async def test_a_night_that_ended_badly_is_started_again_by_hand_under_another_name(
    status: JobStatus,
) -> None:
    jobs = FakeJobs(stands={TONIGHT: status})
    await retraining(1001, jobs=jobs).start()
    assert jobs.started == [f"{TONIGHT}-2"]


async def test_a_night_that_is_done_is_not_done_again() -> None:
    jobs = FakeJobs(stands={TONIGHT: "completed"})
    await retraining(1001, jobs=jobs).start()
    assert jobs.started == []


async def test_a_night_whose_attempts_are_used_up_is_an_error_and_counts_as_failed() -> None:
    heard = FakeTelemetry()
    names = (TONIGHT, f"{TONIGHT}-2", f"{TONIGHT}-3")
    jobs = FakeJobs(stands=dict.fromkeys(names, "failed"))
    with pytest.raises(RetrainError, match="failed 3 times"):
        await retraining(1001, jobs=jobs, heard=heard).start()
    assert (jobs.started, heard.of("sheriff.retrain.failed")) == ([], [(1, "")])


async def test_handing_over_says_nothing_yet_of_how_the_night_ended() -> None:
    heard, jobs = FakeTelemetry(), FakeJobs()
    await retraining(1001, jobs=jobs, heard=heard).start()
    await retraining(1001, jobs=jobs, heard=heard).follow()
    assert heard.of("sheriff.retrain.failed") == []


@pytest.mark.parametrize(("status", "figure"), [("completed", 0), ("canceled", 1)])
async def test_how_a_job_ended_is_told_once_however_often_somebody_looks(
    status: JobStatus, figure: int
) -> None:
    heard, jobs = FakeTelemetry(), FakeJobs(stands={TONIGHT: status})
    told: dict[str, dict[str, str]] = {}
    for _ in range(3):
        await retraining(jobs=jobs, heard=heard, told=told).follow()
    assert heard.of("sheriff.retrain.failed") == [(figure, "")]
    assert told[f"jobs/{TONIGHT}.json"]["status"] == status
    assert jobs.started == []


async def test_a_job_that_failed_is_tried_again_until_its_night_failed() -> None:
    heard, jobs = FakeTelemetry(), FakeJobs(stands={TONIGHT: "failed"})
    told: dict[str, dict[str, str]] = {}
    for _ in range(6):
        await retraining(jobs=jobs, heard=heard, told=told).follow()
        for name in jobs.started:
            jobs.stands[name] = "failed"
    assert jobs.started == [f"{TONIGHT}-2", f"{TONIGHT}-3"]
    assert heard.of("sheriff.retrain.failed") == [(1, "")]


async def test_a_night_that_a_later_attempt_saved_did_not_fail() -> None:
    heard, jobs = FakeTelemetry(), FakeJobs(stands={TONIGHT: "failed"})
    await retraining(jobs=jobs, heard=heard).follow()
    jobs.stands[f"{TONIGHT}-2"] = "completed"
    await retraining(jobs=jobs, heard=heard).follow()
    assert heard.of("sheriff.retrain.failed") == [(0, "")]


async def test_a_job_is_tried_again_only_while_its_night_is_the_latest() -> None:
    heard, jobs = FakeTelemetry(), FakeJobs(stands={BEFORE: "failed"})
    await retraining(jobs=jobs, heard=heard).follow()
    assert jobs.started == [f"{BEFORE}-2"]
    jobs.stands |= {f"{BEFORE}-2": "failed", TONIGHT: "running"}
    await retraining(jobs=jobs, heard=heard).follow()
    assert jobs.started == [f"{BEFORE}-2"]  # tonight's does the work
    assert heard.of("sheriff.retrain.failed") == [(1, "")]


async def test_where_no_job_is_set_up_there_is_nothing_to_follow() -> None:
    heard = FakeTelemetry()
    await retraining(heard=heard).follow()
    assert heard.of("sheriff.retrain.failed") == []


async def test_who_cannot_look_now_tells_nothing_and_looks_again() -> None:
    class Away(FakeJobs):
        async def status(self, name: str) -> JobStatus | None:
            raise TransientError("look at job: 503")

    heard = FakeTelemetry()
    with pytest.raises(TransientError):
        await retraining(jobs=Away(), heard=heard).follow()
    assert heard.of("sheriff.retrain.failed") == []


async def test_a_small_archive_is_trained_on_here(tmp_path: Path) -> None:
    jobs, done = FakeJobs(), tmp_path / "done"
    await retraining(1000, jobs=jobs, script=f"open({str(done)!r}, 'w')").start()
    assert done.exists()
    assert jobs.started == []


async def test_past_the_policys_size_the_work_is_handed_over_once_a_night() -> None:
    jobs = FakeJobs()
    ours = retraining(1001, jobs=jobs, script="raise SystemExit(9)")
    await ours.start()
    await ours.start()
    assert {*jobs.started} == {"sheriff-20261124"}


async def test_the_size_is_the_policys_and_where_there_is_none_the_packaged_one() -> None:
    jobs = FakeJobs()
    await retraining(3, policy=b'{"retrain_here_megabytes": 2}', jobs=jobs).start()
    await retraining(2, policy=b'{"retrain_here_megabytes": 2}', jobs=jobs).start()
    assert len(jobs.started) == 1


async def test_too_large_an_archive_and_no_job_is_an_error_that_says_what_to_set() -> None:
    with pytest.raises(ConfigurationError) as refused:
        await retraining(1500).start()
    assert str(refused.value) == (
        "the archive has 1,500 MB, and retrain_here_megabytes of the policy is 1,000: set "
        "RETRAIN_JOB_WORKSPACE, RETRAIN_JOB_COMPUTE and RETRAIN_JOB_ENVIRONMENT to hand the "
        "training over, or raise that limit"
    )


async def test_a_bad_policy_starts_nothing(tmp_path: Path) -> None:
    script = f"open({str(tmp_path / 'done')!r}, 'w')"
    with pytest.raises(ConfigurationError, match="retrain_here_megabytes"):
        await retraining(0, policy=b'{"retrain_here_megabytes": 0}', script=script).start()
    assert not (tmp_path / "done").exists()


async def test_a_policy_that_is_gone_is_not_replaced_by_the_packaged_one(tmp_path: Path) -> None:
    script = f"open({str(tmp_path / 'done')!r}, 'w')"
    ours = retraining(0, script=script)
    assert isinstance(ours.files, FakeArchive)
    ours.files.previous = b"{}"
    with pytest.raises(ConfigurationError, match=r"^reference/policy\.json was there and is gone"):
        await ours.start()
    assert not (tmp_path / "done").exists()


async def test_a_job_that_cannot_be_started_now_is_raised() -> None:
    async def away() -> None:
        raise TransientError("Azure is away")

    with pytest.raises(TransientError):
        await retrain(2_000_000_000, Policy(), away, away)
