"""Blob Storage for async callers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.storage.blob.aio import BlobServiceClient, LinearRetry

from shared.errors import NotThereError
from shared.stores import timeouts
from shared.stores.aio.credential import Credential, credential
from shared.stores.aio.measures import NOWHERE, Measures, timed
from shared.stores.conditional_write import blob_write, unless_still
from shared.stores.error_translation import is_not_there, named_setting, translated
from shared.stores.settings import BlobSettings

_NOT_MODIFIED = 304


class Blobs:
    """The blob containers of one storage account; a version is an ETag.

    Every method raises TransientError if the call may work next time; `translated` lists the other
    errors.
    """

    def __init__(self, settings: BlobSettings, measures: Measures = NOWHERE) -> None:
        self._measures = measures
        self._identity: Credential | None = None
        # Each client needs retries of its own: the SDK links them to the requests it sends.
        options = timeouts.QUICK_BLOBS | {"retry_policy": _retries()}
        if settings.connection is not None:
            with named_setting("BLOB_CONNECTION", "a connection string"):
                self._service = BlobServiceClient.from_connection_string(
                    settings.connection, **options
                )
        else:
            assert settings.account_url is not None  # BlobSettings has the one or the other
            self._identity = credential(settings.identity)
            with named_setting("BLOB_ACCOUNT_URL", "an address"):
                self._service = BlobServiceClient(settings.account_url, self._identity, **options)

    async def read(
        self, container: str, name: str, known: str | None = None
    ) -> tuple[bytes, str] | None:
        """Return a blob and its version; None while the version is still the ``known`` one.

        Raises:
            NotThereError: there is no such blob.
            TransientError: the store cannot say now whether there is one.
        """
        condition = {} if known is None else unless_still(known)
        async with self._call(container, f"read {container}/{name}"):
            try:
                blob = self._service.get_blob_client(container, name)
                download = await blob.download_blob(**condition)
                return await download.readall(), download.properties.etag
            except HttpResponseError as error:
                if error.status_code == _NOT_MODIFIED:
                    return None
                if is_not_there(error):
                    raise NotThereError(f"{container}/{name}") from error
                raise

    async def write(self, container: str, name: str, data: bytes, version: str | None) -> None:
        """Replace the version that was read, or create the blob where that is None.

        Raises:
            WriteConflict: it is another version by now.
            TransientError: it may be written next time.
        """
        async with self._call(container, f"write {container}/{name}"):
            blob = self._service.get_blob_client(container, name)
            await blob.upload_blob(data, **blob_write(version))

    @asynccontextmanager
    async def _call(self, container: str, doing: str) -> AsyncIterator[None]:
        """Measure and translate one call, and end it with all its retries after `CALL_SECONDS`."""
        with timed(self._measures, container), translated(doing):
            async with asyncio.timeout(timeouts.CALL_SECONDS):
                yield

    async def names(self, container: str) -> list[str]:
        """Return the names of a container's blobs, in order."""
        with translated(f"list {container}"):
            names = self._service.get_container_client(container).list_blob_names()
            return [name async for name in names]

    async def size(self, container: str, folder: str) -> int:
        """Return the bytes of all blobs that lie in a folder of this name, at any depth."""
        with translated(f"list {container}"):
            blobs = self._service.get_container_client(container).list_blobs()
            return sum([blob.size async for blob in blobs if folder in blob.name.split("/")[:-1]])

    async def close(self) -> None:
        """Give the connections back."""
        await self._service.close()
        if self._identity is not None:
            await self._identity.close()


def _retries() -> Any:
    """Wait for 0 to 2 s before each of two retries; by itself the SDK waits for 15 s and more."""
    return LinearRetry(backoff=1, retry_total=2, random_jitter_range=1)
