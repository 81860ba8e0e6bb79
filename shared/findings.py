"""From the evidence of an order to what is said about it: findings, reasons and an explanation."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from shared.assessment import Explanation, Finding, Reason, UnitDiscount, hidden_discount_finding
from shared.typologies import ADDED_ITEM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.rules import Evidence, RuleHit


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


def all_reasons(hits: Sequence[RuleHit], model: Sequence[Reason]) -> tuple[Reason, ...]:
    """Every rule's reason and the model's, the weightiest first."""
    rules = (Reason("rule", hit.code, hit.message, hit.contribution) for hit in hits)
    return tuple(sorted((*rules, *model), key=lambda reason: -reason.contribution))


def explanation_of(evidence: Evidence) -> Explanation:
    """What best explains the charge."""
    listed, charged = evidence.priced.list_total_e4, evidence.priced.order.charged_e4
    return Explanation(
        list_total_e4=listed,
        charged_e4=charged,
        gap_e4=listed - charged,
        unit_discounts=_name_units(evidence),
        order_discount_percent=evidence.hidden_bp / 100,
        unexplained_e4=evidence.unexplained_e4,
    )


def _name_units(evidence: Evidence) -> tuple[UnitDiscount, ...]:
    """Unit discounts by product; the tables know prices only, and products may share one.

    The suspect's own discount comes first; the others go to products of that price in the order
    of their ids, no product getting more discounts than it has units.
    """
    if not evidence.unit_discounts:
        return ()
    lines = evidence.priced.lines
    left = {line.product.product_id: line.quantity for line in lines}
    named: Counter[tuple[str, int]] = Counter()
    for at, (price, discount_bp) in enumerate(evidence.unit_discounts):
        product = (
            evidence.suspect.product_id
            if at == 0 and evidence.suspect is not None
            else next(
                line.product.product_id
                for line in lines
                if line.product.list_e4 == price and left[line.product.product_id]
            )
        )
        left[product] -= 1
        named[product, discount_bp] += 1
    return tuple(
        UnitDiscount(product, units, discount_bp / 100)
        for (product, discount_bp), units in named.items()
    )
