"""The numbers that describe an order to the model and to whoever reads an alert."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.catalogue import PricedOrder
    from shared.hypotheses import Posterior

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
)
LARGEST_LOG_ODDS = 50.0
"""Log-likelihood ratios are cut here, both ways: an impossible alternative has no finite one."""


def build_features(
    priced: PricedOrder, basket_odds: Mapping[str, float], posterior: Posterior
) -> dict[str, float]:
    """The features of an order, by `FEATURE_NAMES`.

    Money is in units of the currency, percentages of the list total (0 where it is 0), log-odds
    natural and cut at `LARGEST_LOG_ODDS`. Nothing but the order itself and the tables goes in.
    """
    listed, charged = priced.list_total_e4, priced.order.charged_e4
    values = (
        float(sum(line.quantity for line in priced.lines)),
        float(len(priced.lines)),
        listed / 1e4,
        (listed - charged) / 1e4,
        _percent(listed - charged, listed),
        _percent(charged - priced.cost_total_e4, listed),
        log_odds(max(basket_odds.values(), default=1.0)),
        log_odds(max(posterior.charge_odds.values(), default=1.0)),
        log_odds(posterior.hidden_odds),
    )
    return dict(zip(FEATURE_NAMES, values, strict=True))


def log_odds(odds: float) -> float:
    """Natural logarithm of odds, within plus or minus `LARGEST_LOG_ODDS`.

    >>> round(log_odds(20.0), 3), log_odds(0.0), log_odds(float("inf"))
    (2.996, -50.0, 50.0)
    """
    if odds <= 0:
        return -LARGEST_LOG_ODDS
    return max(-LARGEST_LOG_ODDS, min(LARGEST_LOG_ODDS, math.log(odds)))


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 0.0
