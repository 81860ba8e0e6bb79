"""The rules: each is a small function that asks one question about an order.

A rule that applies returns a hit: a stable reason code, a sentence that an analyst can act on and,
where it states a fact of its own, a finding. The thresholds come from the policy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.features import LARGEST_LOG_ODDS, log_odds
from shared.findings import Finding, Reason
from shared.typologies import (
    BELOW_COST,
    HIDDEN_DISCOUNT,
    OVERCHARGE,
    PRICE_TAMPERING,
    UNEXPLAINED_GAP,
    UNKNOWN_PRODUCT,
    UNKNOWN_REP,
    UNPRICED_REP,
    UNPRICED_SHARE,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.catalogue import AssumedPrice, PricedOrder
    from shared.evidence import Evidence
    from shared.policy import Policy

FEWEST_UNPRICED = 5
"""A rep with fewer orders that have lines without a price is not suspected because of them."""

BEYOND_CHANCE = 4.0
"""A rep is suspected only if the number of such orders is this many standard deviations above
the number that the other reps' share leads one to expect."""


@dataclass(frozen=True, slots=True)
class RuleHit:
    """The answer of a rule that applies; see `shared.findings.Reason` for ``contribution``."""

    code: str
    message: str
    contribution: float
    finding: Finding | None = None


type Rule = Callable[[Evidence, Policy], RuleHit | None]


def item_does_not_belong(evidence: Evidence, policy: Policy) -> RuleHit | None:
    """Is the suspected item out of place among the rest of the basket?"""
    if evidence.suspect is None:
        return None
    odds = evidence.basket_odds[evidence.suspect.product_id]
    if odds < policy.misfit_odds:
        return None
    message = (
        f"{evidence.suspect.product_id} does not fit the other products of this order: it is "
        f"{_times(odds)} likelier to have been added afterwards than bought with them."
    )
    return RuleHit("item_does_not_belong", message, log_odds(odds))


def off_ladder_discount(evidence: Evidence, policy: Policy) -> RuleHit | None:
    """Does the charge need a discount on one unit that reps do not normally give?"""
    suspect = evidence.suspect
    if suspect is None:
        return None
    odds = evidence.posterior.charge_odds[suspect.product_id]
    if odds < policy.off_ladder_odds:
        return None
    message = (
        f"A discount of {_percent(suspect.discount_bp)} on one {suspect.product_id} "
        f"({evidence.money(suspect.amount_e4)}) is not usual, but it explains the charge "
        f"{_times(odds)} better than the usual discounts do."
    )
    return RuleHit("off_ladder_discount", message, log_odds(odds))


def hidden_discount(evidence: Evidence, policy: Policy) -> RuleHit | None:
    """Is the whole order charged a fixed percentage too low?"""
    odds = evidence.posterior.hidden_odds
    if not evidence.hidden_bp or odds < policy.hidden_discount_odds:
        return None
    message = (
        f"The whole order was charged {_percent(evidence.hidden_bp)} "
        f"({evidence.money(evidence.hidden_e4)}) less than it would be with the discounts on "
        f"single items. This explains the charge {_times(odds)} better than such discounts alone."
    )
    return RuleHit(HIDDEN_DISCOUNT, message, log_odds(odds))


def below_cost(evidence: Evidence, policy: Policy) -> RuleHit | None:
    """Is the charge less than the goods cost? Unknown products count as free of cost."""
    cost, charged = evidence.priced.cost_total_e4, evidence.priced.order.charged_e4
    short = cost - charged
    if short <= 0 or 100 * short <= policy.below_cost_margin_percent * cost:
        return None
    whose = "the known products'" if evidence.priced.unknown else "its"
    message = (
        f"The order was charged {evidence.money(charged)}, "
        f"{evidence.money(short)} below {whose} cost of {evidence.money(cost)}."
    )
    return _fact(BELOW_COST, short, message)


def overcharge(evidence: Evidence, policy: Policy) -> RuleHit | None:
    """Is the charge more than the list prices add up to?

    If the order has unknown products, nobody can tell, unless its list total was recorded.
    """
    listed, charged = evidence.priced.list_total_e4, evidence.priced.order.charged_e4
    excess = charged - listed
    if excess <= policy.overcharge_tolerance_e4 or not _is_fixed(evidence.priced):
        return None
    message = (
        f"The order was charged {evidence.money(charged)}, {evidence.money(excess)} above its "
        f"list total of {evidence.money(listed)}."
    )
    return _fact(OVERCHARGE, excess, message)


def price_tampering(evidence: Evidence, policy: Policy) -> RuleHit | None:
    """Do the totals that the sales system recorded differ from the catalogue's?

    Where the order has unknown products, only a smaller total is suspicious.
    """
    priced = evidence.priced
    listed = priced.list_total_e4 - sum(assumed.amount_e4 for assumed in priced.assumed)
    pairs = (
        ("list price", priced.order.list_e4, listed),
        ("standard cost", priced.order.cost_e4, priced.cost_total_e4),
    )
    for name, recorded, expected in pairs:
        if recorded is None or (priced.unknown and recorded > expected):
            continue
        difference = abs(recorded - expected)
        if difference > policy.price_tampering_tolerance_e4:
            message = (
                f"The recorded {name} of {evidence.money(recorded)} differs by "
                f"{evidence.money(difference)} from the catalogue's {evidence.money(expected)}."
            )
            return _fact(PRICE_TAMPERING, difference, message)
    return None


def unexplained_gap(evidence: Evidence, policy: Policy) -> RuleHit | None:
    """Is there a gap that no known discount explains?

    If such gaps have become common, they have a common cause, which training will learn. Then a
    single order is not suspicious.
    """
    probability = evidence.posterior.unlisted * evidence.own_case
    gap = evidence.priced.list_total_e4 - evidence.priced.order.charged_e4
    if gap <= 0 or probability < policy.unexplained_gap_probability:
        return None
    at_least = "at least " if evidence.priced.open else ""
    message = (
        f"The order was charged {at_least}{evidence.money(gap)} less than its list total, and no "
        "combination of known discounts explains the difference."
    )
    finding = Finding(UNEXPLAINED_GAP, probability, gap, message)
    return RuleHit(UNEXPLAINED_GAP, message, log_odds(_odds(probability)), finding)


def unknown_rep(evidence: Evidence, policy: Policy) -> RuleHit | None:  # noqa: ARG001 (a Rule)
    """Has this rep never been seen in the history?"""
    if evidence.rep_known:
        return None
    message = f"No earlier order of the rep {evidence.priced.order.rep_id} is known."
    return RuleHit(UNKNOWN_REP, message, 0.0, Finding(UNKNOWN_REP, 1.0, 0, message))


def unknown_product(evidence: Evidence, policy: Policy) -> RuleHit | None:  # noqa: ARG001 (a Rule)
    """Is a product missing from the catalogue? The message says which price is assumed for it."""
    priced = evidence.priced
    if not priced.unknown:
        return None
    without = priced.open if priced.assumed else priced.unknown
    said = [_assumed(evidence, assumed) for assumed in priced.assumed]
    if without:
        said.append(f"Not in the catalogue, so no price is known: {', '.join(without)}.")
    gap = priced.list_total_e4 - priced.order.charged_e4
    if priced.open and gap > 0:
        said.append(
            f"Whatever {'it costs' if len(priced.open) == 1 else 'they cost'}, the order was "
            f"charged at least {evidence.money(gap)} less than list price."
        )
    message = " ".join(said)
    finding = Finding(UNKNOWN_PRODUCT, 1.0, 0, message, product_id=priced.unknown[0])
    return RuleHit(UNKNOWN_PRODUCT, message, 0.0, finding)


def unpriced_rep(evidence: Evidence, policy: Policy) -> RuleHit | None:
    """Does the rep sell products without any price far more often than other reps do?

    The rule applies only to an order that has such a product itself.
    """
    total, rep = evidence.unpriced.total, evidence.priced.order.rep_id
    own = evidence.unpriced.by_rep.get(rep)
    if not evidence.priced.open or own is None or own.unpriced < FEWEST_UNPRICED:
        return None
    others = (total.unpriced - own.unpriced + 0.5) / (total.orders - own.orders + 1)
    expected = others * own.orders
    times = own.unpriced / expected
    too_few = own.unpriced - expected < BEYOND_CHANCE * math.sqrt(expected)
    if times < policy.unpriced_rep_odds or too_few:
        return None
    message = (
        f"{own.unpriced} of {rep}'s {own.orders:,} orders have products without a known price: "
        f"{_times(times)} the share of the other reps."
    )
    finding = Finding(UNPRICED_REP, 1.0, 0, message)
    return RuleHit(UNPRICED_REP, message, log_odds(times), finding)


def unpriced_share(evidence: Evidence, policy: Policy) -> RuleHit | None:
    """Are there so many orders with unknown products that the catalogue must be at fault?"""
    unpriced = evidence.unpriced
    if not evidence.priced.unknown or not unpriced.total.orders:
        return None
    share = unpriced.with_unknown / unpriced.total.orders
    if share < policy.unpriced_share:
        return None
    message = (
        f"{100 * share:.1f} % of all orders have products that are not in the catalogue. "
        "Add these products to the catalogue."
    )
    return RuleHit(UNPRICED_SHARE, message, 0.0, Finding(UNPRICED_SHARE, 1.0, 0, message))


RULES: tuple[Rule, ...] = (
    item_does_not_belong,
    off_ladder_discount,
    hidden_discount,
    below_cost,
    overcharge,
    price_tampering,
    unexplained_gap,
    unknown_rep,
    unknown_product,
    unpriced_rep,
    unpriced_share,
)
"""Every rule. An alert lists reasons of the same weight in this order."""


def all_reasons(hits: Sequence[RuleHit], model: Sequence[Reason]) -> tuple[Reason, ...]:
    """Return the reasons of the rules and of the model, the weightiest first."""
    rules = (Reason("rule", hit.code, hit.message, hit.contribution) for hit in hits)
    return tuple(sorted((*rules, *model), key=lambda reason: -reason.contribution))


def _is_fixed(priced: PricedOrder) -> bool:
    """Return whether every line has a price that is known or was recorded with the order."""
    named = {
        name for assumed in priced.assumed if assumed.orders is None for name in assumed.product_ids
    }
    return named.issuperset(priced.unknown)


def _assumed(evidence: Evidence, assumed: AssumedPrice) -> str:
    """Say which price is assumed, and why."""
    names, amount = ", ".join(assumed.product_ids), evidence.money(assumed.amount_e4)
    if assumed.orders is None:
        return (
            f"Not in the catalogue: {names}. The recorded list price of the order, less its "
            f"known products, leaves {amount}."
        )
    return (
        f"Not in the catalogue: {names}. Its usual price is assumed, {amount} here "
        f"(seen in {assumed.orders:,} orders)."
    )


def _fact(typology: str, amount_e4: int, message: str) -> RuleHit:
    """Return the hit for a fact of arithmetic, which is certain."""
    finding = Finding(typology, 1.0, amount_e4, message)
    return RuleHit(typology, message, LARGEST_LOG_ODDS, finding)


def _odds(probability: float) -> float:
    return probability / (1.0 - probability) if probability < 1.0 else math.inf


def _percent(discount_bp: int) -> str:
    """Return basis points as people write them, in percent.

    >>> _percent(150), _percent(1000), _percent(37)
    ('1.5 %', '10 %', '0.37 %')
    """
    return f"{discount_bp / 100:g} %"


def _times(odds: float) -> str:
    """Return a factor in words, for a sentence.

    >>> _times(3.21), _times(4200.0), _times(float("inf"))
    ('3 times', '4,200 times', 'over a million times')
    """
    if odds >= 1e6:
        return "over a million times"
    return f"{odds:,.0f} times"
