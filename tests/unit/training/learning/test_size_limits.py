"""A bundle never passes its size, however many reps, customers and products there are."""

from datetime import UTC, datetime, timedelta

import msgspec

from shared.ladder import DiscountShare
from shared.model import (
    MAXIMUM_BYTES,
    MOST_REP_LADDERS,
    MOST_REPS,
    BasketTable,
    ProductGroup,
    decode_bundle,
    encode_bundle,
)
from shared.order import Order, OrderLine
from shared.profiles import Profile, Profiles, ProfileTable
from tests.unit.shared.test_classifier import bundle_with, classifier
from training.learning.size_limits import most_ladders, reps_of, within_room

START = datetime(2026, 1, 1, tzinfo=UTC)


def named(number: int) -> str:
    """As long an identifier as there is, in as many bytes as it can take."""
    return f"{number:010}" + "\U0001f6b2" * 54


def order(rep: str, number: int) -> Order:
    lines = (OrderLine("CableLock", 1),)
    return Order(f"o-{number}", 0, START + timedelta(minutes=number), rep, "c", lines, 250_000)


def test_the_reps_with_the_most_orders_are_kept_and_that_there_are_more_is_said() -> None:
    twice = [order(f"rep {at}", at) for at in range(100)]
    once = [order(f"rep {at}", at) for at in range(MOST_REPS + 50)]
    reps, more = reps_of([*once, *twice])
    assert len(reps) == MOST_REPS
    assert more
    assert {f"rep {at}" for at in range(100)} <= reps
    assert reps_of(twice) == ({one.rep_id for one in twice}, False)


def test_the_largest_bundle_there_can_be_is_within_the_limit_and_loads() -> None:
    reps, more = reps_of([order(named(at), at) for at in range(MOST_REPS + 5_000)])
    steps = (DiscountShare(0, 0.8), *(DiscountShare(at, 0.2 / 40) for at in range(1, 41)))
    ladders = most_ladders({named(at): steps for at in range(MOST_REP_LADDERS + 200)})
    many = ProfileTable(
        Profile(10**6), {named(at): Profile(9 + at, 3, 0.123456) for at in range(20_000)}
    )
    companions = {named(at): {named(other): 0.123456 for other in range(300)} for at in range(300)}
    alone = {named(at): 0.012345 for at in range(30_000)}
    halves = [frozenset(named(1_000 * at + n) for n in range(1_000)) for at in range(20)]
    product_groups = tuple(
        ProductGroup(names, names, (((1.5,),),), at) for at, names in enumerate(halves)
    )
    baskets = BasketTable(10**6, companions, alone, product_groups)
    profiles = Profiles(many, many).kept()
    largest = msgspec.structs.replace(
        bundle_with(msgspec.structs.replace(classifier(), profiles=profiles)),
        reps=reps,
        more_reps=more,
        rep_ladders=ladders,
        baskets=within_room(baskets),
    )
    data, sha256 = encode_bundle(largest)
    assert len(data) <= MAXIMUM_BYTES
    assert decode_bundle(data, sha256) == largest


def test_tables_that_fit_are_kept_as_they_are() -> None:
    table = BasketTable(5, {"a": {"b": 0.1}}, {"a": 0.2})
    assert within_room(table) is table


def test_the_smallest_rates_go_first() -> None:
    rates = {named(at): at / 10**5 for at in range(40_000)}
    kept = within_room(BasketTable(5, {}, rates)).alone
    assert 0 < len(kept) < 40_000
    assert min(kept.values()) > max(rate for name, rate in rates.items() if name not in kept)
