"""The alert document: how an assessment is stored."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.assessment import Assessment
from shared.charge_explanation import Explanation
from shared.findings import Finding, Reason
from shared.formats import alert_id, money, time_text
from shared.uses import Change


@dataclass(frozen=True, slots=True)
class EventPosition:
    """The place of an order in its stream.

    Attributes:
        partition_id: the partition.
        sequence_number: its number in the partition.
        enqueued_at: when it entered the hub (aware UTC).
        trace_id: the trace that it belongs to (32 hex digits), if it belongs to one.
    """

    partition_id: str
    sequence_number: int
    enqueued_at: datetime
    trace_id: str | None = None


def alert_document(
    assessment: Assessment,
    *,
    received: dict[str, Any],
    position: EventPosition,
    scored_at: datetime,
) -> dict[str, Any]:
    """Return the alert as Cosmos DB keeps it (docs/schemas/alert.json), ready for JSON.

    ``received`` is the order's JSON object as it came (`shared.order.received_order`). Money
    becomes decimal numbers of the currency, and times become UTC text of fixed width. A new alert
    is open.
    """
    order = assessment.order
    document: dict[str, Any] = {
        "id": assessment.alert_id or alert_id(order.order_id, order.revision),
        "schema_version": 2,
        "status": "open",
        "decided_by": None,
        "decided_at": None,
        "note": None,
        "rep_id": order.rep_id,
        "customer_id": order.customer_id,
        "order_id": order.order_id,
        "revision": order.revision,
        "ordered_at": time_text(order.ordered_at),
        "scored_at": time_text(scored_at),
        "probability": float(assessment.probability),
        "expected_loss": money(assessment.expected_loss_e4),
        "findings": [finding_document(finding) for finding in assessment.findings],
        "reasons": [reason_document(reason) for reason in assessment.reasons],
        "explanation": _explanation_document(assessment.explanation),
        "features": {name: float(value) for name, value in assessment.features.items()},
        "model_version": assessment.model_version,
        "policy_version": assessment.policy_version,
        "catalogue_version": assessment.catalogue_version,
        "currency": assessment.currency,
        "degraded": [{"table": table, "reason": why} for table, why in assessment.degraded],
        "order": received,
        "event": _event_document(position),
    }
    if assessment.change is not None:
        document["revises"] = _change_document(assessment.change, order.charged_e4)
    return document


def _change_document(change: Change, charged_e4: int) -> dict[str, Any]:
    """Return what a revision changed; ``charge_change`` is the new charge minus the old one."""
    return {
        "revision": change.revision,
        "charged_price": money(change.charged_e4),
        "charge_change": money(charged_e4 - change.charged_e4),
        "customer_changed": change.customer,
        "lines_changed": change.lines,
    }


_OF_VERSION_2 = ("catalogue_version", "currency", "revises")


def version_1(document: dict[str, Any]) -> dict[str, Any]:
    """Return an alert as the release before reads it, for a roll-out that may still go back."""
    kept = {name: value for name, value in document.items() if name not in _OF_VERSION_2}
    return kept | {"schema_version": 1, "degraded": bool(document["degraded"])}


def _event_document(position: EventPosition) -> dict[str, Any]:
    document: dict[str, Any] = {
        "partition_id": position.partition_id,
        "sequence_number": position.sequence_number,
        "enqueued_at": time_text(position.enqueued_at),
    }
    if position.trace_id is not None:
        document["trace_id"] = position.trace_id
    return document


def revisited(
    document: dict[str, Any], finding: Finding | None, incident_id: str, at: datetime
) -> dict[str, Any]:
    """Return the alert of an order that turned out to belong to an incident.

    ``finding`` is added to it; None where the order had the finding at arrival. Nothing else that
    was scored changes.
    """
    added = [] if finding is None else [finding_document(finding)]
    return document | {
        "findings": [*document["findings"], *added],
        "incident_id": incident_id,
        "revisited_at": time_text(at),
    }


def finding_document(finding: Finding) -> dict[str, Any]:
    """Return a finding as an alert carries it."""
    document: dict[str, Any] = {
        "typology": finding.typology,
        "probability": float(finding.probability),
        "amount": money(finding.amount_e4),
        "message": finding.message,
    }
    if finding.product_id is not None:
        document["product_id"] = finding.product_id
    if finding.percent is not None:
        document["percent"] = float(finding.percent)
    return document


def reason_document(reason: Reason) -> dict[str, Any]:
    """Return a reason as an alert carries it."""
    return {
        "source": reason.source,
        "code": reason.code,
        "message": reason.message,
        "contribution": float(reason.contribution),
    }


def _explanation_document(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as an alert carries it; an overcharge makes ``gap`` negative."""
    return {
        "list_total": money(explanation.list_total_e4),
        "charged_price": money(explanation.charged_e4),
        "gap": money(explanation.gap_e4),
        "unit_discounts": [
            {
                "product_id": discount.product_id,
                "units": discount.units,
                "percent": float(discount.percent),
            }
            for discount in explanation.unit_discounts
        ],
        "order_discount_percent": float(explanation.order_discount_percent),
        "unexplained": money(explanation.unexplained_e4),
    }
