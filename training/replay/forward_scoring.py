"""Scores a history forward in time: each order by what was known when it was placed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched

from shared.assessment import Assessment
from shared.catalogue import Catalogue
from shared.episodes import EpisodeState
from shared.features import FEATURE_NAMES, profile_features
from shared.model import ModelBundle
from shared.order import Order
from shared.policy import Policy
from shared.profiles import Profile, Profiles, ProfileTable
from shared.scoring import WORTH_A_LOOK, Scorer
from shared.typologies import ADDED_ITEM, HIDDEN_DISCOUNT
from training.console import progress

CHUNK = 500
"""Orders scored at once; only orders worth a look are kept."""


@dataclass(frozen=True, slots=True)
class Example:
    """An order worth a look, as it was scored; ``features`` describe it by what came before."""

    order: Order
    p_added_item: float
    p_hidden_discount: float
    features: tuple[float, ...]

    @property
    def likelier(self) -> str:
        """Return the typology that is likelier."""
        return ADDED_ITEM if self.p_added_item >= self.p_hidden_discount else HIDDEN_DISCOUNT


@dataclass(frozen=True, slots=True)
class Window:
    """The last part of a history, scored.

    ``examples`` are its orders worth a look, in time order; ``profiles`` are of reps and customers
    at its end; ``last`` is the time of its last order.
    """

    examples: tuple[Example, ...]
    profiles: Profiles
    last: datetime


def score_window(
    bundle: ModelBundle, orders: Sequence[Order], catalogue: Catalogue, cut: int
) -> Window:
    """Score a history from a position on by a bundle."""
    scorer = Scorer(bundle, catalogue, Policy())
    later = [order for order in orders[cut:] if order.currency in {None, catalogue.currency}]
    return Window(*walk(scorer, later), orders[-1].ordered_at)


def walk(scorer: Scorer, orders: Sequence[Order]) -> tuple[tuple[Example, ...], Profiles]:
    """Score orders in time order; each is described by what came before it, and nothing else.

    Args:
        scorer: made from tables of earlier orders.
        orders: in the catalogue's currency.
    """
    examples: list[Example] = []
    by_rep: dict[str, Profile] = {}
    by_customer: dict[str, Profile] = {}
    total, state = Profile(), EpisodeState()
    tolerance_e4 = scorer.bundle.charge_tolerance_e4
    for chunk in progress(batched(orders, CHUNK, strict=False), "scoring the history"):
        assessments, state = scorer.score_many(chunk, state)
        for assessment in assessments:
            order = assessment.order
            profiles = Profiles(ProfileTable(total, by_rep), ProfileTable(total, by_customer))
            if max(assessment.p_added_item, assessment.p_hidden_discount) >= WORTH_A_LOOK:
                examples.append(_example(assessment, profile_features(profiles, order)))
            discounted = assessment.features["gap"] * 1e4 > tolerance_e4
            suspected = assessment.p_added_item
            total = total.plus(discounted=discounted, suspected=suspected)
            for counts, name in ((by_rep, order.rep_id), (by_customer, order.customer_id)):
                own = counts.get(name, Profile())
                counts[name] = own.plus(discounted=discounted, suspected=suspected)
    return tuple(examples), Profiles(ProfileTable(total, by_rep), ProfileTable(total, by_customer))


def _example(assessment: Assessment, profiles: tuple[float, ...]) -> Example:
    """Return an order with its features; the last ones come from the profiles before the order."""
    own = [assessment.features[name] for name in FEATURE_NAMES[: -len(profiles)]]
    return Example(
        assessment.order,
        assessment.p_added_item,
        assessment.p_hidden_discount,
        (*own, *profiles),
    )
