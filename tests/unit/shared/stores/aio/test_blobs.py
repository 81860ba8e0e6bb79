"""The async client of Blob Storage, on a server that answers what a test says."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.errors import ConfigurationError, NotThereError, TransientError, WriteConflict
from shared.stores import timeouts
from shared.stores.aio.blobs import Blobs
from shared.stores.settings import BlobSettings
from tests.unit.shared.stores.store_server import KEY, Answer, StoreServer

BLOB = "/account/models/a.json"
NOWHERE = BlobSettings(
    f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey={KEY};BlobEndpoint=http://127.0.0.1:9/a;",
    None,
)


@pytest.fixture
async def blobs(server: StoreServer) -> AsyncIterator[Blobs]:
    opened = Blobs(BlobSettings(server.blob_connection, None))
    yield opened
    await opened.close()


async def test_a_blob_that_is_still_the_known_version_is_not_read_again(
    server: StoreServer, blobs: Blobs
) -> None:
    server.answers["GET", BLOB] = Answer(304)
    assert await blobs.read("models", "a.json", '"1"') is None
    assert server.asked("GET", BLOB)[0].headers["if-none-match"] == '"1"'


async def test_a_missing_blob_is_not_there_and_a_missing_container_may_come_back(
    server: StoreServer, blobs: Blobs
) -> None:
    server.answers["GET", BLOB] = Answer(404, error="BlobNotFound")
    with pytest.raises(NotThereError, match=r"^models/a\.json$"):
        await blobs.read("models", "a.json")
    server.answers["GET", BLOB] = Answer(404, error="ContainerNotFound")
    with pytest.raises(TransientError, match=r"^read models/a\.json: 404"):
        await blobs.read("models", "a.json")


async def test_a_blob_is_created_or_replaced_as_it_was_read(
    server: StoreServer, blobs: Blobs
) -> None:
    server.answers["PUT", BLOB] = Answer(201, headers={"ETag": '"2"'})
    await blobs.write("models", "a.json", b"1", None)
    await blobs.write("models", "a.json", b"2", '"1"')
    created, replaced = server.asked("PUT", BLOB)
    assert (created.headers["if-none-match"], replaced.headers["if-match"]) == ("*", '"1"')
    server.answers["PUT", BLOB] = Answer(412, error="ConditionNotMet")
    with pytest.raises(WriteConflict, match=r"^write models/a\.json: 412"):
        await blobs.write("models", "a.json", b"3", '"1"')


def test_a_connection_that_cannot_be_used_is_named_and_its_key_is_not_shown() -> None:
    with pytest.raises(
        ConfigurationError, match=r"^BLOB_CONNECTION cannot be used: expected a connection string$"
    ):
        Blobs(BlobSettings("AccountKey=secret", None))


async def test_blob_storage_that_is_away_costs_two_short_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept = []

    async def sleep(_: object, seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("azure.core.pipeline.transport.AioHttpTransport.sleep", sleep)
    blobs = Blobs(NOWHERE)
    try:
        with pytest.raises(TransientError, match=r"read models/champion\.json: ServiceRequest"):
            await blobs.read("models", "champion.json")
    finally:
        await blobs.close()
    assert len(slept) <= 2
    assert sum(slept) <= 4


async def test_blob_storage_that_never_answers_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Silent:
        async def download_blob(self, *_: object, **__: object) -> None:
            await asyncio.Event().wait()

        upload_blob = download_blob

    monkeypatch.setattr(timeouts, "CALL_SECONDS", 0)
    blobs = Blobs(NOWHERE)
    monkeypatch.setattr(blobs._service, "get_blob_client", lambda *_: Silent())
    try:
        with pytest.raises(TransientError, match="TimeoutError"):
            await blobs.read("models", "champion.json")
        with pytest.raises(TransientError, match="TimeoutError"):
            await blobs.write("dead-letters", "a", b"", None)
    finally:
        await blobs.close()
