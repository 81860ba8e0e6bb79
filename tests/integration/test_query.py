"""The documented queries on a store: each by its name, with examples that are there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos import CosmosClient

from infra.local import resources
from infra.local.query import __main__ as query
from infra.local.query.__main__ import DOCUMENT, main
from infra.local.query.documented import documented

KEY = "bG9jYWw="
HOSTILE = "Zoë O'Neil\x1b[2J"


def alert(n: int, **fields: Any) -> dict[str, Any]:
    finding = {"typology": "added_item", "percent": 10, "message": f"One {n} was added."}
    return {
        "id": f"ord-{n}.0",
        "order_id": f"ord-{n}",
        "rep_id": "Bo Ek",
        "status": "open",
        "ordered_at": "2025-12-31T23:00:00.000000Z",
        "expected_loss": float(n),
        "probability": 0.99999,
        "findings": [finding],
        "reasons": [{"code": "x", "message": "a reason"}],
        "degraded": False,
        "incident_id": None,
        **fields,
    }


@pytest.fixture
def store(cosmos: str, unique_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store whose costliest alert is of a rep with a name that wants escaping."""
    resources.make_cosmos_containers(cosmos, KEY, unique_name)
    with CosmosClient(cosmos, KEY) as client:
        database = client.get_database_client(unique_name)
        alerts = database.get_container_client("alerts")
        for n in range(1, 25):
            alerts.create_item(alert(n, incident_id="hidden-7" if n == 3 else None))
        alerts.create_item(alert(99, rep_id=HOSTILE))
        incident = {"id": "hidden-7", "kind": "hidden_discount", "message": "Since noon."}
        database.get_container_client("incidents").create_item(incident)
        seen = {"id": "hub.orders.$Default", "kind": "hub", "seen_at": "2026-03-01T12:00:00Z"}
        database.get_container_client("state").create_item(seen)
        for name in ("state", "shadow"):
            document = {"id": "1", "hub": "orders", "partition_id": "0"}
            database.get_container_client(name).create_item(document)
    monkeypatch.setenv("COSMOS_ENDPOINT", cosmos)
    monkeypatch.setenv("COSMOS_KEY", KEY)
    monkeypatch.setenv("COSMOS_DATABASE", unique_name)


NAMES = [one.name for one in documented(DOCUMENT.read_text(encoding="utf-8"))]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("name", NAMES)
def test_a_documented_query_finds_something_by_its_name(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)
    assert main([name]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "0 rows" not in shown.splitlines()[-1].split(",")[0].split()


@pytest.mark.usefixtures("store")
def test_an_example_can_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["order", "--order", "ord-7"]) == 0
    assert "'ord-7'" in capsys.readouterr().out
    assert main(["rep", "--rep", "nobody"]) == 0
    assert capsys.readouterr().out.endswith("0 rows\n")
    assert main(["month", "--month", "2024-01"]) == 0
    assert "'2024-02-01'" in capsys.readouterr().out


@pytest.mark.usefixtures("store")
def test_a_query_of_ones_own_runs_and_long_answers_are_cut(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["SELECT c.id, c.probability FROM c"]) == 0
    shown = capsys.readouterr().out
    assert "25 rows; only the first 20 are shown, --json prints all" in shown
    assert ">0.9999" in shown
    assert main(["SELECT VALUE COUNT(1) FROM c", "--container", "incidents", "--json"]) == 0
    assert capsys.readouterr().out == "[\n  1\n]\n"


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["SELECT * FORM c"], "query: Cosmos DB refuses the query: Expected "),
        (["nope"], "query: no query 'nope'; there are costliest, rep, month,"),
    ],
)
def test_what_is_no_query_is_one_line(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(says)


def test_without_a_stack_it_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COSMOS_ENDPOINT", raising=False)
    monkeypatch.setattr(query, "STATES", (tmp_path,))
    assert main(["costliest"]) == 2
    assert capsys.readouterr().err.startswith("query: no stack is up: `make demo`, then ")
    monkeypatch.setenv("COSMOS_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("COSMOS_KEY", KEY)
    assert main(["costliest"]) == 2
    assert capsys.readouterr().err.startswith("query: Cosmos DB at http://127.0.0.1:9 does not")
