"""The result of scoring one order."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.charge_explanation import Explanation
from shared.episodes import Episode, Revisit
from shared.findings import Finding, Reason
from shared.order import Order
from shared.uses import Change


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything that scoring concluded about one order.

    Attributes:
        order: the order.
        p_added_item: probability of an added item, 0-1.
        p_hidden_discount: probability of a hidden discount, 0-1.
        probability: probability of either fraud, 0-1.
        expected_loss_e4: sum of probability times amount over the findings.
        findings: what was found. Findings, reasons and the explanation are worked out only for
            orders that are worth a look.
        reasons: why, the weightiest first.
        explanation: what best explains the charge.
        features: the numbers that describe the order, by name.
        model_version: of the bundle.
        policy_version: of the thresholds.
        degraded: the packaged tables that were used, each with the reason.
        alerted: whether the order becomes an alert.
        belief_before: how likely a hidden discount ran in the partition before the order, 0-1.
        belief_after: the same after the order.
        episodes: the episodes that the order opened, extended or ended.
        belongs: name of the episode that the order belongs to.
        revisits: earlier orders that now turn out to belong to an episode.
        waits: whether a later order may still revisit this one, so that its document is kept.
        charge_likelihood: as in `shared.hypotheses.Posterior`; 0 where nothing was weighed.
        alert_id: id of the order's alert, if it becomes one.
        change: what the order changed, where it revises an order that is remembered.
        catalogue_version: of the prices.
        currency: of the prices.
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
