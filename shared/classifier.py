r"""The classifier: how analysts' decisions change the probability of an added item.

It is an additive logistic model on top of the core's probability, with binned features:

.. math:: \mathrm{logit}\,p = a \, \mathrm{logit}\,p_{core} + b + \sum_j f_j(x_j)

(Hastie and Tibshirani, "Generalized Additive Models", 1990, chapter 6). Each term is a number in a
table, in nats (natural logarithms of odds). So the terms explain the sum exactly. A positive term
makes an order more suspicious. Training (`training.learning.weak_labels`) makes the tables, and
this module only reads them.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING, Annotated

import msgspec

from shared.features import FEATURE_NAMES, LARGEST_LOG_ODDS
from shared.findings import Reason
from shared.profiles import NO_PROFILES, Profiles

if TYPE_CHECKING:
    from collections.abc import Mapping

CORE = "core"
"""The name of the part that comes from the core's own probability."""

SURE = 1e-15
"""A probability is kept at least this far from 0 and 1, so that its logit is finite."""

WORTH_SAYING = 0.2
"""A term of at least this many nats becomes a reason: it changes the odds by a fifth."""


_Nats = Annotated[float, msgspec.Meta(ge=-1_000, le=1_000)]


class Term(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The term of one feature: a step function.

    Attributes:
        feature: its name.
        edges: where the steps begin, ascending.
        log_odds: ``log_odds[i]`` (nats) holds from ``edges[i - 1]`` to below ``edges[i]``.
        decided: ``decided[i]`` is the number of analysts' decisions that ``log_odds[i]`` rests on.
    """

    feature: Annotated[str, msgspec.Meta(max_length=64)]
    edges: Annotated[tuple[float, ...], msgspec.Meta(max_length=1_000)]
    log_odds: Annotated[tuple[_Nats, ...], msgspec.Meta(max_length=1_001)]
    decided: Annotated[
        tuple[Annotated[int, msgspec.Meta(ge=0)], ...], msgspec.Meta(max_length=1_001)
    ]

    def __post_init__(self) -> None:
        """Raise ValueError unless the tables fit together."""
        if not len(self.edges) + 1 == len(self.log_odds) == len(self.decided):
            raise ValueError(f"{self.feature}: {len(self.edges)} edges do not part its log-odds")
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError(f"{self.feature}: edges do not ascend")

    def at(self, value: float) -> float:
        """Return the nats of one value of the feature."""
        return self.log_odds[bisect_right(self.edges, value)]


class Classifier(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"profiles": "habits"}
):
    """The tables that training learned from weak labels and from analysts' decisions.

    Attributes:
        slope: the factor a of the formula; 1 keeps the core's probability.
        intercept: the summand b of the formula, in nats.
        terms: one for each feature, in the order of `shared.features.FEATURE_NAMES`.
        profiles: of every rep and of frequent customers at the end of the history. They are stored
            as ``habits``.
        orders: number of orders worth a look that it was fitted on, decided ones included.
        decisions: number of analysts' decisions among them.
        decision_weight: how many weak labels one decision weighs.
    """

    slope: Annotated[float, msgspec.Meta(ge=0, le=1_000)]
    intercept: _Nats
    terms: Annotated[tuple[Term, ...], msgspec.Meta(max_length=100)]
    profiles: Profiles = NO_PROFILES
    orders: Annotated[int, msgspec.Meta(ge=0)] = 0
    decisions: Annotated[int, msgspec.Meta(ge=0)] = 0
    decision_weight: Annotated[float, msgspec.Meta(ge=0, le=1e6)] = 0.0


def read_classifier(data: msgspec.Raw | bytes) -> tuple[Classifier | None, str | None]:
    """Read a classifier, or say why it cannot serve with these features.

    The JSON value null gives neither.
    """
    try:
        classifier = msgspec.json.decode(data, type=Classifier | None)
    except (ValueError, RecursionError) as error:  # msgspec.DecodeError is a ValueError
        return None, f"the classifier is not readable: {error}"
    names = () if classifier is None else tuple(term.feature for term in classifier.terms)
    if classifier is None or names == FEATURE_NAMES:
        return classifier, None
    unknown = sorted({*names} - {*FEATURE_NAMES})
    missing = sorted({*FEATURE_NAMES} - {*names})
    why = f"unknown {', '.join(unknown) or 'none'}, missing {', '.join(missing) or 'none'}"
    return None, f"the classifier was trained on other features: {why}"


def adjust(
    classifier: Classifier, p_core: float, features: Mapping[str, float]
) -> tuple[float, dict[str, float]]:
    """Return the probability of an added item, and the nats of each part of its logit.

    The parts are `CORE` and each feature; they sum to the logit of the returned probability.

    Args:
        p_core: the core's own probability, 0-1.
        features: by name; each term of the classifier needs its feature.
    """
    parts = {CORE: classifier.slope * logit(p_core) + classifier.intercept}
    for term in classifier.terms:
        parts[term.feature] = term.at(features[term.feature])
    return probability(math.fsum(parts.values())), parts


def logit(chance: float) -> float:
    """Return the log-odds of a probability, which is kept `SURE` away from 0 and 1.

    >>> logit(0.5), round(logit(0.9), 3), round(logit(1.0), 1)
    (0.0, 2.197, 34.5)
    """
    kept = min(max(chance, SURE), 1.0 - SURE)
    return math.log(kept / (1.0 - kept))


def probability(log_odds: float) -> float:
    """Return the probability of some log-odds, without ever overflowing.

    >>> probability(0.0), round(probability(2.197), 3), probability(-1e9)
    (0.5, 0.9, 0.0)
    """
    if log_odds >= 0:
        return 1.0 / (1.0 + math.exp(-log_odds))
    odds = math.exp(max(log_odds, -700.0))
    return odds / (1.0 + odds) if log_odds > -700.0 else 0.0


def model_reasons(
    contributions: Mapping[str, float], features: Mapping[str, float]
) -> tuple[Reason, ...]:
    """Return the terms that are worth saying, as reasons. The rules explain the core's own part."""
    return tuple(
        Reason("model", name, _sentence(name, features[name], nats), nats)
        for name, nats in contributions.items()
        if name != CORE and abs(nats) >= WORTH_SAYING
    )


def _sentence(feature: str, value: float, nats: float) -> str:
    change = "likelier" if nats > 0 else "less likely"
    return (
        f"{_described(feature, value)}. Analysts' decisions on such orders make an added item "
        f"{_times(abs(nats))} {change}."
    )


def _described(feature: str, value: float) -> str:
    """Return the value of a feature as the beginning of a sentence."""
    if feature in _YES_OR_NO:
        return _YES_OR_NO[feature][value == 0]
    if feature in _BY_FACTOR:
        return _BY_FACTOR[feature][value < 0].format(_times(abs(value)))
    return _PHRASES[feature].format(value)


def _times(nats: float) -> str:
    """Return odds in nats as a factor in words, for a sentence.

    >>> _times(0.4), _times(3.0), _times(50.0)
    ('1.5 times', '20 times', 'over a million times')
    """
    if nats >= math.log(1e6):
        return "over a million times"
    factor = math.exp(min(nats, LARGEST_LOG_ODDS))
    return f"{factor:,.1f} times" if factor < 10 else f"{factor:,.0f} times"


_YES_OR_NO = {
    "suspect_on_ladder": (
        "The suspected discount is one that reps usually give",
        "The suspected discount is one that reps do not usually give",
    ),
    "suspect_price_alone": (
        "No other unit of the order has the suspected item's price",
        "Other units of the order have the suspected item's price",
    ),
}
_BY_FACTOR = {
    "worst_fit_log_odds": (
        "The item that fits the order least is {} likelier to have been added than bought",
        "The item that fits the order least is {} less likely to have been added than bought",
    ),
    "off_ladder_log_odds": (
        "An unusual discount on one item explains the charge {} better than usual discounts do",
        "An unusual discount on one item explains the charge {} worse than usual discounts do",
    ),
    "hidden_discount_log_odds": (
        "A percentage off the whole order explains the charge {} better than usual discounts do",
        "A percentage off the whole order explains the charge {} worse than usual discounts do",
    ),
    "suspect_fit_log_odds": (
        "The suspected item is {} likelier to have been added than bought",
        "The suspected item is {} less likely to have been added than bought",
    ),
    "suspect_charge_log_odds": (
        "An unusual discount on the suspected item explains the charge {} better than usual "
        "discounts do",
        "An unusual discount on the suspected item explains the charge {} worse than usual "
        "discounts do",
    ),
}
"""By feature, what a factor above 1 means, and what a factor below 1 means."""

_PHRASES = {
    "units": "The order has {:,.0f} units",
    "products": "The order has {:,.0f} products",
    "list_total": "The order's list total is {:,.2f}",
    "gap": "The order was charged {:,.2f} less than its list total",
    "gap_percent": "The order was charged {:.1f} % less than its list total",
    "margin_percent": "The order's margin is {:.1f} % of its list total",
    "suspect_percent": "The suspected discount is {:g} %",
    "suspect_share_percent": "The suspected discount took {:.1f} % of the list total",
    "suspect_price_rank": (
        "Counted from the dearest unit of the order, the suspected item is number {:.0f}"
    ),
    "rep_discounted_percent": "{:.0f} % of the rep's earlier orders had a discount",
    "rep_suspected_percent": "An added item was suspected in {:.1f} % of the rep's earlier orders",
    "customer_discounted_percent": "{:.0f} % of the customer's earlier orders had a discount",
    "customer_suspected_percent": (
        "An added item was suspected in {:.1f} % of the customer's earlier orders"
    ),
}
