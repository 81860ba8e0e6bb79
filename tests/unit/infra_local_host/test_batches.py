"""Events of a partition are held back until a batch is large or old enough; none is lost."""

from __future__ import annotations

from azure.eventhub import EventData
from hypothesis import given
from hypothesis import strategies as st

from infra.local.host import datums
from infra.local.host.eventhub import BatchCache

arrivals = st.lists(st.tuples(st.floats(0, 5), st.integers(0, 30)), max_size=30)


@given(arrivals, st.integers(1, 20), st.integers(20, 40))
def test_every_event_comes_once_in_order_and_no_batch_is_too_large(
    steps: list[tuple[float, int]], minimum: int, maximum: int
) -> None:
    cache, now, sent = BatchCache(minimum, maximum, wait=3), 0.0, 0
    seen: list[bytes] = []
    for pause, count in [*steps, *[(3.0, 0)] * 40]:  # the rest comes by waiting
        now += pause
        events = [EventData(str(sent + n)) for n in range(count)]
        sent += count
        batch = cache.add("0", events, now)
        assert len(batch) <= maximum
        seen += [datums.body(event) for event in batch]
    assert seen == [str(n).encode() for n in range(sent)]


def test_a_small_batch_waits_for_more_but_not_for_ever() -> None:
    cache = BatchCache(minimum=3, maximum=5, wait=10)
    first, second = [EventData("a")], [EventData("b")]
    assert cache.add("0", first, now=0) == []
    assert cache.add("1", second, now=5) == []  # another partition waits for itself
    assert cache.add("0", [], now=9.9) == []
    assert cache.add("0", [], now=10) == first
    assert cache.add("1", [], now=15) == second


def test_a_lost_partition_s_events_are_forgotten() -> None:
    cache = BatchCache(minimum=2, maximum=5, wait=10)
    cache.add("0", [EventData("old")], now=0)
    cache.drop("0")
    new = [EventData("new"), EventData("newer")]
    assert cache.add("0", new, now=1) == new
