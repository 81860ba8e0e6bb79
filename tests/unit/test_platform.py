"""docs/platform.md: each claim has its page, its day, its place and what holds us to it."""

import re
from datetime import date
from pathlib import Path

from tests.unit.test_security import cited, named_in

ROOT = Path(__file__).parents[2]
PLATFORM = ROOT / "docs" / "platform.md"
TEXT = PLATFORM.read_text(encoding="utf-8")
HEAD = ["claim", "page", "read", "where we rely on it", "how we hold it"]
ENTRIES = TEXT.partition("\n## ")[2]  # the words before explain the columns

FILES = re.compile(r"`[\w./-]+`(?:, `[\w./-]+`)*")
HELD = r"`(?:tests/[\w/]+\.py::\w+|infra/checks/\w+\.py)`"
KINDS = re.compile(rf"{HELD}(?:, {HELD})*|run: [^`]+(?:; {HELD}(?:, {HELD})*)?|by reading")
LINK = re.compile(r"\[[^\]]+\]\(https://(?:learn\.microsoft\.com|github\.com)/[\w./#-]+\)")


def rows() -> list[list[str]]:
    """The cells of every line of every table, without the heads and the lines below them."""
    lines = [line for line in ENTRIES.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row != HEAD and set(row[0]) != {"-"}]


def test_every_table_has_the_five_columns_and_every_row_all_its_cells() -> None:
    sections = [part for part in ENTRIES.split("\n## ") if "|" in part]
    heads = [re.findall(r"^\| (claim .*) \|$", part, re.MULTILINE) for part in sections]
    assert heads == [[" | ".join(HEAD)]] * len(sections)
    assert len(rows()) > 60
    assert [row for row in rows() if len(row) != len(HEAD) or not all(row)] == []


def test_no_claim_stands_twice() -> None:
    claims = [row[0] for row in rows()]
    assert sorted(claims) == sorted(set(claims))


def test_every_row_names_a_page_of_microsofts_or_a_public_repository() -> None:
    assert [page for _, page, *_ in rows() if not LINK.fullmatch(page)] == []


def test_every_day_is_an_iso_date() -> None:
    days = [day for _, _, day, *_ in rows()]
    assert [day for day in days if date.fromisoformat(day).isoformat() != day] == []


def test_every_file_that_rests_on_a_claim_is_there() -> None:
    places = [place for *_, place, _ in rows()]
    assert [place for place in places if not FILES.fullmatch(place)] == []
    files = {file for place in places for file in re.findall(r"`([^`]+)`", place)}
    assert sorted(file for file in files if not (ROOT / file).is_file()) == []


def test_every_row_is_held_by_a_test_or_policy_by_a_run_or_by_reading() -> None:
    assert [held for *_, held in rows() if not KINDS.fullmatch(held)] == []


def test_every_test_and_policy_it_names_is_there() -> None:
    tests = [name.partition("::") for name in cited(PLATFORM)]
    assert len(tests) > 40
    missing = [
        f"{file}::{test}"
        for file, _, test in tests
        if not (ROOT / file).is_file() or test not in named_in(file)
    ]
    assert missing == []
    policies = set(re.findall(r"`(infra/checks/\w+\.py)`", TEXT))
    assert sorted(file for file in policies if not (ROOT / file).is_file()) == []


def test_what_nobody_has_seen_yet_is_said_at_the_end() -> None:
    last = TEXT.rpartition("\n## ")[2]
    assert last.startswith("What nobody has seen yet\n")
    assert last.count("\n- ") > 10
