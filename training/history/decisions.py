"""Analysts' decisions: files of them (docs/schemas/decision.json), and which of them count."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.decision import Decision, parse_decision
from shared.errors import ConfigurationError
from shared.order import Order
from shared.typologies import ADDED_ITEM, HIDDEN_DISCOUNT

Key = tuple[str, str, int]
"""Order id, rep and revision; the same id from another rep is another order."""


def key_of(about: Decision | Order) -> Key:
    """Return the key of an order, or of the order that a decision is about."""
    return about.order_id, about.rep_id, about.revision


def read_decisions(path: Path) -> tuple[Decision, ...]:
    """Read every decision of a file, in file order. Blank lines and an empty file are fine.

    Raises:
        ConfigurationError: a line is not a decision; names the first and counts the others.
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
    """Return the latest decisions until a time, by order and by typology.

    An empty typology stands for the alert as a whole.
    """
    by_order: dict[Key, dict[str, Decision]] = {}
    for decision in sorted(decisions, key=lambda decision: decision.at):
        if decision.at <= until:
            by_typology = by_order.setdefault(key_of(decision), {})
            by_typology[decision.typology or ""] = decision
    return by_order


def settled(
    decisions: Sequence[Decision], orders: Iterable[Order], cut: datetime, delay: timedelta
) -> tuple[Decision, ...]:
    """Return the decisions to learn from at a time, in their own order.

    Analysts decide plain cases first, so decisions on the latest orders are not a fair sample.
    Therefore a decision counts if it was made until ``cut``, on an order placed at least ``delay``
    before ``cut``. The order must be among ``orders``.
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
    """Return the decision that says whether an order holds an added item; None if no decision does.

    A decision on the added item says so, and so does a dismissal of the whole alert. A confirmation
    of the whole alert confirms only the fraud that was ``likelier``.
    """
    if ADDED_ITEM in decided:
        return decided[ADDED_ITEM]
    whole = decided.get("")
    if whole is None:
        return None
    if whole.decision == "confirmed" and likelier == HIDDEN_DISCOUNT:
        return None
    return whole
