"""The SDKs' time-outs (in seconds) and numbers of retries."""

from typing import Any

CALL_SECONDS = 10
"""The limit for one call of scoring with all its retries. After that the whole batch is tried
again."""

QUICK_COSMOS: dict[str, Any] = {
    "connection_timeout": 5,
    "read_timeout": 8,
    "timeout": CALL_SECONDS,
    "retry_total": 3,
    "retry_throttle_total": 3,
    "retry_throttle_backoff_max": 4,
    # Every write is a create with a fixed id, a replacement of a known version, or a patch that
    # changes nothing the second time: it is safe to send it again.
    "retry_write": True,
}
QUICK_BLOBS: dict[str, Any] = {"connection_timeout": 5, "read_timeout": 8}

# Nobody waits for a nightly run or a command: its clients try for a minute or so before they fail.
PATIENT_COSMOS: dict[str, Any] = {
    "connection_timeout": 10,
    "read_timeout": 60,
    "retry_write": True,
}
PATIENT_BLOBS: dict[str, Any] = {"connection_timeout": 10, "read_timeout": 60, "retry_total": 4}

LEASE: dict[str, Any] = {"connection_timeout": 3, "read_timeout": 5, "retry_total": 1}
"""A renewal must end before the lease does, so it is tried only once more, and soon."""
