"""From orders to assessments: the one scorer that the function, the backtest and training share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.catalogue import Catalogue
from shared.episodes import EpisodeState
from shared.model import ModelBundle
from shared.order import Order
from shared.policy import Policy


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


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: ``source`` is ``rule`` or ``model``; a positive ``contribution`` is more suspicious."""

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

    ``p_added_item``, ``p_hidden_discount`` and ``probability`` (either fraud) are 0-1.
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
    degraded: bool
    alerted: bool


class Scorer:
    """Scores orders with one bundle, one catalogue and one policy; holds no state of a stream."""

    def __init__(self, bundle: ModelBundle, catalogue: Catalogue, policy: Policy) -> None:
        self.bundle = bundle
        self.catalogue = catalogue
        self.policy = policy

    def score_many(
        self, orders: Sequence[Order], episode: EpisodeState
    ) -> tuple[list[Assessment], EpisodeState]:
        """Assess orders of one partition in their order of arrival; pure and deterministic.

        ``score_many(a + b)`` gives the same as ``score_many(a)`` then ``score_many(b)``.

        Raises:
            OrderError: never for a single order's content that `parse_order` accepts, except
                ``currency_mismatch`` from `check_currency`.
        """
        raise NotImplementedError
