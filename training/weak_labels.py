"""Fits the classifier: the core's probabilities are its weak labels, analysts' decisions the truth.

The history is scored forward in time: tables learned from its first part score the rest, as they
would have at the time. Every order worth a look then counts twice, as an added item with the
weight p and as none with 1 - p; a decided one once, as what was decided, with a weight of its own.
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
from datetime import datetime
from itertools import batched, product

import msgspec
import numpy as np
from numpy.typing import NDArray

from shared.assessment import ADDED_ITEM, HIDDEN_DISCOUNT, Assessment
from shared.catalogue import Catalogue
from shared.classifier import Classifier, Term, adjust, logit
from shared.decision import Decision
from shared.episodes import EpisodeState
from shared.features import FEATURE_NAMES, rep_features
from shared.habits import RepHabit, RepHabits
from shared.model import ModelBundle
from shared.order import Order
from shared.policy import Policy
from shared.scoring import WORTH_A_LOOK, Scorer
from training.console import progress
from training.decisions import added_item_truth, latest
from training.history import Bools
from training.learn import ENOUGH_ORDERS, Learned, learn
from training.prices import Ints

Floats = NDArray[np.float64]

EARLIEST_SHARE = 1 / 3
"""Share of the history that tables are learned from at least before they score the rest."""

ENOUGH_DECISIONS = 30
"""Decisions below which nothing is learned from them."""

BINS = 8
"""Bins of a feature at most, of about equally many orders."""

WEIGHTS = (1.0, 3.0, 10.0)
FREEDOMS = (0.03, 0.1, 0.3, 1.0)
"""What is tried: weak labels that a decision weighs, and inverse strengths of the penalty."""

FOLDS = (0.4, 0.6, 0.8)
"""Shares of the decided orders, in time order, after which a fit is judged by what comes next."""

LOGIT_SCALE = 100.0
"""The core's logit goes in this much larger, so that the penalty next to spares its slope."""

CHUNK = 500
"""Orders scored at once; only those worth a look are kept."""


@dataclass(frozen=True, slots=True)
class Example:
    """An order worth a look, as it was scored; ``features`` are as of the order."""

    order: Order
    p_added_item: float
    p_hidden_discount: float
    features: tuple[float, ...]

    @property
    def likelier(self) -> str:
        """The typology that is likelier."""
        return ADDED_ITEM if self.p_added_item >= self.p_hidden_discount else HIDDEN_DISCOUNT


@dataclass(frozen=True, slots=True)
class Window:
    """The last part of a history, scored.

    ``examples`` are those of its orders that are worth a look, in time order, ``habits`` those of
    the reps at its end, ``last`` the time of its last order.
    """

    examples: tuple[Example, ...]
    habits: RepHabits
    last: datetime


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


def classified(learned: Learned, found: Fit) -> Learned:
    """The same with a classifier, or with the reason why there is none."""
    if found.classifier is None:
        defaults = learned.defaults | {"classifier": found.refused}
        return Learned(learned.bundle, learned.figures | found.figures, defaults)
    bundle = msgspec.structs.replace(learned.bundle, classifier=found.classifier)
    return Learned(bundle, learned.figures | found.figures, learned.defaults)


def first_decided(orders: Sequence[Order], decisions: Sequence[Decision]) -> int:
    """Where in the history the first decided order is."""
    decided = {decision.order_id for decision in decisions}
    return next((at for at, order in enumerate(orders) if order.order_id in decided), len(orders))


def score_forward(orders: Sequence[Order], catalogue: Catalogue, cut: int) -> Window:
    """Score a history from a position on by what was learned from the orders before it.

    Raises:
        ConfigurationError: the catalogue prices none of the orders before it.
    """
    return score_window(learn(orders[:cut], catalogue, "forward").bundle, orders, catalogue, cut)


def score_window(
    bundle: ModelBundle, orders: Sequence[Order], catalogue: Catalogue, cut: int
) -> Window:
    """Score a history from a position on by some tables."""
    scorer = Scorer(bundle, catalogue, Policy())
    later = [order for order in orders[cut:] if order.currency in {None, catalogue.currency}]
    return Window(*walk(scorer, later), orders[-1].ordered_at)


def walk(scorer: Scorer, orders: Sequence[Order]) -> tuple[tuple[Example, ...], RepHabits]:
    """Score orders in time order; each is described by what came before it, and by nothing else.

    Args:
        scorer: made from tables of earlier orders.
        orders: in the catalogue's currency.
    """
    examples, by_rep, total, state = [], dict[str, RepHabit](), RepHabit(), EpisodeState()
    tolerance_e4 = scorer.bundle.charge_tolerance_e4
    for some in progress(batched(orders, CHUNK, strict=False), "scoring the history"):
        assessments, state = scorer.score_many(some, state)
        for assessment in assessments:
            rep_id, habits = assessment.order.rep_id, RepHabits(total, by_rep)
            if max(assessment.p_added_item, assessment.p_hidden_discount) >= WORTH_A_LOOK:
                examples.append(_example(assessment, rep_features(habits, rep_id)))
            discounted = assessment.features["gap"] * 1e4 > tolerance_e4
            suspected = assessment.p_added_item
            total = total.plus(discounted=discounted, suspected=suspected)
            own = by_rep.get(rep_id, RepHabit())
            by_rep[rep_id] = own.plus(discounted=discounted, suspected=suspected)
    return tuple(examples), RepHabits(total, by_rep)


def _example(assessment: Assessment, of_rep: tuple[float, float]) -> Example:
    """An order with its features; those of the rep, which come last, as of the order."""
    own = [assessment.features[name] for name in FEATURE_NAMES[: -len(of_rep)]]
    return Example(
        assessment.order,
        assessment.p_added_item,
        assessment.p_hidden_discount,
        (*own, *of_rep),
    )


@dataclass(frozen=True, slots=True)
class Columns:
    """Examples as columns; ``confirmed`` counts only where an order is ``decided``.

    ``placed`` and ``decided_at`` are seconds, the latter infinite where nothing was decided.
    """

    features: Floats
    p_core: Floats
    placed: Floats
    decided_at: Floats
    confirmed: Bools

    @property
    def decided(self) -> Bools:
        """Orders that were decided on."""
        return np.isfinite(self.decided_at)

    def as_of(self, time: float) -> "Columns":
        """What was known at a time: the orders until then, and what was decided on them."""
        known = self.placed <= time
        decided_at = np.where(self.decided_at <= time, self.decided_at, np.inf)
        return Columns(
            self.features[known],
            self.p_core[known],
            self.placed[known],
            decided_at[known],
            self.confirmed[known],
        )


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
    return Fit(msgspec.structs.replace(found, habits=served.habits), figures)


def to_columns(window: Window, decisions: Sequence[Decision]) -> Columns:
    """Orders whose added item is worth a look, with what was decided on them."""
    known = latest(decisions, window.last)
    examples = [one for one in window.examples if one.p_added_item >= WORTH_A_LOOK]
    truths = [
        added_item_truth(
            known.get((example.order.order_id, example.order.revision), {}), example.likelier
        )
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


@dataclass(frozen=True, slots=True)
class Choice:
    """How to fit, and by how many nats a decision it foretells later ones better than the core.

    ``error`` is the standard error of ``gain``.
    """

    weight: float
    freedom: float
    gain: float
    error: float


def choose(columns: Columns, served: Columns) -> Choice:
    """The most cautious of `WEIGHTS` and `FREEDOMS` that foretells decisions nearly best.

    Fitted on ``columns``, judged on ``served``.

    Nearly: within a standard error of the best (Hastie, Tibshirani and Friedman, "The Elements of
    Statistical Learning", 2009, section 7.10).
    """
    placed = np.sort(columns.placed[columns.decided])
    cuts = [float(placed[int(share * len(placed))]) for share in FOLDS]
    ends = [*cuts[1:], np.inf]
    choices = []
    for weight, freedom in product(WEIGHTS, FREEDOMS):  # the most cautious first
        gains = np.concatenate([
            _gains(fit_columns(columns.as_of(cut), weight, freedom), served, cut, end)
            for cut, end in zip(cuts, ends, strict=True)
        ])  # fmt: skip
        mean, spread = (float(gains.mean()), float(gains.std())) if len(gains) else (0.0, 0.0)
        choices.append(Choice(weight, freedom, mean, spread / max(len(gains), 1) ** 0.5))
    best = max(choices, key=lambda choice: choice.gain)
    return next(choice for choice in choices if choice.gain >= best.gain - best.error)


def _gains(fitted: Classifier, columns: Columns, cut: float, end: float) -> Floats:
    """Nats by which each decision on the orders of a while is likelier than under the core."""
    judged = columns.decided & (columns.placed > cut) & (columns.placed <= end)
    confirmed, core = columns.confirmed[judged], columns.p_core[judged]
    adjusted = np.array([
        adjust(fitted, p, dict(zip(FEATURE_NAMES, row, strict=True)))[0]
        for p, row in zip(core.tolist(), columns.features[judged].tolist(), strict=True)
    ])  # fmt: skip
    return _log_chance(adjusted, confirmed) - _log_chance(core, confirmed)


def _log_chance(probability: Floats, confirmed: Bools) -> Floats:
    # A decision cannot cost more than one in a million: analysts err, too.
    chance = np.where(confirmed, probability, 1.0 - probability)
    return np.asarray(np.log(np.maximum(chance, 1e-6)))


def fit_columns(columns: Columns, weight: float, freedom: float) -> Classifier:
    """Fit by penalised maximum likelihood.

    Args:
        columns: at least one order.
        weight: weak labels that a decision weighs.
        freedom: inverse strength of the penalty on the terms (scikit-learn's C).
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - seconds, only for this

    edges = [_edges(column) for column in columns.features.T]
    places = [
        np.searchsorted(cut, column, side="right")
        for cut, column in zip(edges, columns.features.T, strict=True)
    ]
    design = np.column_stack([
        LOGIT_SCALE * np.array([logit(p) for p in columns.p_core]),
        *(np.eye(len(cut) + 1)[place] for cut, place in zip(edges, places, strict=True)),
    ])  # fmt: skip
    model = LogisticRegression(C=freedom, solver="newton-cholesky", max_iter=200)
    labels, weights = _labels(columns, weight)
    model.fit(np.tile(design, (2, 1)), labels, sample_weight=weights)
    slope, *flat = model.coef_[0].tolist()
    line = (slope * LOGIT_SCALE, float(model.intercept_[0]))
    found = _frozen(columns, edges, places, flat, line)
    return msgspec.structs.replace(found, decision_weight=weight)


def _edges(column: Floats) -> Floats:
    """Inner edges of bins of about equally many orders; a value never has two bins."""
    inner = np.quantile(column, np.linspace(0, 1, BINS + 1)[1:-1], method="inverted_cdf")
    found = np.unique(inner)
    return np.asarray(found[found > column.min()])


def _labels(columns: Columns, weight: float) -> tuple[Ints, Floats]:
    """Each order as an added item, then each as none, with weights.

    >>> import numpy as np
    >>> two = Columns(
    ...     np.zeros((2, 1)), np.array([0.75, 0.5]), np.zeros(2),
    ...     np.array([np.inf, 1.0]), np.array([False, True]),
    ... )
    >>> _labels(two, 3.0)[1].tolist()
    [0.75, 3.0, 0.25, 0.0]
    """
    yes = np.where(columns.decided, weight * columns.confirmed, columns.p_core)
    no = np.where(columns.decided, weight * ~columns.confirmed, 1.0 - columns.p_core)
    return np.repeat([1, 0], len(yes)), np.concatenate([yes, no])


def _frozen(
    columns: Columns,
    edges: list[Floats],
    places: list[Ints],
    flat: list[float],
    line: tuple[float, float],
) -> Classifier:
    """Plain tables; each is centred on its mean over all orders, which goes to the intercept."""
    slope, intercept = line
    terms, first = [], 0
    for name, cut, place in zip(FEATURE_NAMES, edges, places, strict=True):
        log_odds = np.array(flat[first : first + len(cut) + 1])
        first += len(log_odds)
        mean = float(log_odds[place].mean())
        intercept += mean
        decided = np.bincount(place[columns.decided], minlength=len(log_odds))
        terms.append(
            Term(
                name,
                tuple(cut.tolist()),
                tuple((log_odds - mean).tolist()),
                tuple(decided.tolist()),
            )
        )
    # A rising core must never lower the probability, whatever a few decisions say.
    return Classifier(
        slope=max(slope, 0.0),
        intercept=intercept,
        terms=tuple(terms),
        orders=len(columns.p_core),
        decisions=int(columns.decided.sum()),
    )
