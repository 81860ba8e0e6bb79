"""An event as the hub delivers it."""

from datetime import UTC, datetime

from shared.order_event import OrderEvent

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_an_event_needs_no_more_than_its_body_and_its_place() -> None:
    event = OrderEvent(b"{}", 7, NOON)
    assert (event.partition_key, event.offset, event.traceparent) == (None, None, None)


def test_two_deliveries_of_an_event_are_equal_and_count_as_one_in_a_set() -> None:
    assert len({OrderEvent(b"{}", 7, NOON, "Bo Ek"), OrderEvent(b"{}", 7, NOON, "Bo Ek")}) == 1
