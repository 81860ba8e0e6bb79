"""Bundles that may serve: the packaged tables with golden orders of their own."""

from importlib.resources import files
from typing import Any

import msgspec

from shared.model import Golden, GoldenOrder, ModelBundle, packaged_bundle
from tests.orders import order_body


def golden(p_added_item: float = 0.0) -> Golden:
    """One order at list price, which no bundle finds fault with."""
    catalogue = files("shared").joinpath("data", "catalogue.csv").read_text()
    order = order_body(order_id="golden-03").decode()
    return Golden(catalogue, (GoldenOrder(order, p_added_item, 0.0, alerted=False),))


def a_bundle(version: str, **fields: Any) -> ModelBundle:
    """A bundle of this version that counts as learned from the company's own orders."""
    fields = {"version": version, "degraded": False, "golden": golden()} | fields
    return msgspec.structs.replace(packaged_bundle(), **fields)
