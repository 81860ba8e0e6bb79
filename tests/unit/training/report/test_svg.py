"""Each chart is an SVG that stands in a page by itself and is the same every time."""

import re

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from training.report import svg


def draw(figure: Figure) -> None:
    axes = svg.add_axes(figure, "x", "y")
    axes.plot([0, 1], [0, 1], label="challenger", **svg.CHALLENGER_LINE)
    axes.plot([0, 1], [1, 0], label="champion", **svg.CHAMPION_LINE)
    svg.add_legend(figure, axes)


def test_the_same_drawing_gives_the_same_bytes_without_an_address_or_a_header() -> None:
    drawn = svg.draw_svg("a", draw)
    assert drawn == svg.draw_svg("a", draw)
    assert drawn.startswith("<svg viewBox=")
    assert "http" not in drawn
    assert "<metadata" not in drawn


def test_two_charts_of_a_page_share_no_id_and_every_reference_finds_its_own() -> None:
    first, second = (svg.draw_svg(name, draw) for name in ("a", "b"))
    ids = [set(re.findall(r' id="([^"]+)"', drawn)) for drawn in (first, second)]
    assert ids[0]
    assert ids[0].isdisjoint(ids[1])
    for drawn, own in zip((first, second), ids, strict=True):
        assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', drawn)) == own


def test_every_colour_becomes_a_variable_of_the_page() -> None:
    drawn = svg.draw_svg("a", draw)
    assert "var(--champion, #e69f00)" in drawn
    assert "var(--challenger, #0072b2)" in drawn
    assert not any(ink in drawn for ink in svg.INKS.values())


def test_drawing_leaves_the_settings_of_matplotlib_as_they_were() -> None:
    before = dict(mpl.rcParams)
    svg.draw_svg("a", draw)
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("value", "text"), [(999, "999"), (1_000, "1 k"), (-2_500_000, "-2.5 M"), (0, "0")]
)
def test_an_axis_shows_large_amounts_in_thousands_and_millions(value: float, text: str) -> None:
    assert svg.short_number(value) == text
