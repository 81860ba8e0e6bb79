"""What is known of a rep from earlier orders: how often they discount, how often they are suspect.

Training counts along in time order, so that an order is described by what came before it, and the
counts at the end of the history go into the bundle: they describe the orders that come next.
"""

import msgspec

MEAN_ORDERS = 20.0
"""Orders that the company's mean weighs against a rep's own: a new rep is an average one."""


class RepHabit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Counts of some orders: how many, with any discount, and expected ones with an added item."""

    orders: int = 0
    discounted: int = 0
    suspected: float = 0.0

    def plus(self, *, discounted: bool, suspected: float) -> "RepHabit":
        """The counts with one more order; ``suspected`` is its probability of an added item."""
        return RepHabit(self.orders + 1, self.discounted + discounted, self.suspected + suspected)


class RepHabits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The counts of each rep, and over all of them."""

    total: RepHabit = RepHabit()
    by_rep: dict[str, RepHabit] = {}

    def shares(self, rep_id: str) -> tuple[float, float]:
        """Shares (0-1) of a rep's orders that are discounted, and that have an added item.

        Both are drawn to the mean over all reps as if by `MEAN_ORDERS` orders; 0 before the first
        order of all.
        """
        own, total = self.by_rep.get(rep_id, RepHabit()), self.total
        if not total.orders:
            return 0.0, 0.0
        weight = MEAN_ORDERS / total.orders
        orders = own.orders + MEAN_ORDERS
        return (
            (own.discounted + weight * total.discounted) / orders,
            (own.suspected + weight * total.suspected) / orders,
        )


NO_HABITS = RepHabits()
