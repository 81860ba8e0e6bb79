"""CONTRIBUTING.md: its map leads to files that exist, and so does every other path it names."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SUFFIXES = ("py", "md", "json", "toml", "bicep", "yml", "j2")
PATH = re.compile(rf"`([\w.-]+(?:/[\w.-]+)*\.(?:{'|'.join(SUFFIXES)}))`")


def section(title: str) -> str:
    """The text below a heading, up to the next one."""
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows() -> list[list[str]]:
    """Question and files of each row of the map."""
    lines = [line for line in section("Where do I change ...").splitlines() if line[:1] == "|"]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_the_map_answers_at_least_twelve_questions_each_once() -> None:
    questions = [question for question, _ in rows()]
    assert len(questions) >= 12
    assert len(set(questions)) == len(questions)
    assert [question for question in questions if not question.endswith("?")] == []


def test_every_row_of_the_map_names_files_that_exist() -> None:
    for question, files in rows():
        paths = PATH.findall(files)
        assert paths, question
        assert [path for path in paths if not (ROOT / path).is_file()] == [], question
        assert files.count("`") == 2 * len(paths), question


def test_every_other_path_it_names_exists() -> None:
    paths = {path for path in PATH.findall(TEXT) if "/" in path}
    assert len(paths) > 40
    assert sorted(path for path in paths if not (ROOT / path).is_file()) == []


def test_it_says_how_to_add_each_usual_thing_in_steps_that_name_files() -> None:
    for thing in ("a rule", "a field of an order", "a container", "a metric", "a chart"):
        steps = re.findall(r"(?m)^\d\. ", section(f"Add {thing}"))
        assert len(steps) >= 3, thing
        assert PATH.search(section(f"Add {thing}")), thing


def test_it_leads_to_the_glossary_whose_words_are_explained_once() -> None:
    assert "](docs/glossary.md)" in TEXT
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    words = re.findall(r"^\| (?!word |name )([^|`-][^|]*) \| ", glossary, re.MULTILINE)
    assert sorted(words) == sorted(set(words))
    needed = {"bundle", "champion", "challenger", "typology", "degraded", "incident", "episode"}
    assert needed <= set(words)
