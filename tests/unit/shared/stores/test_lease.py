"""A lease: renewed while it is held, and known to be lost when it is."""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from shared.errors import LeaseHeld, TransientError
from shared.stores.lease import BlobLease, acquired
from tests.patience import PATIENCE


class FakeLease:
    """The SDK's lease: each renewal does what the test says, and is told."""

    def __init__(self, renewing: Callable[[], None] = lambda: None) -> None:
        self.renewals = threading.Semaphore(0)
        self.released = False
        self._renewing = renewing

    def renew(self, **_: Any) -> None:
        try:
            self._renewing()
        finally:
            self.renewals.release()

    def release(self, **_: Any) -> None:
        self.released = True


def refuse() -> None:
    raise HttpResponseError("somebody broke it\nwith many lines")


class FakeBlob:
    """A blob that exists or not, and whose lease another process holds or not."""

    container_name, blob_name = "training", "lease"

    def __init__(self, *, exists: bool, held: bool = False) -> None:
        self.exists, self.held = exists, held

    def acquire_lease(self, lease_duration: int) -> str:
        if not self.exists:
            raise _status(ResourceNotFoundError("none"), 404)
        if self.held:
            raise _status(HttpResponseError("held"), 409)
        return f"leased for {lease_duration} s"

    def upload_blob(self, data: bytes) -> None:
        assert data == b""
        self.exists = True


def _status(error: HttpResponseError, status: int) -> HttpResponseError:
    error.status_code, error.reason = status, "Reason"
    return error


def test_a_lease_is_taken_of_a_blob_that_is_made_where_it_is_missing() -> None:
    for exists in (True, False):
        blob: Any = FakeBlob(exists=exists)
        assert acquired(blob, 30) == "leased for 30 s"


def test_a_lease_that_another_process_holds_is_told() -> None:
    blob: Any = FakeBlob(exists=True, held=True)
    with pytest.raises(LeaseHeld, match=r"^lease: another run is at work and holds the lease$"):
        acquired(blob, 30)


def test_a_lease_is_renewed_until_it_is_closed_and_then_released() -> None:
    lease: Any = FakeLease()
    with closing(BlobLease(lease, "lease", seconds=0.03)) as held:
        for _ in range(3):
            assert lease.renewals.acquire(timeout=PATIENCE)
        assert not lease.released
    assert lease.released
    assert not held._thread.is_alive()


def test_a_lease_whose_renewal_fails_is_lost_and_one_line_says_why() -> None:
    lease: Any = FakeLease(refuse)
    with closing(BlobLease(lease, "lease", seconds=0.03)) as held:
        assert lease.renewals.acquire(timeout=PATIENCE)
        held._thread.join(PATIENCE)
        with pytest.raises(
            TransientError, match=r"^the lease of lease is lost: somebody broke it$"
        ):
            held.check()


def test_a_lease_that_is_renewed_too_late_is_lost() -> None:
    lease: Any = FakeLease()
    with closing(BlobLease(lease, "lease", seconds=3600)) as held:
        held.check()
        held._held_since -= 3601
        with pytest.raises(TransientError, match="not renewed in time"):
            held.check()


def test_a_renewed_lease_counts_from_when_the_renewal_was_asked_for() -> None:
    """The store may have renewed it at once, however long its answer takes."""
    asked_at: list[float] = []

    def answer_late() -> None:
        asked_at.append(time.monotonic())
        time.sleep(0.02)

    lease: Any = FakeLease(answer_late)
    with closing(BlobLease(lease, "lease", seconds=0.03)) as held:
        assert lease.renewals.acquire(timeout=PATIENCE)
    assert held._held_since <= asked_at[-1]
