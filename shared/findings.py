"""What is found in an order, and the reasons that an alert gives for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.formats import amount_text
from shared.typologies import ADDED_ITEM, HIDDEN_DISCOUNT

if TYPE_CHECKING:
    from shared.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Finding:
    """One typology found in an order.

    ``probability`` is 0-1 (1 for arithmetic facts), ``amount_e4`` the money it concerns (>= 0),
    ``percent`` the discount behind it where there is one.
    """

    typology: str
    probability: float
    amount_e4: int
    message: str
    product_id: str | None = None
    percent: float | None = None


def hidden_discount_finding(
    probability: float, discount_bp: int, amount_e4: int, currency: str
) -> Finding:
    """The finding that a percentage was taken off a whole order."""
    percent = discount_bp / 100
    message = (
        f"The whole order was probably charged {percent:g} % too little "
        f"({amount_text(amount_e4, currency)})."
    )
    return Finding(HIDDEN_DISCOUNT, probability, amount_e4, message, percent=percent)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: ``source`` is ``rule`` or ``model``; a positive ``contribution`` is more suspicious.

    The contribution of a rule is its weight of evidence: the natural logarithm of how many times
    likelier what it saw is under fraud than without.
    """

    source: str
    code: str
    message: str
    contribution: float


def fraud_findings(evidence: Evidence, p_added: float) -> tuple[Finding, ...]:
    """The frauds worth a look, with what they cost."""
    findings = []
    p_hidden = evidence.posterior.any_hidden
    if evidence.suspect is not None:
        suspect = evidence.suspect
        percent = suspect.discount_bp / 100
        message = (
            f"One {suspect.product_id} was probably added to the order and taken off again at "
            f"{percent:g} % ({evidence.money(suspect.amount_e4)})."
        )
        findings.append(
            Finding(ADDED_ITEM, p_added, suspect.amount_e4, message, suspect.product_id, percent)
        )
    if evidence.hidden_bp:
        findings.append(
            hidden_discount_finding(
                p_hidden, evidence.hidden_bp, evidence.hidden_e4, evidence.currency
            )
        )
    return tuple(findings)
