"""What was concluded about an order: plain values that rules, scorer and documents share."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.episodes import Episode, Revisit
from shared.explanation import Explanation
from shared.findings import Finding, Reason
from shared.order import Order
from shared.uses import Change


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
