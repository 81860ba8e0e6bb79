"""Which percentages that nobody has seen before an order fits exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ladder import DiscountShare
from shared.unseen import LARGEST_BP, SMALLEST_BP, UnseenPercents

LADDER = (DiscountShare(0, 0.8), DiscountShare(500, 0.15), DiscountShare(1000, 0.05))
UNSEEN = UnseenPercents(LADDER, 3.0, known_bp=(100,))
PRICES = (7_829_900, 1_200_000, 1_200_000)
"""A bike and two racks, in e4."""

LISTED = sum(PRICES)


def charged(percent: int, off_e4: int = 0) -> int:
    return round((LISTED - off_e4) * (10_000 - percent) / 10_000)


def test_an_order_without_a_discount_fits_the_percentage_it_was_charged_less() -> None:
    assert UNSEEN.fits(PRICES, charged(37)) == {37: pytest.approx(0.8**3)}


def test_an_order_with_one_step_on_one_unit_fits_it_too() -> None:
    fits = UNSEEN.fits(PRICES, charged(37, off_e4=120_000))
    assert fits[37] == pytest.approx(2 * 0.8**2 * 0.05)  # either rack


def test_a_known_percentage_is_none_of_the_grid() -> None:
    assert UNSEEN.fits(PRICES, charged(100)) == {}
    assert UNSEEN.count == LARGEST_BP - SMALLEST_BP


def test_a_charge_that_is_explained_well_without_is_not_held_against_the_grid() -> None:
    assert UNSEEN.fits(PRICES, charged(37), explained=0.5) == {}
    assert UNSEEN.fits(PRICES, charged(37), explained=0.01) != {}


@pytest.mark.parametrize("percent", [37.4, SMALLEST_BP - 1, LARGEST_BP + 1])
def test_what_is_no_whole_basis_point_of_the_grid_fits_nothing(percent: float) -> None:
    assert UNSEEN.fits(PRICES, round(LISTED * (1 - percent / 10_000))) == {}


@pytest.mark.parametrize("charge", [LISTED, LISTED + 1_000_000, 0])
def test_no_gap_or_no_charge_fits_nothing(charge: int) -> None:
    assert UNSEEN.fits(PRICES, charge) == {}


def test_an_order_whose_rounding_blurs_the_percentages_is_passed_over() -> None:
    cents = UnseenPercents(LADDER, 50.1, known_bp=())
    small = (250_000,)  # 25.00: a cent is 4 basis points
    assert cents.fits(small, 249_100) == {}
    assert cents.fits(PRICES, round(charged(37), -2)) == {37: pytest.approx(0.8**3)}


@given(
    st.lists(st.integers(100_000, 40_000_000), min_size=1, max_size=6),
    st.integers(SMALLEST_BP, LARGEST_BP).filter(lambda percent: percent != 100),
)
def test_a_hidden_percentage_is_always_found_where_no_unit_has_a_discount(
    prices: list[int], percent: int
) -> None:
    charge = round(sum(prices) * (10_000 - percent) / 10_000)
    fits = UNSEEN.fits(tuple(prices), charge)
    blurred = 0.25 * charge < 3.0 * 10_000
    assert blurred or fits[percent] >= 0.8 ** len(prices) * (1 - 1e-9)
    assert all(0 < chance <= 1 for chance in fits.values())
