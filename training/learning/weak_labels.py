"""Fits the classifier: the core's probabilities are its weak labels, analysts' decisions the truth.

The history is scored forward in time: tables learned from its first part score the rest, as they
would have at the time. Every order worth a look then counts twice, as an added item with the
weight p and as none with 1 - p; a decided one once more, as what was decided, with a weight of its
own.
By weak labels alone the best fit is the core itself (slope 1, all else 0), so nothing is learned
from the model about the model; decisions teach where it is wrong.

How much a decision weighs, and how readily a term departs from 0, is chosen by how likely the
decisions on later orders are under a fit to what was decided earlier. That is judged on top of the
tables that will serve, because they may have learned meanwhile what analysts had to correct before:
a new step of the ladder, say. The tables alone are one of the choices, and stay unless a fit is
better by more than its standard error.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from shared.catalogue import Catalogue
from shared.classifier import Classifier
from shared.decision import Decision
from shared.features import FEATURE_NAMES
from shared.order import Order
from shared.scoring import WORTH_A_LOOK
from training.history.decisions import added_item_truth, key_of, latest
from training.learning.additive import Columns, choose, fit_columns
from training.learning.learn import ENOUGH_ORDERS, Learned, learn
from training.replay.forward_scoring import Window, score_window

EARLIEST_SHARE = 1 / 3
"""Share of the history that tables are learned from at least before they score the rest."""

ENOUGH_DECISIONS = 30
"""Decisions below which nothing is learned from them."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A classifier, or why there is none; ``figures`` are those of the bundle's card."""

    classifier: Classifier | None
    figures: dict[str, float]
    refused: str = ""


def with_classifier(
    learned: Learned, orders: Sequence[Order], catalogue: Catalogue, decisions: Sequence[Decision]
) -> Learned:
    """Add what analysts decided to the tables of a history.

    Without decisions the fit would be the core itself, so nothing is scored or fitted.

    Args:
        learned: the tables.
        orders: the history they were learned from, in time order.
        catalogue: prices as of the orders' times.
        decisions: those made after the end of the history do not count.
    """
    if not decisions:
        return learned
    cut = max(first_decided(orders, decisions), round(EARLIEST_SHARE * len(orders)))
    if cut < ENOUGH_ORDERS:
        why = f"{cut} orders before the first decision, fewer than {ENOUGH_ORDERS}"
        return classified(learned, Fit(None, {}, why))
    forward = score_forward(orders, catalogue, cut)
    served = score_window(learned.bundle, orders, catalogue, cut)
    return classified(learned, fit(forward, served, decisions))


def score_forward(orders: Sequence[Order], catalogue: Catalogue, cut: int) -> Window:
    """Score a history from a position on by what was learned from the orders before it.

    Raises:
        ConfigurationError: the catalogue prices none of the orders before it.
    """
    return score_window(learn(orders[:cut], catalogue, "forward").bundle, orders, catalogue, cut)


def classified(learned: Learned, found: Fit) -> Learned:
    """The same with a classifier, or with the reason why there is none."""
    if found.classifier is None:
        defaults = learned.defaults | {"classifier": found.refused}
        return Learned(learned.bundle, learned.figures | found.figures, defaults)
    bundle = msgspec.structs.replace(learned.bundle, classifier=found.classifier)
    return Learned(bundle, learned.figures | found.figures, learned.defaults)


def first_decided(orders: Sequence[Order], decisions: Sequence[Decision]) -> int:
    """Where in the history the first decided order is."""
    decided = {(decision.order_id, decision.rep_id) for decision in decisions}
    named = ((order.order_id, order.rep_id) for order in orders)
    return next((at for at, name in enumerate(named) if name in decided), len(orders))


def fit(forward: Window, served: Window, decisions: Sequence[Decision]) -> Fit:
    """Fit the classifier, unless the tables alone are as good.

    Args:
        forward: the window scored by earlier tables: what is learned from.
        served: the same orders scored by the tables that the classifier will correct.
        decisions: only those until the last order of the history count.
    """
    columns = to_columns(forward, decisions)
    figures: dict[str, float] = {
        "classifier_orders": len(columns.p_core),
        "classifier_decisions": int(columns.decided.sum()),
    }
    if figures["classifier_decisions"] < ENOUGH_DECISIONS:
        why = f"{figures['classifier_decisions']:.0f} decisions, fewer than {ENOUGH_DECISIONS}"
        return Fit(None, figures, why)
    choice = choose(columns, to_columns(served, decisions))
    figures |= {
        "classifier_gain_nats": round(choice.gain, 5),
        "classifier_gain_error": round(choice.error, 5),
    }
    if choice.gain <= choice.error:
        return Fit(None, figures, "no fit foretold later decisions better than the tables do")
    found = fit_columns(columns, choice.weight, choice.freedom)
    return Fit(msgspec.structs.replace(found, profiles=served.profiles.kept()), figures)


def to_columns(window: Window, decisions: Sequence[Decision]) -> Columns:
    """Orders whose added item is worth a look, with what was decided on them."""
    known = latest(decisions, window.last)
    examples = [one for one in window.examples if one.p_added_item >= WORTH_A_LOOK]
    truths = [
        added_item_truth(known.get(key_of(example.order), {}), example.likelier)
        for example in examples
    ]
    return Columns(
        features=np.array([example.features for example in examples]).reshape(
            -1, len(FEATURE_NAMES)
        ),
        p_core=np.array([example.p_added_item for example in examples]),
        placed=np.array([example.order.ordered_at.timestamp() for example in examples]),
        decided_at=np.array([np.inf if t is None else t.at.timestamp() for t in truths]),
        confirmed=np.array([t is not None and t.decision == "confirmed" for t in truths]),
    )
