"""The runbook names commands, files and alert rules that exist."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
RULES = ROOT / "infra" / "modules" / "alerts.bicep"


@pytest.mark.parametrize("name", ["SECURITY.md", "docs/security.md", "docs/operations.md"])
def test_every_file_and_section_that_a_document_links_to_is_there(name: str) -> None:
    document = ROOT / name
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", text)
    assert links
    for path, section in links:
        if "://" in path:
            continue
        there = document.parent / path if path else document
        assert there.exists(), path
        if section:
            assert section in _anchors(there.read_text(encoding="utf-8")), f"{path}#{section}"


def _anchors(text: str) -> set[str]:
    """The names that headings have as targets of links."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles}


def test_every_command_it_names_is_a_module() -> None:
    names = set(re.findall(r"python -m ([a-z_.]+)", OPERATIONS))
    assert {"infra.smoke", "infra.costs", "training.rescore", "training.erase"} <= names
    assert [name for name in names if importlib.util.find_spec(name) is None] == []


@pytest.mark.skipif(not RULES.exists(), reason="needs the Bicep templates")
def test_every_alert_rule_has_its_row() -> None:
    text = RULES.read_text(encoding="utf-8")
    rules = set(re.findall(r"^    name: '([a-z-]+)'", text, re.MULTILINE))
    rules |= set(re.findall(r"^  name: '\$\{rulePrefix\}([a-z-]+)'", text, re.MULTILINE))
    rules.discard("health")  # the availability test, whose rule is `unavailable`
    assert len(rules) > 10
    assert sorted(rule for rule in rules if f"`{rule}`" not in OPERATIONS) == []
