"""The ladder: the discounts that reps give on one unit, and how often they give each."""

from typing import Annotated

import msgspec

from shared.ranges import Count, Share

MOST_STEPS, MOST_OFF_STEPS, MOST_HIDDEN = 64, 40, 20
"""Discounts of a ladder, of added items and hidden ones: the work of an order grows with them."""


class DiscountShare(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"discount_bp": "basis_points"}
):
    """One discount and how often it is given.

    ``discount_bp`` are hundredths of a percent of the list price (10 % = 1000), ``share`` is a
    probability, ``orders`` the number of orders the figure rests on.
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
