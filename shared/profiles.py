"""What is known of reps and customers from earlier orders: how often discounted, how often suspect.

Training counts along in time order, so that an order is described by what came before it, and the
counts at the end of the history go into the bundle: they describe the orders that come next.
"""

import heapq
from typing import Annotated

import msgspec

MEAN_ORDERS = 20.0
"""Orders that the company's mean weighs against one's own: a new rep is an average one."""

FEWEST_ORDERS = 3
"""Orders from which on somebody has habits; before, they are an average one."""

MOST_REPS = MOST_CUSTOMERS = 5_000
"""Reps, and customers, that a bundle remembers: those with the most orders."""


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Counts of some orders: how many, with any discount, and expected ones with an added item."""

    orders: Annotated[int, msgspec.Meta(ge=0, le=10**12)] = 0
    discounted: Annotated[int, msgspec.Meta(ge=0, le=10**12)] = 0
    suspected: Annotated[float, msgspec.Meta(ge=0, le=1e12)] = 0.0

    def plus(self, *, discounted: bool, suspected: float) -> "Profile":
        """The counts with one more order; ``suspected`` is its probability of an added item."""
        return Profile(self.orders + 1, self.discounted + discounted, self.suspected + suspected)


class ProfileTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The counts of each rep, or of each customer, and over all of them."""

    total: Profile = Profile()
    by_name: Annotated[
        dict[Annotated[str, msgspec.Meta(max_length=64)], Profile], msgspec.Meta(max_length=20_000)
    ] = {}

    def shares(self, name: str) -> tuple[float, float]:
        """Shares (0-1) of somebody's orders that are discounted, and that have an added item.

        Both are drawn to the mean over all as if by `MEAN_ORDERS` orders; 0 before the first
        order of all.
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
        """The same of those with the most orders alone; who is left out counts as average."""
        frequent = [item for item in self.by_name.items() if item[1].orders >= FEWEST_ORDERS]
        kept = heapq.nlargest(most, frequent, key=lambda item: (item[1].orders, item[0]))
        return ProfileTable(self.total, dict(kept))


class Profiles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Those of reps and of customers."""

    reps: ProfileTable = ProfileTable()
    customers: ProfileTable = ProfileTable()

    def kept(self) -> "Profiles":
        """What a bundle remembers of them."""
        return Profiles(
            self.reps.most_frequent(MOST_REPS), self.customers.most_frequent(MOST_CUSTOMERS)
        )


NO_PROFILES = Profiles()
