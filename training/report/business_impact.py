"""What detection is worth: losses in alerts, what ended incidents spared, what reviews cost."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.formats import utc_time
from shared.incidents import CLOSED
from shared.policy import Policy
from shared.typologies import FRAUD_TYPOLOGIES

SHORTEST_DAYS = 1.0
"""An incident that came and went within a day is taken to have taken no more in a whole one: there
are no orders at night."""


@dataclass(frozen=True, slots=True)
class TypologyLoss:
    """Alerts with a finding of a typology, and what they are about (currency).

    ``expected`` is the sum of probability times amount over alerts that nobody dismissed;
    ``confirmed`` and ``dismissed`` are the amounts that analysts decided on.
    """

    typology: str
    alerts: int
    expected: float
    confirmed: float
    dismissed: float


@dataclass(frozen=True, slots=True)
class AlertTally:
    """All alerts of a time, without superseded ones; ``in_incidents`` of them belong to one."""

    alerts: int = 0
    open: int = 0
    confirmed: int = 0
    dismissed: int = 0
    in_incidents: int = 0
    losses: tuple[TypologyLoss, ...] = ()


def tally(alerts: Iterable[Mapping[str, Any]]) -> AlertTally:
    """Sum alert documents; of each only status, findings, incident and superseding are read."""
    counts = {"open": 0, "confirmed": 0, "dismissed": 0}
    losses: dict[str, TypologyLoss] = {}
    incidents = 0
    for alert in alerts:
        if "superseded_by" in alert:
            continue
        counts[alert["status"]] += 1
        incidents += "incident_id" in alert
        by_typology: dict[str, tuple[float, float]] = {}
        for finding in alert["findings"]:
            amount, expected = by_typology.get(finding["typology"], (0.0, 0.0))
            chance = finding["probability"]
            more = (amount + finding["amount"], expected + chance * finding["amount"])
            by_typology[finding["typology"]] = more
        for typology, (amount, expected) in by_typology.items():
            known = losses.get(typology, TypologyLoss(typology, 0, 0.0, 0.0, 0.0))
            losses[typology] = _with(known, alert["status"], amount, expected)
    ranked = sorted(losses.values(), key=lambda one: (-one.expected, one.typology))
    return AlertTally(sum(counts.values()), **counts, in_incidents=incidents, losses=tuple(ranked))


def _with(known: TypologyLoss, status: str, amount: float, expected: float) -> TypologyLoss:
    return TypologyLoss(
        known.typology,
        known.alerts + 1,
        known.expected + (0.0 if status == "dismissed" else expected),
        known.confirmed + (amount if status == "confirmed" else 0.0),
        known.dismissed + (amount if status == "dismissed" else 0.0),
    )


def fraud_losses(found: AlertTally) -> float:
    """Expected loss of both frauds (currency); findings of other typologies may overlap them."""
    return math.fsum(one.expected for one in found.losses if one.typology in FRAUD_TYPOLOGIES)


@dataclass(frozen=True, slots=True)
class BusinessImpact:
    """The business in figures (currency).

    ``found`` is the expected loss of both frauds in alerts that nobody dismissed, ``confirmed`` as
    much of it as analysts agreed with. ``spared`` is an estimate: what ended incidents would have
    taken had each run for as long as one does on average. ``a_day`` is what the open ones take.
    ``times`` is the found by the cost of review; None where nothing was reviewed.
    """

    found: float
    confirmed: float
    spared: float
    a_day: float
    review_cost: float
    times: float | None


def business_impact(
    alerts: AlertTally, incidents: Sequence[Mapping[str, Any]], run_days: float, policy: Policy
) -> BusinessImpact:
    """Weigh what alerts found against what looking at every one of them costs."""
    found = fraud_losses(alerts)
    cost = alerts.alerts * policy.review_cost_e4 / 1e4
    frauds = [one for one in alerts.losses if one.typology in FRAUD_TYPOLOGIES]
    return BusinessImpact(
        found=found,
        confirmed=math.fsum(one.confirmed for one in frauds),
        spared=math.fsum(_spared(one, run_days) for one in incidents if one["status"] == CLOSED),
        a_day=math.fsum(loss_a_day(one) for one in incidents if one["status"] != CLOSED),
        review_cost=cost,
        times=found / cost if cost else None,
    )


def days_of(incident: Mapping[str, Any]) -> float:
    """How long an incident has run, in days."""
    span = utc_time(incident["last_seen_at"]) - utc_time(incident["started_at"])
    return span.total_seconds() / 86_400


def loss_a_day(incident: Mapping[str, Any]) -> float:
    """What an incident took a day, on average (currency)."""
    return float(incident["amount_lost"]) / max(days_of(incident), SHORTEST_DAYS)


def _spared(incident: Mapping[str, Any], run_days: float) -> float:
    return loss_a_day(incident) * max(run_days - max(days_of(incident), SHORTEST_DAYS), 0.0)
