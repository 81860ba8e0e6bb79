"""The request that starts a job, as a server on this machine receives it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from azure.core.credentials import AccessToken

from functions.jobs import MachineLearningJobs
from functions.ports import RefusedError
from functions.settings import JobSettings
from shared.errors import TransientError

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
    url: str = ""
    token: str | None = None
    version: str | None = None

    async def handle(self, request: web.Request) -> web.Response:
        self.token = request.headers.get("Authorization")
        self.version = request.query.get("api-version")
        if request.method == "GET":
            known = self.jobs.get(request.path)
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
