"""What a partition remembers between its batches."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ConfigurationError
from shared.stream import RECENT_ORDERS, Admission, Arrival, RecentOrders, StreamState

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

revisions = st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 3)), max_size=40)


@given(revisions, st.data())
def test_admission_does_not_depend_on_how_the_stream_is_cut(
    orders: list[tuple[str, int]], data: st.DataObject
) -> None:
    whole = RecentOrders()
    expected = [whole.admit(*order) for order in orders]
    cut = data.draw(st.integers(0, len(orders)))
    first = RecentOrders()
    head = [first.admit(*order) for order in orders[:cut]]
    second = RecentOrders.unpacked(first.packed())
    assert head + [second.admit(*order) for order in orders[cut:]] == expected
    assert second == whole


@given(revisions)
def test_of_every_order_the_revisions_scored_only_rise(orders: list[tuple[str, int]]) -> None:
    recent = RecentOrders()
    scored = [order for order in orders if recent.admit(*order) is Admission.SCORE]
    for name in "abcde":
        own = [revision for order_id, revision in scored if order_id == name]
        assert own == sorted(set(own))


def test_the_memory_holds_the_latest_orders_and_lets_the_oldest_go() -> None:
    recent = RecentOrders()
    for number in range(RECENT_ORDERS + 1):
        recent.admit(f"o-{number}", 0)
    assert recent.judge("o-0", 0) is Admission.SCORE
    assert recent.judge("o-1", 0) is Admission.DUPLICATE


def test_a_forgotten_order_is_scored_again() -> None:
    recent = RecentOrders()
    recent.admit("a", 4)
    recent.forget("a")
    assert recent.admit("a", 4) is Admission.SCORE


def test_a_copy_does_not_share_what_is_remembered_later() -> None:
    recent = RecentOrders()
    recent.copy().admit("a", 0)
    assert recent.judge("a", 0) is Admission.SCORE


def test_an_event_is_seen_only_when_sequence_and_time_both_say_so() -> None:
    state = StreamState(sequence_number=7, enqueued_at=NOON)
    assert state.place(8, NOON) is Arrival.NEXT
    assert state.place(8, NOON - timedelta(seconds=1)) is Arrival.NEXT
    assert state.place(7, NOON) is Arrival.SEEN
    assert state.place(3, NOON + timedelta(seconds=1)) is Arrival.NEW_HUB
    assert StreamState().place(0, NOON) is Arrival.NEXT


@given(revisions, st.integers(-1, 10**12), st.datetimes(timezones=st.just(UTC)))
def test_a_state_survives_its_document(
    orders: list[tuple[str, int]], sequence: int, at: datetime
) -> None:
    recent = RecentOrders()
    for order in orders:
        recent.admit(*order)
    state = StreamState(sequence, at, 5, 4, 3, 2, 1, recent=recent)
    assert StreamState.from_document(state.to_document() | {"_etag": "x", "id": "y"}) == state


@pytest.mark.parametrize(
    "change",
    [
        {"schema_version": 2},
        {"recent": "AAA="},
        {"recent": "%"},
        {"episode": 3},
        {"attempts": None},
    ],
)
def test_a_document_of_another_kind_is_refused(change: dict[str, object]) -> None:
    document = replace(StreamState(), sequence_number=1).to_document() | change
    with pytest.raises(ConfigurationError, match="state document cannot be read"):
        StreamState.from_document(document)


def test_a_belief_of_another_version_starts_over_and_the_counts_go_on() -> None:
    """As an upgrade finds it, of this version or back."""
    before = StreamState(sequence_number=7, orders_scored=8).to_document()
    old = {"schema_version": 1, "at": None, "beliefs": [[100, 0.9]]}
    read = StreamState.from_document(before | {"episode": old, "held": {"o-1.0": {}}})
    assert read == StreamState(sequence_number=7, orders_scored=8)
