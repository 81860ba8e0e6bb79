"""What is known about an order once its charge and its basket were weighed."""

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
    """The likeliest added item: its discount in basis points and what that took off (e4)."""

    product_id: str
    discount_bp: int
    amount_e4: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that is known about an order when the rules are asked.

    ``hidden_bp`` and ``hidden_e4`` are the likeliest hidden percentage and what it took;
    ``unit_discounts`` are the likeliest (list price e4, basis points), the suspect's first, and
    ``unexplained_e4`` the part of the gap that they leave; ``own_case`` is the chance (0-1) that an
    unexplained charge would be a case of its own, not one of many lately. ``unpriced`` counts how
    often lines had no price in the history.
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
        """An amount as people write it, to the cent."""
        return amount_text(amount_e4, self.currency)
