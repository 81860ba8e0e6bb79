"""Files of analysts' decisions: one JSON object a line (docs/schemas/decision.json)."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.decision import Decision, parse_decision
from shared.errors import ConfigurationError
from shared.order import Order
from shared.typologies import ADDED_ITEM, HIDDEN_DISCOUNT

Key = tuple[str, str, int]
"""Order id, rep and revision: the same id from another rep is another order."""


def key_of(about: Decision | Order) -> Key:
    """What a decision is about, and what an order is."""
    return about.order_id, about.rep_id, about.revision


def read_decisions(path: Path) -> tuple[Decision, ...]:
    """Every decision of a file, in file order; blank lines are fine, and so is an empty file.

    Raises:
        ConfigurationError: a line is no decision; names the line, and how many more there are.
    """
    decisions, bad = [], []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            body = line.strip()
            if not body:
                continue
            try:
                decisions.append(parse_decision(body))
            except ConfigurationError as error:
                bad.append(f"line {number}: {error}")
    if bad:
        others = f" (and {len(bad) - 1} more bad lines)" if len(bad) > 1 else ""
        raise ConfigurationError(f"{path}: {bad[0]}{others}")
    return tuple(decisions)


def latest(decisions: Iterable[Decision], until: datetime) -> dict[Key, dict[str, Decision]]:
    """What was decided until a time, by order and by typology (empty: the alert as a whole).

    A later decision takes the place of an earlier one on the same finding.
    """
    found: dict[Key, dict[str, Decision]] = {}
    for decision in sorted(decisions, key=lambda decision: decision.at):
        if decision.at <= until:
            by_typology = found.setdefault(key_of(decision), {})
            by_typology[decision.typology or ""] = decision
    return found


def settled(
    decisions: Sequence[Decision], orders: Iterable[Order], cut: datetime, delay: timedelta
) -> tuple[Decision, ...]:
    """The decisions that count at a time, in their own order.

    An analyst gets to the plain cases first, so decisions on the latest orders are no fair sample
    of them: only those count that were made until ``cut`` about orders placed at least ``delay``
    before it. A decision on an order that is not among ``orders`` says nothing to learn from.
    """
    decided = {(decision.order_id, decision.rep_id) for decision in decisions}
    named = (((order.order_id, order.rep_id), order.ordered_at) for order in orders)
    placed = {name: at for name, at in named if name in decided}
    never = datetime.max.replace(tzinfo=UTC)
    return tuple(
        decision
        for decision in decisions
        if decision.at <= cut
        and placed.get((decision.order_id, decision.rep_id), never) <= cut - delay
    )


def added_item_truth(decided: dict[str, Decision], likelier: str) -> Decision | None:
    """The decision of an order that says whether it holds an added item, if any does.

    One about the added item does, and so does the dismissal of the alert as a whole. The
    confirmation of the whole is one of the fraud that was ``likelier``, and nothing is said about
    the other one.
    """
    if ADDED_ITEM in decided:
        return decided[ADDED_ITEM]
    whole = decided.get("")
    if whole is None:
        return None
    if whole.decision == "confirmed" and likelier == HIDDEN_DISCOUNT:
        return None
    return whole
