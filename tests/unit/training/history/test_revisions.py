"""Of each order the highest revision is kept, and of what orders repeat one copy."""

from hypothesis import given
from hypothesis import strategies as st

from tests.orders import an_order
from training.history.revisions import LatestOrders


def test_the_highest_revision_wins_whenever_it_comes() -> None:
    latest = LatestOrders()
    for revision, charged in ((1, 10), (3, 30), (2, 20), (3, 31)):
        latest.add(an_order(revision=revision, charged_price=charged))
    (kept,) = latest.in_time_order()
    assert (kept.revision, kept.charged_e4) == (3, 300_000)
    assert (latest.duplicates, latest.superseded) == (1, 2)


def test_orders_of_one_time_stay_as_they_first_came() -> None:
    latest = LatestOrders()
    for order_id, time in (("b", "11:00"), ("c", "10:00"), ("a", "10:00")):
        latest.add(an_order(order_id=order_id, ordered_at=f"2026-01-01T{time}:00Z"))
    latest.add(an_order(order_id="c", revision=1, ordered_at="2026-01-01T10:00:00Z"))
    assert [order.order_id for order in latest.in_time_order()] == ["c", "a", "b"]


def test_orders_share_what_they_repeat() -> None:
    latest = LatestOrders()
    latest.add(an_order(order_id="a", state="Ohio", currency="USD"))
    latest.add(an_order(order_id="b", state="Ohio", currency="USD"))
    one, other = latest.in_time_order()
    assert one.rep_id is other.rep_id
    assert one.customer_id is other.customer_id
    assert one.state is other.state
    assert one.lines[0] is other.lines[0]
    assert one.lines[0].product_id is other.lines[0].product_id


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3))))
def test_every_order_that_came_is_kept_or_counted(came: list[tuple[str, int]]) -> None:
    latest = LatestOrders()
    for order_id, revision in came:
        latest.add(an_order(order_id=order_id, revision=revision))
    kept = {order.order_id: order.revision for order in latest.in_time_order()}
    assert kept == {name: max(r for n, r in came if n == name) for name, _ in came}
    assert len(latest) + latest.duplicates + latest.superseded == len(came)


def test_a_revision_takes_the_place_of_the_same_reps_order_and_of_nobody_elses() -> None:
    latest = LatestOrders()
    for rep, revision in (("ann", 0), ("bo", 9_999), ("ann", 1), ("bo", 9_999)):
        latest.add(an_order(order_id="o-1", rep_id=rep, revision=revision))
    kept = {(order.rep_id, order.revision) for order in latest.in_time_order()}
    assert kept == {("ann", 1), ("bo", 9_999)}
    assert (latest.duplicates, latest.superseded) == (1, 1)
