"""Blob Storage for synchronous callers."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import IO

from azure.storage.blob import BlobServiceClient

from shared.documents import Stored
from shared.stores.conditional_write import blob_write
from shared.stores.credential import Credential, credential
from shared.stores.error_translation import missing_is_fine, named_setting, translated
from shared.stores.lease import BlobLease, acquired
from shared.stores.settings import BlobSettings
from shared.stores.timeouts import PATIENT_BLOBS


class Blobs:
    """The blob containers of one storage account; a version is an ETag.

    Any number of threads may read at once. Every method raises TransientError if the call may work
    next time; `translated` lists the other errors.
    """

    def __init__(self, settings: BlobSettings) -> None:
        self._identity: Credential | None = None
        if settings.connection is not None:
            with named_setting("BLOB_CONNECTION", "a connection string"):
                self._service = BlobServiceClient.from_connection_string(
                    settings.connection, **PATIENT_BLOBS
                )
        else:
            assert settings.account_url is not None  # BlobSettings has the one or the other
            self._identity = credential(settings.identity)
            with named_setting("BLOB_ACCOUNT_URL", "an address"):
                self._service = BlobServiceClient(
                    settings.account_url, self._identity, **PATIENT_BLOBS
                )

    def read(self, container: str, name: str) -> tuple[bytes, str] | None:
        """Return a blob and its version; None where there is no such blob."""
        with translated(f"read {container}/{name}"), missing_is_fine():
            download = self._service.get_blob_client(container, name).download_blob()
            return download.readall(), download.properties.etag
        return None

    def read_range(self, container: str, name: str, start: int, length: int) -> bytes | None:
        """Return up to ``length`` bytes from ``start`` on; None where there is no such blob."""
        with translated(f"read {container}/{name}"), missing_is_fine():
            blob = self._service.get_blob_client(container, name)
            return blob.download_blob(offset=start, length=length).readall()
        return None

    def write(
        self,
        container: str,
        name: str,
        data: bytes | IO[bytes],
        version: str | None,
        *,
        replace: bool = False,
    ) -> str:
        """Replace the version that was read, or create the blob where that is None.

        With ``replace`` it writes in any case. Returns the new version.

        Raises:
            WriteConflict: it is another version by now.
        """
        blob = self._service.get_blob_client(container, name)
        with translated(f"write {container}/{name}"):
            return str(blob.upload_blob(data, **blob_write(version, replace=replace))["etag"])

    def list(self, container: str, prefix: str = "") -> Sequence[Stored]:
        """Return the blobs whose names begin with a prefix, by name."""
        with translated(f"list {container}/{prefix}"):
            listed = self._service.get_container_client(container).list_blobs(prefix or None)
            # A listing leaves out the quotes that are part of a version everywhere else.
            blobs = [Stored(blob.name, blob.size, f'"{blob.etag.strip('"')}"') for blob in listed]
        return sorted(blobs, key=lambda blob: blob.name)

    def folders(self, container: str, prefix: str = "") -> Sequence[str]:
        """Return the folders right below a prefix, each with the prefix and a slash, by name."""
        with translated(f"list {container}/{prefix}"):
            client = self._service.get_container_client(container)
            entries = client.walk_blobs(prefix or None, delimiter="/")
            return sorted(entry.name for entry in entries if entry.name.endswith("/"))

    def delete(self, container: str, name: str) -> None:
        """Delete a blob; a blob that is missing is fine."""
        with translated(f"delete {container}/{name}"), missing_is_fine():
            self._service.get_blob_client(container, name).delete_blob()

    @contextmanager
    def lease(self, container: str, name: str, seconds: int = 30) -> Iterator[BlobLease]:
        """Hold a blob's lease inside a ``with`` block; the blob is created if it is missing.

        A process that is killed holds the lease for up to ``seconds`` (15 to 60) more.

        Raises:
            LeaseHeld: another process holds it.
        """
        blob = self._service.get_blob_client(container, name)
        with closing(BlobLease(acquired(blob, seconds), name, seconds)) as lease:
            yield lease

    def close(self) -> None:
        """Give the connections back."""
        self._service.close()
        if self._identity is not None:
            self._identity.close()
