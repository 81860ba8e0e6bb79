"""The documents name the typologies of the table, and say the same of them."""

import inspect
import json
import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

from shared import rules
from shared.decision import Decision
from shared.typologies import (
    DATA_QUALITY_TYPOLOGIES,
    FRAUD_TYPOLOGIES,
    TYPOLOGIES,
    TYPOLOGY_NAMES,
)

DOCS = Path(__file__).parents[3] / "docs"


def alert_schema() -> dict[str, Any]:
    schema = json.loads((DOCS / "schemas" / "alert.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = schema["$defs"]["finding"]["properties"]["typology"]
    return found


def test_no_typology_is_named_twice() -> None:
    assert len(set(TYPOLOGY_NAMES)) == len({typology.words for typology in TYPOLOGIES}) == 11


def test_the_alert_schema_takes_each_of_them_and_no_other() -> None:
    assert tuple(alert_schema()["enum"]) == TYPOLOGY_NAMES


def test_the_alert_schema_says_which_of_them_never_make_an_alert() -> None:
    said, _, _ = alert_schema()["description"].partition(" are ")
    assert tuple(re.split(r", | and ", said)) == DATA_QUALITY_TYPOLOGIES


def test_analysts_decide_on_the_frauds() -> None:
    literal, none = get_args(get_type_hints(Decision)["typology"])
    assert (get_args(literal), none) == (FRAUD_TYPOLOGIES, type(None))


def test_the_page_on_queries_lists_each_of_them() -> None:
    [row] = re.findall(r"\| `typology` \|(.+)\|", (DOCS / "queries.md").read_text("utf-8"))
    assert tuple(re.findall(r"`(\w+)`", row)) == TYPOLOGY_NAMES


def test_rules_find_no_typology_beside_it() -> None:
    # A typology written as a text, in the place of the table's constant.
    source = inspect.getsource(rules)
    assert re.findall(r"(?:Finding|_fact)\(\s*[\"']", source) == []
