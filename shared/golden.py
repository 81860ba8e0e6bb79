"""Golden orders: they show whether a bundle scores here as it did where it was trained.

A bundle contains a few clear orders, with their prices. A process scores them before it serves the
bundle, so that another library, another processor or a bug shows there and not in the alerts.
"""

import math
from collections.abc import Iterator

from shared.assessment import Assessment
from shared.catalogue import Catalogue, packaged_catalogue
from shared.episodes import EpisodeState
from shared.errors import BundleError
from shared.model import Golden, GoldenOrder, ModelBundle
from shared.order import parse_order
from shared.policy import Policy
from shared.scoring import Scorer

TOLERANCE = 1e-3
"""The largest allowed distance of a probability from the trainer's. Processors, and releases with
the same method, differ by far less; a bundle that is served wrongly differs by far more."""


def assess(bundle: ModelBundle, golden: Golden) -> Iterator[tuple[GoldenOrder, Assessment]]:
    """Yield golden orders with the assessment of a bundle, each order scored alone.

    The golden orders may be another bundle's.

    Raises:
        OrderError, ConfigurationError: an order or the catalogue cannot be read.
    """
    if not golden.orders:
        return
    scorer = Scorer(bundle, Catalogue.from_csv(golden.catalogue.encode()), Policy())
    for known in golden.orders:
        (assessment,), _ = scorer.score_many([parse_order(known.order.encode())], EpisodeState())
        yield known, assessment


def verdicts(bundle: ModelBundle, golden: Golden) -> dict[str, bool]:
    """Return whether a bundle alerts golden orders, by order id; they may be another bundle's."""
    return {
        assessment.order.order_id: assessment.alerted for _, assessment in assess(bundle, golden)
    }


def disagreements(bundle: ModelBundle) -> tuple[str, ...]:
    """Return the ids of the bundle's golden orders whose verdict differs from the trainer's.

    Without its classifier the bundle cannot reach the trainer's probability of an added item. Then
    only hidden discounts and alerts are compared.
    """
    return tuple(
        assessment.order.order_id
        for known, assessment in assess(bundle, bundle.golden)
        if _difference(bundle, known, assessment)
    )


def check_golden(bundle: ModelBundle) -> None:
    """Raise unless a bundle scores its golden orders as the trainer did.

    Raises:
        BundleError: an order comes out differently, the orders cannot be scored, or the bundle has
            no golden orders.
    """
    if not bundle.golden.orders:
        raise BundleError("the bundle has no golden orders, so its verdicts cannot be checked")
    try:
        Scorer(bundle, packaged_catalogue(), Policy())
        differences = [
            f"{assessment.order.order_id}: {difference}"
            for known, assessment in assess(bundle, bundle.golden)
            if (difference := _difference(bundle, known, assessment))
        ]
    except Exception as error:  # any error here would be one for each batch later
        message = f"golden orders cannot be scored: {type(error).__name__}: {error}: refused"
        raise BundleError(message) from error
    if differences:
        raise BundleError(f"golden order {differences[0]}: refused")


def _difference(bundle: ModelBundle, known: GoldenOrder, assessment: Assessment) -> str:
    """Return how a verdict differs from the trainer's; an empty text where it does not."""
    fields = ["p_hidden_discount"]
    if bundle.refused_classifier is None:
        fields.insert(0, "p_added_item")
    for field in fields:
        here, expected = getattr(assessment, field), getattr(known, field)
        if not math.isclose(here, expected, rel_tol=0.0, abs_tol=TOLERANCE):
            return f"{field} {here:.6g}, expected {expected:.6g}"
    if assessment.alerted != known.alerted:
        return f"alerted {assessment.alerted}, expected {known.alerted}"
    return ""
