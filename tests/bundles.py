"""Bundles that may serve: with golden orders, as training makes them."""

from importlib.resources import files
from typing import Any

import msgspec

from shared.golden import assess
from shared.model import Golden, GoldenOrder, ModelBundle, packaged_bundle
from tests.orders import order_body

CATALOGUE = files("shared").joinpath("data", "catalogue.csv").read_text(encoding="utf-8")


def golden(p_added_item: float = 0.0) -> Golden:
    """Return one order at list price, which every bundle finds good."""
    order = order_body(order_id="golden-03").decode()
    return Golden(CATALOGUE, (GoldenOrder(order, p_added_item, 0.0, alerted=False),))


def a_bundle(version: str, **fields: Any) -> ModelBundle:
    """Return a bundle of this version that counts as learned from the company's own orders."""
    fields = {"version": version, "degraded": False, "golden": golden()} | fields
    return msgspec.structs.replace(packaged_bundle(), **fields)


def with_a_golden_order(bundle: ModelBundle) -> ModelBundle:
    """Return the bundle with one golden order at list price, and its own verdict on it."""
    order = order_body(order_id="golden-00", rep_id="golden-rep").decode()
    unanswered = GoldenOrder(order, 0.0, 0.0, alerted=False)
    [(_, verdict)] = assess(bundle, Golden(CATALOGUE, (unanswered,)))
    answered = GoldenOrder(order, verdict.p_added_item, verdict.p_hidden_discount, verdict.alerted)
    return msgspec.structs.replace(bundle, golden=Golden(CATALOGUE, (answered,)))
