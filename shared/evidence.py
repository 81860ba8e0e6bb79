"""What is known about an order after its charge and basket were weighed; the rules ask it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.formats import amount_text
from shared.unpriced import NEVER_UNPRICED, Unpriced

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.catalogue import PricedOrder
    from shared.hypotheses import Posterior


@dataclass(frozen=True, slots=True)
class Suspect:
    """The product that was most likely added, its discount, and the money the discount took."""

    product_id: str
    discount_bp: int
    amount_e4: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that the rules may ask about an order.

    Attributes:
        priced: the order at catalogue prices.
        currency: of the amounts.
        rep_known: whether the rep is in the history.
        basket_odds: by product, how many times likelier it was added than bought.
        posterior: the probabilities of each way the order can have come about.
        suspect: the likeliest added item; None where none is worth a look.
        hidden_bp: the likeliest hidden discount; 0 where none is worth a look.
        hidden_e4: the money that the hidden discount took.
        unit_discounts: the likeliest discounts, each (list price e4, basis points); the suspect's
            comes first.
        unexplained_e4: the part of the gap that these discounts leave.
        own_case: chance (0-1) that an unexplained charge is a case of its own, and not one of
            many lately.
        unpriced: how often lines had no price in the history.
    """

    priced: PricedOrder
    currency: str
    rep_known: bool
    basket_odds: Mapping[str, float]
    posterior: Posterior
    suspect: Suspect | None
    hidden_bp: int
    hidden_e4: int
    unit_discounts: tuple[tuple[int, int], ...]
    unexplained_e4: int
    own_case: float
    unpriced: Unpriced = NEVER_UNPRICED

    def money(self, amount_e4: int) -> str:
        """Return an amount as people write it, to the cent."""
        return amount_text(amount_e4, self.currency)
