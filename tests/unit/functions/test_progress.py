"""What is behind, what stands still, and when a hub is another one."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.progress import (
    STANDS_STILL,
    Anew,
    Committed,
    HubSeen,
    PartitionSeen,
    Watch,
    acknowledge,
    from_document,
    looked,
    to_document,
)
from tests.schemas import violations

MADE = datetime(2026, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def hub(*last: int, made: datetime = MADE, first: int = 0) -> HubSeen:
    """A hub whose partitions end at these sequence numbers, the newest event being of noon."""
    seen = (
        PartitionSeen(str(n), first, end, NOON if end >= 0 else None) for n, end in enumerate(last)
    )
    return HubSeen(made, tuple(seen))


def done(*numbers: int, at: datetime | None = NOON - MINUTE, attempts: int = 0) -> list[Committed]:
    return [Committed(str(n), number, at, attempts) for n, number in enumerate(numbers)]


def looks(
    *ends: tuple[Sequence[Committed], HubSeen],
    known: Watch | None = None,
    every: timedelta = MINUTE,
) -> Watch:
    """What is known after some looks, one a minute from noon on."""
    watch = known
    for number, (states, seen) in enumerate(ends):
        watch = looked(watch, states, seen, NOON + number * every)
    assert watch is not None
    return watch


def test_a_partition_is_behind_by_what_is_not_committed_and_by_the_hubs_own_time() -> None:
    watch = looked(None, done(7, 9), hub(9, 9), NOON)
    assert (watch.partitions["0"].behind_events, watch.partitions["1"].behind_events) == (2, 0)
    assert watch.partitions["0"].behind_seconds == 60
    assert watch.partitions["0"].since == NOON
    assert watch.partitions["1"].behind_seconds is None
    assert watch.partitions["1"].since is None
    assert watch.made_anew is None


def test_a_partition_that_was_never_committed_is_behind_by_all_that_is_kept() -> None:
    watch = looked(None, [], hub(9, -1), NOON)
    assert [one.behind_events for one in watch.partitions.values()] == [10, 0]
    kept = looked(None, [], hub(9, first=4), NOON)
    assert kept.partitions["0"].behind_events == 6
    assert kept.partitions["0"].behind_seconds is None  # nobody knows since when


def test_a_partition_stands_still_once_it_is_behind_and_does_not_move_for_the_bound() -> None:
    stuck = (done(3), hub(9))
    watch = looks(*[stuck] * 5)
    assert watch.stalled == ()
    watch = looks(*[stuck] * 6)
    assert watch.stalled == ("0",)
    assert watch.partitions["0"].since == NOON
    assert watch.seen_at - NOON == STANDS_STILL


def test_a_partition_that_moves_at_all_does_not_stand_still_however_far_it_is_behind() -> None:
    watch = looks(*((done(n), hub(10_000)) for n in range(20)))
    assert watch.stalled == ()
    assert watch.partitions["0"].since == NOON + 19 * MINUTE
    assert watch.partitions["0"].behind_events == 9_981


def test_a_partition_where_nothing_waits_never_stands_still_and_begins_anew() -> None:
    watch = looks(*[(done(9), hub(9))] * 20)
    assert watch.stalled == ()
    watch = looked(watch, done(9), hub(10), NOON + timedelta(hours=8))
    assert watch.partitions["0"].since == NOON + timedelta(hours=8)


def test_only_the_partition_that_stands_still_is_named_with_its_attempts() -> None:
    ends = ((done(3, n, attempts=2), hub(9, 9)) for n in range(8))
    watch = looks(*ends)
    assert watch.stalled == ("0",)
    assert watch.partitions["0"].attempts == 2


@pytest.mark.parametrize("last", [-1, 30, 98])
def test_a_hub_with_fewer_events_than_are_committed_was_made_anew(last: int) -> None:
    watch = looked(None, done(99), hub(last), NOON)
    assert watch.made_anew is not None
    assert f"up to sequence number 99, and the hub's last one is {last}" in watch.made_anew.why
    assert watch.partitions["0"].behind_events == last + 1  # none of it is done


@pytest.mark.parametrize("last", [99, 100, 150])
def test_a_hub_made_after_what_is_committed_was_made_anew_however_many_events_it_has(
    last: int,
) -> None:
    watch = looked(None, done(99), hub(last, made=NOON), NOON + MINUTE)
    assert watch.made_anew is not None
    assert "2026-03-01T11:59:00" in watch.made_anew.why
    assert watch.partitions["0"].behind_events == last + 1


def test_a_hub_with_another_created_time_than_at_the_last_look_was_made_anew() -> None:
    known = looked(None, [], hub(-1), NOON)
    watch = looked(known, [], hub(5, made=NOON), NOON + MINUTE)
    assert watch.made_anew == Anew(
        NOON + MINUTE, NOON, watch.made_anew.why if watch.made_anew else ""
    )
    assert watch.created_at == NOON


@pytest.mark.parametrize("number", [98, 99])
def test_a_hub_that_is_the_same_raises_no_alarm(number: int) -> None:
    watch = looks(*[(done(number), hub(99))] * 10)
    assert watch.made_anew is None


def test_a_created_time_that_is_cut_to_the_second_is_the_same() -> None:
    known = looked(None, [], hub(-1), NOON)
    later = looked(known, [], hub(-1, made=MADE + timedelta(milliseconds=999)), NOON + MINUTE)
    assert later.made_anew is None


def test_a_partition_without_an_enqueued_time_is_judged_by_its_number_alone() -> None:
    assert looked(None, done(9, at=None), hub(20, made=NOON), NOON).made_anew is None
    assert looked(None, done(9, at=None), hub(8, made=NOON), NOON).made_anew is not None


def test_the_alarm_stays_though_the_partitions_go_on_until_somebody_acknowledges() -> None:
    watch = looked(None, done(99), hub(100, made=NOON), NOON + MINUTE)
    first = watch.made_anew
    assert first is not None
    on = done(150, at=NOON + MINUTE)
    for minute in range(2, 30):  # 100 orders were passed over: nothing shows it any more
        watch = looked(watch, on, hub(150, made=NOON), NOON + minute * MINUTE)
    assert watch.made_anew == first
    watch = acknowledge(watch)
    assert watch.made_anew is None
    assert looked(watch, on, hub(150, made=NOON), NOON + 30 * MINUTE).made_anew is None


def test_what_was_acknowledged_is_this_hub_also_where_a_partition_has_not_moved_yet() -> None:
    watch = acknowledge(looked(None, done(99), hub(30, made=NOON), NOON + MINUTE))
    watch = looked(watch, done(99), hub(30, made=NOON), NOON + 2 * MINUTE)
    assert watch.made_anew is None
    assert watch.partitions["0"].behind_events == 31


def test_a_hub_made_anew_again_is_another_alarm() -> None:
    later = NOON + timedelta(hours=1)
    watch = looked(None, done(99), hub(30, made=NOON), NOON + MINUTE)
    again = looked(watch, done(99), hub(3, made=later), later + MINUTE)
    assert again.made_anew is not None
    assert again.made_anew.created_at == later
    known = looked(acknowledge(watch), done(99), hub(3, made=later), later + MINUTE)
    assert known.made_anew is not None


def test_where_a_partition_was_on_the_old_hub_says_nothing_of_the_new_one() -> None:
    watch = looks(*[(done(3), hub(9))] * 6)
    assert watch.stalled == ("0",)
    fresh = looked(watch, [], hub(9, made=NOON), NOON + 6 * MINUTE)
    assert fresh.stalled == ()
    never = looks(*[([], hub(9))] * 6)
    assert never.stalled == ("0",)
    assert looked(never, [], hub(9, made=NOON), NOON + 6 * MINUTE).stalled == ()


@given(
    st.lists(st.integers(-1, 2**40), max_size=4),
    st.lists(st.integers(-1, 2**40), min_size=1, max_size=4),
    st.integers(-(10**6), 10**6),
)
def test_nothing_is_ever_behind_by_less_than_nothing_and_a_document_says_it_all(
    committed: list[int], ends: list[int], seconds: int
) -> None:
    states = done(*committed, at=NOON + timedelta(seconds=seconds))
    watch = looks(*[(states, hub(*ends))] * 3)
    for one in watch.partitions.values():
        assert one.behind_events >= 0
        assert one.behind_seconds is None or one.behind_seconds >= 0
    stored = json.loads(json.dumps({"id": "hub.orders", "_etag": "x", **to_document(watch)}))
    assert from_document(stored) == watch
    later = from_document(stored | {"of_a_later_release": 1, "schema_version": 2})
    assert later is not None
    assert (later.partitions, later.made_anew) == (watch.partitions, watch.made_anew)
    assert violations("hub", stored) == []


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"kind": "hub"},
        {"created_at": "soon"},
        {"kind": "state", "created_at": "2026-01-01T00:00:00Z"},
    ],
)
def test_a_document_that_is_no_watch_is_none(document: dict[str, object]) -> None:
    assert from_document(document) is None


def test_a_look_at_a_hub_that_is_well_keeps_what_was_acknowledged() -> None:
    watch = acknowledge(looked(None, done(99), hub(30, made=NOON), NOON + MINUTE))
    again = looked(watch, done(30, at=NOON + MINUTE), hub(30, made=NOON), NOON + 2 * MINUTE)
    assert again.acknowledged == NOON


def test_an_event_of_the_very_second_the_hub_was_made_in_is_of_that_hub() -> None:
    state = replace(done(0)[0], enqueued_at=NOON - timedelta(milliseconds=400))
    assert looked(None, [state], hub(0, made=NOON), NOON + MINUTE).made_anew is None
