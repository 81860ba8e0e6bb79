"""The report: everything a night has to say, in one page that asks for nothing."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from shared.model import packaged_bundle
from tests.unit.training.report.report_world import VERDICT, report, world
from training.comparison.comparison import Verdict
from training.learning.learned import Learned
from training.report.business_impact import AlertTally
from training.report.captions import draw_charts
from training.report.content import Report
from training.report.drift import FeatureDrift
from training.report.page import render
from training.report.totals import RepDiscount
from training.report.views import headline

SECTIONS = (
    "What changed", "How well frauds are found", "The business", "Money over time",
    "Reps against their peers", "The ladder", "Incidents", "Top alerts", "Data quality", "Drift",
    "How this was made",
)  # fmt: skip


class Page(HTMLParser):
    """The page's tags and texts; raises where a tag is closed that is not open."""

    VOID = frozenset({"meta", "link", "br", "path", "use", "line", "rect", "img"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def rendered(report: Report) -> str:
    """The page with its charts."""
    return render(report, draw_charts(report))


@pytest.fixture(scope="module")
def made() -> Report:
    return report(world("many-runs", history=2_500, later=1_500))


@pytest.fixture(scope="module")
def html(made: Report) -> str:
    return rendered(made)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def empty(made: Report, **changed: Any) -> Report:
    return replace(
        made, comparison=None, alerts=AlertTally(), top_alerts=(), incidents=(), states=(),
        drift=(), alert_rate=None, shadow=None, reps=(), verdict=Verdict("shadow", ()), **changed,
    )  # fmt: skip


@pytest.mark.xdist_group("report")
def test_every_section_is_there_and_the_table_of_contents_leads_to_it(page: Page) -> None:
    ids = {one.get("id") for one in page.of("section")}
    links = [str(one["href"]).removeprefix("#") for one in page.of("a")]
    assert len(links) == len(SECTIONS)
    assert set(links) == ids
    for title in SECTIONS:
        assert page.texts.count(title) >= 2


@pytest.mark.xdist_group("report")
def test_the_page_is_itself_and_asks_for_nothing(html: str, page: Page) -> None:
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", html)
    assert not {"script", "iframe", "img", "object"} & {tag for tag, _ in page.tags}
    assert [one["href"] for one in page.of("link")] == ["data:,"]
    assert len(html.encode()) < 400_000
    ids = [one["id"] for _, one in page.tags if "id" in one]
    assert len(ids) == len(set(ids))


@pytest.mark.xdist_group("report")
def test_the_same_report_gives_the_same_page(made: Report, html: str) -> None:
    assert rendered(made) == html


@pytest.mark.xdist_group("report")
def test_no_customer_is_named(made: Report, html: str) -> None:
    assert all(one["customer_id"].startswith("customer-") for one in made.top_alerts)
    assert not any(one["customer_id"] in html for one in made.top_alerts)
    assert "customer" not in html


@pytest.mark.xdist_group("report")
def test_the_costliest_alerts_are_shown_with_their_reasons(made: Report, page: Page) -> None:
    assert len(made.top_alerts) == 10
    for alert in made.top_alerts:
        assert alert["order_id"] in page.text
        for finding in alert["findings"]:
            assert finding["message"].replace(" %", "\N{NO-BREAK SPACE}%") in page.texts


@pytest.mark.xdist_group("report")
def test_every_incident_has_its_sentence_and_the_money_adds_up(made: Report, page: Page) -> None:
    assert made.incidents
    for one in made.incidents:
        assert one["message"] in page.text
    lost = sum(one["amount_lost"] for one in made.incidents)
    assert f"{lost:,.0f}" in page.texts


@pytest.mark.xdist_group("report")
def test_what_a_producer_wrote_is_text_and_never_markup(made: Report) -> None:
    evil = "<script>alert('x')</script>"
    alert = {**made.top_alerts[0], "rep_id": evil, "order_id": evil}
    alert["findings"] = [{**alert["findings"][0], "message": evil}]
    incident = {**made.incidents[0], "message": evil}
    data = replace(made.data, refused={evil: 1}, bad_files=(evil,))
    reps = (RepDiscount(evil, 90, 10, 9.0, 2.0, (8.0, 10.0), True), *made.reps)
    bundle = msgspec.structs.replace(made.learned.bundle, reps=frozenset({evil}), version=evil)
    learned = Learned(bundle, made.learned.figures, {evil: evil})
    verdict = replace(VERDICT, reasons=(evil,), outcome=evil)
    found = Page(rendered(replace(
        made, top_alerts=(alert,), incidents=(incident,), data=data, reps=reps, learned=learned,
        verdict=verdict, drift=(FeatureDrift(evil, 1.0, 1.0, note=evil),), currency=evil,
    )))  # fmt: skip
    assert found.of("script") == []
    assert found.text.count(evil) > 8


@pytest.mark.xdist_group("report")
@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        ("promoted", "20261124-5f1c09aa scores every order from now on, in place of x1."),
        ("refused", "20261124-5f1c09aa does not serve: x1 goes on scoring every order."),
        (
            "shadow",
            "20261124-5f1c09aa is neither better nor worse than x1: it scores beside it and "
            "alerts nobody.",
        ),
    ],
)
def test_the_top_line_says_what_was_decided_and_why(
    made: Report, outcome: str, sentence: str
) -> None:
    champion = msgspec.structs.replace(packaged_bundle(), version="x1")
    night = empty(made, champion=champion)
    night = replace(night, verdict=Verdict(outcome, ("Because of one.", "And of two.")))
    assert headline(night).sentence == sentence
    found = Page(rendered(night))
    assert f"{outcome} {sentence} Because of one. And of two." in found.text


@pytest.mark.xdist_group("report")
def test_a_night_without_anything_says_so_in_every_section(made: Report) -> None:
    found = Page(rendered(empty(made, champion=made.learned.bundle)))
    for sentence in (
        "Nothing: no table moved by more than chance explains.",
        "Nothing was compared: there were no later orders that both models could score.",
        "There was no alert in the window.",
        "No order names a rep.",
        "No hidden discount was noticed.",
        "No alert waits for a decision.",
        "Drift was not measured in this run.",
    ):
        assert sentence in found.texts


@pytest.mark.xdist_group("report")
def test_every_chart_has_its_caption(made: Report, page: Page) -> None:
    drawn = draw_charts(made)
    assert set(drawn) == {
        "pr_added_item", "pr_hidden_discount", "calibration", "scores", "cost", "money", "reps",
        "ladder", "incidents",
    }  # fmt: skip
    assert len(page.of("figure")) == len(page.of("figcaption")) == len(drawn)
    for chart in drawn.values():
        assert chart.caption.replace(" %", "\N{NO-BREAK SPACE}%") in page.texts


@pytest.mark.xdist_group("report")
def test_a_long_list_of_changes_is_folded(made: Report) -> None:
    step = made.learned.bundle.ladder[1]
    ladder = tuple(
        msgspec.structs.replace(step, discount_bp=points, share=0.02)
        for points in range(50, 2_050, 50)
    )
    bundle = msgspec.structs.replace(made.learned.bundle, ladder=ladder)
    found = Page(rendered(replace(made, learned=Learned(bundle, made.learned.figures, {}))))
    (more,) = [text for text in found.texts if re.fullmatch(r"\d+ more", text)]
    assert int(more.split()[0]) >= 20
