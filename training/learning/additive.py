"""The additive logistic model: fitted with scikit-learn, frozen into plain tables."""

from dataclasses import dataclass
from itertools import product

import msgspec
import numpy as np

from shared.arrays import Bools, Floats, Ints
from shared.classifier import Classifier, Term, adjust, logit
from shared.features import FEATURE_NAMES

BINS = 8
"""Bins of a feature at most, of about equally many orders."""

WEIGHTS = (1.0, 3.0, 10.0)
FREEDOMS = (0.03, 0.1, 0.3, 1.0)
"""What is tried: weak labels that a decision weighs, and inverse strengths of the penalty."""

FOLDS = (0.4, 0.6, 0.8)
"""Shares of the decided orders, in time order, after which a fit is judged by what comes next."""

LOGIT_SCALE = 100.0
"""The core's logit goes in this much larger, so that the penalty next to spares its slope."""


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

    A decided order keeps its weak label: without it, nothing but confirmed alerts would say that
    whatever is alerted on is fraud, for certain.

    >>> import numpy as np
    >>> two = Columns(
    ...     np.zeros((2, 1)), np.array([0.75, 0.5]), np.zeros(2),
    ...     np.array([np.inf, 1.0]), np.array([False, True]),
    ... )
    >>> _labels(two, 3.0)[1].tolist()
    [0.75, 3.5, 0.25, 0.5]
    """
    truth = weight * columns.decided
    yes = columns.p_core + truth * columns.confirmed
    no = 1.0 - columns.p_core + truth * ~columns.confirmed
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
