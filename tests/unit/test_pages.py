"""Every page: links and commands exist, no sentence stands on two pages, the README is short."""

import importlib.util
import json
import re
from collections import defaultdict
from itertools import chain
from pathlib import Path

import pytest

from infra.local.query.documented import documented

ROOT = Path(__file__).parents[2]
TOP = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
PAGES = {
    file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8")
    for file in (*(ROOT / name for name in TOP), *sorted((ROOT / "docs").glob("*.md")))
}
MODULES = r"(?<![/\w])(?:training|infra\.local|functions)(?:\.[a-z_]+)+\b"
SHORTEST = 60
"""Characters of a sentence from which it may stand on one page only."""

RIDDLES = ("that of", "is none", "one of many than")
"""Turns of phrase that a reader reads twice: there is always a plainer one."""


def anchors(text: str) -> set[str]:
    """The names that headings have as targets of links."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles}


def prose(page: str) -> str:
    """A page without its blocks of code."""
    return re.sub(r"(?ms)^ *```.*?^ *```$", "", PAGES[page])


def sentences(page: str) -> set[str]:
    """The longer sentences of paragraphs, lists and cells, as plain words."""
    paragraphs = re.split(r"\n\s*\n|\n(?=[-*|#]|\d+\. )", prose(page))
    parts = chain.from_iterable(re.split(r" \| |(?<=[.:;]) ", part) for part in paragraphs)
    found = {" ".join(part.strip("|-#* \n").split()) for part in parts}
    return {part for part in found if len(re.sub(r"`[^`]*`|\([^)]*\)", "", part)) >= SHORTEST}


@pytest.mark.parametrize("page", [page for page, text in PAGES.items() if "](" in text])
def test_every_link_leads_to_a_file_and_a_section(page: str) -> None:
    links = re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", PAGES[page])
    assert links
    for path, section in links:
        if "://" in path:
            continue
        there = (ROOT / page).parent / path if path else ROOT / page
        assert there.exists(), path
        assert not section or section in anchors(there.read_text("utf-8")), f"{path}#{section}"


@pytest.mark.parametrize("page", PAGES)
def test_every_command_a_page_names_is_a_module(page: str) -> None:
    names = set(re.findall(r"python -m ([a-z_]+(?:\.[a-z_]+)*)", PAGES[page]))
    names |= {name for name in re.findall(MODULES, PAGES[page]) if not name.endswith(".md")}
    assert [name for name in sorted(names) if not is_there(name)] == []


def is_there(name: str) -> bool:
    """Whether a dotted name is a module."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_a_page_names_is_in_the_makefile(page: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"(?:`|\$ )make ([a-z-]+)", PAGES[page]))
    assert named <= targets
    assert page != "README.md" or {"demo", "test"} <= named


def test_every_command_and_target_has_its_line_in_the_commands() -> None:
    commands = PAGES["docs/commands.md"]
    named = set(re.findall(MODULES, commands))
    assert len(named) > 10
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [phony] = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    missing = [target for target in phony.split() if f"`make {target}" not in commands]
    assert missing == []


def test_the_readme_is_short_and_leads_to_every_page() -> None:
    readme = PAGES["README.md"]
    assert readme.count("\n") <= 250
    pages = [page for page in PAGES if page != "README.md"]
    assert len(pages) > 15
    assert [page for page in pages if f"]({page})" not in readme] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_query_stands_on_its_page_and_is_called_by_its_name(page: str) -> None:
    names = {query.name for query in documented(PAGES["docs/queries.md"])}
    assert {"costliest", "rep", "month", "order", "partitions"} <= names
    called = set(re.findall(r"infra\.local\.query ([a-z-]+)\b", PAGES[page]))
    assert called <= names
    assert page == "docs/queries.md" or "```sql" not in PAGES[page]


def test_queries_and_glossary_name_the_typologies_of_alerts() -> None:
    schema = json.loads((ROOT / "docs" / "schemas" / "alert.json").read_text(encoding="utf-8"))
    typologies = set(schema["$defs"]["finding"]["properties"]["typology"]["enum"])
    [listed] = re.findall(r"^\| `typology` \| (.*) \|$", PAGES["docs/queries.md"], re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", listed)) == typologies
    explained = PAGES["docs/glossary.md"].partition("## Typologies")[2]
    assert set(re.findall(r"`(\w+)`", explained)) == typologies


def test_no_sentence_stands_on_two_pages() -> None:
    where = defaultdict(list)
    for page in PAGES:
        for sentence in sentences(page):
            where[sentence].append(page)
    assert len(where) > 500
    assert {sentence: pages for sentence, pages in where.items() if len(pages) > 1} == {}


@pytest.mark.parametrize("page", PAGES)
def test_no_page_speaks_in_riddles(page: str) -> None:
    text = " ".join(prose(page).split())
    assert [riddle for riddle in RIDDLES if re.search(rf"\b{riddle}\b", text)] == []
