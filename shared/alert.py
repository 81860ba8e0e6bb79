"""From an assessment to the documents that are stored."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.assessment import Assessment
from shared.explanation import Explanation
from shared.findings import Finding, Reason
from shared.formats import alert_id, money, time_text
from shared.uses import Change


@dataclass(frozen=True, slots=True)
class EventPosition:
    """Where an order stood in its stream; ``enqueued_at`` is aware UTC.

    ``trace_id`` (32 hex digits) is the trace that it belongs to, where there is any.
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
    """The alert as Cosmos DB keeps it (docs/schemas/alert.json); JSON-ready.

    ``received`` is the order's own JSON object (`received_order`), taken as it is. Money becomes
    decimal numbers of currency, times fixed-width UTC text. A fresh alert is open and undecided.
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
    """What a revision changed in the one before it; ``charge_change`` is new less old."""
    return {
        "revision": change.revision,
        "charged_price": money(change.charged_e4),
        "charge_change": money(charged_e4 - change.charged_e4),
        "customer_changed": change.customer,
        "lines_changed": change.lines,
    }


_OF_VERSION_2 = ("catalogue_version", "currency", "revises")


def version_1(document: dict[str, Any]) -> dict[str, Any]:
    """An alert as the release before reads it, for a roll-out that may still go back."""
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
    """The alert of an order that turned out to belong to an incident; what was scored stays.

    ``finding`` is what is added, None where the order had it at arrival.
    """
    added = [] if finding is None else [finding_document(finding)]
    return document | {
        "findings": [*document["findings"], *added],
        "incident_id": incident_id,
        "revisited_at": time_text(at),
    }


def finding_document(finding: Finding) -> dict[str, Any]:
    """One finding as an alert carries it; data quality and fraud alike."""
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
    """One reason as an alert carries it."""
    return {
        "source": reason.source,
        "code": reason.code,
        "message": reason.message,
        "contribution": float(reason.contribution),
    }


def _explanation_document(explanation: Explanation) -> dict[str, Any]:
    """``gap`` is list total minus charge, so an overcharge makes it negative."""
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
