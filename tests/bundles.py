"""Bundles that may serve: with golden orders, as training makes them."""

from importlib.resources import files
from typing import Any

import msgspec

from shared.golden import assess
from shared.model import Golden, GoldenOrder, ModelBundle, packaged_bundle
from tests.orders import order_body

CATALOGUE = files("shared").joinpath("data", "catalogue.csv").read_text(encoding="utf-8")


def golden(p_added_item: float = 0.0) -> Golden:
    """One order at list price, which no bundle finds fault with."""
    order = order_body(order_id="golden-03").decode()
    return Golden(CATALOGUE, (GoldenOrder(order, p_added_item, 0.0, alerted=False),))


def a_bundle(version: str, **fields: Any) -> ModelBundle:
    """A bundle of this version that counts as learned from the company's own orders."""
    fields = {"version": version, "degraded": False, "golden": golden()} | fields
    return msgspec.structs.replace(packaged_bundle(), **fields)


def with_a_golden_order(bundle: ModelBundle) -> ModelBundle:
    """The bundle with one golden order, charged at list price, and what it says of it."""
    order = order_body(order_id="golden-00", rep_id="golden-rep").decode()
    unanswered = GoldenOrder(order, 0.0, 0.0, alerted=False)
    [(_, found)] = assess(bundle, Golden(CATALOGUE, (unanswered,)))
    answered = GoldenOrder(order, found.p_added_item, found.p_hidden_discount, found.alerted)
    return msgspec.structs.replace(bundle, golden=Golden(CATALOGUE, (answered,)))
