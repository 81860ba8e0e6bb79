"""What was concluded about an order: plain values that rules, scorer and documents share."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.episodes import Episode, Revisit
from shared.formats import amount_text
from shared.order import Order
from shared.typologies import HIDDEN_DISCOUNT
from shared.uses import Change


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


@dataclass(frozen=True, slots=True)
class UnitDiscount:
    """A discount that the likeliest explanation gives to ``units`` units of a product."""

    product_id: str
    units: int
    percent: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """What best explains the charge; ``unexplained_e4`` is the gap that is left (0 if none)."""

    list_total_e4: int
    charged_e4: int
    gap_e4: int
    unit_discounts: tuple[UnitDiscount, ...]
    order_discount_percent: float
    unexplained_e4: int


@dataclass(frozen=True, slots=True)
class Assessment:
    """All that was concluded about one order; ``alerted`` says whether it becomes an alert.

    ``degraded`` names the packaged tables that it was scored with, each with the reason.

    ``p_added_item``, ``p_hidden_discount`` and ``probability`` (either fraud) are 0-1. Findings,
    reasons and the explanation are worked out for orders worth a look and empty for the others.
    ``belief_before`` and ``belief_after`` (0-1) say how likely a hidden discount runs in the
    order's partition. The rest is what the order did to the episode there
    (`shared.episodes.Step`): ``runs`` that it changed, the run that it ``belongs`` to, orders that
    are to be revisited, and whether it ``waits`` itself, so that its document must be kept.
    ``charge_likelihood`` is that of `shared.hypotheses.Posterior`; 0 where nothing was weighed.
    ``alert_id`` names its alert, if it becomes one; ``change`` is what it changed as a revision of
    an order that is remembered. ``catalogue_version`` is that of the prices, in ``currency``.
    """

    order: Order
    p_added_item: float
    p_hidden_discount: float
    probability: float
    expected_loss_e4: int
    findings: tuple[Finding, ...]
    reasons: tuple[Reason, ...]
    explanation: Explanation
    features: Mapping[str, float]
    model_version: str
    policy_version: str
    degraded: tuple[tuple[str, str], ...]
    alerted: bool
    belief_before: float = 0.0
    belief_after: float = 0.0
    episodes: tuple[Episode, ...] = ()
    belongs: str | None = None
    revisits: tuple[Revisit, ...] = ()
    waits: bool = False
    charge_likelihood: float = 0.0
    alert_id: str = ""
    change: Change | None = None
    catalogue_version: str = ""
    currency: str = ""
