"""The synchronous client of Blob Storage, on a server that answers what a test says."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from shared.documents import Stored
from shared.errors import ConfigurationError, TransientError, WriteConflict
from shared.stores.blobs import Blobs
from shared.stores.settings import BlobSettings
from tests.unit.shared.stores.store_server import Answer, StoreServer

BLOB = "/account/models/a.json"
WRITTEN = Answer(201, headers={"ETag": '"2"'})
LISTING = b"""<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs>
<Blob><Name>b</Name><Properties><Etag>0x8D</Etag><Content-Length>3</Content-Length>
<BlobType>BlockBlob</BlobType></Properties></Blob>
<Blob><Name>a</Name><Properties><Etag>0x8C</Etag><Content-Length>2</Content-Length>
<BlobType>BlockBlob</BlobType></Properties></Blob>
</Blobs><NextMarker/></EnumerationResults>"""


@pytest.fixture
def blobs(server: StoreServer) -> Iterator[Blobs]:
    with closing(Blobs(BlobSettings(server.blob_connection, None))) as opened:
        yield opened


def test_a_missing_blob_is_none_and_a_missing_container_may_come_back(
    server: StoreServer, blobs: Blobs
) -> None:
    server.answers["GET", BLOB] = Answer(404, error="BlobNotFound")
    assert blobs.read("models", "a.json") is None
    assert blobs.read_range("models", "a.json", 0, 5) is None
    server.answers["GET", BLOB] = Answer(404, error="ContainerNotFound")
    with pytest.raises(TransientError, match=r"^read models/a\.json: 404"):
        blobs.read("models", "a.json")


def test_a_blob_is_created_replaced_as_it_was_read_or_written_in_any_case(
    server: StoreServer, blobs: Blobs
) -> None:
    server.answers["PUT", BLOB] = WRITTEN
    assert blobs.write("models", "a.json", b"1", None) == '"2"'
    blobs.write("models", "a.json", b"2", '"1"')
    blobs.write("models", "a.json", b"3", None, replace=True)
    conditions = [
        (request.headers.get("if-none-match"), request.headers.get("if-match"))
        for request in server.asked("PUT", BLOB)
    ]
    assert conditions == [("*", None), (None, '"1"'), (None, None)]


@pytest.mark.parametrize(("status", "code"), [(409, "BlobAlreadyExists"), (412, "ConditionNotMet")])
def test_a_write_that_comes_too_late_is_a_conflict(
    server: StoreServer, blobs: Blobs, status: int, code: str
) -> None:
    server.answers["PUT", BLOB] = Answer(status, error=code)
    with pytest.raises(WriteConflict, match=f"^write models/a.json: {status}"):
        blobs.write("models", "a.json", b"1", None)


def test_a_listing_is_sorted_and_gives_versions_as_a_read_does(
    server: StoreServer, blobs: Blobs
) -> None:
    server.answers["GET", "/account/models"] = Answer(
        body=LISTING, headers={"Content-Type": "application/xml"}
    )
    assert blobs.list("models") == [Stored("a", 2, '"0x8C"'), Stored("b", 3, '"0x8D"')]


def test_deleting_what_is_gone_is_fine(server: StoreServer, blobs: Blobs) -> None:
    server.answers["DELETE", BLOB] = Answer(404, error="BlobNotFound")
    blobs.delete("models", "a.json")
    assert len(server.asked("DELETE", BLOB)) == 1


def test_a_connection_that_cannot_be_used_is_named_and_its_key_is_not_shown() -> None:
    with pytest.raises(
        ConfigurationError, match=r"^BLOB_CONNECTION cannot be used: expected a connection string$"
    ):
        Blobs(BlobSettings("AccountKey=secret", None))


def test_a_lease_is_given_back_at_its_end(server: StoreServer, blobs: Blobs) -> None:
    lease = "/account/training/lease"
    server.answers["PUT", lease] = Answer(201, headers={"ETag": '"1"', "x-ms-lease-id": "mine"})
    with blobs.lease("training", "lease"):
        pass
    actions = [request.headers["x-ms-lease-action"] for request in server.asked("PUT", lease)]
    assert actions == ["acquire", "release"]
