"""Evidence about small orders, for the tests of what is concluded from it."""

from typing import Any

from shared.catalogue import packaged_catalogue
from shared.evidence import Evidence
from shared.hypotheses import Posterior
from tests.orders import an_order


def evidence(order: dict[str, Any] | None = None, **changes: Any) -> Evidence:
    """A normal order of list total 399.00 and cost 149.226, with some facts changed."""
    facts: dict[str, Any] = {
        "priced": packaged_catalogue().price(an_order(**(order or {}))),
        "currency": "USD",
        "rep_known": True,
        "basket_odds": {"AllPurposeBikeStand": 0.1, "HitchRack4Bike": 0.1},
        "posterior": Posterior({}, (1.0,), 0.0, {"HitchRack4Bike": 1.0}, 1.0),
        "suspect": None,
        "hidden_bp": 0,
        "hidden_e4": 0,
        "unit_discounts": (),
        "unexplained_e4": 0,
        "own_case": 1.0,
    }
    return Evidence(**facts | changes)
