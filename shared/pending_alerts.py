"""Decide which alert documents to store now, and which stay pending.

Most orders leave no document. An alert is stored at once. An order that may turn out to belong to
an episode has a pending alert: its document waits in the partition's state, as it was at arrival,
and is stored if a later order shows that the order belongs to an episode.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from shared.alert import finding_document, reason_document
from shared.features import LARGEST_LOG_ODDS
from shared.findings import Finding, Reason, hidden_discount_finding
from shared.formats import alert_id, amount_text
from shared.typologies import REUSED_ID
from shared.uses import Use, contents_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.assessment import Assessment
    from shared.episodes import EpisodeState, Revisit
    from shared.uses import Change, Verdict

type Document = dict[str, Any]

type PendingAlerts = Mapping[str, Document]
"""Alert documents by id, of orders that may still turn out to belong to an episode."""

LARGEST_HELD = 16 * 1024
"""Most bytes of a pending alert: `shared.episodes.MOST_WAITING` of them fit into half of what the
store takes. A larger order counts in its incident without an alert."""


@dataclass(frozen=True, slots=True)
class Revisited:
    """An earlier order that turns out to belong to an episode.

    Attributes:
        alert_id: the order's alert.
        rep_id: the order's rep.
        episode: name of the episode (`shared.episodes.Episode`).
        finding: what to add to the alert; None where it had the finding at arrival.
        document: the pending alert; None where the order was an alert at arrival.
    """

    alert_id: str
    rep_id: str
    episode: str
    finding: Finding | None
    document: Document | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results of one order.

    Attributes:
        alert: the order's alert, if it is one.
        revisited: the earlier orders that it sheds light on.
        pending: the pending alerts after the order.
    """

    alert: Document | None
    revisited: tuple[Revisited, ...]
    pending: PendingAlerts


def decide(
    assessment: Assessment, document: Document | None, pending: PendingAlerts, currency: str
) -> Outcome:
    """Decide what becomes of an order's document and of the pending alerts it sheds light on.

    Args:
        assessment: the order.
        document: its alert document; needed where `concerns` says so.
        pending: the pending alerts before the order.
        currency: of the amounts.
    """
    if document is not None and not assessment.alerted and _fits(document):
        pending = {**pending, document["id"]: document}
    alert = document if assessment.alerted else None
    if not assessment.revisits:
        return Outcome(alert, (), pending)
    left = dict(pending)
    revisited = tuple(
        Revisited(
            alert_id=revisit.alert_id,
            rep_id=revisit.rep_id,
            episode=assessment.episodes[-1].opened_by,
            finding=_finding(revisit, currency),
            document=left.pop(revisit.alert_id, None),
        )
        for revisit in assessment.revisits
    )
    return Outcome(alert, revisited, left)


def noted(assessment: Assessment, verdict: Verdict, currency: str) -> Assessment:
    """Return the assessment with what its id shows: the order is a revision, or reuses an id.

    A reused id is a finding of its own, so the order is an alert.
    """
    if verdict.change is not None:
        reason = Reason("rule", "revised", _revised(assessment, verdict.change, currency), 0.0)
        assessment = replace(
            assessment, change=verdict.change, reasons=(*assessment.reasons, reason)
        )
    if not verdict.reused:
        return assessment
    message = _reuse(assessment.order.order_id)
    return replace(
        assessment,
        alerted=True,
        findings=(*assessment.findings, Finding(REUSED_ID, 1.0, 0, message)),
        reasons=(Reason("rule", REUSED_ID, message, LARGEST_LOG_ODDS), *assessment.reasons),
    )


def _revised(assessment: Assessment, change: Change, currency: str) -> str:
    """Return a sentence that says what a revision changed."""
    order = assessment.order
    difference = order.charged_e4 - change.charged_e4
    charge = (
        "leaves the charge as it was"
        if not difference
        else f"charges {amount_text(abs(difference), currency)} "
        f"{'more' if difference > 0 else 'less'} "
        f"({amount_text(order.charged_e4, currency)} instead of "
        f"{amount_text(change.charged_e4, currency)})"
    )
    others = [name for name in ("lines", "customer") if getattr(change, name)]
    changed = f" and changes the {' and the '.join(others)}" if others else ""
    return f"Revision {order.revision} {charge}{changed}, compared with revision {change.revision}."


def is_of_another(document: Document, stored: Mapping[str, Any]) -> bool:
    """Return whether a stored alert of the same id is about a different order.

    An alert that a replay has left is about the same order, and so is one of an order sent again.
    """
    use, before = Use.of_alert(document), Use.of_alert(stored)
    return use is not None and before is not None and not before.repeated_by(use)


def reusing(document: Document) -> Document:
    """Return the alert of an order that reuses an id, as the store has just shown."""
    use = Use.of_alert(document)
    assert use is not None  # it was just made
    contents = contents_name(use)
    message = _reuse(document["order_id"])
    finding = finding_document(Finding(REUSED_ID, 1.0, 0, message))
    reason = reason_document(Reason("rule", REUSED_ID, message, LARGEST_LOG_ODDS))
    return document | {
        "id": alert_id(document["order_id"], document["revision"], contents),
        "findings": [*document["findings"], finding],
        "reasons": [reason, *document["reasons"]],
    }


def _reuse(order_id: str) -> str:
    return (
        f"The id {order_id} was used before, for a different order: another rep, customer, charge "
        "or other lines. Both were scored."
    )


def concerns(assessment: Assessment) -> bool:
    """Return whether an order needs a document: it is an alert, or may become one."""
    return assessment.alerted or assessment.waits


def still_pending(pending: PendingAlerts, state: EpisodeState) -> dict[str, Document]:
    """Return the pending alerts of the orders that still wait."""
    waiting = {order.alert_id for order in state.waiting}
    return {name: document for name, document in pending.items() if name in waiting}


def _fits(document: Document) -> bool:
    # The store's client writes ASCII, as this does.
    return len(json.dumps(document)) <= LARGEST_HELD


def _finding(revisit: Revisit, currency: str) -> Finding | None:
    if revisit.known:
        return None
    return hidden_discount_finding(
        revisit.probability, revisit.discount_bp, revisit.amount_e4, currency
    )
