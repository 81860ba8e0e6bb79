"""Small data to draw charts of, and how to read the texts of a drawing."""

import re
import xml.etree.ElementTree as ET

import numpy as np

from shared.arrays import Floats
from training.comparison.comparison import LaterOrders, Scores

RNG = np.random.default_rng(1)
FRAUD = RNG.random(2_000) < 0.1
NEW = np.clip(0.7 * FRAUD + RNG.random(2_000) * 0.3, 0, 1)
OLD = np.clip(0.5 * FRAUD + RNG.random(2_000) * 0.5, 0, 1)
LATER = LaterOrders(
    np.arange(2_000) // 100,
    FRAUD,
    np.zeros(2_000, bool),
    np.where(FRAUD, 990_000, 0),
    np.arange(2_000) // 100,
)


def scores(p_added: Floats) -> Scores:
    flagged = p_added >= 0.5
    nothing = np.zeros(2_000)
    return Scores("v", p_added, nothing, flagged, p_added, nothing, flagged, nothing, 1.0, 1)


def texts(svg: str) -> list[str]:
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter("text")]


def assert_stands_in_a_page(svg: str) -> None:
    """The chart named ``a`` is small, asks for nothing, and has ids and colours of its own."""
    assert len(svg) < 60_000
    assert svg.startswith("<svg viewBox=")
    assert "http" not in svg
    assert "#0102" not in svg  # every stand-in became a colour of the page
    ids = re.findall(r' id="([^"]+)"', svg)
    assert len(ids) == len(set(ids))
    assert all(name.startswith("a-") for name in ids)
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg)) == set(ids)
