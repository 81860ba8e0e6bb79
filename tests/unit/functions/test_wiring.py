"""What a process is built of, once, from its settings and without a connection."""

from collections.abc import Iterator

import pytest

from functions import wiring

ENVIRON = {
    "SHERIFF_LOCAL": "on",
    "ORDERS_HUB": "orders",
    "ORDERS_CONSUMER_GROUP": "scorers",
    "COSMOS_ENDPOINT": "http://127.0.0.1:1",
    "COSMOS_KEY": "bG9jYWw=",
    "BLOB_CONNECTION": (
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=bG9jYWw=;"
        "BlobEndpoint=http://127.0.0.1:1/devstoreaccount1;"
    ),
    "EventHubConnection": (
        "Endpoint=sb://127.0.0.1;SharedAccessKeyName=RootManageSharedAccessKey;"
        "SharedAccessKey=bG9jYWw=;UseDevelopmentEmulator=true;"
    ),
}
"""Nothing listens on these ports: whoever connects fails."""


def forget() -> None:
    for built in vars(wiring).values():
        if hasattr(built, "cache_clear") and built.__module__ == wiring.__name__:
            built.cache_clear()


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    forget()
    yield monkeypatch
    forget()


async def test_a_process_is_built_once_and_without_a_connection(
    environ: pytest.MonkeyPatch,
) -> None:
    context = wiring.scoring_context()
    assert wiring.scoring_context() is context
    assert context.alerts is wiring.alerts()
    assert context.conditions is wiring.conditions()
    assert wiring.watcher().consumer_group == "scorers"
    assert wiring.retraining().jobs is None


async def test_the_limits_of_scoring_are_the_settings(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("SCORING_DEADLINE_SECONDS", "90")
    environ.setenv("SCORING_CHUNK_ORDERS", "7")
    environ.setenv("ALERT_WRITES_AT_ONCE", "3")
    limits = wiring.scoring_context().limits
    assert (limits.deadline, limits.chunk, limits.writes) == (90, 7, 3)


@pytest.mark.parametrize(("setting", "there"), [("on", True), ("off", False)])
async def test_a_challenger_scores_in_shadow_only_where_it_is_switched_on(
    environ: pytest.MonkeyPatch, setting: str, there: bool
) -> None:
    environ.setenv("SHADOW_SCORING", setting)
    assert (wiring.scoring_context().shadow is not None) == there
    assert wiring.model_loader().shadow == there


async def test_files_are_parsed_on_another_thread_than_orders_are_scored_on(
    environ: pytest.MonkeyPatch,
) -> None:
    context = wiring.scoring_context()
    assert context.shadow is not None
    assert context.shadow.executor is context.executor
    assert wiring.model_loader().executor is not context.executor
