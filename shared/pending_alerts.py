"""From what was concluded about an order to what is to be stored of it, now or later.

Most orders leave nothing. An alert is stored at once. An order that may turn out to belong to a run
of a hidden discount is held: its document waits in the partition's state, as it was at arrival, and
is stored if a later order shows that it was one.
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

Document = dict[str, Any]

LARGEST_HELD = 16 * 1024
"""Bytes of a document that is held: with `shared.episodes.MOST_WAITING` of them the state stays
within half of what the store takes. A larger order counts in its incident without an alert."""


@dataclass(frozen=True, slots=True)
class Revisited:
    """An order before, which now belongs to the run named ``episode`` (`shared.episodes.Episode`).

    ``finding`` is what to add to its alert, None where it had one at arrival; ``document`` is the
    alert as it would have been at arrival, of an order that was none.
    """

    alert_id: str
    rep_id: str
    episode: str
    finding: Finding | None
    document: Document | None


@dataclass(frozen=True, slots=True)
class PendingAlert:
    """What one order leads to: its alert, if it is one, and the orders to revisit."""

    alert: Document | None
    revisited: tuple[Revisited, ...]


def enter(
    assessment: Assessment, document: Document | None, held: dict[str, Document], currency: str
) -> PendingAlert:
    """Decide what becomes of an order's document and of those that it sheds light on.

    Args:
        assessment: the order.
        document: its alert document; needed where `concerns` says so.
        held: the documents held, by id; changed in place.
        currency: of the amounts.
    """
    if document is not None and not assessment.alerted and _fits(document):
        held[document["id"]] = document
    revisited = tuple(
        Revisited(
            alert_id=revisit.alert_id,
            rep_id=revisit.rep_id,
            episode=assessment.episodes[-1].opened_by,
            finding=_finding(revisit, currency),
            document=held.pop(revisit.alert_id, None),
        )
        for revisit in assessment.revisits
    )
    return PendingAlert(document if assessment.alerted else None, revisited)


def noted(assessment: Assessment, verdict: Verdict, currency: str) -> Assessment:
    """The assessment with what the order's id tells: that it is reused, or what was revised.

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
    """What a revision changed, in a sentence."""
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
    """Whether a stored alert of the same id is that of a different order; what a replay has left
    is not, nor is an order that was sent again."""
    use, before = Use.of_alert(document), Use.of_alert(stored)
    return use is not None and before is not None and not before.repeated_by(use)


def reusing(document: Document) -> Document:
    """The alert of an order whose id turned out, as it was stored, to be another order's."""
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
    """Whether an order needs a document: it is an alert, or may become one."""
    return assessment.alerted or assessment.waits


def still_held(held: Mapping[str, Document], state: EpisodeState) -> dict[str, Document]:
    """The held documents of the orders that still wait."""
    waiting = {order.alert_id for order in state.waiting}
    return {name: document for name, document in held.items() if name in waiting}


def _fits(document: Document) -> bool:
    # As the store's client writes it: in ASCII.
    return len(json.dumps(document)) <= LARGEST_HELD


def _finding(revisit: Revisit, currency: str) -> Finding | None:
    if revisit.known:
        return None
    return hidden_discount_finding(
        revisit.probability, revisit.discount_bp, revisit.amount_e4, currency
    )
