"""Orders with products that no catalogue knows stay orders that are judged."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.assessment import Assessment
from shared.catalogue import packaged_catalogue
from shared.episodes import EpisodeState
from shared.model import ModelBundle, packaged_bundle
from shared.policy import Policy
from shared.scoring import Scorer
from shared.unpriced import Unpriced, UnpricedOrders, UsualPrice, with_assumed_prices
from tests.orders import an_order

BIKE, FORK = 7_829_900, 2_294_900  # list prices of Road650Red62 and HLFork, in ten-thousandths
LIST = BIKE + FORK
KNOWN = {"Road650Red62": 1, "HLFork": 1}


def score(
    charged_e4: float,
    units: Mapping[str, int],
    count: int = 1,
    bundle: ModelBundle | None = None,
    policy: Policy | None = None,
    **fields: Any,
) -> list[Assessment]:
    lines = [{"product_id": name, "quantity": n} for name, n in units.items()]
    orders = [
        an_order(order_id=f"o-{at}", lines=lines, charged_price=round(charged_e4) / 1e4, **fields)
        for at in range(count)
    ]
    scorer = Scorer(bundle or packaged_bundle(), packaged_catalogue(), policy or Policy())
    return scorer.score_many(orders, EpisodeState())[0]


def typologies(found: Assessment) -> set[str]:
    return {finding.typology for finding in found.findings}


def test_the_prices_of_these_tests_are_the_catalogues() -> None:
    [found] = score(LIST, KNOWN)
    assert found.explanation.list_total_e4 == LIST


@pytest.mark.parametrize("unknown", [{}, {"GiftWrap": 1}, {"GiftWrap": 3, "Voucher": 1}])
def test_an_added_item_is_found_beside_lines_without_a_price(unknown: dict[str, int]) -> None:
    [found] = score(BIKE + FORK / 2, KNOWN | unknown)
    assert found.alerted
    assert found.p_added_item > 0.9
    assert "added_item" in typologies(found)


@pytest.mark.parametrize("percent", [1, 0.37])
def test_hidden_discounts_are_found_beside_lines_without_a_price(percent: float) -> None:
    charged = [round((1 - percent / 100) * total / 100) * 100 for total in (LIST, BIKE, FORK)]
    baskets: list[dict[str, int]] = [KNOWN, {"Road650Red62": 1}, {"HLFork": 1}]
    orders = [
        an_order(
            order_id=f"o-{at}",
            lines=[{"product_id": n, "quantity": 1} for n in (*baskets[at % 3], "GiftWrap")],
            charged_price=charged[at % 3] / 1e4,
        )
        for at in range(20)
    ]
    scorer = Scorer(packaged_bundle(), packaged_catalogue(), Policy())
    found, state = scorer.score_many(orders, EpisodeState())
    assert state.episode is not None
    assert state.episode.discount_bp == round(100 * percent)
    assert sum(one.alerted for one in found) >= 12


def test_a_gap_beyond_every_discount_is_one_whatever_the_unknown_lines_cost() -> None:
    [found] = score(6_400_000, KNOWN | {"GiftWrap": 1})
    assert "unexplained_gap" in typologies(found)
    message = next(f.message for f in found.findings if f.typology == "unexplained_gap")
    assert message.startswith("The order was charged at least 372.48 USD less than its list total")


def test_a_charge_below_the_cost_of_the_known_lines_is_a_finding() -> None:
    [found] = score(3_000_000, KNOWN | {"GiftWrap": 1})
    message = next(f.message for f in found.findings if f.typology == "below_cost")
    assert "below the known products' cost" in message


@given(st.integers(1, 5_000_000))
def test_a_charge_above_the_known_lines_says_nothing(more_e4: int) -> None:
    [found] = score(LIST + more_e4, KNOWN | {"GiftWrap": 1})
    [usual] = score(LIST + 1_000_000, KNOWN | {"GiftWrap": 1})
    assert not found.alerted
    assert found.p_added_item == pytest.approx(usual.p_added_item, abs=0.02)
    assert typologies(found) == {"unknown_product"}


def test_a_discount_of_the_ladder_beside_a_paid_unknown_line_is_no_alert() -> None:
    for step in (0.01, 0.015, 0.02, 0.05, 0.08, 0.1, 0.15, 0.2):
        [found] = score(LIST - step * BIKE + 49_900, KNOWN | {"GiftWrap": 1})
        assert not found.alerted, step


class TestARecordedListPrice:
    def test_it_fixes_what_one_unknown_product_costs(self) -> None:
        [found] = score(LIST + 100_000, KNOWN | {"GiftWrap": 2}, list_price=(LIST + 100_000) / 1e4)
        assert found.explanation.list_total_e4 == LIST + 100_000
        assert found.explanation.gap_e4 == 0
        assert not found.alerted
        [reason] = [one for one in found.reasons if one.code == "unknown_product"]
        assert (
            "The recorded list price of the order, less its known products, leaves 10.00 USD"
            in reason.message
        )

    def test_a_hidden_item_of_half_the_price_is_found_at_its_exact_gap(self) -> None:
        listed = LIST + 50_000
        [found] = score(listed - FORK / 2, KNOWN | {"GiftWrap": 1}, list_price=listed / 1e4)
        assert "added_item" in typologies(found)

    def test_a_charge_above_it_is_an_overcharge(self) -> None:
        [found] = score(LIST + 90_000, KNOWN | {"GiftWrap": 1}, list_price=(LIST + 50_000) / 1e4)
        assert "overcharge" in typologies(found)

    def test_one_below_the_known_lines_was_tampered_with(self) -> None:
        [found] = score(LIST, KNOWN | {"GiftWrap": 1}, list_price=(LIST - 50_000) / 1e4)
        assert "price_tampering" in typologies(found)

    def test_it_leaves_several_products_one_sum(self) -> None:
        order = an_order(
            lines=[{"product_id": name, "quantity": 1} for name in (*KNOWN, "A", "B")],
            list_price=(LIST + 70_000) / 1e4,
        )
        priced = with_assumed_prices(packaged_catalogue().price(order), {})
        assert [(one.product_ids, one.amount_e4) for one in priced.assumed] == [
            (("A", "B"), 70_000)
        ]
        assert priced.open == ()

    def test_it_overrules_a_usual_price(self) -> None:
        order = an_order(
            lines=[{"product_id": name, "quantity": 1} for name in (*KNOWN, "GiftWrap")],
            list_price=(LIST + 70_000) / 1e4,
        )
        priced = with_assumed_prices(packaged_catalogue().price(order), {"GiftWrap": USUAL})
        assert priced.list_total_e4 == LIST + 70_000


USUAL = UsualPrice(49_900, 37)
WRAPS = msgspec.structs.replace(packaged_bundle(), usual_prices={"GiftWrap": USUAL})


class TestAUsualPrice:
    def test_it_is_taken_and_said(self) -> None:
        [found] = score(LIST + 49_900, KNOWN | {"GiftWrap": 1}, bundle=WRAPS)
        assert found.explanation.gap_e4 == 0
        [reason] = [one for one in found.reasons if one.code == "unknown_product"]
        assert reason.message == (
            "Not in the catalogue: GiftWrap. Its usual price is assumed, 4.99 USD here "
            "(seen in 37 orders)."
        )

    def test_an_added_item_is_found_at_it(self) -> None:
        charged = BIKE + FORK / 2 + 49_900
        [found] = score(charged, KNOWN | {"GiftWrap": 1}, bundle=WRAPS)
        assert "added_item" in typologies(found)
        assert found.alerted

    @pytest.mark.parametrize("price_e4", [0, 39_900, 59_900, 199_900])
    def test_another_price_that_day_is_no_alert(self, price_e4: int) -> None:
        [found] = score(LIST + price_e4, KNOWN | {"GiftWrap": 1}, bundle=WRAPS)
        assert not found.alerted

    def test_one_beyond_all_bounds_hides_nothing(self) -> None:
        dear = {"GiftWrap": UsualPrice(10**13, 9)}
        bundle = msgspec.structs.replace(packaged_bundle(), usual_prices=dear)
        [found] = score(BIKE + FORK / 2, KNOWN | {"GiftWrap": 1000}, bundle=bundle)
        assert "added_item" in typologies(found)


class TestARepWhoUsesThemMore:
    COUNTS = Unpriced(500, UnpricedOrders(10_000, 120), {"Annie Corns": UnpricedOrders(400, 40)})
    BUNDLE = msgspec.structs.replace(packaged_bundle(), unpriced=COUNTS)

    def test_than_the_others_is_a_finding_of_an_order_without_a_price(self) -> None:
        [found] = score(LIST, KNOWN | {"GiftWrap": 1}, bundle=self.BUNDLE)
        message = next(f.message for f in found.findings if f.typology == "unpriced_rep")
        assert message == (
            "40 of Annie Corns's 400 orders have products without a known price: 12 times the "
            "share of the other reps."
        )
        assert found.alerted

    def test_is_none_where_every_line_has_a_price(self) -> None:
        [found] = score(LIST, KNOWN, bundle=self.BUNDLE)
        assert found.findings == ()

    def test_as_the_others_do_is_none(self) -> None:
        alike = Unpriced(500, UnpricedOrders(10_000, 1_000), self.COUNTS.by_rep)
        bundle = msgspec.structs.replace(packaged_bundle(), unpriced=alike)
        [found] = score(LIST, KNOWN | {"GiftWrap": 1}, bundle=bundle)
        assert "unpriced_rep" not in typologies(found)

    def test_is_none_below_the_policys_odds(self) -> None:
        policy = Policy(unpriced_rep_odds=20)
        [found] = score(LIST, KNOWN | {"GiftWrap": 1}, bundle=self.BUNDLE, policy=policy)
        assert "unpriced_rep" not in typologies(found)


@pytest.mark.parametrize(("share", "found"), [(0.049, False), (0.051, True)])
def test_past_a_share_of_orders_the_catalogue_is_at_fault(share: float, found: bool) -> None:
    counts = Unpriced(round(10_000 * share), UnpricedOrders(10_000, 0))
    bundle = msgspec.structs.replace(packaged_bundle(), unpriced=counts)
    [assessed] = score(LIST, KNOWN | {"GiftWrap": 1}, bundle=bundle)
    assert ("unpriced_share" in typologies(assessed)) is found
    assert not assessed.alerted


def test_an_order_whose_products_are_all_unknown_is_judged_by_what_was_recorded() -> None:
    [found] = score(400_000, {"GiftWrap": 1, "Voucher": 1}, list_price=100)
    assert "unexplained_gap" in typologies(found)
    [open_] = score(400_000, {"GiftWrap": 1, "Voucher": 1})
    assert typologies(open_) == {"unknown_product"}
