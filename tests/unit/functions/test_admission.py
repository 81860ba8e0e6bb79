"""Which orders are scored, by what their ids tell."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from functions.admission import admit
from functions.batch import Batch, receive
from functions.handlers import score_batch
from functions.judgement import judge
from shared.order import Order
from shared.order_event import OrderEvent
from shared.stream import Attempt, StreamState
from shared.uses import RECENT_ORDERS, Admission, RecentOrders
from tests.schemas import violations
from tests.unit.functions.streams import HIDDEN, LISTED, alone, charged, real_scorer, undisturbed
from tests.unit.functions.world import KEY, NOON, FakeScorer, World, event, order_event


async def test_another_currency_is_set_aside_even_where_the_order_would_be_a_duplicate() -> None:
    world = await undisturbed([order_event(0, "a"), order_event(1, "a", currency="XTS")])
    assert [letter.code for letter in world.letters.values()] == ["currency_mismatch"]
    assert (world.state.orders_scored, world.state.duplicates) == (1, 0)


async def test_a_different_order_under_a_used_id_is_an_alert_of_its_own() -> None:
    world = World()
    first = order_event(0, "a", **charged(LISTED))
    other = order_event(1, "a", customer_id="x", rep_id="Bo Ek", **charged(0.3 * LISTED))
    await score_batch(world.context(real_scorer()), KEY, [first, other, first, other])
    [alert] = world.alerts_by_id.values()
    assert violations("alert", alert) == []
    assert alert["id"].startswith("a.0.~")
    assert "reused_id" in [finding["typology"] for finding in alert["findings"]]
    assert (world.state.orders_scored, world.state.duplicates) == (2, 2)


async def test_orders_that_come_again_long_after_they_are_forgotten_count_once() -> None:
    """More orders than a partition remembers lie between; the store knows them all the same."""
    world = World()
    context = world.context(real_scorer())
    run = [alone(n, **HIDDEN) for n in range(12)]
    others = [alone(n, **charged(25.0, CableLock=1)) for n in range(12, 20 + RECENT_ORDERS)]
    for start in range(0, len(others), 200):
        await score_batch(context, KEY, ([] if start else run) + others[start : start + 200])
    before = world.contents()["incidents"]
    scored = world.state.orders_scored
    again = [replace(one, sequence_number=5_000 + n) for n, one in enumerate(run)]
    await score_batch(context, KEY, again)
    ((incident, _),) = world.incidents_by_id.values()
    assert incident["orders_affected"] == 12
    assert before.keys() == world.contents()["incidents"].keys()
    assert (world.state.orders_scored, world.state.duplicates) == (scored, 12)


async def test_a_different_order_under_an_id_long_forgotten_is_an_alert_of_its_own() -> None:
    """Its own time is new, so nothing is asked of the store until the alert is there already."""
    world = World(scorer=FakeScorer(alerts={"a"}))
    context = world.context()
    await score_batch(context, KEY, [order_event(0, "a")])
    world.alerts_by_id["a.0"]["status"] = "dismissed"
    for start in range(1, RECENT_ORDERS + 2, 200):
        await score_batch(context, KEY, [alone(n) for n in range(start, start + 200)])
    later = "2026-03-01T12:30:00Z"
    other = order_event(5_000, "a", charged_price=9, ordered_at=later)
    for _ in range(2):
        await score_batch(world.later().context(), KEY, [other])
    assert world.alerts_by_id.keys() == {"a.0", other_id := max(world.alerts_by_id)}
    assert other_id.startswith("a.0.~")
    assert world.alerts_by_id[other_id]["reasons"][0]["code"] == "reused_id"
    assert world.alerts_by_id["a.0"]["status"] == "dismissed"


def batch(*events: OrderEvent, earlier: tuple[dict[str, Any], ...] = ()) -> Batch:
    """Return a batch of a partition that remembers nothing and may have forgotten everything."""
    state = StreamState(recent=RecentOrders(forgotten_until=NOON + timedelta(days=1)))
    alerts = {("Annie Corns", "a"): earlier}
    received = tuple(receive(delivered) for delivered in events)
    return Batch(FakeScorer(), KEY, state, received, NOON, alerts)  # type: ignore[arg-type]


def alert_of(delivered: OrderEvent) -> dict[str, Any]:
    [scored] = judge(batch(delivered)).scored
    assert scored.alert is not None
    return scored.alert


def test_an_order_whose_alert_is_in_the_store_is_a_duplicate_and_is_remembered_again() -> None:
    first, again = order_event(1, "a"), order_event(2, "a")
    admissions = admit(batch(again, earlier=(alert_of(first),)))
    assert (admissions.orders, admissions.counts[Admission.DUPLICATE]) == ((), 1)
    order = receive(again).order
    assert isinstance(order, Order)
    assert admissions.recent.judge(order).admission is Admission.DUPLICATE


def test_the_alert_that_a_failed_try_left_of_the_same_event_makes_it_no_duplicate() -> None:
    event_of_both = order_event(1, "a")
    admissions = admit(batch(event_of_both, earlier=(alert_of(event_of_both),)))
    assert [admitted.event for admitted in admissions.orders] == [event_of_both]


def test_an_event_without_an_order_is_a_dead_letter_that_counts_its_attempts() -> None:
    tried = batch(event(1, b"not json"))
    tried = replace(tried, state=replace(tried.state, attempt=Attempt("x", NOON, True, ("a", "b"))))
    [letter] = admit(tried).dead_letters
    assert (letter.code, letter.attempts, letter.key) == ("not_json", 3, KEY)
