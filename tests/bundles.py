"""Bundles that may be put on the shelf: with golden orders, as training makes them."""

from importlib.resources import files

import msgspec

from shared.golden import assess
from shared.model import Golden, GoldenOrder, ModelBundle
from tests.orders import order_body

CATALOGUE = files("shared").joinpath("data", "catalogue.csv").read_text(encoding="utf-8")


def with_a_golden_order(bundle: ModelBundle) -> ModelBundle:
    """The bundle with one golden order, charged at list price, and what it says of it."""
    order = order_body(order_id="golden-00", rep_id="golden-rep").decode()
    unanswered = GoldenOrder(order, 0.0, 0.0, alerted=False)
    [(_, found)] = assess(bundle, Golden(CATALOGUE, (unanswered,)))
    answered = GoldenOrder(order, found.p_added_item, found.p_hidden_discount, found.alerted)
    return msgspec.structs.replace(bundle, golden=Golden(CATALOGUE, (answered,)))
