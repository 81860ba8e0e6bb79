"""How long clients wait: long enough to help, and not longer than who waits for them."""

from shared.stores import timeouts

BATCH_SECONDS = 60
LEASE_SECONDS = 30


def test_one_call_leaves_a_batch_the_time_for_others() -> None:
    assert timeouts.CALL_SECONDS <= BATCH_SECONDS / 6
    assert timeouts.QUICK_COSMOS["timeout"] == timeouts.CALL_SECONDS


def test_a_renewal_that_fails_is_over_before_the_lease_is() -> None:
    options = timeouts.LEASE
    once = options["connection_timeout"] + options["read_timeout"]
    renewed_after = LEASE_SECONDS / 3
    assert renewed_after + once * (1 + options["retry_total"]) < LEASE_SECONDS
