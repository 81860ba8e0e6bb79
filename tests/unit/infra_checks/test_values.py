from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.checks.runtime import Runtime
from infra.checks.syntax import BicepError
from infra.checks.tree import template
from infra.checks.values import value


class Names:
    """A scope with a few names in it."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = names

    def lookup(self, name: str) -> Any:
        if name not in self.names:
            raise BicepError(f"{name} is not declared")
        return self.names[name]

    def file(self, path: str) -> str:
        return f"the text of {path}"


def worked_out(text: str, **names: Any) -> Any:
    """What an expression comes to."""
    return value(template("a.bicep", f"var a = {text}\n").variables["a"], Names(names))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'it\\'s'", "it's"),
        ("'a${b}c'", "aBc"),
        ("[1, -2, true, null]", [1, -2, True, None]),
        ("{ x: 1, 'y.z': 2 }", {"x": 1, "y.z": 2}),
        ("d ? 'yes' : 'no'", "yes"),
        ("!d || b == 'B'", True),
        ("2 * 3 + 1", 7),
        ("o.p[1].q", 5),
        ("concat(['x'], e)", ["x"]),
        ("[for x in o.p: x.q]", [4, 5]),
        ("[for (x, i) in o.p: '${i}-${x.q}']", ["0-4", "1-5"]),
        ("[for x in o.p: if (x.q > 4) { r: x.q }]", [{"r": 5}]),
        ("cidrSubnet('10.20.0.0/16', 24, 1)", "10.20.1.0/24"),
        (
            "resourceId('Microsoft.Web/sites', 'x')",
            "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/sheriff/providers"
            "/Microsoft.Web/sites/x",
        ),
        ("loadTextContent('x.json')", "the text of x.json"),
    ],
)
def test_an_expression_comes_to_what_the_compiler_would_say(text: str, expected: Any) -> None:
    names = {"b": "B", "d": True, "e": [], "o": {"p": [{"q": 4}, {"q": 5}]}}
    assert worked_out(text, **names) == expected


def test_blanks_in_a_text_are_kept() -> None:
    for text, expected in (("' '", " "), ("' ${b} ${b} '", " B B "), ("'a ${b}'", "a B")):
        assert worked_out(text, b="B") == expected


def test_what_only_azure_knows_is_said_to_come_from_there() -> None:
    found = worked_out("'ClientId=${i.properties.clientId}'", i=Runtime("id-scorer"))
    assert found == "ClientId=id-scorer.properties.clientId"
    assert isinstance(found, Runtime)


@pytest.mark.parametrize(
    "text", ["nowhere", "b.c", "{ x: 1 }.y", "[1][2]", "listen('x')", "resourceId('A/b/c', 'x')"]
)
def test_what_comes_to_nothing_is_refused(text: str) -> None:
    with pytest.raises(BicepError):
        worked_out(text, b="B")


@given(
    st.text(st.characters(exclude_characters="\\$'", exclude_categories=["Cc", "Cs", "Zl", "Zp"]))
)
def test_any_text_comes_back(text: str) -> None:
    assert worked_out(f"'{text}'") == text
