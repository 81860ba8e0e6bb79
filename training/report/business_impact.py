"""Computes what detection is worth in money.

It finds losses in alerts, ends incidents before they take more, and costs reviews.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.formats import utc_time
from shared.incidents import CLOSED
from shared.policy import Policy
from shared.typologies import FRAUD_TYPOLOGIES

SHORTEST_DAYS = 1.0
"""An incident counts as at least this many days. One of a few hours took no more in its whole day,
because no orders come at night."""


@dataclass(frozen=True, slots=True)
class TypologyLoss:
    """The alerts with a finding of one typology, and the amounts of these findings (currency).

    ``expected`` is the sum of probability times amount over alerts that nobody dismissed.
    ``confirmed`` and ``dismissed`` are the amounts in alerts that analysts decided on.
    """

    typology: str
    alerts: int
    expected: float
    confirmed: float
    dismissed: float


@dataclass(frozen=True, slots=True)
class AlertTally:
    """The alerts of a period, without superseded ones; ``in_incidents`` belong to an incident."""

    alerts: int = 0
    open: int = 0
    confirmed: int = 0
    dismissed: int = 0
    in_incidents: int = 0
    losses: tuple[TypologyLoss, ...] = ()


def tally(alerts: Iterable[Mapping[str, Any]]) -> AlertTally:
    """Sum alert documents.

    Of each document, ``status``, ``findings``, ``incident_id`` and ``superseded_by`` are read.
    """
    counts = {"open": 0, "confirmed": 0, "dismissed": 0}
    losses: dict[str, TypologyLoss] = {}
    incidents = 0
    for alert in alerts:
        if "superseded_by" in alert:
            continue
        counts[alert["status"]] += 1
        incidents += "incident_id" in alert
        for typology, (amount, expected) in _by_typology(alert["findings"]).items():
            known = losses.get(typology, TypologyLoss(typology, 0, 0.0, 0.0, 0.0))
            losses[typology] = _with(known, alert["status"], amount, expected)
    ranked = sorted(losses.values(), key=lambda loss: (-loss.expected, loss.typology))
    return AlertTally(sum(counts.values()), **counts, in_incidents=incidents, losses=tuple(ranked))


def _by_typology(findings: Iterable[Mapping[str, Any]]) -> dict[str, tuple[float, float]]:
    """Return the amount and the expected loss of an alert's findings, by typology."""
    sums: dict[str, tuple[float, float]] = {}
    for finding in findings:
        amount, expected = sums.get(finding["typology"], (0.0, 0.0))
        expected += finding["probability"] * finding["amount"]
        sums[finding["typology"]] = (amount + finding["amount"], expected)
    return sums


def _with(known: TypologyLoss, status: str, amount: float, expected: float) -> TypologyLoss:
    return TypologyLoss(
        known.typology,
        known.alerts + 1,
        known.expected + (0.0 if status == "dismissed" else expected),
        known.confirmed + (amount if status == "confirmed" else 0.0),
        known.dismissed + (amount if status == "dismissed" else 0.0),
    )


def fraud_losses(alerts: AlertTally) -> float:
    """Return the expected loss of both frauds (currency).

    Findings of other typologies are left out: their amounts may be part of the frauds' amounts.
    """
    return math.fsum(loss.expected for loss in alerts.losses if loss.typology in FRAUD_TYPOLOGIES)


@dataclass(frozen=True, slots=True)
class BusinessImpact:
    """The worth of detection in money (currency).

    Attributes:
        found: expected loss of both frauds in alerts that nobody dismissed.
        confirmed: the part of the frauds' amounts that analysts confirmed.
        spared: an estimate of what the ended incidents would still have taken, had each lasted as
            long as an episode lasts on average.
        a_day: what the open incidents take a day.
        review_cost: cost of reviewing every alert.
        times: ``found`` divided by ``review_cost``; None without alerts.
    """

    found: float
    confirmed: float
    spared: float
    a_day: float
    review_cost: float
    times: float | None


def business_impact(
    alerts: AlertTally,
    incidents: Sequence[Mapping[str, Any]],
    episode_days: float,
    policy: Policy,
) -> BusinessImpact:
    """Compare the losses in alerts with the cost of reviewing every alert.

    ``episode_days`` is the mean length of a hidden-discount episode.
    """
    expected = fraud_losses(alerts)
    cost = alerts.alerts * policy.review_cost_e4 / 1e4
    frauds = [loss for loss in alerts.losses if loss.typology in FRAUD_TYPOLOGIES]
    ended = [incident for incident in incidents if incident["status"] == CLOSED]
    running = [incident for incident in incidents if incident["status"] != CLOSED]
    return BusinessImpact(
        found=expected,
        confirmed=math.fsum(loss.confirmed for loss in frauds),
        spared=math.fsum(_spared(incident, episode_days) for incident in ended),
        a_day=math.fsum(loss_a_day(incident) for incident in running),
        review_cost=cost,
        times=expected / cost if cost else None,
    )


def days_of(incident: Mapping[str, Any]) -> float:
    """Return how long an incident has run, in days."""
    span = utc_time(incident["last_seen_at"]) - utc_time(incident["started_at"])
    return span.total_seconds() / 86_400


def loss_a_day(incident: Mapping[str, Any]) -> float:
    """Return what an incident took a day, on average (currency)."""
    return float(incident["amount_lost"]) / max(days_of(incident), SHORTEST_DAYS)


def _spared(incident: Mapping[str, Any], episode_days: float) -> float:
    return loss_a_day(incident) * max(episode_days - max(days_of(incident), SHORTEST_DAYS), 0.0)
