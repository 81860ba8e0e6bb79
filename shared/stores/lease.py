"""A lease on a blob: only one process holds it at a time."""

import logging
import threading
import time
from contextlib import suppress

from azure.core.exceptions import AzureError
from azure.storage.blob import BlobClient, BlobLeaseClient

from shared.errors import LeaseHeld, TransientError, WriteConflict
from shared.stores import timeouts
from shared.stores.error_translation import missing_is_fine, translated

_logger = logging.getLogger(__name__)


def acquired(blob: BlobClient, seconds: int) -> BlobLeaseClient:
    """Take the lease of a blob for so long, and make the blob where it is missing.

    Raises:
        LeaseHeld: another process holds it.
        TransientError: the store does not answer now.
    """
    doing = f"lease {blob.container_name}/{blob.blob_name}"
    try:
        with translated(doing):
            with missing_is_fine():
                return blob.acquire_lease(lease_duration=seconds)
            with suppress(WriteConflict), translated(doing):  # another process makes it just now
                blob.upload_blob(b"")
            return blob.acquire_lease(lease_duration=seconds)
    except WriteConflict as error:
        raise LeaseHeld(f"{blob.blob_name}: another run is at work and holds the lease") from error


class BlobLease:
    """A lease that is held; a thread renews it until it is closed."""

    def __init__(self, lease: BlobLeaseClient, name: str, seconds: float) -> None:
        self._lease = lease
        self._name = name
        self._seconds = seconds
        self._held_since = time.monotonic()
        self._failure: str | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name=f"lease of {name}", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise unless we still hold the lease. Call this before writing anything others read.

        Raises:
            TransientError: a renewal has failed, or came too late.
        """
        late = time.monotonic() - self._held_since > self._seconds
        if self._failure is not None or late:
            why = self._failure or "it was not renewed in time"
            raise TransientError(f"the lease of {self._name} is lost: {why}")

    def close(self) -> None:
        """Stop renewing and release the lease; if that fails, it ends by itself."""
        self._over.set()
        self._thread.join()
        with suppress(AzureError):
            self._lease.release(**timeouts.LEASE)

    def _renew(self) -> None:
        while not self._over.wait(self._seconds / 3):
            asked = time.monotonic()
            try:
                self._lease.renew(**timeouts.LEASE)
            except AzureError as error:
                self._failure = str(error).partition("\n")[0]
                _logger.exception("the lease of %s was not renewed", self._name)
                return
            self._held_since = asked
