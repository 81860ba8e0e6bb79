"""Golden orders tell whether a bundle is served as it was trained."""

from importlib.resources import files

import msgspec
import pytest

from shared.errors import BundleError
from shared.golden import assess, check_golden, disagreements, verdicts
from shared.model import (
    BasketTable,
    Golden,
    GoldenOrder,
    ModelBundle,
    ProductGroup,
    packaged_bundle,
)
from tests.orders import order_body

CATALOGUE = files("shared").joinpath("data", "catalogue.csv").read_text()


def bundle_with(*orders: GoldenOrder, **fields: object) -> ModelBundle:
    golden = Golden(CATALOGUE, orders)
    return msgspec.structs.replace(packaged_bundle(), golden=golden, **fields)


def golden_order(name: str, charged: float = 399, **known: object) -> GoldenOrder:
    """An order, at list price by default, with the answer that the packaged tables give."""
    order = order_body(order_id=name, charged_price=charged).decode()
    unanswered = GoldenOrder(order, 0.0, 0.0, alerted=False)
    [(_, found)] = assess(packaged_bundle(), Golden(CATALOGUE, (unanswered,)))
    answers = {
        "p_added_item": found.p_added_item,
        "p_hidden_discount": found.p_hidden_discount,
        "alerted": found.alerted,
    }
    return msgspec.structs.replace(unanswered, **(answers | known))


def test_a_bundle_that_says_the_same_here_disagrees_with_nothing() -> None:
    bundle = bundle_with(golden_order("golden-01"), golden_order("golden-02", charged=200))
    assert disagreements(bundle) == ()
    check_golden(bundle)


def test_a_bundle_without_golden_orders_disagrees_with_nothing_and_is_refused() -> None:
    assert disagreements(packaged_bundle()) == ()
    with pytest.raises(BundleError, match="no golden orders"):
        check_golden(packaged_bundle())


@pytest.mark.parametrize(
    ("known", "why"),
    [
        ({"p_added_item": 0.99}, "golden order golden-02: p_added_item 0, expected 0.99: refused"),
        ({"p_hidden_discount": 0.5}, "golden-02: p_hidden_discount .*, expected 0.5: refused"),
        ({"alerted": True}, "golden-02: alerted False, expected True: refused"),
    ],
)
def test_an_order_that_comes_out_differently_is_named(known: dict[str, object], why: str) -> None:
    bundle = bundle_with(golden_order("golden-01"), golden_order("golden-02", **known))
    assert disagreements(bundle) == ("golden-02",)
    with pytest.raises(BundleError, match=why):
        check_golden(bundle)


def test_what_is_within_the_tolerance_is_the_same() -> None:
    assert disagreements(bundle_with(golden_order("golden-01", p_added_item=9e-4))) == ()
    assert disagreements(bundle_with(golden_order("golden-01", p_added_item=2e-3))) != ()


def test_without_its_classifier_a_bundle_must_agree_on_alerts_alone() -> None:
    differently_sure = golden_order("golden-01", p_added_item=0.01)
    bundle = bundle_with(differently_sure, refused_classifier="trained on other features")
    assert disagreements(bundle) == ()
    wrong = bundle_with(golden_order("golden-01", alerted=True), refused_classifier="other")
    assert disagreements(wrong) == ("golden-01",)


def test_a_bundle_that_makes_the_scorer_fail_is_refused() -> None:
    bottomless = ProductGroup(frozenset({"AllPurposeBikeStand"}), frozenset(), corrections=())
    baskets = BasketTable(orders=10, product_groups=(bottomless,))
    bundle = bundle_with(golden_order("golden-01"), baskets=baskets)
    with pytest.raises(BundleError, match="golden orders cannot be scored: IndexError"):
        check_golden(bundle)


def test_each_order_is_scored_alone() -> None:
    """A run of cheap orders would otherwise make a hidden discount believed."""
    cheap = tuple(golden_order(f"golden-{n}", charged=395.01) for n in range(8))
    assert disagreements(bundle_with(*cheap)) == ()


def test_another_bundle_gives_its_verdicts_on_the_same_orders() -> None:
    golden = bundle_with(golden_order("golden-01"), golden_order("golden-02", charged=1)).golden
    other = msgspec.structs.replace(packaged_bundle(), added_item_rate=0.01)
    assert verdicts(other, golden) == {"golden-01": False, "golden-02": True}
    assert verdicts(other, Golden()) == {}
