"""What is deployed is looked at until its deadline, and judged by what it should be."""

import asyncio
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.deployed import FUNCTIONS, Broken, NotYet, is_release, listed, until
from shared.errors import TransientError
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("role", FUNCTIONS)
def test_the_functions_of_a_role_are_those_of_the_app(
    monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    monkeypatch.setenv("SHERIFF_ROLE", role)
    app = importlib.reload(importlib.import_module("function_app")).app
    assert {one.get_function_name() for one in app.get_functions()} == FUNCTIONS[role]


def test_functions_are_read_as_azure_lists_them_and_disabled_ones_are_left_out() -> None:
    document = [
        {"name": "sheriff-prod-scorer/score_orders", "isDisabled": False, "id": "/x"},
        {"name": "sheriff-prod-scorer/health", "isDisabled": True},
        {"name": "alerts"},
    ]
    assert listed(document) == {"score_orders", "alerts"}


@pytest.mark.parametrize("document", [None, {}, ["score_orders"], "score_orders"])
def test_what_is_no_list_of_functions_is_said(document: Any) -> None:
    with pytest.raises(Broken, match="no list of objects"):
        listed(document)


@pytest.mark.parametrize(
    ("release", "found"),
    [
        ("20260301.7", True),
        ({"version": "20260301.7", "commit": "abc"}, True),
        ({"version": "2", "commit": "20260301.7"}, True),
        ("20260301.70", False),
        ({"version": "2"}, False),
        (None, False),
    ],
)
def test_a_release_is_named_by_version_or_commit(release: Any, found: bool) -> None:
    assert is_release(release, "20260301.7") is found


async def test_what_may_pass_is_looked_at_again() -> None:
    failures: list[Exception] = [NotYet("cold"), TransientError("no role yet")]

    async def look() -> str:
        if failures:
            raise failures.pop()
        return "well"

    assert await until(look, PATIENCE) == "well"


async def test_what_will_never_pass_is_not_looked_at_again() -> None:
    looks: list[str] = []

    async def look() -> str:
        looks.append("a look")
        raise Broken("tampered")

    with pytest.raises(Broken, match=r"^tampered$"):
        await until(look, PATIENCE)
    assert len(looks) == 1


async def test_at_the_deadline_what_was_seen_last_is_said() -> None:
    seen = iter([NotYet("answers 503")])

    async def look() -> str:
        for failure in seen:
            raise failure
        await asyncio.Event().wait()
        return "never"

    with pytest.raises(Broken, match=r"^answers 503 \(for 0.8 s\)$"):
        await until(look, 0.8)


def test_the_smoke_test_runs_with_what_the_app_itself_needs() -> None:
    script = (
        "import sys, infra.smoke;"
        "print(*{'training', 'pandas', 'sklearn', 'mlflow', 'rich', 'pyarrow', 'fastavro'}"
        " & {name.split('.')[0] for name in sys.modules})"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []
