"""Findings, which say what is wrong with an order, and the reasons that an alert gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.formats import amount_text
from shared.typologies import ADDED_ITEM, HIDDEN_DISCOUNT

if TYPE_CHECKING:
    from shared.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Finding:
    """A typology that was found in an order.

    Attributes:
        typology: a name in `shared.typologies`.
        probability: 0-1; 1 for facts of arithmetic.
        amount_e4: the money it is about, 0 or more.
        message: one sentence for an analyst.
        product_id: the product it is about, if it is about one.
        percent: the discount behind it in percent, if there is one.
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
    """Return the finding that a percentage was taken off a whole order."""
    percent = discount_bp / 100
    message = (
        f"The whole order was probably charged {percent:g} % too little "
        f"({amount_text(amount_e4, currency)})."
    )
    return Finding(HIDDEN_DISCOUNT, probability, amount_e4, message, percent=percent)


@dataclass(frozen=True, slots=True)
class Reason:
    """A fact that makes an order more suspicious, or less so.

    Attributes:
        source: ``rule`` or ``model``.
        code: stable snake_case name.
        message: one sentence for an analyst.
        contribution: how much it weighs; positive is more suspicious. For a rule it is the weight
            of evidence: the natural logarithm of how many times likelier the facts are with fraud
            than without it.
    """

    source: str
    code: str
    message: str
    contribution: float


def fraud_findings(evidence: Evidence, p_added: float) -> tuple[Finding, ...]:
    """Return the frauds that are worth a look, with the money that each took."""
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
