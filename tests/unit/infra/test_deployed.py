"""A deployment is judged by what its apps say: their functions and their release."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.deployed import FUNCTIONS, is_release, listed
from infra.waiting import Broken

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("role", FUNCTIONS)
def test_the_functions_of_a_role_are_those_of_the_app(
    monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    monkeypatch.setenv("SHERIFF_ROLE", role)
    app = importlib.reload(importlib.import_module("function_app")).app
    assert {function.get_function_name() for function in app.get_functions()} == FUNCTIONS[role]


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
    ("release", "expected"),
    [
        ("20260301.7", True),
        ({"version": "20260301.7", "commit": "abc"}, True),
        ({"version": "2", "commit": "20260301.7"}, True),
        ("20260301.70", False),
        ({"version": "2"}, False),
        (None, False),
    ],
)
def test_a_release_is_named_by_version_or_commit(release: Any, expected: bool) -> None:
    assert is_release(release, "20260301.7") is expected


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
