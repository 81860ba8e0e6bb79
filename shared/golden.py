"""Golden orders: does a bundle say here what it said where it was trained?

A bundle brings a few clear orders along, with their prices. Whoever is about to serve it scores
them first: another library, another processor or a slip in the code would show in them, before it
shows in anybody's alerts.
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
"""How far a probability may be from the trainer's: far above what processors, and releases of the
same method, differ by; what is wrongly served differs by far more."""


def assess(bundle: ModelBundle, golden: Golden) -> Iterator[tuple[GoldenOrder, Assessment]]:
    """What a bundle says of golden orders, its own or another's, each scored alone.

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
    """Which of another bundle's golden orders this one alerts, by order id."""
    return {found.order.order_id: found.alerted for _, found in assess(bundle, golden)}


def disagreements(bundle: ModelBundle) -> tuple[str, ...]:
    """Ids of the bundle's golden orders that come out differently here than where it was trained.

    Where the classifier does not serve, the probabilities of added items are the tables' alone and
    are not compared; what is an alert, is.
    """
    return tuple(
        found.order.order_id
        for known, found in assess(bundle, bundle.golden)
        if _difference(bundle, known, found)
    )


def check_golden(bundle: ModelBundle) -> None:
    """Pass a bundle from the shelf that scores, and its golden orders as it should.

    Raises:
        BundleError: names the first order that comes out differently, or says why none can be
            scored; or the bundle has none.
    """
    if not bundle.golden.orders:
        raise BundleError("the bundle has no golden orders, so nobody can tell how it serves")
    try:
        Scorer(bundle, packaged_catalogue(), Policy())
        differences = [
            f"{found.order.order_id}: {difference}"
            for known, found in assess(bundle, bundle.golden)
            if (difference := _difference(bundle, known, found))
        ]
    except Exception as error:  # whatever a bundle does here, it must not do to a batch
        message = f"golden orders cannot be scored: {type(error).__name__}: {error}: refused"
        raise BundleError(message) from error
    if differences:
        raise BundleError(f"golden order {differences[0]}: refused")


def _difference(bundle: ModelBundle, known: GoldenOrder, found: Assessment) -> str:
    """What of an order comes out differently; nothing where all is as it should be."""
    fields = ["p_hidden_discount"]
    if bundle.refused_classifier is None:
        fields.insert(0, "p_added_item")
    for field in fields:
        is_now, was = getattr(found, field), getattr(known, field)
        if not math.isclose(is_now, was, rel_tol=0.0, abs_tol=TOLERANCE):
            return f"{field} {is_now:.6g}, expected {was:.6g}"
    if found.alerted != known.alerted:
        return f"alerted {found.alerted}, expected {known.alerted}"
    return ""
