"""Profiles of reps and customers: how often their orders were discounted, and how often suspected.

Training counts in the order of time, so that each order is described by the orders before it. The
counts at the end of the history go into the bundle, and describe the orders that come next.
"""

import heapq
from typing import Annotated

import msgspec

MEAN_ORDERS = 20.0
"""The company's mean weighs as much as this many orders, so that a new rep counts as average."""

FEWEST_ORDERS = 3
"""With fewer orders than this a rep or customer counts as average."""

MOST_REPS = MOST_CUSTOMERS = 5_000
"""The most reps, and the most customers, that a bundle remembers: those with the most orders."""


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Counts of orders: all, those discounted, and the expected number with an added item."""

    orders: Annotated[int, msgspec.Meta(ge=0, le=10**12)] = 0
    discounted: Annotated[int, msgspec.Meta(ge=0, le=10**12)] = 0
    suspected: Annotated[float, msgspec.Meta(ge=0, le=1e12)] = 0.0

    def plus(self, *, discounted: bool, suspected: float) -> "Profile":
        """Return the counts with one more order; ``suspected`` is its chance of an added item."""
        return Profile(self.orders + 1, self.discounted + discounted, self.suspected + suspected)


class ProfileTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The counts of each rep or of each customer, and of all together."""

    total: Profile = Profile()
    by_name: Annotated[
        dict[Annotated[str, msgspec.Meta(max_length=64)], Profile], msgspec.Meta(max_length=20_000)
    ] = {}

    def shares(self, name: str) -> tuple[float, float]:
        """Return the shares (0-1) of a rep's or customer's orders that are discounted or suspected.

        The mean over all counts as `MEAN_ORDERS` more orders. Without any order both are 0.
        """
        own, total = self.by_name.get(name, Profile()), self.total
        if own.orders < FEWEST_ORDERS:
            own = Profile()
        if not total.orders:
            return 0.0, 0.0
        weight = MEAN_ORDERS / total.orders
        orders = own.orders + MEAN_ORDERS
        return (
            (own.discounted + weight * total.discounted) / orders,
            (own.suspected + weight * total.suspected) / orders,
        )

    def most_frequent(self, most: int) -> "ProfileTable":
        """Return the counts of those with the most orders; all others then count as average."""
        frequent = [item for item in self.by_name.items() if item[1].orders >= FEWEST_ORDERS]
        kept = heapq.nlargest(most, frequent, key=lambda item: (item[1].orders, item[0]))
        return ProfileTable(self.total, dict(kept))


class Profiles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The profiles of reps and of customers."""

    reps: ProfileTable = ProfileTable()
    customers: ProfileTable = ProfileTable()

    def kept(self) -> "Profiles":
        """Return the part of them that a bundle remembers."""
        return Profiles(
            self.reps.most_frequent(MOST_REPS), self.customers.most_frequent(MOST_CUSTOMERS)
        )


NO_PROFILES = Profiles()
