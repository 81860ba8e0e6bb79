"""A ladder is a bounded list of discounts in basis points."""

import msgspec
import pytest

from shared.ladder import DiscountShare, HiddenDiscounts, Ladder, OffLadder


def test_a_discount_is_stored_under_the_name_that_earlier_releases_read() -> None:
    stored = {"basis_points": 1000, "share": 0.25, "orders": 7}
    discount = msgspec.convert(stored, DiscountShare)
    assert (discount.discount_bp, discount.share, discount.orders) == (1000, 0.25, 7)
    assert msgspec.to_builtins(discount) == stored


@pytest.mark.parametrize(
    "wrong",
    [
        {"basis_points": 10_001, "share": 0.5},
        {"basis_points": -1, "share": 0.5},
        {"basis_points": 100, "share": 1.1},
        {"discount_bp": 100, "share": 0.5},
    ],
)
def test_a_discount_is_a_part_of_the_price_with_a_probability(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, DiscountShare)


@pytest.mark.parametrize(("kind", "most"), [(Ladder, 64), (OffLadder, 40), (HiddenDiscounts, 20)])
def test_a_table_has_a_bounded_number_of_discounts(kind: object, most: int) -> None:
    entry = {"basis_points": 100, "share": 0.5}
    assert len(msgspec.convert([entry] * most, kind)) == most
    for count in (0, most + 1):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert([entry] * count, kind)
