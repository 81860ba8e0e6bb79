"""The request that starts a job, as a server on this machine receives it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from azure.core.credentials import AccessToken

from functions.jobs import MachineLearningJobs
from functions.retraining import Retraining
from functions.settings import JobSettings
from functions.training_process import RetrainError
from shared.errors import NotThereError, RefusedError, TransientError, WriteConflict
from tests.unit.functions.world import FakeTelemetry

PROVIDER = "/subscriptions/s-1/resourceGroups/rg/providers/Microsoft.MachineLearningServices"
WORKSPACE = f"{PROVIDER}/workspaces/fraud"
SETTINGS = JobSettings(
    workspace=WORKSPACE,
    compute=f"{WORKSPACE}/computes/nightly",
    environment=f"{WORKSPACE}/environments/sheriff/versions/1",
    environ={"ORDERS_HUB": "orders", "AZURE_CLIENT_ID": "c-1"},
)


class FakeCredential:
    """Hands out one token, and notes for what."""

    def __init__(self) -> None:
        self.scopes: list[tuple[str, ...]] = []

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes.append(scopes)
        return AccessToken("t0ken", 2**31)

    async def close(self) -> None: ...

    async def __aenter__(self) -> FakeCredential:
        return self

    async def __aexit__(self, *_: object) -> None: ...


@dataclass
class Server:
    """Azure's management address, which may answer with a failure of its own."""

    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    puts: int = 0
    answer: int | None = None
    reads: int = 200
    url: str = ""
    token: str | None = None
    version: str | None = None

    def ends(self, name: str, status: Any) -> None:
        """Say how a job stands, as Azure adds it to what was put."""
        self.jobs[f"{WORKSPACE}/jobs/{name}"] = {"properties": {"status": status}}

    async def handle(self, request: web.Request) -> web.Response:
        self.token = request.headers.get("Authorization")
        self.version = request.query.get("api-version")
        if request.method == "GET":
            known = self.jobs.get(request.path)
            if self.reads != 200:
                return web.json_response({}, status=self.reads)
            return web.json_response(known or {}, status=200 if known else 404)
        self.puts += 1
        if self.answer is not None:
            return web.json_response({"error": {"message": "no"}}, status=self.answer)
        self.jobs[request.path] = await request.json()
        return web.json_response(self.jobs[request.path], status=201)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    ours = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", ours.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ours.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield ours
    await runner.cleanup()


@pytest.fixture
async def jobs(server: Server) -> AsyncIterator[MachineLearningJobs]:
    made = MachineLearningJobs(SETTINGS, FakeCredential(), server.url, retries=0)
    yield made
    await made.close()


async def test_a_command_job_is_put_into_the_workspace(
    server: Server, jobs: MachineLearningJobs
) -> None:
    address = f"{WORKSPACE}/jobs/sheriff-20261124"
    assert await jobs.submit("sheriff-20261124") == address
    assert server.jobs == {
        address: {
            "properties": {
                "jobType": "Command",
                "displayName": "sheriff-20261124",
                "experimentName": "sheriff",
                "command": "python -m training.pipeline",
                "environmentId": SETTINGS.environment,
                "computeId": SETTINGS.compute,
                "environmentVariables": {"ORDERS_HUB": "orders", "AZURE_CLIENT_ID": "c-1"},
                "identity": {"identityType": "Managed", "clientId": "c-1"},
                "limits": {"jobLimitsType": "Command", "timeout": "PT12H"},
                "resources": {"instanceCount": 1},
            }
        }
    }
    assert server.token == "Bearer t0ken"
    assert server.version == "2024-04-01"


async def test_trying_again_starts_no_second_job(server: Server, jobs: MachineLearningJobs) -> None:
    for _ in range(2):
        await jobs.submit("sheriff-20261124")
    assert server.puts == 1


async def test_a_job_started_in_the_meantime_is_as_good(
    server: Server, jobs: MachineLearningJobs
) -> None:
    server.answer = 409
    assert (await jobs.submit("sheriff-20261124")).endswith("/jobs/sheriff-20261124")


async def test_a_job_that_is_not_there_has_no_status(jobs: MachineLearningJobs) -> None:
    assert await jobs.status("sheriff-20261124") is None


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("Completed", "completed"), ("Failed", "failed"), ("Canceled", "canceled"),
        *((one, "running") for one in (
            "NotStarted", "Starting", "Provisioning", "Preparing", "Queued", "Running",
            "Finalizing", "CancelRequested", "NotResponding", "Paused", "Unknown", "Brewing",
            "", None, 7, ["Failed"],
        )),
    ],
)  # fmt: skip
async def test_a_job_stands_as_azure_says_and_runs_until_it_is_known_to_have_ended(
    server: Server, jobs: MachineLearningJobs, said: Any, status: str
) -> None:
    server.ends("sheriff-20261124", said)
    assert await jobs.status("sheriff-20261124") == status


@pytest.mark.parametrize("answer", [{"properties": None}, {}, [], {"properties": {}}])
async def test_a_job_of_another_shape_is_there_and_not_started_again(
    server: Server, jobs: MachineLearningJobs, answer: Any
) -> None:
    server.jobs[f"{WORKSPACE}/jobs/sheriff-20261124"] = answer or {"x": 1}
    assert await jobs.status("sheriff-20261124") == "running"
    await jobs.submit("sheriff-20261124")
    assert server.puts == 0


async def test_a_status_that_azure_does_not_tell_now_is_one_clear_error(
    server: Server, jobs: MachineLearningJobs
) -> None:
    server.reads = 503
    with pytest.raises(TransientError, match=r"^look at job sheriff-20261124: 503 "):
        await jobs.status("sheriff-20261124")


@dataclass
class Archive:
    """An archive too large for one machine, and what was told of nights."""

    told: dict[str, bytes] = field(default_factory=dict)

    async def read(
        self, container: str, name: str, known: str | None = None
    ) -> tuple[bytes, str] | None:
        if name not in self.told:
            raise NotThereError(name)
        return self.told[name], "1"

    async def size(self, container: str, folder: str) -> int:
        return 10**12

    async def write(self, container: str, name: str, data: bytes, version: str | None) -> None:
        assert (container, version) == ("training", None)
        if name in self.told:
            raise WriteConflict(name)
        self.told[name] = data


async def test_a_night_of_jobs_is_tried_again_until_it_ends_and_its_end_is_told_once(
    server: Server, jobs: MachineLearningJobs
) -> None:
    heard, now = FakeTelemetry(), datetime(2026, 11, 24, 2, tzinfo=UTC)
    ours = Retraining(Archive(), "orders", jobs, lambda: now, telemetry=heard)
    for _ in range(2):  # the second finds it running
        await ours.start()
        await ours.follow()
    assert (server.puts, heard.of("sheriff.retrain.failed")) == (1, [])
    for attempt in ("sheriff-20261124", "sheriff-20261124-2", "sheriff-20261124-3"):
        server.ends(attempt, "Running")
        await ours.follow()
        server.ends(attempt, "Failed")
        await ours.follow()
    assert [name.rpartition("/")[2] for name in server.jobs] == [
        "sheriff-20261124", "sheriff-20261124-2", "sheriff-20261124-3",
    ]  # fmt: skip
    for _ in range(3):
        await ours.follow()
    assert (server.puts, heard.of("sheriff.retrain.failed")) == (3, [(1, "")])
    with pytest.raises(RetrainError, match="failed 3 times as the job sheriff-20261124"):
        await ours.start()


@pytest.mark.parametrize(
    ("status", "error"), [(400, RefusedError), (403, TransientError), (500, TransientError)]
)
async def test_what_azure_does_not_take_is_one_clear_error(
    server: Server, jobs: MachineLearningJobs, status: int, error: type[Exception]
) -> None:
    server.answer = status
    with pytest.raises(error, match=rf"^start job sheriff-20261124: {status} "):
        await jobs.submit("sheriff-20261124")


async def test_a_token_goes_over_tls_only() -> None:
    jobs = MachineLearningJobs(SETTINGS, FakeCredential(), "http://example.invalid", retries=0)
    with pytest.raises(TransientError):
        await jobs.submit("sheriff-20261124")
    await jobs.close()
