"""Simulated analysts, who decide truthfully on the alerts of a history."""

from collections.abc import Mapping
from datetime import timedelta

from shared.decision import Decision
from shared.formats import time_text
from shared.policy import Policy
from training.comparison.metrics import Truth
from training.replay.forward_scoring import Example, Window

ANALYST = "analyst"
DELAY = timedelta(days=3)
"""Time from an order to the decision on it."""


def decide(window: Window, truth: Mapping[str, Truth], policy: Policy) -> tuple[Decision, ...]:
    """Decide on the likeliest alerts of each day, as many as the policy's reviews a day.

    Only suspected added items that reach the policy's threshold are decided. Decisions made after
    the end of the history are returned, too; the learner must not use them.
    """
    by_day: dict[str, list[Example]] = {}
    for example in window.examples:
        if max(example.p_added_item, example.p_hidden_discount) >= policy.alert_probability:
            by_day.setdefault(f"{example.order.ordered_at:%Y-%m-%d}", []).append(example)
    return tuple(
        _decision(example, truth[example.order.order_id])
        for alerts in by_day.values()
        for example in sorted(alerts, key=_either, reverse=True)[: policy.reviews_per_day]
        if example.p_added_item >= policy.alert_probability
    )


def _either(example: Example) -> float:
    """Return the probability of either fraud, by which analysts sort their alerts."""
    return 1.0 - (1.0 - example.p_added_item) * (1.0 - example.p_hidden_discount)


def _decision(example: Example, truth: Truth) -> Decision:
    order = example.order
    return Decision(
        order_id=order.order_id,
        revision=order.revision,
        rep_id=order.rep_id,
        decision="confirmed" if truth.added_item else "dismissed",
        decided_by=ANALYST,
        decided_at=time_text(order.ordered_at + DELAY),
        typology="added_item",
    )
