"""The features: the numbers that describe an order to the model and to the readers of an alert."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.evidence import Evidence
    from shared.order import Order
    from shared.profiles import Profiles

FEATURE_NAMES = (
    "units",
    "products",
    "list_total",
    "gap",
    "gap_percent",
    "margin_percent",
    "worst_fit_log_odds",
    "off_ladder_log_odds",
    "hidden_discount_log_odds",
    "suspect_fit_log_odds",
    "suspect_charge_log_odds",
    "suspect_percent",
    "suspect_on_ladder",
    "suspect_share_percent",
    "suspect_price_rank",
    "suspect_price_alone",
    "rep_discounted_percent",
    "rep_suspected_percent",
    "customer_discounted_percent",
    "customer_suspected_percent",
)
LARGEST_LOG_ODDS = 50.0
"""Log-odds are cut at plus and minus this, because those of the impossible are infinite."""

_NO_SUSPECT = (0.0,) * 7


def build_features(
    evidence: Evidence, ladder_bp: frozenset[int], profiles: Profiles
) -> dict[str, float]:
    """Return the features of an order, by the names in `FEATURE_NAMES`.

    They depend only on the order and on what was known before it. Money is in units of the
    currency. Percentages are of the list total, and 0 where it is 0. Log-odds are natural
    logarithms, cut at `LARGEST_LOG_ODDS`.

    Seven features describe the suspect, and are 0 where there is none. ``suspect_on_ladder`` and
    ``suspect_price_alone`` are 0 or 1. ``suspect_price_rank`` is the place of the suspect's price
    among the units (1 is the dearest).

    The last four are percentages of the earlier orders of the rep and of the customer.

    Args:
        evidence: what is known about the order.
        ladder_bp: the discounts of the ladder.
        profiles: of reps and customers.
    """
    priced, posterior = evidence.priced, evidence.posterior
    listed, charged = priced.list_total_e4, priced.order.charged_e4
    values = (
        float(sum(line.quantity for line in priced.lines)),
        float(len(priced.lines)),
        listed / 1e4,
        (listed - charged) / 1e4,
        _percent(listed - charged, listed),
        _percent(charged - priced.cost_total_e4, listed),
        log_odds(max(evidence.basket_odds.values(), default=1.0)),
        log_odds(max(posterior.charge_odds.values(), default=1.0)),
        log_odds(posterior.hidden_odds),
        *_suspect_features(evidence, ladder_bp),
        *profile_features(profiles, priced.order),
    )
    return dict(zip(FEATURE_NAMES, values, strict=True))


def profile_features(profiles: Profiles, order: Order) -> tuple[float, ...]:
    """Return the last four features. Training computes them anew for the time of each order."""
    shares = (*profiles.reps.shares(order.rep_id), *profiles.customers.shares(order.customer_id))
    return tuple(100.0 * share for share in shares)


def _suspect_features(evidence: Evidence, ladder_bp: frozenset[int]) -> tuple[float, ...]:
    priced, suspect = evidence.priced, evidence.suspect
    if suspect is None:
        return _NO_SUSPECT
    units = {line.product.product_id: line.quantity for line in priced.lines}
    prices = {line.product.product_id: line.product.list_e4 for line in priced.lines}
    own = prices[suspect.product_id]
    dearer = sum(units[product] for product, price in prices.items() if price > own)
    alike = sum(units[product] for product, price in prices.items() if price == own)
    return (
        log_odds(evidence.basket_odds[suspect.product_id]),
        log_odds(evidence.posterior.charge_odds[suspect.product_id]),
        suspect.discount_bp / 100,
        float(suspect.discount_bp in ladder_bp),
        _percent(suspect.amount_e4, priced.list_total_e4),
        float(dearer + 1),
        float(alike == 1),
    )


def log_odds(odds: float) -> float:
    """Return the natural logarithm of odds, cut at plus and minus `LARGEST_LOG_ODDS`.

    >>> round(log_odds(20.0), 3), log_odds(0.0), log_odds(float("inf"))
    (2.996, -50.0, 50.0)
    """
    if odds <= 0:
        return -LARGEST_LOG_ODDS
    return max(-LARGEST_LOG_ODDS, min(LARGEST_LOG_ODDS, math.log(odds)))


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 0.0
