"""Start training as an Azure Machine Learning job, by its REST interface.

The SDK of Azure Machine Learning is too large for the app's environment, and two requests do not
need it: "Jobs - Create Or Update" and "Jobs - Get" of 2024-04-01. Not tried against Azure yet.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from azure.core import AsyncPipelineClient
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline.policies import (
    AsyncBearerTokenCredentialPolicy,
    AsyncRetryPolicy,
    HeadersPolicy,
)
from azure.core.rest import AsyncHttpResponse, HttpRequest

from functions.ports import JobStatus
from functions.settings import JobSettings
from shared.errors import WriteConflict
from shared.stores.error_translation import translated

MANAGEMENT = "https://management.azure.com"
API_VERSION = "2024-04-01"
COMMAND = "python -m training.pipeline"
LONGEST = "PT12H"
"""ISO 8601 duration after which Azure stops the job."""


class MachineLearningJobs:
    """Starts command jobs in one workspace (`functions.ports.JobQueue`).

    The job's environment must be an image with Sheriff in its working folder and the packages of
    ``requirements-train.txt``.
    """

    def __init__(
        self,
        settings: JobSettings,
        credential: AsyncTokenCredential,
        management: str = MANAGEMENT,
        retries: int = 3,
    ) -> None:
        self._settings = settings
        # A token goes over TLS only. Only a test uses an address of this machine.
        self._enforce_https = not management.startswith("http://127.0.0.1")
        self._client: AsyncPipelineClient[Any, Any] = AsyncPipelineClient(
            management,
            policies=[
                HeadersPolicy(),
                AsyncRetryPolicy(retry_total=retries),
                AsyncBearerTokenCredentialPolicy(credential, f"{MANAGEMENT}/.default"),
            ],
        )

    async def submit(self, name: str) -> str:
        """Start the job unless there is one of this name, and return where to look at it.

        Raises:
            TransientError: Azure did not take it now.
            RefusedError: Azure will never take it.
        """
        address = self._address(name)
        if await self.status(name) is not None:
            return address
        request = HttpRequest(
            "PUT",
            address,
            params={"api-version": API_VERSION},
            json={"properties": command_job(self._settings, name)},
        )
        with suppress(WriteConflict):  # somebody has started it meanwhile
            await self._send(request, f"start job {name}")
        return address

    async def status(self, name: str) -> JobStatus | None:
        """Return how a job stands; None where there is no job of this name.

        Raises:
            TransientError: Azure does not say now.
            RefusedError: Azure will never answer this question.
        """
        request = HttpRequest("GET", self._address(name), params={"api-version": API_VERSION})
        response = await self._send(request, f"look at job {name}", missing=True)
        return None if response.status_code == 404 else _status(response)

    def _address(self, name: str) -> str:
        return f"{self._settings.workspace}/jobs/{name}"

    async def _send(
        self, request: HttpRequest, doing: str, *, missing: bool = False
    ) -> AsyncHttpResponse:
        """Return the answer with its body read; with ``missing``, 404 is an answer too."""
        request.url = self._client.format_url(request.url)
        with translated(doing):
            response: AsyncHttpResponse = await self._client.send_request(
                request, enforce_https=self._enforce_https
            )
            if not (missing and response.status_code == 404):
                response.raise_for_status()
            return response

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.close()


_ENDED: Mapping[str, JobStatus] = {
    "completed": "completed",
    "failed": "failed",
    "canceled": "canceled",
}


def _status(response: AsyncHttpResponse) -> JobStatus:
    """Return how a job stands; of the dozen values of ``properties.status`` three mean its end."""
    try:
        status = str(response.json()["properties"]["status"])
    except (ValueError, LookupError, TypeError):
        status = ""  # the job exists, and nothing says that it has ended
    return _ENDED.get(status.lower(), "running")


def command_job(settings: JobSettings, name: str) -> dict[str, Any]:
    """Return the properties of a CommandJob, by the interface's names."""
    identity = {"identityType": "Managed"}
    if client_id := settings.environ.get("AZURE_CLIENT_ID"):
        identity["clientId"] = client_id
    return {
        "jobType": "Command",
        "displayName": name,
        "experimentName": "sheriff",
        "command": COMMAND,
        "environmentId": settings.environment,
        "computeId": settings.compute,
        "environmentVariables": dict(settings.environ),
        "identity": identity,
        "limits": {"jobLimitsType": "Command", "timeout": LONGEST},
        "resources": {"instanceCount": 1},
    }
