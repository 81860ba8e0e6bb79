"""What a partition remembers between its batches."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.beliefs import Belief
from shared.episodes import (
    MOST_HOURS,
    MOST_LATEST,
    MOST_REPS,
    MOST_WAITING,
    Episode,
    EpisodeState,
    Waiting,
)
from shared.errors import ConfigurationError
from shared.pending_alerts import LARGEST_HELD
from shared.stream import NOBODY, Arrival, Attempt, StreamState, marked
from shared.uses import RECENT_ORDERS, Admission, RecentOrders
from tests.orders import an_order
from tests.schemas import violations

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LARGEST_DOCUMENT = 2 * 1024 * 1024
"""Bytes of a document that Cosmos DB takes (docs: Azure Cosmos DB service quotas)."""


def stored(state: StreamState, version: int = 2) -> dict[str, Any]:
    place = {"id": "orders.scorers.0", "hub": "orders", "consumer_group": "s", "partition_id": "0"}
    document: dict[str, Any] = json.loads(json.dumps(state.to_document(version))) | place
    assert violations("state", document) == []
    return document | {"_etag": "x"}


def test_an_event_is_seen_only_when_sequence_and_time_both_say_so() -> None:
    state = StreamState(sequence_number=7, enqueued_at=NOON)
    assert state.place(8, NOON) is Arrival.NEXT
    assert state.place(8, NOON - SECOND) is Arrival.NEXT
    assert state.place(7, NOON) is Arrival.SEEN
    assert state.place(3, NOON + SECOND) is Arrival.NEW_HUB
    assert StreamState().place(0, NOON) is Arrival.NEXT


def test_a_new_hub_whose_times_are_no_later_is_told_by_the_times_its_numbers_had() -> None:
    """The clock of the hub before was ahead once: what is new looks old."""
    events = [(number, NOON + timedelta(days=3650) + number * SECOND) for number in range(50)]
    state = StreamState(49, events[-1][1], marks=marked((), events))
    assert all(state.place(*event) is Arrival.SEEN for event in events)
    assert state.place(0, NOON) is Arrival.NEW_HUB
    assert state.place(32, NOON + SECOND) is Arrival.NEW_HUB


def test_an_event_from_before_the_first_mark_is_seen_unless_it_is_later() -> None:
    """A reader that began in the middle, or a release before this one, marked none before it."""
    state = StreamState(1_010, NOON, marks=((1_000, NOON - SECOND),))
    assert state.place(999, NOON - 2 * SECOND) is Arrival.SEEN
    assert state.place(999, NOON) is Arrival.NEW_HUB


@given(st.integers(0, 10**6), st.integers(1, 3_000), st.data())
def test_marks_are_few_and_the_same_however_the_stream_is_cut(
    first: int, count: int, data: st.DataObject
) -> None:
    events = [(number, NOON + number * SECOND) for number in range(first, first + count)]
    cut = data.draw(st.integers(0, count))
    whole = marked((), events)
    assert marked(marked((), events[:cut]), events[cut:]) == whole
    assert len(whole) <= 48
    assert whole[0] == events[0]


def a_state(**changes: Any) -> StreamState:
    recent = RecentOrders()
    recent.admit(an_order())
    attempt = Attempt("me", NOON, alone=True, vanished=("a", "b"))
    state = StreamState(
        9, NOON, 5, 4, 3, 2, attempt, recent=recent, marks=((3, NOON),), hubs=1, incident="i"
    )
    return replace(state, **changes)


@given(
    st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 3)), max_size=40),
    st.integers(-1, 10**12),
    st.datetimes(timezones=st.just(UTC)),
    st.sampled_from([1, 2]),
)
def test_a_state_survives_its_document_of_either_version(
    orders: list[tuple[str, int]], sequence: int, at: datetime, version: int
) -> None:
    recent = RecentOrders()
    for order_id, revision in orders:
        recent.admit(an_order(order_id=order_id, revision=revision))
    state = a_state(sequence_number=sequence, enqueued_at=at, recent=recent)
    assert StreamState.from_document(stored(state, version)) == state


def test_a_field_that_is_not_known_is_ignored_in_either_version() -> None:
    for version in (1, 2):
        document = stored(a_state(), version)
        document["episode"] |= {"of_the_future": 1} if version == 2 else {}
        assert StreamState.from_document(document | {"of_the_future": {}}) == a_state()


OLD = {
    "sequence_number": 7,
    "enqueued_at": "2026-03-01T12:00:00.000000Z",
    "orders_scored": 8,
    "dead_lettered": 1,
    "duplicates": 0,
    "stale": 0,
    "attempts": 0,
    "episode": {
        "belief": {"at": "2026-03-01T12:00:00Z", "percents": [[100, 0.99]], "unseen": 0.0,
                   "running": 0.99, "unexplained": 0.0},
        "run": {"opened_by": "o-1.0", "percent": 100, "started_at": "2026-03-01T11:00:00Z",
                "detected_at": "2026-03-01T11:30:00Z", "last_seen_at": "2026-03-01T12:00:00Z",
                "ended_at": None, "orders": 4, "amount_e4": 1000, "reps": ["Annie Corns"],
                "spared": [["Bo Ek", 3]], "passed": [], "sample_order_ids": ["o-1"]},
        "waiting": [],
        "schema_version": 2,
    },
    "recent": "AAAAAAAAAAEAAA==",
    "held": {},
    "schema_version": 1,
}  # fmt: skip
"""A state as the release before wrote it, recorded from its code."""


def test_what_the_release_before_wrote_goes_on_with_its_episode_and_its_counts() -> None:
    state = StreamState.from_document(OLD | {"id": "x", "_etag": "y"})
    assert (state.sequence_number, state.orders_scored) == (7, 8)
    assert state.attempt is None
    episode = state.episode.episode
    assert episode is not None
    assert (episode.opened_by, episode.orders, episode.reps) == (
        "o-1.0",
        4,
        (("Annie Corns", 0, 0),),
    )
    # Runs and hubs are counted on from where no release before can have come.
    assert state.episode.opened == state.hubs == int(NOON.timestamp())
    assert len(state.recent) == 1


def test_an_attempt_of_the_release_before_is_nobodys_and_counts_against_no_order() -> None:
    for attempts, alone in ((1, False), (2, True), (3, True)):
        state = StreamState.from_document(OLD | {"attempts": attempts})
        assert state.attempt == Attempt(NOBODY, NOON, alone)


def test_what_is_written_for_the_release_before_has_just_the_fields_it_reads() -> None:
    """It refuses a field of an episode, or of a run, that it does not know."""
    state = StreamState.from_document(OLD)
    document = stored(state, version=1)
    assert document["episode"].keys() == OLD["episode"].keys()  # type: ignore[attr-defined]
    assert document["episode"]["run"] == OLD["episode"]["run"]  # type: ignore[index]
    assert document["schema_version"] == 1
    assert document["recent"] == OLD["recent"]
    assert document.keys() - OLD.keys() == {"beside", "id", "hub", "consumer_group",
                                            "partition_id", "_etag"}  # fmt: skip


def test_what_the_release_before_wrote_over_ours_is_believed() -> None:
    """After going back it writes its own fields alone, and forward again they are what counts."""
    ours = a_state().to_document(1)
    theirs = {name: value for name, value in ours.items() if name != "beside"}
    read = StreamState.from_document(theirs | {"sequence_number": 12, "orders_scored": 6})
    assert (read.sequence_number, read.orders_scored) == (12, 6)
    assert read.recent.judge(an_order()).admission is Admission.DUPLICATE


def test_what_was_kept_beside_an_older_state_is_not_believed() -> None:
    """Whoever wrote the state since may have left it there."""
    document = a_state().to_document(1) | {"sequence_number": 12, "orders_scored": 6}
    read = StreamState.from_document(document)
    assert (read.sequence_number, read.orders_scored, read.marks) == (12, 6, ())


@pytest.mark.parametrize(
    "change",
    [
        {"schema_version": 3},
        {"recent": "AAA="},
        {"recent": "%"},
        {"episode": 3},
        {"orders_scored": None},
        {"orders_scored": -1},
        {"attempt": {"owner": 1}},
    ],
)
def test_a_document_of_another_kind_is_refused(change: dict[str, object]) -> None:
    document = replace(StreamState(), sequence_number=1).to_document() | change
    with pytest.raises(ConfigurationError, match="state document cannot be read"):
        StreamState.from_document(document)


def test_a_document_without_a_field_that_every_release_wrote_is_refused() -> None:
    document = a_state().to_document()
    del document["sequence_number"]
    with pytest.raises(ConfigurationError, match="sequence_number missing"):
        StreamState.from_document(document)


def test_a_document_from_before_the_latest_fields_is_read() -> None:
    document = a_state().to_document()
    for name in ("held", "forgotten_until", "marks", "hubs", "incident"):
        del document[name]
    assert StreamState.from_document(document) == a_state(marks=(), hubs=0, incident=None)


def test_a_belief_of_an_unknown_version_starts_over_and_the_counts_go_on() -> None:
    before = StreamState(sequence_number=7, orders_scored=8).to_document()
    old = {"schema_version": 1, "at": None, "beliefs": [[100, 0.9]]}
    read = StreamState.from_document(before | {"episode": old})
    assert read == StreamState(sequence_number=7, orders_scored=8)


def emoji(number: int) -> str:
    """An id of 64 characters, each of which JSON in ASCII writes in twelve."""
    return "".join(chr(0x1F600 + (number // 60**k) % 60) for k in range(3)) + "\U0001f600" * 61


def worst_episode(reps: int) -> Episode:
    return Episode(
        "x" * 80, 100, NOON, NOON, NOON, NOON, 10**9, 10**9, 10**15, 10**9,
        reps=tuple((emoji(n), 10**6, 10**12) for n in range(reps)),
        spared=tuple((emoji(reps + n), 10**6) for n in range(reps)),
        passed=tuple((emoji(2 * reps + n), 10**6) for n in range(reps)),
        hours=tuple((500_000 + n, 10**6, 10**6, 10**12) for n in range(MOST_HOURS)),
        passed_hours=tuple((500_000 + n, 10**6) for n in range(MOST_HOURS)),
        latest=tuple((2**47 + n, 500_000, 10**12) for n in range(MOST_LATEST)),
        sample_order_ids=("o" * 64,) * 10,
    )  # fmt: skip


def test_the_largest_state_fits_into_what_the_store_takes() -> None:
    """Run and waiting orders never are there together; either is, with all else at its most."""
    factors = tuple((20 + n, 123.45678901234567) for n in range(281))
    waiting = Waiting("x" * 80, "o" * 64, emoji(1), NOON, 10**13, 0.1234567890123456, factors, 0.1)
    belief = Belief(NOON, tuple((n, 0.1234567890123456) for n in range(300)), 0.1, 0.1, 0.1)
    recent = RecentOrders()
    for number in range(RECENT_ORDERS + 1):
        recent.admit(an_order(order_id=f"o-{number}"))
    text = "x" * (LARGEST_HELD - 60)
    held = {f"{n}": {"degraded": [], "text": text} for n in range(MOST_WAITING)}
    for episode, kept in (
        (EpisodeState(belief, worst_episode(MOST_REPS)), {}),
        (EpisodeState(belief, None, (waiting,) * MOST_WAITING), held),
    ):
        marks = marked((), [(1 << n, NOON) for n in range(5, 48)])
        state = a_state(episode=episode, held=kept, recent=recent, marks=marks)
        for version in (1, 2):
            assert len(json.dumps(stored(state, version))) < LARGEST_DOCUMENT


def test_an_episode_is_bounded_as_its_types_say() -> None:
    assert {"reps", "spared", "passed", "hours", "passed_hours", "latest"} == {
        name
        for name, kind in Episode.__annotations__.items()
        if "tuple[" in str(kind) or "Total" in str(kind)
    } - {"sample_order_ids"}, "a list was added to a run: bound it, and fill it in worst_run"
    assert msgspec.to_builtins(EpisodeState())["schema_version"] == 3
