"""The smoke test passes on a stack that works, and fails with whatever part of it is broken."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos import CosmosClient
from azure.storage.blob import BlobServiceClient

from infra import sent_orders, smoke
from infra.local.processes import HOST
from infra.local.stack import Stack
from infra.smoke_orders import SmokeOrder, smoke_orders
from shared.formats import time_text
from shared.smoke_orders import MARKED_REP
from tests.e2e.company import Company
from tests.patience import PATIENCE

SOON = "3"
"""Seconds until a check of something broken gives up."""

type Smoke = Callable[..., tuple[int, dict[str, str]]]


@pytest.fixture
def run(stack: Stack, capsys: pytest.CaptureFixture[str]) -> Smoke:
    """Runs the smoke test on the stack: its exit code, and what it says by check."""

    def run(*flags: str, **settings: str) -> tuple[int, dict[str, str]]:
        host = f"http://{HOST}:{stack.port('host')}"
        arguments = ["--health-url", f"{host}/api/health", "--listed", f"{host}/admin/functions"]
        environ = stack.settings() | settings
        code = smoke.main([*arguments, "--deadline", SOON, *flags], environ)
        lines = capsys.readouterr().out.splitlines()
        return code, {line[8:19].strip(): f"{line[:8]}{line[29:]}" for line in lines[:-1]}

    return run


def until_health(stack: Stack, wanted: Callable[[dict[str, Any]], bool]) -> None:
    """Wait until health, which is kept for ten seconds, says what is wanted."""
    url = f"http://{HOST}:{stack.port('host')}/api/health"
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                said = json.load(answer)
        except urllib.error.HTTPError as error:
            said = json.load(error)
        if wanted(said):
            return
        assert time.monotonic() < deadline, said
        time.sleep(0.5)  # another process's answer


@pytest.fixture
def alerts(stack: Stack) -> Iterator[Any]:
    settings = stack.settings()
    with CosmosClient(settings["COSMOS_ENDPOINT"], settings["COSMOS_KEY"]) as client:
        database = client.get_database_client(settings["COSMOS_DATABASE"])
        yield database.get_container_client("alerts")


def marked(alerts: Any) -> list[str]:
    query = "SELECT * FROM c WHERE c.rep_id = @rep"
    found = alerts.query_items(
        query,
        parameters=[{"name": "@rep", "value": MARKED_REP}],
        enable_cross_partition_query=True,
    )
    return [alert["id"] for alert in found]


def test_a_working_stack_passes_and_no_marked_alert_is_left(
    run: Smoke, alerts: Any, company: Company
) -> None:
    old = time_text(datetime.now(UTC) - timedelta(hours=2))
    alerts.create_item({"id": "smoke-died.0", "rep_id": MARKED_REP, "scored_at": old})
    code, said = run("--deadline", "60")
    assert code == 0, said
    assert list(said) == [
        "health", "functions", "model", "orders", "hub", "alert", "good order", "clean",
    ]  # fmt: skip
    assert company.version in said["model"]
    assert "added_item" in said["orders"]
    assert said["clean"].endswith("2 alerts of smoke orders deleted")
    assert marked(alerts) == []


def test_it_passes_again_and_again(run: Smoke) -> None:
    assert [run("--deadline", "60")[0] for _ in range(2)] == [0, 0]


def test_another_release_fails(run: Smoke) -> None:
    code, said = run("--deadline", "2", "--expect-version", "20260301.7")
    assert code == 1
    assert "expected 20260301.7" in said["health"]
    assert said["health"].startswith("FAILED")
    assert "hub" not in said


def test_a_function_that_is_not_listed_fails(run: Smoke, tmp_path: Path) -> None:
    code, said = run("--functions", "score_orders,forgotten")
    assert code == 1
    assert said["functions"].startswith("FAILED  not listed: forgotten;")
    assert said["alert"].startswith("ok")


def test_a_tampered_model_fails_as_the_app_and_the_test_itself_refuse_it(
    run: Smoke, stack: Stack, company: Company
) -> None:
    path = f"{company.version}/bundle.json"
    assert run("--deadline", "60")[0] == 0  # the app has something that serves on
    with BlobServiceClient.from_connection_string(stack.settings()["BLOB_CONNECTION"]) as blobs:
        models = blobs.get_container_client("models")
        pointer = json.loads(models.download_blob("champion.json").readall())
        good = models.download_blob(path).readall()
        models.upload_blob("tampered/bundle.json", good + b" ", overwrite=True)
        bad = json.dumps(pointer | {"version": "tampered"})
        models.upload_blob("champion.json", bad, overwrite=True)
        until_health(stack, lambda said: bool(said["last_refusal"]))
        code, said = run()
        models.upload_blob("champion.json", json.dumps(pointer), overwrite=True)
    assert code == 1
    assert "SHA-256" in said["health"]
    assert "must not serve: bundle has SHA-256" in said["model"]
    assert "hub" not in said
    until_health(stack, lambda said: not said["last_refusal"])
    assert run("--deadline", "60")[0] == 0


def test_an_alert_store_that_is_away_fails(run: Smoke, stack: Stack) -> None:
    stack.stop("cosmos")
    try:
        until_health(stack, lambda said: said["status"] == "unavailable")
        code, said = run()
    finally:
        stack.start("cosmos")
    assert code == 1
    assert said["health"].startswith("FAILED")
    assert said["model"].startswith("FAILED")
    assert "hub" not in said


def test_an_alert_store_of_another_name_fails(run: Smoke) -> None:
    code, said = run(COSMOS_DATABASE="elsewhere")
    assert code == 1
    assert said["orders"].startswith("FAILED  read states in state: 404")


def test_a_scorer_that_reads_nothing_fails(run: Smoke) -> None:
    """Its health is well, and yet no order is scored."""
    code, said = run(ORDERS_CONSUMER_GROUP="nobody")
    assert code == 1
    assert "is not scored: no state document remembers it" in said["good order"]


def test_a_scorer_that_takes_good_for_fraud_and_fraud_for_good_fails_twice(
    run: Smoke, alerts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def swapped(*arguments: Any) -> tuple[SmokeOrder, SmokeOrder]:
        good, fraud = smoke_orders(*arguments)
        return replace(fraud, typology=None), replace(good, typology="added_item")

    monkeypatch.setattr(sent_orders, "smoke_orders", swapped)
    code, said = run()
    assert code == 1
    assert "has no alert (for 3 s)" in said["alert"]
    assert said["good order"].startswith("FAILED")
    assert "has an alert: " in said["good order"]
    assert said["clean"].startswith("ok")
    assert marked(alerts) == []


def test_a_setting_that_is_missing_is_one_line(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {name: value for name, value in stack.settings().items() if name != "ORDERS_HUB"}
    assert smoke.main(["--health-url", "http://127.0.0.1:9"], environ) == 1
    said = capsys.readouterr().err
    assert said.startswith("smoke: ORDERS_HUB is not set; eval ")
    assert said.count("\n") == 1


def test_a_hub_that_is_away_fails(run: Smoke, stack: Stack) -> None:
    stack.stop("eventhubs")
    try:
        code, said = run()
    finally:
        stack.start("eventhubs")
    assert code == 1
    assert said["hub"].startswith("FAILED")
    assert "alert" not in said
