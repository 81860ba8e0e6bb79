"""What the ids of a partition's latest orders tell: repeats, revisions, reuse."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.order import Order
from shared.uses import (
    RECENT_ORDERS,
    Admission,
    Change,
    RecentOrders,
    Use,
    contents_name,
)
from tests.orders import an_order

SCORE, DUPLICATE, STALE = Admission.SCORE, Admission.DUPLICATE, Admission.STALE
LINES = [{"product_id": "HitchRack4Bike", "quantity": 1}]


def admitted(*orders: Order) -> list[Admission]:
    recent = RecentOrders()
    return [recent.admit(order).admission for order in orders]


def reused(*orders: Order) -> list[bool]:
    recent = RecentOrders()
    return [recent.admit(order).reused for order in orders]


orders_of_few_ids = st.lists(
    st.builds(
        an_order,
        order_id=st.sampled_from("abc"),
        revision=st.integers(0, 3),
        rep_id=st.sampled_from(["Annie Corns", "Bo Ek"]),
        charged_price=st.sampled_from([100, 200]),
    ),
    max_size=30,
)


@given(orders_of_few_ids, st.data())
def test_admission_does_not_depend_on_how_the_stream_is_cut(
    orders: list[Order], data: st.DataObject
) -> None:
    whole = RecentOrders()
    expected = [whole.admit(order) for order in orders]
    cut = data.draw(st.integers(0, len(orders)))
    first = RecentOrders()
    head = [first.admit(order) for order in orders[:cut]]
    second = RecentOrders.unpacked(first.packed(), first.forgotten_until)
    assert head + [second.admit(order) for order in orders[cut:]] == expected
    assert second == whole


@given(orders_of_few_ids)
def test_sending_everything_again_scores_nothing(orders: list[Order]) -> None:
    recent = RecentOrders()
    for order in orders:
        recent.admit(order)
    assert not any(recent.copy().admit(order).admission is SCORE for order in orders)


def test_the_same_order_sent_again_is_a_duplicate_whatever_its_layout() -> None:
    turned = [
        {"quantity": 2, "product_id": "HitchRack4Bike"},
        {"quantity": 1, "product_id": "AllPurposeBikeStand"},
    ]
    again = an_order(lines=turned, state="Ohio", list_price=399.0)
    assert admitted(an_order(), again) == [SCORE, DUPLICATE]


@pytest.mark.parametrize(
    "other",
    [{"rep_id": "Bo Ek"}, {"customer_id": "other"}, {"charged_price": 100}, {"lines": LINES}],
    ids=lambda other: next(iter(other)),
)
def test_a_different_order_under_a_used_id_is_scored_as_a_reuse(other: dict[str, Any]) -> None:
    different = an_order(**other)
    assert admitted(an_order(), different, different) == [SCORE, SCORE, DUPLICATE]
    assert reused(an_order(), different) == [False, True]


def test_a_high_revision_hides_no_later_order_of_another_rep_or_customer() -> None:
    high = an_order(revision=9999)
    for other in ({"rep_id": "Bo Ek"}, {"customer_id": "other"}):
        frauds = [an_order(revision=revision, charged_price=9, **other) for revision in (0, 5)]
        assert admitted(high, *frauds) == [SCORE] * 3
        assert reused(high, frauds[0]) == [False, True]


def test_a_lower_revision_of_the_same_order_is_stale_and_a_higher_one_is_scored() -> None:
    orders = [an_order(revision=revision, charged_price=100 + revision) for revision in (0, 2, 1)]
    assert admitted(*orders) == [SCORE, SCORE, STALE]
    assert reused(*orders) == [False] * 3


def test_a_revision_tells_what_it_changed() -> None:
    recent = RecentOrders()
    recent.admit(an_order())
    found = recent.admit(an_order(revision=3, charged_price=300, lines=LINES))
    assert found.change == Change(0, 399_0000, customer=False, lines=True)


def test_the_rep_who_used_an_id_first_goes_on_with_it_and_the_other_one_reuses_it() -> None:
    """However often either revises the order."""
    orders = [
        an_order(revision=revision, rep_id=rep)
        for revision in range(3)
        for rep in ("Annie Corns", "Bo Ek")
    ]
    assert reused(*orders) == [False, True] * 3
    recent = RecentOrders()
    for order in orders[:4]:
        recent.admit(order)
    again = RecentOrders.unpacked(recent.packed())
    assert [again.admit(order).reused for order in orders[4:]] == [False, True]


def test_a_revision_that_corrects_the_customer_leaves_the_first_one_known() -> None:
    first, corrected = an_order(), an_order(revision=1, customer_id="other")
    assert admitted(first, corrected, first, corrected) == [SCORE, SCORE, DUPLICATE, DUPLICATE]


def test_the_order_of_a_stored_alert_is_told_as_it_was() -> None:
    order = an_order(lines=[*LINES, *LINES], charged_price=123.4567, customer_id="Łódź " * 10)
    alert = {
        "id": "o-1.0", "order_id": "o-1", "revision": 0, "rep_id": order.rep_id,
        "customer_id": order.customer_id, "ordered_at": "2016-05-04T10:00:00.000000Z",
        "order": {"lines": [*LINES, *LINES], "charged_price": 123.4567},
    }  # fmt: skip
    assert Use.of_alert(alert) == Use.of(order)
    assert Use.of_alert(alert | {"id": "o-1.0.~12345678"}) == Use.of(order)._replace(reused=True)
    assert Use.of_alert({"id": "o-1.0"}) is None


def test_the_memory_holds_the_latest_orders_and_knows_until_when_it_has_forgotten() -> None:
    recent = RecentOrders()
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    orders = [
        an_order(order_id=f"o-{n}", ordered_at=(at + timedelta(seconds=n)).isoformat())
        for n in range(RECENT_ORDERS + 1)
    ]
    for order in orders[:-1]:
        recent.admit(order)
    assert recent.forgotten_until is None
    recent.admit(orders[-1])
    assert recent.judge(orders[0]).admission is SCORE
    assert recent.judge(orders[1]).admission is DUPLICATE
    assert recent.forgotten_until == at
    assert recent.may_be_forgotten(orders[0])
    assert not recent.may_be_forgotten(orders[1])
    assert recent.horizon(0) == at
    assert recent.horizon(3) == at + timedelta(seconds=3)


def test_a_forgotten_order_is_scored_again() -> None:
    recent = RecentOrders()
    recent.forget(recent.admit(an_order()).use)
    assert recent.admit(an_order()).admission is SCORE
    assert len(recent) == 1


def test_a_copy_does_not_share_what_is_remembered_later() -> None:
    recent = RecentOrders()
    recent.copy().admit(an_order())
    assert recent.judge(an_order()).admission is SCORE


def test_what_an_older_release_remembered_is_told_by_id_and_revision() -> None:
    before = RecentOrders()
    before.admit(an_order(revision=1))
    recent = RecentOrders.unpacked_from_version_1(before.packed_as_version_1(), None)
    assert recent.judge(an_order(revision=1)).admission is DUPLICATE
    assert recent.judge(an_order(revision=0)).admission is STALE
    later = recent.admit(an_order(revision=2))
    assert (later.admission, later.reused, later.change) == (SCORE, False, None)
    assert RecentOrders.unpacked(recent.packed()) == recent


def test_contents_are_named_by_rep_customer_lines_and_charge_alone() -> None:
    same = [an_order(), an_order(state="Ohio"), an_order(order_id="o-2")]
    assert len({contents_name(Use.of(order)) for order in same}) == 1
    others = [{"rep_id": "Bo Ek"}, {"customer_id": "x"}, {"charged_price": 1}, {"lines": LINES}]
    names = {contents_name(Use.of(an_order(**other))) for other in [{}, *others]}
    assert len(names) == 5


@pytest.mark.parametrize("text", ["AAA=", "%"])
def test_a_memory_that_cannot_be_read_is_refused(text: str) -> None:
    for read in (RecentOrders.unpacked, RecentOrders.unpacked_from_version_1):
        with pytest.raises(ValueError, match=r"whole number|base64|padding"):
            read(text, None)
