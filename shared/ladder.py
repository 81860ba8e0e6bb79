"""The ladder: the discounts that reps give on one unit, and how often they give each."""

from typing import Annotated

import msgspec

from shared.ranges import Count, Share

MOST_STEPS, MOST_OFF_STEPS, MOST_HIDDEN = 64, 40, 20
"""The most entries of a ladder, of the discounts of added items, and of hidden discounts. The work
for an order grows with their number."""


class DiscountShare(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"discount_bp": "basis_points"}
):
    """One discount, and how often it is given.

    Attributes:
        discount_bp: part of the list price in basis points (10 % is 1000).
        share: probability of the discount, 0-1.
        orders: number of orders that the figure rests on.
    """

    discount_bp: Annotated[int, msgspec.Meta(ge=0, le=10_000)]
    share: Share
    orders: Count = 0


Ladder = Annotated[tuple[DiscountShare, ...], msgspec.Meta(min_length=1, max_length=MOST_STEPS)]
"""The discounts of a normal unit, none (0) included; the shares sum to 1."""

OffLadder = Annotated[
    tuple[DiscountShare, ...], msgspec.Meta(min_length=1, max_length=MOST_OFF_STEPS)
]
"""The discounts of an added item; the shares sum to 1."""

HiddenDiscounts = Annotated[
    tuple[DiscountShare, ...], msgspec.Meta(min_length=1, max_length=MOST_HIDDEN)
]
"""The percentages that hidden discounts took off whole orders; the shares sum to 1."""
