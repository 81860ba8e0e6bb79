"""The list prices of an order's units, one by one or counted."""

import pytest

from shared.units import LISTED_UNITS, ManyUnits, counted, distinct, total_e4, unit_prices


def test_units_are_listed_one_by_one_the_dearest_first() -> None:
    prices = unit_prices([(100, 2), (300, 1), (100, 1)])
    assert prices == (300, 100, 100, 100)
    assert total_e4(prices) == 600
    assert dict(counted(prices)) == {300: 1, 100: 3}
    assert list(distinct(prices)) == [300, 100]


def test_an_order_without_lines_has_no_units() -> None:
    assert unit_prices([]) == ()
    assert total_e4(()) == 0


@pytest.mark.parametrize("surplus", [0, 1])
def test_more_units_than_can_be_listed_are_counted_and_mean_the_same(surplus: int) -> None:
    lines = [(250, LISTED_UNITS - 50), (400, 50 + surplus)]
    prices = unit_prices(lines)
    assert isinstance(prices, ManyUnits) is bool(surplus)
    assert len(prices) == 200 + surplus
    assert total_e4(prices) == 250 * 150 + 400 * (50 + surplus)
    assert dict(counted(prices)) == {400: 50 + surplus, 250: 150}
    assert list(distinct(prices)) == [400, 250]
